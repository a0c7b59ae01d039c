"""A run as it goes by, and what it came to."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.text import Text

from tinnyswe.cli.render_failure import MARKS, fault_sentence, result_view
from tinnyswe.cli.render_text import INDENT, Paragraph, field, lines_below, safe, safe_line
from tinnyswe.model.base import Record
from tinnyswe.model.errors import CannotRunHere, SubmissionError, TinnyError, UsageError
from tinnyswe.model.events import (
    AnyEvent,
    CheckFinished,
    CheckStarted,
    CopyReady,
    EngineReady,
    FaultDone,
    Note,
    RequestSeen,
    RunFinished,
    RunStarted,
    WorldKept,
)
from tinnyswe.model.evidence import Receipt, RunVerdict
from tinnyswe.model.failure import FaultNote
from tinnyswe.model.lab import Lab
from tinnyswe.model.verdict import Outcome

NOT_ASKED = "not asked for"  # the reason of a check that --only leaves out; grading writes it


def titles(lab: Lab) -> dict[str, str]:
    """Check ids to titles, as the views below want them."""
    return {spec.id: spec.title for spec in lab.checks}


def event_view(event: AnyEvent, titles: Mapping[str, str], *, story: bool = True) -> RenderableType | None:
    """What `tinny check` prints when this event comes by; None for events that only the timeline shows.

    story: with the steps that led to a failure. One story is enough to begin with; `tinny show` tells all.
    """
    match event:
        case RunStarted():
            number = len(event.checks)
            seed = f"practice with seed {event.seed}" if event.practice else f"seed {event.seed}"
            text = Text.assemble((safe_line(event.lab), "bold"), f"  {_count(number, 'check')}, {seed}")
            return Paragraph(text, indent=2)
        case EngineReady():
            engine = event.engine
            level = "" if engine.level == "real" else f" ({engine.level}, not the real engine)"
            text = Text(safe_line(f"{engine.kind} {engine.version}{level} is ready ({event.seconds:.1f} s)"), "dim")
            return Paragraph(text, indent=2, first="  ")
        case Note():
            return Paragraph(Text(safe_line(event.text), "dim"), indent=8, first="  note: ")
        case CheckFinished() if event.result.reason != NOT_ASKED:
            return result_view(event.result, titles.get(event.result.check, ""), story=story)
        case _:
            return None


def activity(event: AnyEvent) -> str | None:
    """The words beside a terminal's spinner from this event on; None when it changes nothing, "" when it ends.

    Brackets are escaped, because rich reads a spinner's words as markup.
    """
    match event:
        case RunStarted():
            return "starting the engines"
        case EngineReady():
            return "starting your program"
        case WorldKept():
            return ""
        case CheckStarted():
            return escape(f"{event.check}  {safe_line(event.title)}")
        case _:
            return None


class Aftermath(Record, frozen=True, kw_only=True):
    """What a run left behind, as its last lines tell it.

    refusal: why a passed run leaves no proof. trouble: what went wrong after the proof was kept.
    ticked: titles of the boxes it ticked in the roadmap. left: core labs its box still needs.
    next_lab, next_why: what to do after a pass; "" when there is nothing.
    """

    receipt: Receipt | None = None
    refusal: str = ""
    ticked: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    trouble: str = ""
    next_lab: str = ""
    next_why: str = ""


def summary(verdict: RunVerdict, lab: Lab | None, after: Aftermath | None = None, *, advice: bool = True) -> Group:
    """The last lines of a run. advice: False where there is nobody to follow it, as in the demo."""
    after = after or Aftermath()
    parts: list[RenderableType] = ["", _verdict_line(verdict)]
    if verdict.outcome is Outcome.PASSED:
        parts += _proof(after, advice)
    elif verdict.outcome is Outcome.FAILED:
        parts += diagnosis_lines(verdict.diagnosis, lab)
    parts += _advice(verdict, after) if advice else []
    if after.trouble:
        lead = Text.assemble(("! ", "yellow"), ("But", "bold"))
        parts.append(Paragraph(safe(after.trouble), indent=INDENT, first=lead))
    return Group(*parts)


def _advice(verdict: RunVerdict, after: Aftermath) -> list[RenderableType]:
    """What to do now, by what the run came to."""
    match verdict.outcome:
        case Outcome.PASSED:
            if not after.next_lab:
                return []
            return [field("Next", safe_line(f"`tinny start {after.next_lab}`. {after.next_why}"))]
        case Outcome.FAILED:
            steps = [field("Story", "`tinny show` tells this run step by step")]
            if not verdict.practice:
                again = f"`tinny check {verdict.lab} --seed {verdict.seed}`"
                steps.append(field("Again", safe_line(f"{again} makes the same run as practice")))
            return [*steps, field("Stuck", safe_line(f"`tinny hint {verdict.lab}`; hints are never held against you"))]
        case Outcome.NOT_RUN:
            said = f"An incomplete run proves nothing yet: `tinny check {verdict.lab}` runs every check."
            return [Paragraph(said, indent=2, first="  ")]
        case Outcome.TIMEOUT:
            return [field("Next", "`tinny show` tells what your program was doing when the time ran out")]
    said = "This is our fault or this computer's, not your work's: it costs no attempt and clears no tick."
    return [
        Paragraph(said, indent=2, first="  "),
        field("Next", "run it again; if it stays, `tinny doctor` looks at this computer"),
    ]


def diagnosis_lines(ids: Sequence[str], lab: Lab | None) -> list[RenderableType]:
    """Which wrong belief the program behaves like; several when they cannot be told apart from outside."""
    beliefs = {mutant.id: mutant.belief for mutant in lab.mutants} if lab else {}
    known = [(id, safe_line(beliefs[id])) for id in ids if id in beliefs]
    if len(known) == 1:
        id, belief = known[0]
        return [Paragraph(Text(f"You behave like {id}: {_sentence(belief)}", "bold"), indent=2, first="  ")]
    if not known:
        return []
    heading = f"You behave like {_list([id for id, _ in known], 'or')}, which look the same from outside:"
    return [
        Paragraph(Text(heading, "bold"), indent=2, first="  "),
        *(Paragraph(_sentence(belief), indent=8, first=f"    {id}") for id, belief in known),
    ]


def lessons(lab: Lab) -> Group:
    """After a pass: the wrong beliefs this lab rejects, and why each is wrong."""
    parts: list[RenderableType] = [Text("What your solution got right where others go wrong:", "bold")]
    for mutant in lab.mutants:
        if mutant.explain:
            belief = Text(f"“{_sentence(safe_line(mutant.belief))}”")
            parts.append(Paragraph(belief, indent=6, first=f"  {mutant.id}"))
            parts.append(Paragraph(Text(safe_line(mutant.explain), "dim"), indent=6))
    return Group(*parts) if len(parts) > 1 else Group()


def timeline(events: Iterable[AnyEvent], titles: Mapping[str, str]) -> Group:
    """Every event of a run with its second, for `tinny show`."""
    parts: list[RenderableType] = []
    for event in events:
        if isinstance(event, CheckStarted | CheckFinished):
            parts.append("")
        at = Text(f"{event.at:8.3f}  ", "dim")
        if isinstance(event, CheckFinished):
            parts.append(result_view(event.result, titles.get(event.result.check, ""), whole=True))
        else:
            parts.append(Paragraph(_step(event), indent=10, first=at))
    return Group(*parts)


def problem(error: TinnyError) -> Group:
    """An error as a person meets it: what, where, and one next step. Print it with soft_wrap: paths stay whole."""
    word = "error: "
    if isinstance(error, CannotRunHere):
        word = "cannot run here: "
    elif isinstance(error, SubmissionError):
        word = "not graded: "
    elif isinstance(error, UsageError):
        word = ""
    text = Text.assemble((word, "bold"), safe(error.what))
    parts: list[RenderableType] = [Paragraph(text, indent=2, first=Text("! ", "red"), whole_words=True)]
    if error.where:
        parts.append(field("Where", safe_line(error.where), whole_words=True))
    if error.next_step:
        parts.append(field("Next", safe(error.next_step), whole_words=True))
    return Group(*parts)


def addresses(urls: Mapping[str, str]) -> Group:
    """Where the copies of a running world answer."""
    return lines_below("Your program answers at", [f"copy {name}  {url}" for name, url in urls.items()], "")


def variables(urls: Mapping[str, str], environment: Mapping[str, str]) -> list[str]:
    """The lines that let another terminal reach a running world."""
    known = {"URL": next(iter(urls.values()), ""), **environment}
    return [f"export {name}={shlex.quote(value)}" for name, value in known.items()]


def watching(folder: str) -> Paragraph:
    """The first line of `tinny watch`."""
    return Paragraph(f"Watching {safe_line(folder)}: every save is checked. Ctrl-C ends.", indent=2)


def waiting(outcome: Outcome, seed: int) -> Paragraph:
    """The line of `tinny watch` between a run and the next save."""
    if outcome is Outcome.PASSED:
        return Paragraph("Proven. The next save is checked again; Ctrl-C ends.", indent=2, first=Text("✓ ", "green"))
    text = f"Waiting for a save. Seed {seed} stays until it passes, so that a failure stays the same failure."
    return Paragraph(text, indent=2, first=Text("… ", "dim"))


def green(seed: int) -> Paragraph:
    """The line between a passed round of `tinny watch` and the run that counts."""
    text = f"Seed {seed} passes. Now once with a seed your program has not met: that run is the proof."
    return Paragraph(text, indent=2, first=Text("✓ ", "green"))


def _step(event: AnyEvent) -> Text:
    match event:
        case RunStarted():
            return Text(safe_line(f"run of {event.lab}, seed {event.seed}, sandbox {event.tier}"))
        case EngineReady():
            return Text(safe_line(f"{event.engine.role}: {event.engine.kind} {event.engine.version} is ready"))
        case CopyReady():
            return Text(safe_line(f"copy {event.copy} answers after {event.seconds:.1f} s"))
        case CheckStarted():
            return Text(safe_line(f"{event.check}  {event.title}"), "bold")
        case RequestSeen():
            number = "" if event.position is None else f" #{event.position}"
            to = "" if event.role == "http" else f" → {event.role}{number}"
            return Text(safe_line(f"{event.copy}{to}: {event.text}"))
        case FaultDone():
            return Text(_fault(event), "yellow")
        case Note():
            return Text(safe_line(f"note: {event.text}"))
        case WorldKept():
            return Text("the world was kept for a look around")
        case RunFinished():
            reason = f": {event.reason}" if event.reason else ""
            return Text(safe_line(f"the run ended: {_word(event.outcome)}{reason}"))
        case CheckFinished():
            return Text(safe_line(f"{event.result.check} {_word(event.result.outcome)}"))


def _fault(event: FaultDone) -> str:
    again = {
        "release": "goes on",
        "thaw": "goes on",
        "restart": "was started again",
        "healed": "can reach each other again",
    }
    note = FaultNote(
        kind={"kill": "killed", "freeze": "frozen"}.get(event.kind, event.kind),
        target=event.target,
        position=event.position,
        request=event.request,
        detail=event.detail,
    )
    if event.kind in again:
        who = event.target if len(event.target) != 1 else f"copy {event.target}"
        return f"— {safe_line(who)} {again[event.kind]}"
    return f"— {fault_sentence(note)}"


def _verdict_line(verdict: RunVerdict) -> Paragraph:
    mark, word, style = MARKS[verdict.outcome]
    if verdict.outcome is Outcome.NOT_RUN:
        word = "incomplete"
    asked = [result for result in verdict.checks if result.reason != NOT_ASKED]
    passed = sum(result.outcome is Outcome.PASSED for result in asked)
    every = _count(len(asked), "check")
    text = every if verdict.outcome is Outcome.PASSED else f"{passed} of {every} passed"
    if len(asked) < len(verdict.checks):
        text += f", {len(verdict.checks) - len(asked)} not asked for,"
    text += f" in {verdict.elapsed:.1f} s (seed {verdict.seed}{', practice' if verdict.practice else ''})"
    if verdict.reason:
        text += f"\n{safe(verdict.reason)}"
    first = Text.assemble((f"{mark} ", style), (f"{word}  ", f"bold {style}"))
    return Paragraph(text, indent=first.cell_len, first=first)


def _proof(after: Aftermath, advice: bool) -> list[RenderableType]:
    receipt = after.receipt
    if receipt is None:
        return [field("No proof", safe_line(after.refusal))] if after.refusal and advice else []
    level = "against the real engine" if receipt.level == "real" else f"at level {receipt.level}"
    parts: list[RenderableType] = [field("Proof", safe_line(f"kept for {receipt.box}, {level}"))]
    if after.ticked:
        titles = _list([f"“{title}”" for title in after.ticked], "and")
        parts.append(field("Ticked", safe_line(f"{titles} in your roadmap")))
    if after.left:
        parts.append(field("To go", safe_line(f"{_list(after.left, 'and')}, until the box is proven")))
    return parts


def _word(outcome: Outcome) -> str:
    return MARKS[outcome][1]


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _list(names: Sequence[str], word: str) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} {word} {names[-1]}"

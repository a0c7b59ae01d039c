"""One check's result: what the rule was, what was seen, what was being done to the program, and what to do next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from tinnyswe.cli.render_text import INDENT, Paragraph, field, lines_below, safe, safe_line, show
from tinnyswe.model.events import CheckResult
from tinnyswe.model.failure import Failure, FaultNote
from tinnyswe.model.verdict import Outcome

MARKS = {
    Outcome.PASSED: ("✓", "passed", "green"),
    Outcome.FAILED: ("✗", "failed", "red"),
    Outcome.ERROR: ("!", "error", "magenta"),
    Outcome.TIMEOUT: ("!", "timeout", "yellow"),
    Outcome.NOT_RUN: ("○", "not run", "dim"),
}

_HAPPENED = {
    "held": "was held",
    "parked": "was held",
    "gated": "was held inside its statement",
    "warped": "was held",
    "probed": "was held, and another copy asked,",
    "killed": "was killed",
    "frozen": "was frozen",
    "cut": "were cut",
    "partition": "could not reach each other",
}

_SHOWN_FAILURES = 3  # of a check with many numbered problems; the others are listed by name
_SHOWN_TRACE = 12  # last steps; `tinny show` has the whole story
_LONGEST_TRACE = 22
_BEFORE_FAULT = 4  # steps before the fault: what the held copy had seen
_CONTEXT = 24  # characters on either side of the first difference


def result_view(result: CheckResult, title: str, *, whole: bool = False, story: bool = True) -> Group:
    """A check's line and, when it did not pass, why.

    whole: every failure and every step that led to it. story: False leaves the steps out.
    """
    parts: list[RenderableType] = [_headline(result, title)]
    shown = result.failures if whole else result.failures[:_SHOWN_FAILURES]
    for failure in shown:
        parts += ["", failure_view(failure, whole=whole, story=story)]
    if others := result.failures[len(shown) :]:
        names = ", ".join(f"{failure.problem or failure.check} ({failure.code})" for failure in others)
        parts += ["", field("And", safe_line(f"{len(others)} more: {names}"))]
    if result.outcome is Outcome.ERROR:
        parts += ["", *_ours(result)]
    elif result.reason:
        parts.append(Paragraph(safe(result.reason), indent=15))
    if result.self_reported:
        parts.append(Paragraph(safe_line(f"counted inside the sandbox: {', '.join(result.self_reported)}"), indent=15))
    if result.failures or result.outcome is Outcome.ERROR:
        parts.append("")
    return Group(*parts)


def failure_view(failure: Failure, *, whole: bool = False, story: bool = True) -> Group:
    """Why a check failed, as labelled lines."""
    parts: list[RenderableType] = []
    if failure.problem:
        parts.append(field("Problem", safe_line(failure.problem)))
    parts.append(field("Rule" if failure.relation not in ("", "within seconds") else "Why", safe(failure.why)))
    if failure.relation or failure.expected is not None:
        parts.append(field("Expected", expectation(failure.relation, failure.expected)))
    if failure.relation or failure.observed is not None:
        parts.append(field("Observed", observation(failure.relation, failure.observed)))
    if failure.relation == "equal to" and (said := difference(failure.expected, failure.observed)):
        parts.append(field("Differs", said))
    if failure.relation == "something without" and (found := _place(failure.expected, failure.observed)):
        parts.append(field("Found", found))
    if failure.fault is not None and (during := fault_sentence(failure.fault)):
        parts.append(field("While", during))
    if failure.trace and story:
        trace, left_out = (failure.trace, 0) if whole else _steps(failure.trace)
        heading = f"What led to it (`tinny show` has {left_out} more steps):" if left_out else "What led to it:"
        parts += ["", lines_below(heading, trace, "")]
    for tail in failure.logs:
        parts += ["", lines_below(f"Last lines of {safe_line(tail.source)}:", tail.lines, "│ ")]
    told = failure.logs or (story and failure.trace)
    parts += [*([""] if told else []), field("Next", safe(failure.next_step) or _next_step(failure))]
    return Group(*parts)


def _steps(trace: Sequence[str]) -> tuple[list[str], int]:
    """The steps to show, and how many are left out: from shortly before the fault, which no story may lack."""
    start = max(0, len(trace) - _SHOWN_TRACE)
    acted = next((n for n, line in enumerate(trace) if line.startswith("— ")), None)
    if acted is not None:
        start = max(0, min(start, acted - _BEFORE_FAULT))
    shown = list(trace[start:])
    if len(shown) > _LONGEST_TRACE + 1:
        half = _LONGEST_TRACE // 2
        shown = [*shown[:half], f"… {len(shown) - 2 * half} steps …", *shown[-half:]]
        return shown, len(trace) - 2 * half
    return shown, len(trace) - len(shown)


def fault_sentence(fault: FaultNote) -> str:
    """What was being done, to be read after "While": "copy a was held before its request 2: DECRBY left:gala 6"."""
    if fault.kind == "none":
        return ""
    copy = _who(fault.target)
    happened = f"{copy} {_HAPPENED.get(fault.kind, safe_line(fault.kind))}"
    request = safe_line(fault.request)
    if fault.kind == "cut" and fault.position is not None:
        happened = f"{copy} got no reply to its request {fault.position}: {request}"
    elif request.startswith("row event "):
        happened += f" inside a statement, at {request}"
    elif fault.position is not None:
        happened += f" before its {'row event' if fault.kind == 'gated' else 'request'} {fault.position}: {request}"
    elif request:
        happened += f" at {request}"
    detail = safe_line(fault.detail)
    if detail and not (fault.kind == "cut" and detail == "the reply was lost"):
        happened += f" ({detail})"
    return happened


def expectation(relation: str, expected: Any) -> str:
    """How the observed value should have related to the expected one, in words."""
    if relation == "within seconds":
        return f"an answer within {_seconds(expected)}"
    if relation == "between" and isinstance(expected, list) and len(expected) == 2:
        return f"between {show(expected[0])} and {show(expected[1])}"
    if relation == "one of" and isinstance(expected, list):
        return f"one of {', '.join(show(value) for value in expected)}" if expected else "nothing at all"
    value = show(expected)
    if relation in ("", "equal to"):
        return value
    return f"{safe_line(relation)}\n{value}" if "\n" in value else f"{safe_line(relation)} {value}"


def observation(relation: str, observed: Any) -> str:
    if relation == "within seconds":
        return f"nothing after {_seconds(observed)}"
    return show(observed)


def difference(expected: Any, observed: Any) -> str:
    """Where two texts, lists or dicts part, as a sentence; "" when looking at them is enough."""
    if isinstance(expected, str) and isinstance(observed, str):
        return _text_difference(expected, observed)
    if isinstance(expected, list) and isinstance(observed, list):
        return _list_difference(expected, observed)
    if isinstance(expected, dict) and isinstance(observed, dict):
        return _dict_difference(expected, observed)
    if isinstance(expected, str) != isinstance(observed, str) and str(expected) == str(observed):
        return f"only in kind: {_kind(expected)} was expected, {_kind(observed)} came"
    return ""


def _place(part: Any, whole: Any) -> str:
    """Where a text stands that should not be there, when that is hard to see."""
    if not isinstance(part, str) or not isinstance(whole, str) or len(whole) <= 200 or part not in whole:
        return ""
    at = whole.index(part)
    return f"at character {at + 1}, in\n{whole[max(0, at - _CONTEXT) : at + len(part) + _CONTEXT]!r}"


def _text_difference(expected: str, observed: str) -> str:
    if max(len(expected), len(observed)) <= 20 and "\n" not in expected + observed:
        return ""
    wanted, got = expected.splitlines(keepends=True), observed.splitlines(keepends=True)
    if len(wanted) <= 1 and len(got) <= 1:
        return _line_difference("", expected, observed)
    for number, (one, two) in enumerate(zip(wanted, got, strict=False), 1):
        if one != two:
            return _line_difference(f"line {number}, ", one, two)
    if len(got) < len(wanted):
        return f"it ends after line {len(got)}; the next would be {show(wanted[len(got)])}"
    return f"it goes on after the expected {len(wanted)} lines with {show(got[len(wanted)])}"


def _line_difference(where: str, expected: str, observed: str) -> str:
    pairs = enumerate(zip(expected, observed, strict=False))
    at = next((i for i, (one, two) in pairs if one != two), min(len(expected), len(observed)))
    start = max(0, at - _CONTEXT)
    one, two = (repr(text[start : at + _CONTEXT]) for text in (expected, observed))
    return f"from {where}character {at + 1} on; around it\n{one} was expected,\n{two} came"


def _list_difference(expected: list[Any], observed: list[Any]) -> str:
    if len(repr(expected)) + len(repr(observed)) <= 60:
        return ""
    for index, (wanted, got) in enumerate(zip(expected, observed, strict=False)):
        if wanted != got:
            return f"first at index {index}: {_item_difference(wanted, got)}"
    at = min(len(expected), len(observed))
    if len(observed) < len(expected):
        return f"it ends after {at} of {len(expected)} items; the next would be {show(expected[at])}"
    return f"it has {len(observed)} items instead of {at}; the first too many is {show(observed[at])}"


def _dict_difference(expected: dict[str, Any], observed: dict[str, Any]) -> str:
    if len(repr(expected)) + len(repr(observed)) <= 60:
        return ""
    said = [f"{show(key)} is missing" for key in expected if key not in observed]
    said += [f"{show(key)} should not be there" for key in observed if key not in expected]
    said += [
        f"at {show(key)}: {_item_difference(value, observed[key])}"
        for key, value in expected.items()
        if key in observed and observed[key] != value
    ]
    return "; ".join(said)


def _item_difference(expected: Any, observed: Any) -> str:
    return difference(expected, observed) or f"{show(expected)} was expected, {show(observed)} came"


def _headline(result: CheckResult, title: str) -> Paragraph:
    mark, word, style = MARKS[result.outcome]
    first = Text.assemble((mark, style), " ", (f"{result.check:<4}", "bold"), (word, style))
    text = Text(safe_line(title))
    if result.outcome is not Outcome.NOT_RUN:
        text.append(f" ({result.seconds:.1f} s)", "dim")
    return Paragraph(text, indent=15, first=first)


def _ours(result: CheckResult) -> list[RenderableType]:
    # The reason may be a whole TinnyError, which brings its own next step.
    reason, _, step = result.reason.partition("\nNext: ")
    return [
        field("Why", "this check could not be done. That is our fault or this computer's, not your program's:"),
        Paragraph(safe(reason or "no reason was given"), indent=INDENT),
        field("Next", safe(step or "run it again; if it stays, `tinny doctor` looks at this computer")),
    ]


def _seconds(value: Any) -> str:
    return f"{value:g} s" if isinstance(value, int | float) else f"{show(value)} s"


def _next_step(failure: Failure) -> str:
    if failure.fault is not None and failure.fault.position is not None:
        return f"look at what your program does just before its request {failure.fault.position}"
    return "`tinny brief` has the contract, `tinny hint` a first nudge"


def _who(target: str) -> str:
    """Copies are called "copy a"; engines by their role."""
    name = safe_line(target)
    return f"copy {name}" if len(name) == 1 else name or "your program"


def _kind(value: Any) -> str:
    names = {str: "a text", bool: "a truth value", int: "a number", float: "a number", type(None): "None"}
    return names.get(type(value), f"a {type(value).__name__}")

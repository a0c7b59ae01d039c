"""`tinny check`, `watch` and `show`."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import click

from tinnyswe.cli import render
from tinnyswe.cli.options import Place, Surface, common, from_here, now
from tinnyswe.cli.render import Aftermath
from tinnyswe.model.errors import UsageError
from tinnyswe.model.events import AnyEvent, CheckFinished, WorldKept
from tinnyswe.model.lab import Lab
from tinnyswe.model.verdict import EXIT_CODES, Outcome
from tinnyswe.usecases.check_lab import Checking, CheckOptions, CheckOutcome, check_lab
from tinnyswe.usecases.show_run import show_run


@click.command()
@click.argument("lab", default="")
@click.option("--only", multiple=True, metavar="C2", help="Run only this check; may be given several times.")
@click.option("--keep", is_flag=True, help="Leave the world up after the last check, until Enter.")
@click.option("--seed", type=click.IntRange(min=0), help="Run with this seed: a practice run, which never ticks.")
@common
def check(lab: str, only: tuple[str, ...], keep: bool, seed: int | None, surface: Surface, place: Place) -> int:
    """Grade your work once. LAB may be left out inside the lab's folder.

    Exit codes: 0 passed, 1 failed, 3 our error, 4 timeout, 5 cannot run here.
    """
    found = place.lab(lab)
    if keep and not (surface.terminal and sys.stdin.isatty()):
        raise UsageError(
            "--keep leaves the world up until somebody presses Enter, and this is not a terminal",
            next_step=f"leave --keep out, or use `tinny run {found.id}`, which runs until it is ended",
            code="no-terminal",
        )
    options = CheckOptions(only=tuple(id.upper() for id in only), keep=keep, seed=seed)
    checking = check_lab(place.workspace, place.catalog, found, options, surface.tools(), now)
    outcome = report(checking, found, surface)
    if outcome.receipt is not None:
        surface.say()
        surface.say(render.lessons(found))
    surface.data(outcome_json(outcome, found))
    return EXIT_CODES[outcome.verdict.outcome]


def report(checking: Checking, lab: Lab, surface: Surface, *, advice: bool = True) -> CheckOutcome:
    """Print a run while it happens and what it came to, and return that.

    advice: whether there is somebody who could follow it.
    """
    titles = render.titles(lab)
    failed = 0
    with _activity(surface) as busy:
        for event in checking:
            busy(render.activity(event))
            view = render.event_view(event, titles, story=failed == 0)
            failed += _is_failure(event)
            if view is not None:
                surface.say(view)
            if isinstance(event, WorldKept):
                _hold(event, checking, surface)
    outcome = checking.outcome
    surface.say(render.summary(outcome.verdict, lab, _aftermath(outcome), advice=advice))
    return outcome


def _hold(event: WorldKept, checking: Checking, surface: Surface) -> None:
    """Show where the world is, and wait until the person has seen enough of it."""
    surface.say()
    surface.world(event.urls, checking.kept())
    surface.say("\nThe world stays up until you press Enter.")
    with contextlib.suppress(KeyboardInterrupt):
        sys.stdin.readline()


def _is_failure(event: AnyEvent) -> bool:
    return isinstance(event, CheckFinished) and event.result.outcome is Outcome.FAILED


def _aftermath(outcome: CheckOutcome) -> Aftermath:
    trouble = f"the roadmap could not be ticked. {outcome.problem}" if outcome.problem else ""
    return Aftermath(
        receipt=outcome.receipt,
        refusal=outcome.refusal,
        ticked=outcome.ticked.items if outcome.ticked is not None else (),
        left=outcome.left,
        trouble=trouble,
        next_lab=outcome.next_lab,
        next_why=outcome.next_why,
    )


def outcome_json(outcome: CheckOutcome, lab: Lab) -> dict[str, Any]:
    """The whole of a run as one document."""
    return {
        **render.run_json(outcome.verdict, lab, receipt=outcome.receipt, refusal=outcome.refusal),
        "folder": str(outcome.folder),
        "ticked": list(outcome.ticked.items) if outcome.ticked is not None else [],
        "left": list(outcome.left),
        "next": outcome.next_lab,
        "problem": outcome.problem,
    }


@contextlib.contextmanager
def _activity(surface: Surface) -> Iterator[Callable[[str | None], None]]:
    """Yield a function that says what is going on, beside a spinner, on a terminal; elsewhere it says nothing."""
    if not surface.terminal:
        yield lambda words: None
        return
    with surface.console.status("getting ready", spinner="dots") as status:

        def busy(words: str | None) -> None:
            if words == "":
                status.stop()  # from here on it is the person's turn
            elif words:
                status.update(words)

        yield busy


@click.command()
@click.argument("lab", default="")
@common
def watch(lab: str, surface: Surface, place: Place) -> int:
    """Grade your work on every save, until Ctrl-C. One seed until it is green, then a fresh one confirms."""
    from tinnyswe.usecases.watch_lab import watch_lab  # the warm pool brings pytest, which no other command needs

    found = place.lab(lab)
    rounds = watch_lab(place.workspace, place.catalog, found, surface.tools(), now, threading.Event())
    surface.say(render.watching(from_here(place.workspace.work(found.topic, found.id))))
    try:
        for checking in rounds:
            surface.say()
            outcome = report(checking, found, surface, advice=False)
            surface.data(outcome_json(outcome, found))
            passed = outcome.verdict.outcome is Outcome.PASSED
            surface.say()
            confirming = passed and checking.practice
            surface.say(
                render.green(checking.seed) if confirming else render.waiting(outcome.verdict.outcome, checking.seed)
            )
    except KeyboardInterrupt:
        surface.say("\nWatching has ended.")
    return 0


@click.command()
@click.argument("run", default="")
@common
def show(run: str, surface: Surface, place: Place) -> None:
    """What happened in a run, event by event: the newest one, or the one whose name contains RUN."""
    found = show_run(place.workspace, run)
    lab = place.catalog.labs.get(found.lab)
    titles = render.titles(lab) if lab is not None else {}
    surface.say(f"Run {found.folder.name}")
    surface.say(render.timeline(found.events, titles))
    if found.verdict is not None:
        after = Aftermath(receipt=found.receipt)
        surface.say(render.summary(found.verdict, lab, after, advice=False))
    else:
        surface.say(f"This run is {found.state}: it has no verdict.")
    for note in found.notes:
        surface.say(render.Paragraph(render.safe_line(note), indent=2, first="! "))
    surface.data(
        {
            "run": found.folder.name,
            "state": found.state,
            "verdict": found.verdict,
            "receipt": found.receipt,
            "events": [render.event_json(event) for event in found.events],
            "notes": found.notes,
        }
    )

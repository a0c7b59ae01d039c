"""`tinny check`, `watch` and `show`."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator

import click

from tinnyswe.cli import render
from tinnyswe.cli.options import Place, Surface, common, now
from tinnyswe.model.lab import Lab
from tinnyswe.model.verdict import EXIT_CODES
from tinnyswe.usecases.check_lab import Checking, CheckOptions, check_lab
from tinnyswe.usecases.show_run import show_run
from tinnyswe.usecases.watch_lab import watch_lab


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
    options = CheckOptions(only=tuple(id.upper() for id in only), keep=keep, seed=seed)
    checking = check_lab(place.workspace, place.catalog, found, options, surface.tools(), now)
    return report(checking, found, surface)


def report(checking: Checking, lab: Lab, surface: Surface) -> int:
    """Print a run while it happens and what it came to; return the exit code."""
    titles = render.titles(lab)
    with _activity(surface) as busy:
        for event in checking:
            busy(render.activity(event))
            view = render.event_view(event, titles)
            if view is not None:
                surface.say(view)
    outcome = checking.outcome
    ticked = outcome.ticked
    surface.say(
        render.summary(
            outcome.verdict,
            lab,
            receipt=outcome.receipt,
            refusal=outcome.refusal,
            ticked=ticked.items if ticked is not None else (),
        )
    )
    if outcome.problem:
        surface.say(f"  The proof is kept, but the roadmap could not be ticked: {outcome.problem}")
    surface.data(
        {
            **render.run_json(outcome.verdict, lab, receipt=outcome.receipt, refusal=outcome.refusal),
            "folder": str(outcome.folder),
            "ticked": list(ticked.items) if ticked is not None else [],
            "problem": outcome.problem,
        }
    )
    return EXIT_CODES[outcome.verdict.outcome]


@contextlib.contextmanager
def _activity(surface: Surface) -> Iterator[Callable[[str | None], None]]:
    """Yield a function that says what is going on, beside a spinner, on a terminal; elsewhere it says nothing."""
    if not surface.terminal:
        yield lambda words: None
        return
    with surface.console.status("getting ready", spinner="dots") as status:
        yield lambda words: status.update(words) if words else None


@click.command()
@click.argument("lab", default="")
@common
def watch(lab: str, surface: Surface, place: Place) -> int:
    """Grade your work on every save, until Ctrl-C. One seed until it is green, then a fresh one confirms."""
    found = place.lab(lab)
    folder = place.workspace.work(found.topic, found.id)
    code = 0
    for checking in watch_lab(place.workspace, place.catalog, found, surface.tools(), now, threading.Event()):
        surface.say(render.watching(str(folder), checking.seed))
        code = report(checking, found, surface)
    return code


@click.command()
@click.argument("run", default="")
@common
def show(run: str, surface: Surface, place: Place) -> None:
    """What happened in a run, event by event: the newest one, or the one whose name contains RUN."""
    found = show_run(place.workspace, run)
    lab = place.catalog.labs.get(found.lab)
    titles = render.titles(lab) if lab is not None else {}
    surface.say(render.timeline(found.events, titles))
    if found.verdict is not None:
        surface.say(render.summary(found.verdict, lab, receipt=found.receipt))
    else:
        surface.say(f"This run is {found.state}.")
    for note in found.notes:
        surface.say(note)
    surface.data(
        {
            "run": found.folder.name,
            "state": found.state,
            "verdict": found.verdict,
            "receipt": found.receipt,
            "events": [render.event_json(event) for event in found.events],
        }
    )

"""`tinny watch`: grade on every save."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import watchfiles

from tinnyswe.evidence.workspace import Workspace
from tinnyswe.model.lab import Catalog, Lab
from tinnyswe.model.verdict import Outcome
from tinnyswe.run.warm import WarmPool
from tinnyswe.usecases.check_lab import Checking, CheckOptions
from tinnyswe.usecases.start_lab import started_folder
from tinnyswe.usecases.tools import Tools

_QUIET_MS = 100  # editors save in several steps; one check for all of them
_LOOK_MS = 200  # how long one look for saves takes when there are none


class _OwnFiles(watchfiles.DefaultFilter):
    """What a save of the learner's looks like: not our link, not the brief."""

    def __call__(self, change: watchfiles.Change, path: str) -> bool:
        return super().__call__(change, path) and Path(path).name not in ("brief.md", ".venv")


def watch_lab(
    workspace: Workspace,
    catalog: Catalog,
    lab: Lab,
    tools: Tools,
    now: Callable[[], datetime],
    stop: threading.Event,
) -> Iterator[Checking]:
    """Yield a check now and after every save; read each to its end before asking for the next.

    One seed is kept until the work is green, so that a failure stays the same failure while it is mended; then a
    fresh one confirms, and only that run counts.
    """
    folder = started_folder(workspace, lab)
    with WarmPool() as pool:
        seed: int | None = None
        saves = watchfiles.watch(
            folder,
            watch_filter=_OwnFiles(),
            debounce=_QUIET_MS,
            rust_timeout=_LOOK_MS,
            stop_event=stop,
            yield_on_timeout=True,
        )
        next(saves)  # the watching begins with the first look: from here on, no save is missed while a check runs
        changed = True
        while changed and not stop.is_set():
            checking = Checking(workspace, catalog, lab, CheckOptions(seed=seed), tools, now, runner=pool.run)
            yield checking
            outcome = checking.outcome.verdict.outcome
            confirmed = outcome is Outcome.PASSED and seed is None
            if outcome is Outcome.PASSED and not confirmed:
                seed = None  # green at the kept seed: confirm at a fresh one, at once
                continue
            seed = None if confirmed else checking.seed
            changed = _next_save(saves, stop)


def _next_save(saves: Iterator[set[tuple[watchfiles.Change, str]]], stop: threading.Event) -> bool:
    """Wait for a save; False when the watching has been stopped."""
    for changes in saves:
        if stop.is_set():
            return False
        if changes:
            return True
    return False

"""Progress of installs: a bar on a terminal, one line a step elsewhere, nothing with --json."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from tinnyswe.usecases.tools import Progress, silent

if TYPE_CHECKING:
    from tinnyswe.cli.options import Surface

_EVERY = 0.1  # s between redraws
_WIDTH = 24  # characters of the bar


def progress_of(surface: Surface) -> Progress:
    if surface.json:
        return silent
    return _Bar().show if surface.errors.is_terminal else _Lines().show


class _Bar:
    """Redraws one line on stderr."""

    def __init__(self) -> None:
        self._drawn = 0.0

    def show(self, what: str, done: int, total: int) -> None:
        now = time.monotonic()
        finished = total > 0 and done >= total
        if now - self._drawn < _EVERY and not finished:
            return
        self._drawn = now
        filled = int(_WIDTH * done / total) if total else 0
        bar = f"[{'#' * filled}{'.' * (_WIDTH - filled)}] {_amount(done, total)}" if total else "..."
        sys.stderr.write(f"\r\x1b[2K{what} {bar}" + ("\n" if finished else ""))
        sys.stderr.flush()


class _Lines:
    """Says each step once."""

    def __init__(self) -> None:
        self._said = ""

    def show(self, what: str, done: int, total: int) -> None:
        if what != self._said:
            self._said = what
            sys.stderr.write(f"{what} ...\n")
            sys.stderr.flush()


def _amount(done: int, total: int) -> str:
    if total < 10_000:  # steps, not bytes
        return f"{done}/{total}"
    return f"{done / 1e6:.1f} of {total / 1e6:.1f} MB"

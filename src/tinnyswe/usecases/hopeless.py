"""Submissions that nobody may pass with: nothing, an exit status of 0, the word OK."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from tinnyswe.model.lab import Lab


def hopeless_programs(lab: Lab) -> Mapping[str, Callable[[Path], None]]:
    """What to write into an empty folder, by name."""
    script = next((part for part in lab.entry().command if part.endswith(".py")), "main.py")
    return {
        "empty": lambda folder: folder.mkdir(),
        "exits-0": partial(_write, script, "raise SystemExit(0)\n"),
        "prints-OK": partial(_write, script, "print('OK')\nprint('1 passed')\n"),
    }


def _write(script: str, text: str, folder: Path) -> None:
    folder.mkdir()
    (folder / script).write_text(text)

"""`tinny clean` and `tinny uninstall`: remove what the tool made for itself, and nothing of the learner's."""

from __future__ import annotations

import shutil
from pathlib import Path

from tinnyswe.model.base import Record
from tinnyswe.model.errors import TinnyError
from tinnyswe.processes.lease import sweep
from tinnyswe.usecases.tools import Tools


class Cleaned(Record, frozen=True, kw_only=True):
    """removed: folders that are gone. swept: what a crashed run had left. mb: freed."""

    removed: tuple[Path, ...]
    swept: tuple[str, ...]
    mb: float


def clean(tools: Tools) -> Cleaned:
    """Remove engines and Python environments from the cache; they are fetched again when a lab needs them."""
    return _remove((tools.cache,), tools)


def uninstall(tools: Tools) -> Cleaned:
    """Also remove the runtime folder. Roadmap, .tinny, work and notes are the learner's and stay."""
    return _remove((tools.cache, tools.runtime), tools)


def _remove(folders: tuple[Path, ...], tools: Tools) -> Cleaned:
    swept = tuple(sweep(tools.runtime))
    busy = [path.stem for path in (tools.runtime / "leases").glob("*.json")]
    if busy:
        raise TinnyError(
            f"a run is going on ({', '.join(sorted(busy)[:3])})",
            next_step="let it end, or end it with Ctrl-C in its terminal, and clean again",
            code="busy",
        )
    present = tuple(folder for folder in folders if folder.is_dir())
    mb = sum(path.stat().st_size for folder in present for path in folder.rglob("*") if path.is_file()) / 1e6
    for folder in present:
        shutil.rmtree(folder)
    return Cleaned(removed=present, swept=swept, mb=round(mb, 1))

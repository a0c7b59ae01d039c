"""`tinny doctor`: what this computer has, what is missing, and the line that mends it."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

from tinnyswe.engines.registry import engines
from tinnyswe.evidence.workspace import Workspace
from tinnyswe.model.base import Record
from tinnyswe.model.errors import TinnyError
from tinnyswe.model.lab import Catalog
from tinnyswe.processes.identity import learner_identity
from tinnyswe.sandbox.backend import Sandbox
from tinnyswe.sandbox.environments import interpreter
from tinnyswe.usecases.tools import Tools

_ROOM = 2_000  # MB free, for both engines, two environments and the runs


class Finding(Record, frozen=True, kw_only=True):
    """One thing looked at. mend: the line to run or the thing to do, when it is not fine."""

    state: Literal["fine", "missing", "broken"]
    what: str
    mend: str = ""


def doctor(tools: Tools, workspace: Workspace | None, catalog: Catalog | None) -> tuple[Finding, ...]:
    """Look at everything; never raises for what it finds."""
    looks: list[Callable[[], Iterator[Finding]]] = [
        _python,
        lambda: _folders(tools),
        _sandbox,
        lambda: _engines(tools),
        lambda: _workspace(workspace, catalog),
    ]
    return tuple(finding for look in looks for finding in _guarded(look))


def _guarded(look: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    try:
        yield from look()
    except TinnyError as problem:
        yield Finding(state="broken", what=str(problem.what), mend=problem.next_step)


def _python() -> Iterator[Finding]:
    system = f"{platform.system()} {platform.machine()}"
    yield Finding(state="fine", what=f"Python {platform.python_version()} on {system}")
    if sys.platform == "darwin":
        yield Finding(
            state="broken", what="macOS: the code paths are written, but untested", mend="tell us what breaks"
        )


def _folders(tools: Tools) -> Iterator[Finding]:
    free = shutil.disk_usage(_existing(tools.cache)).free // 1_000_000
    enough = free > _ROOM
    yield Finding(
        state="fine" if enough else "missing",
        what=f"cache {tools.cache}: {free} MB free",
        mend="" if enough else f"free some room ({_ROOM} MB is enough), or set TINNY_CACHE to a folder with more",
    )
    yield Finding(state="fine", what=f"runtime folder {tools.runtime}")


def _existing(folder: Path) -> Path:
    return next(path for path in (folder, *folder.parents) if path.exists())


def _sandbox() -> Iterator[Finding]:
    identity = learner_identity()
    who = f"as uid {identity.uid}" if identity is not None else "as you"
    yield Finding(state="fine", what=f"labs' programs run {who}, on {interpreter(identity)}")
    yield Finding(state="fine", what=f"sandbox tier {Sandbox.tier}: {Sandbox.describes}")
    if os.geteuid() == 0:
        yield Finding(state="fine", what="you are root: engines and labs' programs get users of their own")


def _engines(tools: Tools) -> Iterator[Finding]:
    for id, engine in sorted(engines().items()):
        install = engine.installed(tools.cache)
        if install is not None:
            yield Finding(state="fine", what=f"{engine.manifest.title} {install.version} is installed")
        else:
            what = f"{engine.manifest.title} is not installed; the first lab that needs it does that"
            yield Finding(state="missing", what=what, mend=f"tinny engines install {id}")


def _workspace(workspace: Workspace | None, catalog: Catalog | None) -> Iterator[Finding]:
    if workspace is None:
        yield Finding(state="missing", what="no workspace here", mend="tinny init ROADMAP.md, in your roadmap's folder")
        return
    yield Finding(state="fine", what=f"workspace {workspace.root}, roadmap {workspace.roadmap().name}")
    for note in workspace.ledger().read().notes:
        yield Finding(state="broken", what=note, mend="nothing to do: the entries that can be read count")
    for problem in catalog.problems if catalog is not None else ():
        yield Finding(state="broken", what=problem, mend="`tinny lab audit` says more")

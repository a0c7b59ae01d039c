"""`tinny start`, `brief`, `hint` and `reset`: a lab's files in the learner's hands."""

from __future__ import annotations

import os
import re
import shutil
from datetime import datetime
from pathlib import Path

from tinnyswe.evidence.workspace import Workspace
from tinnyswe.model.base import Record
from tinnyswe.model.errors import TinnyError, UsageError
from tinnyswe.model.lab import Catalog, Lab
from tinnyswe.usecases.prepare import prepare
from tinnyswe.usecases.standing import stand
from tinnyswe.usecases.tools import Tools

_OURS = ("brief.md", ".venv")  # what we put beside the learner's files, and may put again


class Started(Record, frozen=True, kw_only=True):
    """folder: the learner's work. files: the starter's, relative to it. fresh: False when it was there already."""

    lab: str
    folder: Path
    files: tuple[str, ...]
    fresh: bool
    moved_to: Path | None = None  # where `reset` put the old work


def next_lab(workspace: Workspace, catalog: Catalog, now: datetime) -> str:
    """Id of the lab to do next, "" when there is none left."""
    return stand(workspace, catalog, now).progress.next_lab


def start_lab(workspace: Workspace, lab: Lab, tools: Tools) -> Started:
    """Put the starter into work/<topic>/<lab> and make what the lab needs ready. The learner's files are kept."""
    prepared = prepare(lab, tools)
    folder = workspace.work(lab.topic, lab.id)
    fresh = not any(path.name not in _OURS for path in folder.iterdir()) if folder.is_dir() else True
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if fresh:
            shutil.copytree(lab.root / "starter", folder, dirs_exist_ok=True)
        shutil.copyfile(lab.root / "brief.md", folder / "brief.md")
        _link(folder / ".venv", prepared.python.parent.parent)
    except OSError as problem:
        raise TinnyError(
            f"the lab's files could not be written: {problem.strerror or problem}",
            where=str(problem.filename or folder),
            next_step="mend that and run the command again; nothing of yours was changed",
            code="start-failed",
        ) from problem
    starter = lab.root / "starter"
    files = sorted(str(path.relative_to(starter)) for path in starter.rglob("*") if path.is_file())
    return Started(lab=lab.id, folder=folder, files=tuple(files), fresh=fresh)


def started_folder(workspace: Workspace, lab: Lab) -> Path:
    """The folder of the learner's work on a lab; raises UsageError (not-started) when there is none."""
    folder = workspace.work(lab.topic, lab.id)
    if not folder.is_dir():
        raise UsageError(
            f"{lab.id} is not started in this workspace",
            where=str(folder),
            next_step=f"tinny start {lab.id}",
            code="not-started",
        )
    return folder


def _link(link: Path, environment: Path) -> None:
    """Point .venv at the topic's environment, where editors look for it; a real folder of the learner's stays."""
    if link.is_symlink():
        link.unlink()
    if not link.exists():
        os.symlink(environment, link, target_is_directory=True)


def reset_lab(workspace: Workspace, lab: Lab, tools: Tools, now: datetime) -> Started:
    """Move the present work aside and start again from the starter."""
    folder = workspace.work(lab.topic, lab.id)
    if not folder.is_dir():
        return start_lab(workspace, lab, tools)
    aside = folder.with_name(f"{folder.name}.{now:%Y%m%d-%H%M%S}")
    if aside.exists():
        raise UsageError(
            "the work of this second is there already", where=str(aside), next_step="reset again", code="exists"
        )
    folder.rename(aside)
    started = start_lab(workspace, lab, tools)
    return Started(lab=started.lab, folder=started.folder, files=started.files, fresh=True, moved_to=aside)


def brief(lab: Lab) -> str:
    """The lab's brief, as Markdown."""
    return (lab.root / "brief.md").read_text("utf-8")


class Hint(Record, frozen=True, kw_only=True):
    """rung: 1-based, of `rungs`. again: the learner has seen all of them before."""

    lab: str
    rung: int
    rungs: int
    text: str
    again: bool = False


def next_hint(workspace: Workspace, lab: Lab, now: datetime) -> Hint:
    """The next rung, recorded in the ledger; after the last one, the last one again. It is never punished."""
    rungs = hints(lab)
    if not rungs:
        raise TinnyError(f"{lab.id} has no hints", where=str(lab.root / "hints.md"), code="no-hints")
    ledger = workspace.ledger()
    seen = [e.body.get("rung") for e in ledger.read().entries if e.kind == "hint" and e.body.get("lab") == lab.id]
    highest = max((rung for rung in seen if isinstance(rung, int)), default=0)
    rung = min(highest + 1, len(rungs))
    if highest < len(rungs):
        ledger.append("hint", {"lab": lab.id, "rung": rung}, now)
    return Hint(lab=lab.id, rung=rung, rungs=len(rungs), text=rungs[rung - 1], again=highest >= len(rungs))


def hints(lab: Lab) -> tuple[str, ...]:
    """The rungs of hints.md: the text below each `## ` heading."""
    try:
        text = (lab.root / "hints.md").read_text("utf-8")
    except OSError:
        return ()
    return tuple(part.strip() for part in re.split(r"(?m)^## .*$", text)[1:])

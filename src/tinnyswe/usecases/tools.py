"""Where things are on this computer, and how a use case tells that it is busy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tinnyswe.catalog import curriculum_root, find, load
from tinnyswe.evidence.workspace import Workspace
from tinnyswe.model.lab import Catalog, Lab
from tinnyswe.processes.lease import sweep
from tinnyswe.processes.places import cache_folder, runtime_folder

# (what is being done, done, total): bytes where there are bytes, else steps; total 0 = not known
Progress = Callable[[str, int, int], None]


__all__ = [
    "Progress",
    "Tools",
    "Workspace",
    "begun",
    "find_lab",
    "open_authoring",
    "open_catalog",
    "open_workspace",
    "shipped_curriculum",
    "silent",
    "tidy",
]


def silent(what: str, done: int, total: int) -> None:
    """The progress of one who does not look."""


@dataclass(frozen=True)
class Tools:
    """This computer, as every use case sees it."""

    offline: bool = False
    progress: Progress = silent
    cache: Path = field(default_factory=cache_folder)
    runtime: Path = field(default_factory=runtime_folder)


def tidy() -> list[str]:
    """Sweep what crashed runs have left; every command does. One sentence for each thing."""
    return sweep(runtime_folder())


def open_workspace(start: Path) -> Workspace:
    """The workspace `start` lies in; raises UsageError when there is none."""
    return Workspace.find(start)


def begun(workspace: Workspace, catalog: Catalog) -> list[str]:
    """Ids of the labs that have a folder in this workspace."""
    return [lab.id for lab in catalog.labs.values() if workspace.work(lab.topic, lab.id).is_dir()]


def find_lab(catalog: Catalog, name: str, here: Path) -> Lab:
    """The lab meant by a name, or by the folder one is in; raises UsageError with the nearest names."""
    return find(catalog, name, here)


def open_catalog(workspace: Workspace | None = None) -> Catalog:
    """The shipped curriculum, and the workspace's further folders of labs."""
    return load([curriculum_root(), *(workspace.curricula() if workspace is not None else ())], remember=cache_folder())


def shipped_curriculum() -> Path:
    """The folder of the labs that come with this build."""
    return curriculum_root()


def open_authoring(folders: Sequence[Path]) -> Catalog:
    """The shipped curriculum and an author's own folders."""
    return load([curriculum_root(), *folders])

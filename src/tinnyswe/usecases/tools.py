"""Where things are on this computer, and how a use case tells that it is busy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tinnyswe.catalog import curriculum_root, load
from tinnyswe.evidence.workspace import Workspace
from tinnyswe.model.lab import Catalog
from tinnyswe.processes.places import cache_folder, runtime_folder

# (what is being done, done, total): bytes where there are bytes, else steps; total 0 = not known
Progress = Callable[[str, int, int], None]


def silent(what: str, done: int, total: int) -> None:
    """The progress of one who does not look."""


@dataclass(frozen=True)
class Tools:
    """This computer, as every use case sees it."""

    offline: bool = False
    progress: Progress = silent
    cache: Path = field(default_factory=cache_folder)
    runtime: Path = field(default_factory=runtime_folder)


def open_catalog(workspace: Workspace | None = None) -> Catalog:
    """The shipped curriculum, and the workspace's further folders of labs."""
    return load([curriculum_root(), *(workspace.curricula() if workspace is not None else ())])

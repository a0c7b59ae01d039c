"""`tinny show`: what happened in a run, read back from its folder."""

from __future__ import annotations

from tinnyswe.evidence.history import Run, find_run, read_run
from tinnyswe.evidence.workspace import Workspace


def show_run(workspace: Workspace, name: str = "") -> Run:
    """The named run, or the newest; raises UsageError when none fits."""
    return read_run(find_run(workspace.runs_folder, name))

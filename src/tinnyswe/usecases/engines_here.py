"""`tinny engines`: what is there, what it would cost, and what it wrote."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tinnyswe.engines.base import Install
from tinnyswe.engines.registry import engines, get
from tinnyswe.evidence.history import find_run
from tinnyswe.evidence.workspace import Workspace
from tinnyswe.model.base import Record
from tinnyswe.model.lab import Catalog
from tinnyswe.usecases.tools import Tools


class EngineRow(Record, frozen=True, kw_only=True):
    """One engine this build knows. labs: those that need it here. mb: on disk, 0 when not installed."""

    id: str
    title: str
    version: str
    level: str
    installed: bool
    mb: float
    labs: tuple[str, ...]


def list_engines(catalog: Catalog, tools: Tools) -> tuple[EngineRow, ...]:
    rows = []
    for id, engine in sorted(engines().items()):
        install = engine.installed(tools.cache)
        rows.append(
            EngineRow(
                id=id,
                title=engine.manifest.title,
                version=install.version if install else "",
                level=engine.manifest.level,
                installed=install is not None,
                mb=_megabytes(install.home) if install else 0.0,
                labs=tuple(
                    lab.id
                    for lab in catalog.labs.values()
                    if id in [need.kind or role for role, need in lab.engines.items()]
                ),
            )
        )
    return tuple(rows)


def install_engines(names: Iterable[str], tools: Tools) -> tuple[Install, ...]:
    """Install the named engines, or return what is there; raises CannotRunHere, UsageError for an unknown one."""
    wanted = [get(name) for name in names]
    return tuple(engine.install(tools.cache, offline=tools.offline, progress=tools.progress) for engine in wanted)


def engine_logs(workspace: Workspace, name: str, run: str = "") -> tuple[tuple[str, tuple[str, ...]], ...]:
    """(file name, lines) of an engine's logs in a run, the newest by default."""
    get(name)
    logs = find_run(workspace.runs_folder, run) / "logs"
    return tuple(
        (log.name, tuple(log.read_text("utf-8", "backslashreplace").splitlines()))
        for log in sorted(logs.glob(f"*{name}*.log"))
    )


def _megabytes(folder: Path) -> float:
    return round(sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6, 1)

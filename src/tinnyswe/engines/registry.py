"""Which engines there are: every folder here that holds an engine.toml."""

from __future__ import annotations

import difflib
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import cast

from tinnyswe.engines.base import Engine
from tinnyswe.engines.manifest import Manifest, read_manifest
from tinnyswe.model.errors import UsageError

_HERE = Path(__file__).parent


@cache
def manifests() -> dict[str, Manifest]:
    """Every engine's manifest by id, in alphabetical order, without importing its code."""
    return {path.parent.name: read_manifest(path) for path in sorted(_HERE.glob("*/engine.toml"))}


@cache
def engines() -> dict[str, Engine]:
    """Every engine by id."""
    return {id: _load(manifest) for id, manifest in manifests().items()}


def get(id: str) -> Engine:
    """The engine with this id; UsageError naming the nearest ones when there is none."""
    if id not in manifests():
        near = difflib.get_close_matches(id, manifests(), n=3, cutoff=0.4) or list(manifests())
        raise UsageError(
            f"there is no engine {id!r}", next_step=f"Did you mean {' or '.join(near)}?", code="unknown-engine"
        )
    return engines()[id]


def _load(manifest: Manifest) -> Engine:
    module = import_module(f"tinnyswe.engines.{manifest.id}.engine")
    return cast("Engine", module.engine(manifest))

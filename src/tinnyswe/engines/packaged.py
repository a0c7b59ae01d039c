"""What all engines have in common whose programs come as a package."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tinnyswe.engines import store
from tinnyswe.engines.base import Install, Progress, quiet
from tinnyswe.engines.manifest import Manifest
from tinnyswe.engines.server import refuse_ours


class Packaged:
    """The half of base.Engine that is the same for each of them; a subclass says how to start."""

    def __init__(self, manifest: Manifest) -> None:
        self.manifest = manifest

    def install(self, cache: Path, *, wanted: str = "", offline: bool = False, progress: Progress = quiet) -> Install:
        return store.add(self.manifest, cache, wanted=wanted, offline=offline, progress=progress)

    def installed(self, cache: Path, wanted: str = "") -> Install | None:
        return store.find(self.manifest, cache, wanted)

    def check(self, install: Install, options: Mapping[str, Any], ours: frozenset[str]) -> None:
        """Raise before a start what would spoil it: another version, a damaged install, an option that is ours."""
        store.check(self.manifest, install)
        refuse_ours(options, ours, self.manifest)

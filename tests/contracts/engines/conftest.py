"""Every engine of the registry, installed in the user's own cache (fetched by the first run), started and stopped."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tinnyswe.engines.base import Install, Instance
from tinnyswe.engines.registry import get, manifests
from tinnyswe.processes.lease import runtime_folder
from tinnyswe.processes.places import cache_folder

Start = Callable[..., Instance]


@pytest.fixture(params=list(manifests()))
def kind(request: pytest.FixtureRequest) -> str:
    """Id of the engine under test."""
    return str(request.param)


@pytest.fixture
def install(kind: str) -> Install:
    return get(kind).install(cache_folder())


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """start(kind, options) -> Instance; all are stopped at the end, and must leave nothing in the runtime folder."""
    started: list[Instance] = []

    def start_one(kind: str, options: dict[str, Any] | None = None, install: Install | None = None) -> Instance:
        engine = get(kind)
        install = install or engine.install(cache_folder())
        instance = engine.start(install, tmp_path, options or {}, runtime=runtime_folder(), run="contract")
        started.append(instance)
        return instance

    yield start_one
    for instance in started:
        instance.stop()
    assert not list((runtime_folder() / "leases").iterdir())
    shutil.rmtree(tmp_path)

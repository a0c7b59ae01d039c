"""Real engines for the proxies, started once per module."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from integration.faults.small_servers import LOOPBACK
from tinnyswe.engines.base import Instance, Scope
from tinnyswe.engines.registry import get
from tinnyswe.faults.stepproxy import StepProxy
from tinnyswe.processes.lease import runtime_folder
from tinnyswe.processes.places import cache_folder

Proxy = Callable[[], tuple[StepProxy, str]]


def running(kind: str, folder: Path) -> Iterator[Instance]:
    engine = get(kind)
    instance = engine.start(engine.install(cache_folder()), folder, {}, runtime=runtime_folder(), run="faults")
    yield instance
    instance.stop()


@contextlib.contextmanager
def proxies(scope: Scope) -> Iterator[Proxy]:
    """proxy() -> (a started step proxy before the scope, the DSN that leads through it)."""
    started: list[StepProxy] = []

    def proxy() -> tuple[StepProxy, str]:
        listener = socket.create_server(LOOPBACK)
        host, port = listener.getsockname()
        instance = scope.instance
        made = StepProxy(listener, lambda: socket.create_connection(instance.address, timeout=5), instance.wire)
        made.start()
        started.append(made)
        return made, scope.dsn(host, port)

    yield proxy
    for made in started:
        made.stop()


@pytest.fixture(scope="module")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    yield from running("valkey", tmp_path_factory.mktemp("valkey"))


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    yield from running("postgres", tmp_path_factory.mktemp("postgres"))

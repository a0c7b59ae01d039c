"""Options of lab.toml as command lines and configuration files."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest

from tinnyswe.engines import store
from tinnyswe.engines.architecture import architecture, wrong_architecture
from tinnyswe.engines.base import EngineError, quiet
from tinnyswe.engines.manifest import this_platform
from tinnyswe.engines.ports import HOST, Port
from tinnyswe.engines.postgres.engine import arguments
from tinnyswe.engines.registry import manifests
from tinnyswe.engines.valkey.engine import directives, quoted
from tinnyswe.model.errors import CannotRunHere, UsageError


def test_postgres_settings_are_arguments() -> None:
    words = arguments({"fsync": False, "jit": True, "work_mem": "1 MB", "a.b_c": 0.5})
    assert words == ["-c", "fsync=off", "-c", "jit=on", "-c", "work_mem=1 MB", "-c", "a.b_c=0.5"]


def test_valkey_directives_are_lines() -> None:
    lines = directives({"appendonly": True, "save": ["900 1", "60 2"], "maxmemory": 100, "proc-title-template": ""})
    assert lines == ['appendonly "yes"', 'save "900" "1"', 'save "60" "2"', 'maxmemory "100"', 'proc-title-template ""']


@pytest.mark.parametrize("options", [{"a=b": 1}, {"-c": 1}, {"Work": 1}, {"x": None}, {"x": {"y": 1}}, {"x\ny": 1}])
def test_what_is_no_option_is_refused(options: dict[str, Any]) -> None:
    for make in (arguments, directives):
        with pytest.raises(UsageError) as caught:
            make(options)
        assert caught.value.code == "bad-option"


def test_a_value_cannot_start_a_second_directive() -> None:
    assert quoted('a"b\\c\nd') == '"a\\"b\\\\c\\nd"'
    assert directives({"maxmemory": "1mb\nuser evil on nopass"}) == ['maxmemory "1mb" "user" "evil" "on" "nopass"']


@pytest.mark.parametrize(
    ("head", "found"),
    [
        (b"\x7fELF\x02\x01\x01" + bytes(11) + b"\x3e\x00", ("elf", "x86_64")),
        (b"\x7fELF\x02\x01\x01" + bytes(11) + b"\xb7\x00", ("elf", "aarch64")),
        (b"\x7fELF\x02\x02\x01" + bytes(11) + b"\x00\x16", ("elf", "s390x")),
        (b"\x7fELF\x02\x01\x01" + bytes(11) + b"\xff\x7f", ("elf", "machine 32767")),
        (b"\xcf\xfa\xed\xfe\x0c\x00\x00\x01" + bytes(12), ("macho", "arm64")),
        (b"\xca\xfe\xba\xbe" + bytes(16), ("macho", "any")),
        (b"\x7fELF", ("", "")),
        (b"#!/bin/sh\nexec something", ("", "")),
        (b"", ("", "")),
    ],
)
def test_architectures_are_read_from_the_first_bytes(tmp_path: Path, head: bytes, found: tuple[str, str]) -> None:
    path = tmp_path / "binary"
    path.write_bytes(head)
    assert architecture(path) == found
    if not found[0]:
        assert "is no program" in wrong_architecture(path)


def test_no_package_for_this_computer_names_those_there_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "this_platform", lambda: "linux-riscv64")
    with pytest.raises(CannotRunHere, match="no Valkey package for linux-riscv64") as caught:
        store.add(manifests()["valkey"], tmp_path, offline=False, progress=quiet)
    assert "linux-aarch64, linux-x86_64" in caught.value.next_step
    assert store.find(manifests()["valkey"], tmp_path) is None


def test_a_version_nobody_offers_names_those_there_are(tmp_path: Path) -> None:
    for manifest in manifests().values():
        with pytest.raises(CannotRunHere, match=f"{manifest.title} >=99 is wanted, this build offers ") as caught:
            store.add(manifest, tmp_path, wanted=">=99", offline=True, progress=quiet)
        assert caught.value.code == "no-version"


def test_the_wanted_version_chooses_the_package(tmp_path: Path) -> None:
    offered = {source.version for source in manifests()["valkey"].sources_here(this_platform())}
    for version in offered:
        with pytest.raises(CannotRunHere) as caught:  # it is there to be had, so only --offline stands against it
            store.add(manifests()["valkey"], tmp_path, wanted=version, offline=True, progress=quiet)
        assert caught.value.code == "not-installed"


def test_a_reserved_port_refuses_connections_and_lets_its_engine_in() -> None:
    port = Port()
    with socket.socket() as client:
        assert client.connect_ex((HOST, port.number)) != 0
    assert not port.listened_on()
    with socket.socket() as engine:
        engine.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        engine.bind((HOST, port.number))
        engine.listen()
        assert port.listened_on()
        with pytest.raises(EngineError, match=f"port {port.number} of {HOST} is taken"):
            Port(port.number)
    assert not port.listened_on()
    port.close()

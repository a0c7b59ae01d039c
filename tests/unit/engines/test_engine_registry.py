"""Every engine folder is whole: manifest, code, page, habits for the contract tests, wire parser, labs."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import tinnyswe
from contracts.engines.engine_habits import DISK_FULL, DURABLE, OPEN, REFUSED
from tinnyswe.engines import manifest as manifests_module
from tinnyswe.engines.manifest import read_manifest, this_platform
from tinnyswe.engines.registry import engines, get, manifests
from tinnyswe.model.errors import FormatError, UsageError

PACKAGE = Path(tinnyswe.__file__).parent
ROOT = Path(__file__).parents[3]
EACH = pytest.mark.parametrize("id", list(manifests()))


def test_the_two_first_engines_are_there() -> None:
    assert {"postgres", "valkey"} <= set(engines())
    assert list(engines()) == sorted(engines())


@EACH
def test_each_has_code_a_page_habits_a_parser(id: str) -> None:
    assert get(id).manifest == manifests()[id]
    page = (ROOT / "docs" / "reference" / "engines" / f"{id}.md").read_text()
    assert page.startswith(f"# {manifests()[id].title}")
    for table in (OPEN, DURABLE, REFUSED, DISK_FULL):
        assert id in table
    assert (PACKAGE / "faults" / "wire" / f"{manifests()[id].wire}.py").exists()


@EACH
def test_its_page_names_every_version_size_and_option_default(id: str) -> None:
    page = (ROOT / "docs" / "reference" / "engines" / f"{id}.md").read_text()
    for source in manifests()[id].sources:
        assert source.package in page
        assert source.version in page
    assert manifests()[id].env in page
    module = sys.modules[type(get(id)).__module__]
    for name in (*module.DEFAULTS, *module.OURS):
        assert f"`{name}`" in page, name


@EACH
def test_at_least_one_lab_uses_it(id: str) -> None:
    labs = list((ROOT / "curriculum").glob("*/*/lab.toml"))
    if not labs:
        pytest.skip("no curriculum here")
    assert any(re.search(rf'^\[engine\.{id}\]|kind = "{id}"', lab.read_text(), re.MULTILINE) for lab in labs)


@EACH
def test_its_packages_are_pinned_and_carry_a_server(id: str) -> None:
    manifest = manifests()[id]
    for source in manifest.sources:
        for platform, wheel in source.platforms.items():
            assert re.fullmatch(r"[0-9a-f]{64}", wheel.sha256)
            assert wheel.bytes > 100_000
            assert "server" in source.binaries_on(platform)
    for platform in ("linux-x86_64", "linux-aarch64", "macos-arm64"):
        assert manifest.sources_here(platform)


def test_an_unknown_engine_gets_the_nearest_names() -> None:
    with pytest.raises(UsageError, match="there is no engine 'postgre'") as caught:
        get("postgre")
    assert caught.value.next_step == "Did you mean postgres?"
    with pytest.raises(UsageError) as caught:
        get("zzz")
    assert "postgres or valkey" in caught.value.next_step


def test_manifests_are_read_without_loading_any_client() -> None:
    code = (
        "import sys; from tinnyswe.engines.registry import engines; engines();"
        "print(sorted({'psycopg', 'redis', 'uv', 'pytest'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("wire =", "wires ="), "unknown field `wires`"),
        (("format = 1", "format = 2"), "format 2 is not known here"),
        (('id = "valkey"', 'id = "redis"'), "must equal its folder"),
        (('scope = "instance"', 'scope = "all"'), "must be"),
        (("[needs]", "[needs"), "toml|Expected"),
    ],
)
def test_a_manifest_that_cannot_be_read_names_file_and_key(tmp_path: Path, change: tuple[str, str], said: str) -> None:
    text = (PACKAGE / "engines" / "valkey" / "engine.toml").read_text()
    path = tmp_path / "valkey" / "engine.toml"
    path.parent.mkdir()
    path.write_text(text.replace(*change))
    with pytest.raises(FormatError, match=said) as caught:
        read_manifest(path)
    assert caught.value.where == str(path)


@pytest.mark.parametrize(
    ("system", "machine", "libc", "name"),
    [
        ("linux", "x86_64", "glibc", "linux-x86_64"),
        ("linux", "arm64", "glibc", "linux-aarch64"),
        ("linux", "x86_64", "", "linux-musl-x86_64"),
        ("darwin", "arm64", "", "macos-arm64"),
        ("win32", "AMD64", "", "win32-x86_64"),
    ],
)
def test_platform_names(monkeypatch: pytest.MonkeyPatch, system: str, machine: str, libc: str, name: str) -> None:
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(manifests_module.host, "machine", lambda: machine)
    monkeypatch.setattr(manifests_module.host, "libc_ver", lambda: (libc, ""))
    assert this_platform() == name

"""Fetching, finding and distrusting what is in the cache. Uses a cache of its own, so packages are fetched anew."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import psutil
import pytest

from contracts.engines.test_engine_life import orphaned_segments
from tinnyswe.engines.base import WRAPPER_REVISION, EngineError, Install, Instance
from tinnyswe.engines.registry import get
from tinnyswe.labkit import until
from tinnyswe.model.errors import CannotRunHere
from tinnyswe.processes.lease import runtime_folder
from tinnyswe.processes.places import cache_folder

Start = Callable[..., Instance]
TOLD: list[tuple[str, int, int]] = []  # what the progress callback heard


@pytest.fixture(scope="module")
def caches(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Path]]:
    """caches(kind): a cache of this module's own with that engine fetched into it, under a tight umask."""
    root = tmp_path_factory.mktemp("caches")
    for folder in (root, *root.parents[:2]):
        folder.chmod(0o755)

    def of(kind: str) -> Path:
        cache = root / kind
        if not cache.exists():
            cache.mkdir()
            before = os.umask(0o077)
            try:
                get(kind).install(cache, progress=lambda *news: TOLD.append(news))
            finally:
                os.umask(before)
        return cache

    yield of
    shutil.rmtree(root)


@pytest.fixture
def cache(kind: str, caches: Callable[[str], Path]) -> Path:
    return caches(kind)


@pytest.fixture
def fetched(kind: str, cache: Path) -> Install:
    found = get(kind).installed(cache)
    assert found is not None
    return found


def test_offline_says_the_line_that_installs(kind: str, tmp_path: Path) -> None:
    with pytest.raises(CannotRunHere) as caught:
        get(kind).install(tmp_path, offline=True)
    assert caught.value.next_step == f"tinny engines install {kind}"
    assert list(tmp_path.iterdir()) == []


def test_installed_once_found_ever_after_and_usable(kind: str, cache: Path, fetched: Install, start: Start) -> None:
    assert get(kind).install(cache, offline=True) == fetched == Install.read(fetched.home)
    assert TOLD[0][1] == 0
    assert TOLD[-1][1] == TOLD[-1][2] > 0
    assert [path.name for path in (cache / "engines" / kind).iterdir() if path.name.startswith(".")] == []
    start(kind, install=fetched)


def test_damage_is_seen_and_refused(kind: str, cache: Path, fetched: Install, start: Start) -> None:
    binary, aside = fetched.binary(), fetched.home / "aside"
    for harm in (flip_a_byte, cut_short, forbid_execution, Path.unlink):
        shutil.copy2(binary, aside)
        harm(binary)
        assert get(kind).installed(cache) is None
        with pytest.raises(EngineError, match="binary") as caught:
            start(kind, install=fetched)
        assert caught.value.code == "damaged-engine"
        assert caught.value.next_step == f"tinny engines install {kind}"
        aside.replace(binary)
        assert get(kind).installed(cache) == fetched


def test_damage_is_mended_once_while_the_engine_runs(kind: str, cache: Path, fetched: Install, start: Start) -> None:
    running = start(kind, install=fetched)
    running.install.binary().rename(fetched.home / "aside")
    flip_a_byte(copied(fetched.binary(), (fetched.home / "aside").read_bytes()))
    found: list[Install] = []
    both = [threading.Thread(target=lambda: found.append(get(kind).install(cache))) for _ in range(2)]
    for each in both:
        each.start()
    for each in both:
        each.join()
    assert found[0] == found[1]
    assert found[0].binary_sha256 == fetched.binary_sha256
    assert running.alive()
    start(kind, install=found[0])


def copied(path: Path, content: bytes | bytearray) -> Path:
    path.write_bytes(content)
    path.chmod(0o755)
    return path


def flip_a_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def cut_short(path: Path) -> None:
    os.truncate(path, 1000)


def forbid_execution(path: Path) -> None:
    path.chmod(0o644)


def test_a_touched_but_whole_binary_is_still_good(kind: str, cache: Path, fetched: Install) -> None:
    os.utime(fetched.binary())
    assert get(kind).installed(cache) == fetched


def test_a_binary_for_another_machine_is_called_so(kind: str, install: Install, tmp_path: Path, start: Start) -> None:
    binary = tmp_path / "server"
    content = bytearray(install.binary().read_bytes())
    content[18:20] = (183 if content[18] != 183 else 62).to_bytes(2, "little")  # ELF e_machine
    copied(binary, content)
    status = binary.stat()
    foreign = msgspec.structs.replace(
        install.binaries["server"],
        path=str(binary),
        sha256=hashlib.sha256(content).hexdigest(),
        size=status.st_size,
        changed=status.st_ctime_ns,
    )
    with pytest.raises(EngineError, match=r"is a (aarch64|x86_64) ELF file, this computer needs"):
        start(kind, install=msgspec.structs.replace(install, binaries={**install.binaries, "server": foreign}))


def test_another_version_than_the_manifest_offers_does_not_start(kind: str, install: Install, start: Start) -> None:
    with pytest.raises(
        EngineError, match=rf"{kind} 3.1.4 is installed, {kind} {install.version}.* is wanted"
    ) as caught:
        start(kind, install=msgspec.structs.replace(install, version="3.1.4"))
    assert caught.value.code == "wrong-version"


def test_what_an_older_wrapper_left_is_ignored_and_replaced(kind: str, cache: Path, fetched: Install) -> None:
    install = fetched
    old = install.home.with_name(install.home.name.replace(f"-w{WRAPPER_REVISION}", "-w0"))
    install.home.rename(old)
    note = json.loads((old / "install.json").read_text()) | {"home": str(old), "wrapper": WRAPPER_REVISION - 1}
    (old / "install.json").write_text(json.dumps(note))
    assert get(kind).installed(cache) is None
    again = get(kind).install(cache)
    assert again.home == install.home
    assert not old.exists()


def test_half_an_install_is_none(kind: str, cache: Path, fetched: Install) -> None:
    note = fetched.home / "install.json"
    text = note.read_text()
    note.write_text(text[:40])
    assert get(kind).installed(cache) is None
    note.write_text(text)
    assert get(kind).installed(cache) == fetched


def test_a_package_that_cannot_be_had_names_what_uv_said(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "empty"))
    with pytest.raises(CannotRunHere, match="could not be fetched") as caught:
        get(kind).install(tmp_path)
    assert caught.value.code == "download-failed"
    assert get(kind).installed(tmp_path) is None


BENCH = """
import sys
from pathlib import Path
from tinnyswe.engines.registry import get
from tinnyswe.processes.lease import runtime_folder
from tinnyswe.processes.places import cache_folder
engine = get(sys.argv[1])
instance = engine.start(engine.install(cache_folder()), Path(sys.argv[2]), {}, runtime=runtime_folder(), run="killed")
scope = instance.scope("shop")
scope.client()
print(*instance.pids(), flush=True)
sys.stdin.read()
"""


def test_a_killed_bench_takes_its_engine_along(kind: str, install: Install, tmp_path: Path) -> None:
    bench = subprocess.Popen(
        [sys.executable, "-c", BENCH, kind, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with bench:
        assert bench.stdout is not None
        pids = [int(word) for word in bench.stdout.readline().split()]
        folder = Path(psutil.Process(pids[0]).cwd())
        bench.send_signal(signal.SIGKILL)
    until(lambda: not folder.exists(), seconds=10, what="end of the engine's folder")
    until(lambda: not any(map(psutil.pid_exists, pids)), seconds=10, what="end of the engine")
    until(lambda: not list((runtime_folder() / "leases").iterdir()), seconds=10, what="end of its lease")
    assert orphaned_segments() == []


def test_the_cache_shows_no_password(kind: str, install: Install, start: Start) -> None:
    start(kind).scope("shop")
    for path in (cache_folder() / "engines" / kind).iterdir():
        if ".data-" in path.name and path.is_dir():
            assert stat.S_IMODE(path.stat().st_mode) == 0o700

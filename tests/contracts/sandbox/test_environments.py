"""The topic's environment: installed once from its lock, usable by the learner, and clear about what is missing.

The package is a wheel made here and named by its file, so no registry is asked.
"""

from __future__ import annotations

import base64
import hashlib
import os
import stat
import subprocess
import threading
import zipfile
from pathlib import Path

import pytest

from tinnyswe.model.errors import CannotRunHere, TinnyError
from tinnyswe.processes import can_read_and_execute, learner_identity
from tinnyswe.sandbox import environment
from tinnyswe.sandbox.environments import READY, interpreter

FILES = {
    "tiny_trade.py": "PRICE = 7\n",
    "tiny_trade-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: tiny-trade\nVersion: 1.0\n",
    "tiny_trade-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: us\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
}


@pytest.fixture
def lock(place: Path) -> Path:
    """requirements.lock of a topic that needs one package."""
    wheel = place / "tiny_trade-1.0-py3-none-any.whl"
    record = "tiny_trade-1.0.dist-info/RECORD"
    lines = [f"{record},,"]
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, text in FILES.items():
            digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
            lines.append(f"{name},sha256={digest},{len(text)}")
            archive.writestr(name, text)
        archive.writestr(record, "\n".join(lines) + "\n")
    path = place / "trade" / "requirements.lock"
    path.parent.mkdir()
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    path.write_text(f"tiny-trade @ {wheel.as_uri()} --hash=sha256:{digest}\n")
    return path


@pytest.fixture
def cache(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("UV_CACHE_DIR", str(place / "uv"))
    return place / "cache"


def test_it_is_installed_once_and_then_found(lock: Path, cache: Path) -> None:
    told: list[str] = []
    first = environment(lock, cache, progress=told.append)
    assert first.packages == ("tiny-trade==1.0",)
    assert first.lock_digest == hashlib.sha256(lock.read_bytes()).hexdigest()
    assert environment(lock, cache, offline=True, progress=told.append) == first
    assert told == ["installing the packages of trade (once)"]


def test_the_learner_runs_it_and_cannot_change_it(lock: Path, cache: Path) -> None:
    made = environment(lock, cache)
    who = learner_identity()
    assert can_read_and_execute(
        who, made.python, ("-c", "import tiny_trade as t; assert t.PRICE == 7 and t.__cached__")
    )
    (module,) = made.python.parent.parent.rglob("tiny_trade.py")
    assert module.stat().st_nlink == 1  # a copy: uv's own cache is not reached through it
    assert list(module.parent.glob("__pycache__/tiny_trade.*.pyc"))  # compiled once, since nobody may do it later
    if who is not None:
        spoil = f"open({str(module)!r}, 'a')"
        assert not can_read_and_execute(who, made.python, ("-c", spoil))


@pytest.mark.skipif(os.geteuid() != 0, reason="as an ordinary user the learner is oneself")
def test_as_root_everything_on_the_way_can_be_read_under_a_tight_umask(lock: Path, cache: Path) -> None:
    before = os.umask(0o077)
    try:
        made = environment(lock, cache)
    finally:
        os.umask(before)
    assert can_read_and_execute(learner_identity(), made.python, ("-c", "import tiny_trade"))
    assert stat.S_IMODE((cache / "environments").stat().st_mode) == 0o755
    assert can_read_and_execute(learner_identity(), interpreter(learner_identity()))


def test_without_a_lock_there_are_no_packages(cache: Path, place: Path) -> None:
    made = environment(place / "none" / "requirements.lock", cache, offline=True)
    assert made.packages == ()
    assert can_read_and_execute(learner_identity(), made.python)


def test_another_lock_is_another_environment(lock: Path, cache: Path) -> None:
    first = environment(lock, cache)
    lock.write_text(lock.read_text() + "# changed\n")
    second = environment(lock, cache)
    assert first.python != second.python


def test_a_half_made_or_spoilt_one_is_made_again(lock: Path, cache: Path) -> None:
    made = environment(lock, cache)
    ready = made.python.parent.parent / READY
    ready.unlink()
    assert environment(lock, cache) == made
    ready.write_text('{"format": 99')
    assert environment(lock, cache) == made
    made.python.unlink()
    assert environment(lock, cache) == made
    assert made.python.exists()


def test_two_commands_install_it_once(lock: Path, cache: Path) -> None:
    told: list[str] = []
    install = {"target": environment, "args": (lock, cache), "kwargs": {"progress": told.append}}
    threads = [threading.Thread(**install) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(told) == 1


def test_offline_without_it_says_what_to_run(place: Path, cache: Path) -> None:
    lock = place / "requirements.lock"
    lock.write_text(f"no-such-package-of-ours==1.0 --hash=sha256:{'0' * 64}\n")
    with pytest.raises(CannotRunHere) as caught:
        environment(lock, cache, offline=True)
    assert caught.value.code == "not-installed"
    assert "without --offline" in caught.value.next_step
    assert not list(cache.glob(f"environments/*/{READY}"))


def test_no_network_is_told_as_such(place: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL"):
        monkeypatch.setenv(name, "http://127.0.0.1:9/simple")  # nobody listens on the discard port
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    lock = place / "requirements.lock"
    lock.write_text(f"no-such-package-of-ours==1.0 --hash=sha256:{'0' * 64}\n")
    with pytest.raises(CannotRunHere) as caught:
        environment(lock, cache)
    assert caught.value.code == "no-network"


@pytest.mark.parametrize("spoil", ["hash", "unhashed"])
def test_what_is_not_what_the_lock_says_is_refused(spoil: str, lock: Path, cache: Path) -> None:
    text = lock.read_text()
    lock.write_text(
        text.replace("sha256:", "sha256:" + "0" * 8)[: len(text)] if spoil == "hash" else text.split(" --")[0]
    )
    with pytest.raises(TinnyError) as caught:
        environment(lock, cache)
    assert caught.value.code == "environment-failed"
    assert "hash" in caught.value.what.lower()


def test_the_interpreter_is_one_the_learner_can_run() -> None:
    found = interpreter(learner_identity())
    done = subprocess.run(
        [found, "-c", "import sys; print(sys.version_info >= (3, 11))"], capture_output=True, check=True
    )
    assert done.stdout == b"True\n"
    assert can_read_and_execute(learner_identity(), found)

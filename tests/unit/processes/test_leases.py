"""A sweep kills and removes exactly what a dead owner left; never what belongs to somebody else."""

from __future__ import annotations

import fcntl
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tinnyswe.model.base import to_json
from tinnyswe.model.errors import UsageError
from tinnyswe.processes import Lease, new_lease, sweep
from tinnyswe.processes.lease import boot
from tinnyswe.processes.tree import started


@pytest.fixture
def stranger() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "60"]) as process:
        yield process
        process.kill()


@pytest.fixture
def leases(tmp_path: Path) -> Path:
    (tmp_path / "leases").mkdir()
    return tmp_path / "leases"


def left(leases: Path, process: subprocess.Popen[bytes], **fields: Any) -> Path:
    """Write a lease as a crash leaves it: owner dead, nobody holds the lock. Returns its directory."""
    data = leases.parent / "data"
    data.mkdir()
    usual: dict[str, Any] = {"pid": process.pid, "start_time": started(process.pid), "boot_id": boot()}
    lease = Lease(
        id="e-1", kind="engine", directories=(data,), **{**usual, "owner_pid": 1, "owner_start": 1e9} | fields
    )
    (leases / "e-1.json").write_bytes(to_json(lease))
    return data


def test_the_program_is_killed_and_its_directory_removed(leases: Path, stranger: subprocess.Popen[bytes]) -> None:
    data = left(leases, stranger)
    assert sweep(leases.parent) == ["swept engine e-1, killed 1 process"]
    assert stranger.wait(10) == -9
    assert not data.exists()
    assert sweep(leases.parent) == []


def test_a_reused_pid_is_not_killed(leases: Path, stranger: subprocess.Popen[bytes]) -> None:
    data = left(leases, stranger, start_time=started(stranger.pid) - 0.01)
    assert sweep(leases.parent) == ["swept engine e-1"]
    assert stranger.poll() is None
    assert not data.exists()


def test_after_a_reboot_only_directories_are_removed(leases: Path, stranger: subprocess.Popen[bytes]) -> None:
    data = left(leases, stranger, boot_id="another-boot pid:[1]")
    assert sweep(leases.parent) == ["swept engine e-1"]
    assert stranger.poll() is None
    assert not data.exists()


def test_another_container_of_this_computer_is_left_alone(leases: Path, stranger: subprocess.Popen[bytes]) -> None:
    data = left(leases, stranger, boot_id=f"{boot().split()[0]} pid:[1]")
    assert sweep(leases.parent) == []
    assert data.exists()
    assert stranger.poll() is None


def test_a_living_owner_keeps_its_lease(leases: Path, stranger: subprocess.Popen[bytes]) -> None:
    data = left(leases, stranger, owner_pid=os.getpid(), owner_start=started(os.getpid()))
    assert sweep(leases.parent) == []
    assert data.exists()
    assert stranger.poll() is None


def test_an_owner_that_is_a_zombie_is_dead(leases: Path, stranger: subprocess.Popen[bytes]) -> None:
    with subprocess.Popen(["sleep", "60"]) as owner:
        left(leases, stranger, owner_pid=owner.pid, owner_start=started(owner.pid))
        owner.kill()
        os.waitid(os.P_PID, owner.pid, os.WEXITED | os.WNOWAIT)  # dead, not reaped
        assert sweep(leases.parent) == ["swept engine e-1, killed 1 process"]


def test_a_held_lock_keeps_the_lease(leases: Path, stranger: subprocess.Popen[bytes]) -> None:
    data = left(leases, stranger)
    with (leases / "e-1.json").open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert sweep(leases.parent) == []
    assert data.exists()
    assert stranger.poll() is None


def test_an_escapee_is_found_by_the_mark_in_its_environment(leases: Path, stranger: subprocess.Popen[bytes]) -> None:
    with subprocess.Popen(["sleep", "60"], env={**os.environ, "TINNY_LEASE": "e-1"}, start_new_session=True) as escapee:
        until_marked = Path(f"/proc/{escapee.pid}/environ")
        assert b"TINNY_LEASE=e-1" in until_marked.read_bytes()
        left(leases, stranger, start_time=1.0)
        assert sweep(leases.parent) == ["swept engine e-1, killed 1 process"]
        assert escapee.wait(10) == -9
    assert stranger.poll() is None


def test_a_lease_that_cannot_be_read_stays_and_is_named(leases: Path) -> None:
    (leases / "odd.json").write_text('{"format": 1, "id": ')
    (sentence,) = sweep(leases.parent)
    assert "odd.json" in sentence
    assert (leases / "odd.json").exists()


@pytest.mark.parametrize(("age", "stays"), [(0, True), (3600, False)])
def test_a_half_made_lease_is_removed_only_when_it_is_old(leases: Path, age: int, stays: bool) -> None:
    half = leases / "e-2.new"
    half.touch()
    os.utime(half, (half.stat().st_atime - age, half.stat().st_mtime - age))
    assert sweep(leases.parent) == []
    assert half.exists() == stays


def test_a_link_among_the_leases_is_not_followed(leases: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("x")
    (leases / "e-3.json").symlink_to(tmp_path / "elsewhere")
    assert len(sweep(leases.parent)) == 1
    assert (tmp_path / "elsewhere").read_text() == "x"


def test_nobody_leases_what_must_not_be_removed() -> None:
    for folder in (Path("/"), Path("/tmp"), Path("relative/one"), Path.home(), Path.cwd()):
        with pytest.raises(UsageError, match="cannot own"):
            new_lease("scratch", directories=(folder,))


def test_ids_differ_and_carry_the_name() -> None:
    first, second = (new_lease("copy", name="a") for _ in range(2))
    assert first.id != second.id
    assert first.id.startswith("a-")

"""Leases: who uses which directories, so that any later command can clean up what a crash left behind.

A lease is one file, `<runtime>/leases/<id>.json`, locked (flock) from before it appears until its minder is gone. A
free lock means that the minder is dead. The owner (who called spawn) may still be alive then: between the kill and the
restart of an engine, for example; its leases are left alone.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import signal
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import msgspec
import psutil

from tinnyswe.model.base import Record, from_json, to_json
from tinnyswe.model.errors import FormatError, TinnyError, UsageError
from tinnyswe.processes import minder
from tinnyswe.processes.places import runtime_folder
from tinnyswe.processes.tree import await_death, pidfd_kill, same, started

__all__ = ["MARK", "Lease", "boot", "clear", "new_lease", "release", "runtime_folder", "sweep", "take"]

MARK = "TINNY_LEASE"  # in the environment of the program and so of all it starts: finds escapees without their minder
HALF_MADE_SECONDS = 60.0

Kind = Literal["engine", "copy", "bench", "scratch"]


class Lease(Record, frozen=True, kw_only=True):
    """What one program uses. Times are seconds after boot; pids are 0 until known.

    directories: removed when the program's owner is gone or closes it.
    """

    format: int = 1
    id: str
    kind: Kind
    run: str = ""
    directories: tuple[Path, ...] = ()
    boot_id: str = ""
    pid: int = 0  # of the program
    start_time: float = 0.0
    minder_pid: int = 0
    minder_start: float = 0.0
    owner_pid: int = 0
    owner_start: float = 0.0


def new_lease(kind: Kind, *, run: str = "", directories: Sequence[Path] = (), name: str = "") -> Lease:
    """A lease with a fresh id. Raises UsageError for a directory nobody would want removed."""
    for folder in directories:
        if not folder.is_absolute() or len(folder.parts) < 3 or folder in (Path.home(), Path.cwd()):
            raise UsageError(f"a lease cannot own {folder}", code="lease-directory")
    return Lease(id=f"{name or kind}-{secrets.token_hex(4)}", kind=kind, run=run, directories=tuple(directories))


def boot() -> str:
    """This boot of this pid namespace: elsewhere, and after a reboot, pids mean other processes."""
    try:
        boot_id = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot_id} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return f"{psutil.boot_time():.0f} -"  # macOS: untested


def take(lease: Lease, runtime: Path) -> tuple[Lease, Path, int]:
    """Write the lease with us as its owner and lock it. Returns it, its file, and the descriptor that holds the lock.

    A lease whose program has ended (restart of an engine) is taken again. Raises TinnyError "lease-held" otherwise.
    """
    lease = msgspec.structs.replace(
        lease,
        boot_id=boot(),
        owner_pid=os.getpid(),
        owner_start=started(os.getpid()),
        pid=0,
        start_time=0.0,
        minder_pid=0,
        minder_start=0.0,
    )
    path = runtime / "leases" / f"{lease.id}.json"
    path.parent.mkdir(mode=0o700, exist_ok=True)
    half_made = path.with_suffix(".new")
    target = path if path.exists() else half_made
    descriptor = os.open(target, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        text = to_json(lease)
        os.pwrite(descriptor, text, 0)
        os.ftruncate(descriptor, len(text))
        if target is half_made:
            os.rename(half_made, path)  # the lock goes with the file, so it never stands there unlocked
    except BlockingIOError as problem:
        os.close(descriptor)
        raise TinnyError(
            f"lease {lease.id} is held by a running program",
            next_step="kill() it before starting it again",
            code="lease-held",
        ) from problem
    except OSError:
        os.close(descriptor)
        raise
    return lease, path, descriptor


def release(lease: Lease, runtime: Path) -> list[str]:
    """Remove the directories of a lease whose program is gone, then its file. Returns what could not be removed."""
    left = [sentence for folder in lease.directories if (sentence := minder.remove(str(folder)))]
    if not left:
        (runtime / "leases" / f"{lease.id}.json").unlink(missing_ok=True)
    return left


def clear(lease: Lease) -> list[int]:
    """Kill what still lives of a lease whose minder is dead; returns the pids. Other boots' pids are not touched.

    Found by pid with the right start time, by session, and by the mark in the environment.
    """
    if lease.boot_id != boot():
        return []
    killed: list[int] = []
    for _ in range(50):  # a forking program needs more than one pass
        found = [pid for pid in _members(lease) if pidfd_kill(pid, signal.SIGSTOP)]
        if not found:
            break
        for pid in found:
            pidfd_kill(pid, signal.SIGKILL)
        await_death(found, 0.2)
        killed += (pid for pid in found if pid not in killed)
    return killed


def _members(lease: Lease) -> Iterator[int]:
    if not lease.pid:
        return
    mark = f"{MARK}={lease.id}".encode()
    for pid in psutil.pids():
        mine = same(pid, lease.start_time) if pid == lease.pid else mark in _environment(pid)  # zombies have none
        if mine and pid != os.getpid():
            yield pid


def _environment(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return []


def sweep(runtime: Path) -> list[str]:
    """Clean up after minders that died: kill what is left of their programs, remove their directories.

    A pid is killed only if its start time matches. Leases that are locked, or whose owner lives, are left alone.
    Returns one sentence for each lease that was swept, and for each thing that could not be removed.
    """
    sentences: list[str] = []
    for path in sorted((runtime / "leases").iterdir()):
        try:
            with _unlocked(path) as free:
                if path.suffix == ".json":
                    sentences += _sweep_one(path, runtime, free=free)
                elif free and time.time() - path.stat().st_mtime > HALF_MADE_SECONDS:
                    path.unlink()
        except FileNotFoundError:
            continue  # its minder has just finished with it
        except OSError as problem:
            sentences.append(f"lease {path.name} set aside: {problem.strerror}")
    return sentences


def _sweep_one(path: Path, runtime: Path, *, free: bool) -> list[str]:
    try:
        lease = from_json(Lease, path.read_bytes(), where=str(path))
    except FormatError as problem:
        return [f"lease set aside, it cannot be read: {problem}"] if free else []
    here = lease.boot_id == boot()
    if here and same(lease.owner_pid, lease.owner_start):
        return []
    if not free:
        if here and same(lease.minder_pid, lease.minder_start):
            pidfd_kill(lease.minder_pid, signal.SIGCONT)  # a stopped minder could not see its owner die
        return []
    if not here and lease.boot_id.split(" ")[0] == boot().split(" ")[0]:
        return []  # another container of this computer: its pids and folders are not ours to judge
    killed = clear(lease)
    left = release(lease, runtime)
    what = f"swept {lease.kind} {lease.id}"
    if killed:
        what += f", killed {len(killed)} process{'es' if len(killed) > 1 else ''}"
    return [what, *left]


@contextlib.contextmanager
def _unlocked(path: Path) -> Iterator[bool]:
    """Hold the lock of a lease file if it is free and the file is still in its place; yields whether it was."""
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            status = os.fstat(descriptor)
            yield status.st_nlink > 0 and status.st_uid == os.geteuid()
    finally:
        os.close(descriptor)

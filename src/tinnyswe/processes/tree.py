"""A process and everything below it, as one thing: freeze, thaw, kill, and whether all of it sleeps."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterable

import psutil

from tinnyswe.processes import minder

LINUX = minder.LINUX
KILL_SECONDS = 10.0


def started(pid: int) -> float:
    """Start time of a process in seconds after boot (macOS, untested: after 1970); 0.0 when there is none."""
    if LINUX:
        return minder.start_time(pid)
    try:
        return float(psutil.Process(pid).create_time())
    except psutil.Error:
        return 0.0


def same(pid: int, start_time: float) -> bool:
    """Whether the process that had this pid and start time still runs; a zombie does not."""
    return start_time > 0 and started(pid) == start_time and _state(pid) not in "ZX"


def pidfd_kill(pid: int, number: int) -> bool:
    """Signal exactly this process, which cannot turn into another one meanwhile. False when it is not there."""
    try:
        if not LINUX:
            os.kill(pid, number)
            return True
        descriptor = os.pidfd_open(pid)
    except (ProcessLookupError, PermissionError):
        return False
    try:
        signal.pidfd_send_signal(descriptor, number)
    except (ProcessLookupError, PermissionError):
        return False
    finally:
        os.close(descriptor)
    return True


def pids(pid: int) -> list[int]:
    """The process and all below it, parents first; zombies and the vanished are left out.

    Below a minder that means all of the minder's descendants, which holds what a double fork or setsid hid elsewhere.
    """
    if not LINUX:  # macOS, untested: no subreaper, so escapees are not found
        try:
            process = psutil.Process(pid)
            return [pid, *(child.pid for child in process.children(recursive=True))]
        except psutil.Error:
            return []
    keeper = _minder_above(pid)
    found = minder.descendants(keeper) if keeper else [pid, *minder.descendants(pid)]
    return [one for one in found if _state(one) not in "ZX"]


def tree(pid: int) -> list[psutil.Process]:
    """The same as `pids`, as psutil's processes."""
    found = []
    for one in pids(pid):
        with contextlib.suppress(psutil.NoSuchProcess):
            found.append(psutil.Process(one))
    return found


def freeze(pid: int) -> None:
    """Stop the whole tree and return once every thread of it stands still.

    Each pass may find children born before their parent stopped; two passes that find nothing new end it.
    """
    seen: set[int] = set()
    quiet = 0
    deadline = time.monotonic() + KILL_SECONDS
    while quiet < 2 and time.monotonic() < deadline:
        fresh = [one for one in pids(pid) if one not in seen]
        for one in fresh:
            pidfd_kill(one, signal.SIGSTOP)
        seen.update(fresh)
        moving = LINUX and any(_state(one) not in "TtZX" for one in seen)
        quiet = 0 if fresh or moving else quiet + 1


def thaw(pid: int) -> None:
    """Let the whole tree run again, children first: a parent must not find its children still frozen."""
    for one in reversed(pids(pid)):
        pidfd_kill(one, signal.SIGCONT)


def kill_tree(pid: int) -> None:
    """Kill the whole tree and wait until nothing of it runs. Children of ours stay zombies for whoever started them."""
    deadline = time.monotonic() + KILL_SECONDS
    found: list[int] = []
    while (found := [*pids(pid), *(one for one in found if _state(one) not in "ZX")]) and time.monotonic() < deadline:
        freeze(pid)
        found = list({*found, *pids(pid)})
        for one in found:
            pidfd_kill(one, signal.SIGKILL)
        await_death(found, 0.5)


def await_death(found: Iterable[int], seconds: float) -> None:
    """Return when none of these runs any more, or after so long. Reaps nothing: an exit status is its parent's."""
    deadline = time.monotonic() + seconds
    while any(_state(one) not in "ZX" for one in found) and time.monotonic() < deadline:
        time.sleep(0.002)


def asleep(pid: int) -> bool:
    """Whether every thread of the whole tree sleeps (or is stopped); a thread that waits for a CPU or a disk does not.

    False when the process is gone: nothing can be concluded from its silence.
    """
    found = pids(pid)
    if not found:
        return False
    if not LINUX:  # macOS, untested: states of single threads are not to be had
        return all(process.status() in (psutil.STATUS_SLEEPING, psutil.STATUS_STOPPED) for process in tree(pid))
    return all(state in "SITtZX" for one in found for state in _thread_states(one))


def _thread_states(pid: int) -> list[str]:
    states = []
    with contextlib.suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):
            states.append(_state(pid, thread))
    return states


def _state(pid: int, thread: str = "") -> str:
    """One letter as in ps; X for what is not there."""
    if not LINUX:  # macOS, untested
        try:
            return "Z" if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE else "S"
        except psutil.Error:
            return "X"
    path = f"/proc/{pid}/task/{thread}/stat" if thread else f"/proc/{pid}/stat"
    try:
        with open(path, "rb") as file:
            return file.read().rpartition(b")")[2].split()[0].decode()
    except (OSError, IndexError):
        return "X"


def _minder_above(pid: int) -> int:
    """The minder whose one program this is; 0 when there is none."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            above = int(file.read().rpartition(b")")[2].split()[1])
        with open(f"/proc/{above}/cmdline", "rb") as file:
            words = file.read().split(b"\0")
    except (OSError, IndexError, ValueError):
        return 0
    return above if os.fsencode(minder.__file__) in words[1:6] else 0

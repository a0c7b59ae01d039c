"""The minder: starts one program and makes sure nothing of it outlives whoever asked for it.

Run as a script (`python -I -S -X utf8 minder.py CONTROL_FD LEASE_FD LEASE_ID`), standard library only, one thread.
Also imported by the rooms around it for the three things both sides need: `descendants`, `start_time`, `remove`.

The control socket carries one JSON object a line. In: first the configuration, then {"do": "signal"|"keep"|"remove"}.
Out: {"pid", "start_time"} or {"error"}, later {"exit": status}, at last {"gone": true, "left": [...]}.
The program's tree dies when the socket closes, when the parent dies (pidfd: a forked copy of the parent may still hold
the socket), when the minder is told to, and at SIGTERM or SIGHUP. The directories of the lease go with it, unless the
order was "keep". If the minder itself is killed, the kernel kills the program (PR_SET_PDEATHSIG) and the free lock on
the lease tells the next sweep.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import select
import shutil
import signal
import socket
import stat
import sys
import time
from typing import Any

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
LOG_END = 1 << 16  # bytes of the log kept at each end
ORPHAN_SECONDS = 0.25  # what the program left behind may finish by itself: minders below it clean their own leases
STUBBORN_SECONDS = 10.0  # a process that SIGKILL does not end (setuid, stuck in the kernel) is reported, not awaited
TICKS = os.sysconf("SC_CLK_TCK")
LINUX = sys.platform == "linux"


def _fields(pid: int) -> list[bytes]:
    """Fields of /proc/PID/stat from the state on; the name before them may hold spaces and brackets."""
    with open(f"/proc/{pid}/stat", "rb") as file:
        return file.read().rpartition(b")")[2].split()


def start_time(pid: int) -> float:
    """Seconds after boot at which this process started; 0.0 when there is none. Exact: equal means the same process."""
    try:
        return int(_fields(pid)[19]) / TICKS
    except (OSError, IndexError, ValueError):
        return 0.0


def descendants(pid: int) -> list[int]:
    """Pids below this process, parents first, without itself. Empty where there is no /proc."""
    children: dict[int, list[int]] = {}
    try:
        names = os.listdir("/proc")
    except OSError:
        return []
    for name in names:
        if name.isdigit():
            try:
                parent = int(_fields(int(name))[1])
            except (OSError, IndexError, ValueError):
                continue
            children.setdefault(parent, []).append(int(name))
    found = [pid]
    seen = {pid}  # a pid taken over while we read could close a circle
    for one in found:
        fresh = [child for child in children.get(one, ()) if child not in seen]
        seen.update(fresh)
        found.extend(fresh)
    return found[1:]


def remove(path: str) -> str:
    """Delete a folder and all below it, never following links. Returns "" or a sentence saying what stayed."""
    if not os.path.lexists(path):
        return ""
    shutil.rmtree(path, ignore_errors=True)
    if os.path.lexists(path) and os.geteuid() != 0:
        for folder, below, _ in os.walk(path):  # a program may have taken its owner's permissions away
            for one in (folder, *(os.path.join(folder, name) for name in below)):
                if not os.path.islink(one):
                    os.chmod(one, stat.S_IRWXU)
        shutil.rmtree(path, ignore_errors=True)
    return f"{path} could not be removed" if os.path.lexists(path) else ""


def prctl(option: int, value: int) -> None:
    """Linux only; elsewhere there is neither a subreaper nor a death signal (macOS: untested)."""
    if LINUX:
        ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


class Log:
    """The program's output on disk: the first and the last 64 KiB of it, readable at any moment."""

    def __init__(self, path: str, limit: int) -> None:
        self.end = max(1, min(LOG_END, limit // 2))
        self.head = 0
        self.tail = bytearray()
        self.dropped = 0
        self.dirty = False
        self.flushed = 0.0
        if os.path.exists(path):
            os.replace(path, path + ".1")
        self.file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)

    def write(self, data: bytes) -> None:
        room = self.end - self.head
        if room > 0:
            with contextlib.suppress(OSError):  # a full disk costs log lines, never the program
                os.pwrite(self.file, data[:room], self.head)
            self.head += len(data[:room])
        if len(data) > room:
            self.tail += data[max(0, room) :]
            if len(self.tail) > 2 * self.end:
                self._trim()
            self.dirty = True

    def _trim(self) -> None:
        extra = len(self.tail) - self.end
        if extra > 0:
            del self.tail[:extra]
            self.dropped += extra

    def flush(self) -> None:
        """Bring the tail on disk up to date; done ten times a second at most while the program runs."""
        if self.dirty:
            self._trim()
            note = f"\n[... {self.dropped} bytes left out ...]\n".encode() if self.dropped else b""
            with contextlib.suppress(OSError):
                os.pwrite(self.file, note + self.tail, self.head)
                os.ftruncate(self.file, self.head + len(note) + len(self.tail))
            self.dirty = False
        self.flushed = time.monotonic()


class Minder:
    """One program, its output, and the socket to whoever asked for it."""

    def __init__(self, control: socket.socket, lease: int, config: dict[str, Any]) -> None:
        self.control = control
        self.lease = lease
        self.config = config
        self.inbox = bytearray()
        self.pid = 0
        self.exited: float | None = None
        self.log = Log(self.config["log"], self.config["log_limit"])
        self.output, self.mouth = os.pipe()
        os.set_blocking(self.output, False)
        self.wake, wake_end = os.pipe()
        for end in (self.wake, wake_end):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(wake_end, warn_on_full_buffer=False)
        self.told_to_end = False
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._told_to_end)
        for number in (signal.SIGINT, signal.SIGQUIT):
            signal.signal(number, signal.SIG_IGN)  # meant for the person's terminal, not for us
        prctl(PR_SET_CHILD_SUBREAPER, 1)

    def _told_to_end(self, *_: Any) -> None:
        self.told_to_end = True

    def tell(self, **message: Any) -> None:
        with contextlib.suppress(OSError):  # the parent is gone; the loop notices by itself
            self.control.sendall(json.dumps(message).encode() + b"\n")

    def start(self) -> bool:
        """Start the program and note it in the lease; False (and the parent told why) when it could not be started."""
        failed, failing = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            _become(self.config, self.mouth, failing)
        for end in (failing, self.mouth, *self.config["pass_fds"]):
            os.close(end)
        with os.fdopen(failed) as file:
            problem = file.read()
        if problem:
            os.waitpid(self.pid, 0)
            self.tell(error=problem)
            return False
        note = {**self.config["lease"], "pid": self.pid, "start_time": start_time(self.pid)}
        note |= {"minder_pid": os.getpid(), "minder_start": start_time(os.getpid())}
        text = json.dumps(note).encode()
        os.pwrite(self.lease, text, 0)
        os.ftruncate(self.lease, len(text))
        self.tell(pid=self.pid, start_time=note["start_time"])
        return True

    def mind(self) -> str:
        """Relay and reap until told otherwise. Returns what to do with the lease: "keep" or "remove"."""
        poll = select.poll()
        for source in (self.control.fileno(), self.wake, self.output):
            poll.register(source, select.POLLIN)
        parent = self._parent()
        if parent >= 0:
            poll.register(parent, select.POLLIN)
        while not self.told_to_end:
            if os.getppid() != self.config["owner_pid"]:
                return "remove"
            ready = {fd for fd, _ in poll.poll(self._patience())}
            if self.output in ready and not self.relay():
                poll.unregister(self.output)
            if self.wake in ready:
                os.read(self.wake, 4096)
            if self.control.fileno() in ready and (order := self._order()):
                return order
            if parent in ready:
                return "remove"
            self.reap()
            if self.exited and time.monotonic() - self.exited > ORPHAN_SECONDS and self.has_children():
                self.slay()
            if self.log.dirty and time.monotonic() - self.log.flushed > 0.1:
                self.log.flush()
        return "remove"

    def _parent(self) -> int:
        try:
            return os.pidfd_open(self.config["owner_pid"])
        except (OSError, AttributeError):
            return -1

    def _patience(self) -> int | None:
        """Milliseconds until something is due without an event."""
        if self.exited and self.has_children():
            return 10
        return 100 if self.log.dirty else None

    def _order(self) -> str:
        """Read what the parent says; "" when the minder goes on."""
        try:
            data = self.control.recv(1 << 16)
        except OSError:
            data = b""
        if not data:
            return "remove"
        self.inbox += data
        while b"\n" in self.inbox:
            line, _, rest = bytes(self.inbox).partition(b"\n")
            self.inbox = bytearray(rest)
            order = json.loads(line)
            if order["do"] != "signal":
                return str(order["do"])
            if self.exited is None:  # not reaped yet, so the pid is still ours
                with contextlib.suppress(OSError):
                    os.kill(self.pid, order["signal"])
                    os.killpg(self.pid, signal.SIGCONT)  # a frozen program could not obey
        return ""

    def relay(self) -> bool:
        """Move waiting output to the log; False at its end. Bounded, so orders are heard below a flood of output."""
        for _ in range(16):
            try:
                data = os.read(self.output, 1 << 16)
            except BlockingIOError:
                return True
            if not data:
                return False
            self.log.write(data)
        return True

    def has_children(self) -> bool:
        try:
            os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return False
        return True

    def reap(self) -> bool:
        """Collect what has ended; False when no child is left at all."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            if pid == self.pid:
                self.exited = time.monotonic()
                self.relay()
                self.log.flush()
                self.tell(exit=os.waitstatus_to_exitcode(status))

    def slay(self) -> list[int]:
        """Stop the tree, rescan until nothing new appears, kill it, reap; again until no child is left."""
        give_up = time.monotonic() + STUBBORN_SECONDS
        pause = 0.001
        while self.reap():
            stopped: set[int] = set()
            while fresh := set(descendants(os.getpid())) - stopped:
                _signal_all(fresh, signal.SIGSTOP)
                stopped |= fresh
            _signal_all(stopped or {self.pid}, signal.SIGKILL)
            if not LINUX and self.exited is None:
                os.killpg(self.pid, signal.SIGKILL)  # macOS, untested: only the group is known
            if time.monotonic() > give_up:
                return sorted(stopped)
            if select.select([self.wake], [], [], pause)[0]:
                os.read(self.wake, 4096)
            pause = min(0.05, pause * 2)
        return []

    def finish(self, order: str) -> None:
        left = [f"process {pid} does not end" for pid in self.slay()]
        self.relay()
        self.log.flush()
        directories = self.config["lease"]["directories"]
        if order == "remove":
            left += filter(None, map(remove, directories))
        if not left and (order == "remove" or not directories):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.config["lease_file"])
        self.tell(gone=True, left=left)


def _signal_all(pids: set[int], number: int) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def _become(config: dict[str, Any], mouth: int, failing: int) -> None:
    """In the forked child: turn into the program. Never returns; a failure is written to `failing`."""
    step = "prepare"
    try:
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT, signal.SIGQUIT):
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        os.setsid()
        identity = config["identity"]
        if identity:
            os.fchown(mouth, *identity)  # else opening /dev/stderr is refused
        os.dup2(os.open(os.devnull, os.O_RDWR), 0)
        os.dup2(mouth, 1)
        os.dup2(mouth, 2)
        keep = sorted({0, 1, 2, failing, *config["pass_fds"]})
        for low, high in zip(keep, [*keep[1:], os.sysconf("SC_OPEN_MAX")], strict=True):
            os.closerange(low + 1, high)
        for fd in config["pass_fds"]:
            os.set_inheritable(fd, True)
        if identity:
            step = f"become uid {identity[0]}"
            os.setgroups([])
            os.setgid(identity[1])
            os.setuid(identity[0])
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # after the drop: changing uid clears it
        if os.getppid() != config["minder_pid"]:
            os._exit(1)
        step = f"enter {config['cwd']}"
        os.chdir(config["cwd"])
        step = f"run {config['argv'][0]}"
        os.execvpe(config["argv"][0], config["argv"], config["env"])
    except BaseException as problem:
        reason = problem.strerror if isinstance(problem, OSError) else repr(problem)
        os.write(failing, f"could not {step}: {reason}".encode("utf-8", "replace"))
    os._exit(127)


def _configuration(control: socket.socket) -> dict[str, Any]:
    """The first line on the socket; the parent sends nothing more until it is answered."""
    line = bytearray()
    while not line.endswith(b"\n"):
        data = control.recv(1 << 16)
        if not data:
            sys.exit(0)  # the parent died before it said what to run
        line += data
    config: dict[str, Any] = json.loads(line)
    return config | {"minder_pid": os.getpid()}


def main() -> None:
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    control = socket.socket(fileno=int(sys.argv[1]))
    lease = int(sys.argv[2])
    for fd in (control.fileno(), lease):
        os.set_inheritable(fd, False)
    config = _configuration(control)
    try:
        minder = Minder(control, lease, config)
    except OSError as problem:
        control.sendall(json.dumps({"error": f"could not write {config['log']}: {problem.strerror}"}).encode() + b"\n")
        return
    order = "keep"  # also when the program could not be started, or the minder itself fails: nothing is lost
    try:
        if minder.start():
            order = minder.mind()
    finally:
        minder.finish(order)


if __name__ == "__main__":
    main()

"""What a test run left behind: looks at the computer itself, before and after, and believes no clean-up code.

`before = look(places)` and `left_behind(before, look(places), places)`: one sentence for each thing that is new.
Other people's programs run beside the tests, so only what can be told apart as ours counts, and places shared with
other runs of tinnySWE only while there is none. In CI nobody else is there: with `alone`, all that is new counts.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import psutil

MARKER = "TINNY_TEST_SESSION"
_OUR_UIDS = {os.getuid(), *((65533, 65534) if os.getuid() == 0 else ())}  # root's learners and engines have the latter
_PROJECT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Places:
    """Where this run may put things. session: this run's own folder in /tmp; marker: its value of MARKER."""

    session: Path
    marker: str
    alone: bool


@dataclass(frozen=True)
class Sight:
    """What was there at one moment; processes as (pid, start time)."""

    processes: frozenset[tuple[int, float]]
    ports: frozenset[int]
    shared_memory: frozenset[str]
    folders: frozenset[str]
    project: frozenset[str]
    others_at_work: bool


def look(places: Places) -> Sight:
    """See processes, listening ports, shared memory, /tmp and the work tree as they are now."""
    ours = frozenset(_our_processes(places))
    return Sight(
        processes=ours,
        ports=frozenset(_ports({pid for pid, _ in ours} | {os.getpid()}, alone=places.alone)),
        shared_memory=frozenset(_shared_memory()),
        folders=frozenset(_folders(places)),
        project=frozenset(_project_files()) if places.alone else frozenset(),
        others_at_work=not places.alone and _others_at_work({pid for pid, _ in ours}),
    )


def left_behind(before: Sight, after: Sight, places: Places) -> list[str]:
    """One sentence for each thing in `after` that `before` had not, and for each file in the run's own folder."""
    sentences = [_describe(pid) for pid, start in sorted(after.processes - before.processes)]
    sentences += [f"listening port {port}" for port in sorted(after.ports - before.ports)]
    if not (before.others_at_work or after.others_at_work):
        sentences += [f"shared memory {name}" for name in sorted(after.shared_memory - before.shared_memory)]
        sentences += [f"in /tmp: {name}" for name in sorted(after.folders - before.folders)]
    sentences += [f"in the project: {line}" for line in sorted(after.project - before.project)]
    for name in ("runtime", "tmp"):
        folder = places.session / name
        found = sorted(folder.rglob("*")) if folder.is_dir() else []
        sentences += [f"file {path}" for path in found if path != folder / "leases"]
    return sentences


def _our_processes(places: Places) -> list[tuple[int, float]]:
    """All below the supervisor (or below us), and all that carry our marker or work in our folder."""
    me = psutil.Process()
    root = psutil.Process(int(os.environ.get("TINNY_TEST_SUPERVISOR", me.pid)))
    family = {me.pid, *(parent.pid for parent in me.parents())}
    below = {process.pid for process in root.children(recursive=True)}
    found = []
    for process in psutil.process_iter():
        if process.pid in family:
            continue
        try:
            if process.status() == psutil.STATUS_ZOMBIE and process.ppid() in family:
                continue  # dead, and its parent is a subprocess.Popen that nobody asked yet
            if process.pid in below or _is_marked(process, places):
                found.append((process.pid, process.create_time()))
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


def _is_marked(process: psutil.Process, places: Places) -> bool:
    session = str(places.session)
    try:
        return (
            process.environ().get(MARKER) == places.marker
            or process.cwd().startswith(session)
            or any(session in word for word in process.cmdline())
        )
    except (psutil.NoSuchProcess, psutil.AccessDenied, OSError):
        return False


def _others_at_work(ours: set[int]) -> bool:
    """Whether some tinny runs here that is neither below nor above us."""
    me = psutil.Process()
    family = {me.pid, *(parent.pid for parent in me.parents())} | ours
    for process in psutil.process_iter():
        try:
            if process.pid not in family and any("tinny" in word or "pytest" in word for word in process.cmdline()):
                return True
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return False


def _ports(pids: set[int], *, alone: bool) -> list[int]:
    """Listening TCP ports of these processes; with `alone`, of all processes that run as one of our uids."""
    if not alone:
        listening = []
        for pid in pids:
            try:
                listening += psutil.Process(pid).net_connections("tcp")
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue
        return [each.laddr.port for each in listening if each.status == psutil.CONN_LISTEN]
    ports = []
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:] if Path(table).exists() else ():
            _, local, _, state, *_, uid, _, _ = line.split()[:10]
            if state == "0A" and int(uid) in _OUR_UIDS:
                ports.append(int(local.rpartition(":")[2], 16))
    return ports


def _shared_memory() -> list[str]:
    """POSIX segments that no live process maps, and System V segments that nobody is attached to."""
    names = []
    folder = Path("/dev/shm")
    entries = [entry for entry in folder.iterdir() if entry.lstat().st_uid in _OUR_UIDS] if folder.is_dir() else []
    if entries:
        mapped = _mapped_files()
        names += [str(entry) for entry in entries if entry.is_dir() or str(entry) not in mapped]
    table = Path("/proc/sysvipc/shm")
    for line in table.read_text().splitlines()[1:] if table.exists() else ():
        key, segment, _, _, _, _, attached, uid, *_ = line.split()
        if attached == "0" and int(uid) in _OUR_UIDS:
            names.append(f"System V segment {segment} (key {key})")
    return names


def _mapped_files() -> set[str]:
    found = set()
    for maps in Path("/proc").glob("[0-9]*/maps"):
        try:
            lines = maps.read_text().splitlines()
        except OSError:
            continue
        found |= {line[line.index("/dev/shm/") :] for line in lines if "/dev/shm/" in line}
    return found


def _folders(places: Places) -> list[str]:
    found = []
    for entry in Path("/tmp").iterdir():
        try:
            ours = entry.lstat().st_uid in _OUR_UIDS and (places.alone or entry.name.startswith("tinny"))
        except FileNotFoundError:
            continue
        if ours and entry != places.session:
            found.append(str(entry))
            default_runtime = entry.name == f"tinny-{os.getuid()}"
            found += [str(inner) for inner in entry.iterdir()] if default_runtime and places.alone else []
    return found


def _project_files() -> list[str]:
    if not (_PROJECT / ".git").exists():
        return []
    status = subprocess.run(
        ["git", "-c", f"safe.directory={_PROJECT}", "status", "--porcelain", "--untracked-files=all"],
        cwd=_PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    return status.stdout.splitlines()


def _describe(pid: int) -> str:
    try:
        process = psutil.Process(pid)
        words = process.cmdline() or [process.name()]
        return f"process {pid} (parent {process.ppid()}): {' '.join(words)[:200]}"
    except psutil.Error:
        return f"process {pid}"


def session_folder() -> Path:
    """This run's own folder in /tmp: short (socket paths end at ~104 bytes) and passable for the learner's uid."""
    folder = Path("/tmp" if sys.platform == "linux" else os.environ.get("TMPDIR", "/tmp")) / f"tt-{os.getpid()}"
    folder.mkdir(mode=0o755)
    return folder

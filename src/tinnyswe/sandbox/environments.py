"""The Python environment of a topic: its lock file, installed once, shared by every lab of the topic, read-only."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from tinnyswe.model.base import Record, from_json, to_json
from tinnyswe.model.errors import CannotRunHere, FormatError, TinnyError
from tinnyswe.processes import Identity, cache_folder, can_read_and_execute, learner_identity, open_to_all

__all__ = ["Environment", "cache_folder", "environment", "interpreter"]

Progress = Callable[[str], None]

INSTALL_SECONDS = 900.0
READY = "tinny.json"  # written last: an environment without it was never finished
RECIPE = 1  # raised when environments are built differently
# -S keeps user site and .pth files out; these imports need the standard library and its shared objects.
PROBE = ("-I", "-S", "-c", "import asyncio, ctypes, json, socket, ssl, sys; sys.exit(sys.version_info < (3, 11))")
NO_NETWORK = re.compile(
    r"dns error|failed to lookup|error sending request|connection refused|timed out|network is unreachable"
    r"|network was disabled|could not connect|client error",
    re.IGNORECASE,
)


class Environment(Record, frozen=True, kw_only=True):
    """An installed environment. packages: name==version, sorted. lock_digest: of the lock file's bytes."""

    format: int = 1
    python: Path
    lock_digest: str
    packages: tuple[str, ...] = ()


def environment(lock: Path, cache: Path, *, offline: bool = False, progress: Progress | None = None) -> Environment:
    """The environment for this lock file, installed first if it is not there. Without a lock file it is an empty one.

    progress is told one sentence before anything slow. Raises CannotRunHere "not-installed" (offline) or "no-network",
    "no-interpreter"; TinnyError "environment-failed" with uv's last words.
    """
    text = lock.read_bytes() if lock.exists() else b""
    digest = hashlib.sha256(text).hexdigest()
    who = learner_identity()
    base = interpreter(who)
    root = cache / "environments" / _key(digest, base)
    open_to_all(root.parent)
    if (found := _finished(root)) and found.lock_digest == digest:
        return found
    with _only_one(root.with_suffix(".lock")):
        if (found := _finished(root)) and found.lock_digest == digest:  # another process was faster
            return found
        if progress:
            progress(f"installing the packages of {lock.parent.name} (once)")
        shutil.rmtree(root, ignore_errors=True)
        _build(root, base, lock if text.strip() else None, offline)
        made = Environment(python=root / "bin" / "python", lock_digest=digest, packages=_packages(root))
        if not can_read_and_execute(who, made.python, PROBE):
            raise TinnyError(
                "the environment was installed, but the learner's user cannot run it",
                where=str(made.python),
                next_step="set TINNY_CACHE to a folder that every user can enter",
                code="environment-failed",
            )
        half = root / f"{READY}.new"
        half.write_bytes(to_json(made))
        half.chmod(0o644)
        half.rename(root / READY)
        return made


def interpreter(who: Identity | None) -> Path:
    """The first Python ≥ 3.11 that this identity can run: ours, then the newest on PATH and in the system's folders.

    As root ours may live in /root, where nobody else can go. Raises CannotRunHere "no-interpreter".
    """
    ours = Path(getattr(sys, "_base_executable", "") or sys.executable).resolve()
    if who is None:
        return ours  # it is running right now
    names = [f"python3.{sys.version_info.minor}", *(f"python3.{minor}" for minor in (14, 13, 12, 11)), "python3"]
    folders = [*os.environ.get("PATH", "").split(os.pathsep), "/usr/local/bin", "/usr/bin"]
    seen = (shutil.which(name, path=folder) for name in names for folder in folders if folder)
    found = [ours, *(Path(path).resolve() for path in seen if path)]
    for candidate in dict.fromkeys(found):
        if can_read_and_execute(who, candidate, PROBE):
            return candidate
    raise CannotRunHere(
        "no Python 3.11 or newer here can be run by the learner's user",
        where=", ".join(map(str, dict.fromkeys(found))),
        next_step="install one for all users, e.g. apt install python3",
        code="no-interpreter",
    )


def _key(digest: str, base: Path) -> str:
    """One environment for each lock, interpreter and way of building; a replaced interpreter gets a new one."""
    status = base.stat()
    which = f"{RECIPE} {digest} {base} {status.st_size} {status.st_mtime_ns}"
    return f"{base.name}-{hashlib.sha256(which.encode()).hexdigest()[:16]}"


def _finished(root: Path) -> Environment | None:
    try:
        found = from_json(Environment, (root / READY).read_bytes(), where=str(root / READY))
    except (OSError, FormatError):
        return None
    return found if os.access(found.python, os.X_OK) else None


@contextlib.contextmanager
def _only_one(path: Path) -> Iterator[None]:
    """Two commands that want the same environment: the second waits for the first."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _build(root: Path, base: Path, lock: Path | None, offline: bool) -> None:
    """Make the environment in its final place (its scripts and compiled files name it), with uv's own configuration.

    Copies, not hard links: learner code could otherwise write through them into uv's cache of the whole user.
    """
    _uv(["venv", "--quiet", "--no-project", "--python", str(base), str(root)], root.parent, offline)
    if lock is None:
        return
    install = ["pip", "install", "--quiet", "--require-hashes", "--no-deps", "--compile-bytecode"]
    where = ["--link-mode", "copy", "--python", str(root / "bin" / "python"), "-r", str(lock.absolute())]
    _uv([*install, *where], root.parent, offline)


def _uv(arguments: list[str], cwd: Path, offline: bool) -> None:
    import uv  # its only use, and only when something is to be installed

    flags = ["--offline"] if offline else []
    environ = {**os.environ, "UV_PYTHON_DOWNLOADS": "never"}
    environ.pop("VIRTUAL_ENV", None)
    command = [uv.find_uv_bin(), *arguments, *flags]
    try:
        done = subprocess.run(
            command,
            cwd=cwd,
            env=environ,
            umask=0o022,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=INSTALL_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as problem:
        raise CannotRunHere(
            f"installing took more than {INSTALL_SECONDS:.0f} s", next_step="try again", code="no-network"
        ) from problem
    if done.returncode != 0:
        raise _explained(done.stderr.strip(), offline)


def _explained(said: str, offline: bool) -> TinnyError:
    last = "\n".join(said.splitlines()[-12:])
    if offline:
        return CannotRunHere(
            f"the topic's packages are not installed here, and --offline forbids to fetch them\n{last}",
            next_step="run the same command once without --offline",
            code="not-installed",
        )
    if NO_NETWORK.search(said):
        return CannotRunHere(
            f"the topic's packages could not be fetched\n{last}",
            next_step="check the network and uv's configuration, then run the same command again",
            code="no-network",
        )
    return TinnyError(
        f"the topic's packages could not be installed\n{last}",
        next_step="check requirements.lock of the topic",
        code="environment-failed",
    )


def _packages(root: Path) -> tuple[str, ...]:
    folders = [str(path) for path in root.glob("lib/python3.*/site-packages")]
    found = importlib.metadata.distributions(path=folders)
    return tuple(sorted(f"{one.metadata['Name'].lower()}=={one.version}" for one in found))

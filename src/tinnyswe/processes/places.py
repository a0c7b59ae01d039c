"""Where things live on this computer that belong to no single run: the cache, and the short runtime folder."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import platformdirs

from tinnyswe.model.errors import TinnyError

# A Unix socket's path holds 104 bytes on macOS and 108 on Linux; "leases/engine-postgres-1a2b3c4d.json" and
# ".s.PGSQL.54321" below a run's folder need up to 60 of them.
SHORT = 40


def cache_folder() -> Path:
    """Installed engines and environments. TINNY_CACHE overrides it; as root it is where other uids can read.

    The folder exists afterwards. Raises TinnyError when it cannot be made.
    """
    named = os.environ.get("TINNY_CACHE")
    if named:
        folder = Path(named).absolute()
    elif os.geteuid() == 0:
        folder = Path("/var/cache/tinnyswe")
    else:
        folder = Path(platformdirs.user_cache_dir("tinnyswe"))
    try:
        open_to_all(folder)
    except OSError as problem:
        raise TinnyError(
            f"the cache folder cannot be made: {problem.strerror}",
            where=str(folder),
            next_step="set TINNY_CACHE to a folder you can write to",
            code="no-cache-folder",
        ) from problem
    return folder


def open_to_all(folder: Path) -> None:
    """Make a folder and what is missing above it; as root every uid may enter what was made, whatever our umask."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    if os.geteuid() == 0:
        for path in missing:
            path.chmod(0o755)


def runtime_folder() -> Path:
    """Sockets and leases of this user, on a short path, gone after a reboot. TINNY_RUNTIME overrides it (tests).

    The folder and its `leases` folder exist afterwards. Raises TinnyError when somebody else owns it.
    """
    named = os.environ.get("TINNY_RUNTIME")
    if named:
        return _private(Path(named).absolute())
    session = os.environ.get("XDG_RUNTIME_DIR", "")
    if session and len(session) < SHORT and _ours(Path(session)):
        return _private(Path(session) / "tinny")
    return _private(Path(f"/tmp/tinny-{os.geteuid()}"))


def _ours(folder: Path) -> bool:
    try:
        status = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid()


def _private(folder: Path) -> Path:
    """Make a folder only we can list. Root's may be passed through: its programs run as other uids and need sockets."""
    mode = 0o711 if os.geteuid() == 0 else 0o700
    try:
        folder.mkdir(mode=mode, parents=True, exist_ok=True)
    except OSError as problem:
        raise _unusable(folder, problem.strerror or "it cannot be made") from problem
    if not _ours(folder):  # anybody may make /tmp/tinny-1000 before us
        raise _unusable(folder, "it is not a folder of yours")
    folder.chmod(mode)
    (folder / "leases").mkdir(mode=0o700, exist_ok=True)
    return folder


def _unusable(folder: Path, why: str) -> TinnyError:
    return TinnyError(
        f"the runtime folder is unusable: {why}",
        where=str(folder),
        next_step="remove it, or set TINNY_RUNTIME to a short path of your own",
        code="no-runtime-folder",
    )

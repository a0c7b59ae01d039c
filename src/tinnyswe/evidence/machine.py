"""The random name this computer has in one workspace. It never enters git, so two computers never share a file."""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import secrets
from pathlib import Path

import msgspec

from tinnyswe.evidence.storage import storing, write_all
from tinnyswe.model.base import Record, to_json


class _Machine(Record, frozen=True, kw_only=True):
    """seal: where the name was given. A copy of the folder on another computer, or beside it, gets a new name."""

    format: int = 1
    id: str
    seal: str


def machine_id(path: Path) -> str:
    """Return the name kept in `path` (.tinny/machine), made on first use; raises TinnyError when it cannot be kept."""
    with storing(path, "Nothing was recorded"):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            known = _read(os.pread(descriptor, 4096, 0))
            if known and known.seal == _seal(path):
                return known.id
            made = _Machine(id=secrets.token_hex(4), seal=_seal(path))
            os.ftruncate(descriptor, 0)
            os.lseek(descriptor, 0, os.SEEK_SET)
            write_all(descriptor, to_json(made) + b"\n")
            os.fsync(descriptor)
            return made.id
        finally:
            os.close(descriptor)


def _read(content: bytes) -> _Machine | None:
    try:
        return msgspec.json.decode(content, type=_Machine)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _seal(path: Path) -> str:
    try:
        computer = Path("/etc/machine-id").read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        computer = platform.node()
    return hashlib.sha256(f"{computer}\n{os.fspath(path.resolve())!r}".encode()).hexdigest()

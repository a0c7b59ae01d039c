"""Whom programs run as: nobody but us for an ordinary user, two powerless uids when we are root."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tinnyswe.model.base import Record

PROBE_SECONDS = 20.0


class Identity(Record, frozen=True, kw_only=True):
    """A uid and gid to become, without supplementary groups. Only root can become another one."""

    uid: int
    gid: int


# Numbers without a passwd entry are enough: HOME, USER and LOGNAME are set. The learner's differs from the engine's,
# or the learner's program could signal the engine and read its data.
ENGINE = Identity(uid=65534, gid=65534)
LEARNER = Identity(uid=65533, gid=65533)


def engine_identity() -> Identity | None:
    """Whom an engine becomes: None (stay) unless we are root."""
    return ENGINE if os.geteuid() == 0 else None


def learner_identity() -> Identity | None:
    """Whom the learner's program becomes: None (stay) unless we are root."""
    return LEARNER if os.geteuid() == 0 else None


def own(path: Path, identity: Identity | None) -> None:
    """Give this one file or folder to `identity`; nothing to do when that is None."""
    if identity is not None:
        os.chown(path, identity.uid, identity.gid, follow_symlinks=False)


def can_read_and_execute(identity: Identity | None, path: Path, arguments: Sequence[str] = ("--version",)) -> bool:
    """Whether `path ARGUMENTS` runs to status 0 as this identity: tried, because modes and ACLs cannot be trusted."""
    who: dict[str, Any] = {} if identity is None else {"user": identity.uid, "group": identity.gid, "extra_groups": []}
    try:
        done = subprocess.run(
            [str(path), *arguments],
            env={"LANG": "C.UTF-8", "PATH": os.defpath},
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=PROBE_SECONDS,
            check=False,
            **who,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0

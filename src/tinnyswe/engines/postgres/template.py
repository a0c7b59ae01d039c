"""A data folder made once by initdb, kept in the cache, and copied for every start (0.05 s instead of 0.5 s)."""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import subprocess
import sys
from pathlib import Path

from tinnyswe.engines import store
from tinnyswe.engines.base import EngineError, Install
from tinnyswe.engines.server import data_folder, make_folder
from tinnyswe.model.errors import TinnyError
from tinnyswe.processes.identity import engine_identity, own
from tinnyswe.processes.lease import new_lease, take
from tinnyswe.processes.spawn import spawn

SUPERUSER = "grader"
_INITDB_SECONDS = 60.0
# 1 MB of WAL a segment keeps a data folder at 30 MB; the built-in C.UTF-8 sorts alike on every system.
SETTINGS = (
    f"--username={SUPERUSER}", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8", "--text-search-config=english", "--wal-segsize=1", "--no-sync", "--no-instructions",
)  # fmt: skip


def copy_template(install: Install, target: Path, *, runtime: Path, run: str) -> str:
    """Put a fresh data folder at `target` (not there yet), owned by whom the server runs as.

    Returns the superuser's password in it, which every copy shares: change it before anybody else may connect.
    """
    template = _template(install, runtime=runtime, run=run)
    copy = ["cp", "-Rp", str(template / "data"), str(target)]  # keeps owner and modes; shutil takes three times as long
    done = subprocess.run(copy, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        shutil.rmtree(target, ignore_errors=True)
        raise TinnyError(
            f"the data folder could not be copied: {done.stderr.strip()[:300]}",
            where=str(target),
            next_step="Make room: 50 MB are needed.",
            code="no-room",
        )
    return (template / "password").read_text()


def _template(install: Install, *, runtime: Path, run: str) -> Path:
    """The cached folder, made when it is not there. One for each user the server may run as."""
    key = hashlib.sha256(repr((install.binary_sha256, SETTINGS)).encode()).hexdigest()[:12]
    identity = engine_identity()
    uid = identity.uid if identity else os.geteuid()
    template = install.home.with_name(f"{install.home.name}.data-{key}-{uid}")
    if (template / "password").exists():
        return template
    with store.locked(template):
        if not (template / "password").exists():
            shutil.rmtree(template, ignore_errors=True)
            _make(install, template, runtime=runtime, run=run)
    return template


def _make(install: Install, template: Path, *, runtime: Path, run: str) -> None:
    password = secrets.token_urlsafe(18)
    scratch = data_folder("initdb")
    logs = scratch.with_name(scratch.name + "-log")  # initdb's uid may not write where we log
    lease = new_lease("scratch", run=run, directories=(scratch, logs), name="initdb")
    os.close(take(lease, runtime)[2])
    make_folder(scratch)
    logs.mkdir(mode=0o700)
    pwfile = scratch / "password"
    pwfile.touch(mode=0o600)
    pwfile.write_text(password)
    own(pwfile, engine_identity())
    command = [str(install.binary("initdb")), f"--pgdata={scratch / 'data'}", f"--pwfile={pwfile}", *SETTINGS]
    log = logs / "initdb.log"
    with spawn(
        command,
        cwd=scratch,
        env={"LANG": "C.UTF-8", "TZ": "UTC", "PATH": os.defpath},
        log=log,
        lease=lease,
        identity=engine_identity(),
        runtime=runtime,
    ) as initdb:
        status = initdb.wait(_INITDB_SECONDS)
        initdb.kill()
        if status != 0:
            said = log.read_text("utf-8", "replace").strip()[-1000:]
            raise EngineError(
                f"initdb failed ({'no end after 60 s' if status is None else f'status {status}'}): {said}",
                next_step="tinny engines install postgres",
                code="initdb-failed",
            )
        _keep(scratch / "data", template, password)


def _keep(data: Path, template: Path, password: str) -> None:
    """Move the finished data folder into the cache in one step; only we may look into it."""
    new = template.with_name(f".new-{secrets.token_hex(4)}")
    new.mkdir(mode=0o700)
    try:
        subprocess.run(["cp", "-Rp", str(data), str(new / "data")], check=True, capture_output=True)
        (new / "password").touch(mode=0o600)
        (new / "password").write_text(password)
        new.rename(template)
    finally:
        shutil.rmtree(new, ignore_errors=True)


def forget_shared_memory(data: Path) -> None:
    """Have the kernel free the server's System V segment when its last process ends, however that ends.

    Postgres keeps a few bytes there to notice a second server on one data folder, and after SIGKILL they would stay
    for good. Linux lets a segment be marked while it is in use; elsewhere it is left alone.
    """
    if not sys.platform.startswith("linux"):
        return
    import ctypes

    try:
        identifier = int((data / "postmaster.pid").read_text().splitlines()[6].split()[1])
    except (OSError, IndexError, ValueError):
        return
    remove = 0  # IPC_RMID
    ctypes.CDLL(None).shmctl(identifier, remove, None)

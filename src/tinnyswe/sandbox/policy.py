"""What a learner's program may use, as pure data: decided here, applied by a backend, tested without a jail."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

from tinnyswe.model.base import Record
from tinnyswe.model.lab import Limits
from tinnyswe.processes import Identity

MB = 1 << 20
SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"

# Measured with FastAPI 0.165 + uvicorn + psycopg 3.3 + redis, 60 requests at once in 40 threads, glibc 2.36:
# 78 MB resident, 390 MB writable private memory (40 stacks of 8 MB are 320 of them), 1409 MB address space.
# RLIMIT_AS at 512 MB or 1 GB: "can't start new thread", half of the requests fail. RLIMIT_DATA at 512: all answered;
# at 256: "can't start new thread". Node runs below both; Java needs an address space above 2 GB, and runs below 8 GB.
# So memory is limited by RLIMIT_DATA (what a program can really fill), plus the stacks of a thread pool, and the
# address space only far above, against mappings that RLIMIT_DATA does not count (shared, files).
POOL_STACKS = 40 * 8 * MB
ADDRESS_SPACE = 8192 * MB

# RLIMIT_NPROC counts threads, and all of a uid's, not those of one program: two copies with a pool of 40 threads each
# count 80. The factor leaves room for that and for a second run beside this one; a fork bomb ends at 1024.
THREADS_PER_PROCESS = 16

FILE_SIZE = 256 * MB  # of any one file; logs go through a pipe and are capped elsewhere
OPEN_FILES = 1024


class Policy(Record, frozen=True, kw_only=True):
    """Everything a backend applies to one program. Sizes in bytes, cpu_seconds per process.

    identity: whom it becomes; None = stays who we are, then `processes` is not applied: it would count the whole
    session of the person. home and tmp are made for it, private and writable; read_only must be readable and is not
    to be changed. A backend says itself which of these it can enforce.
    """

    identity: Identity | None
    cwd: Path
    home: Path
    tmp: Path
    read_only: tuple[Path, ...]
    writable: tuple[Path, ...]
    env: dict[str, str]
    data_bytes: int
    address_space: int
    processes: int
    open_files: int = OPEN_FILES
    file_size: int = FILE_SIZE
    cpu_seconds: int
    umask: int = 0o077

    def rlimits(self) -> dict[str, tuple[int, int]]:
        """Names of resource.RLIMIT_* with soft and hard value."""
        cpu = (self.cpu_seconds, self.cpu_seconds + 5)  # SIGXCPU first: its name in the exit status explains itself
        limits = {
            "DATA": (self.data_bytes, self.data_bytes),
            "AS": (self.address_space, self.address_space),
            "FSIZE": (self.file_size, self.file_size),
            "NOFILE": (self.open_files, self.open_files),
            "CORE": (0, 0),
            "CPU": cpu,
        }
        if self.identity is not None:
            limits["NPROC"] = (self.processes, self.processes)
        return limits


def policy(
    limits: Limits,
    *,
    identity: Identity | None,
    submission: Path,
    folder: Path,
    python: Path,
    env: Mapping[str, str],
    cores: int = 4,
) -> Policy:
    """The policy of one copy of a learner's program.

    folder: this copy's own, which gets its home and tmp. python: interpreter of the topic's environment. env: what the
    contract names (DSN, PORT); it wins over what is set here. cores: CPUs its threads may keep busy.
    """
    home, tmp = folder / "home", folder / "tmp"
    return Policy(
        identity=identity,
        cwd=submission,
        home=home,
        tmp=tmp,
        read_only=(submission, python.parent.parent),
        writable=(home, tmp),
        env={
            "PATH": f"{python.parent}:{SYSTEM_PATH}",
            "HOME": str(home),
            "TMPDIR": str(tmp),
            "USER": "learner",
            "LOGNAME": "learner",
            "LANG": "C.UTF-8",
            "PYTHONUNBUFFERED": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            **env,
        },
        data_bytes=limits.memory_mb * MB + POOL_STACKS,
        address_space=max(ADDRESS_SPACE, 4 * limits.memory_mb * MB),
        processes=limits.processes * THREADS_PER_PROCESS,
        cpu_seconds=math.ceil(limits.run_seconds * cores) + 5,  # second line; the wall clock is the first
    )

"""What a learner's program may use is data; here it is looked at without a jail."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest

from tinnyswe.model.lab import Limits
from tinnyswe.processes import Identity
from tinnyswe.sandbox.policy import MB, Policy, policy

SOMEBODY = Identity(uid=65533, gid=65533)


def rules(identity: Identity | None = SOMEBODY, env: dict[str, str] | None = None, **limits: float) -> Policy:
    return policy(
        Limits(**limits),
        identity=identity,
        submission=Path("/s"),
        folder=Path("/scratch/a"),
        python=Path("/cache/env/bin/python"),
        env=env or {},
    )


def test_the_environment_is_short_and_names_private_places() -> None:
    assert rules(env={"PORT": "80", "LANG": "C"}).env == {
        "PATH": "/cache/env/bin:/usr/local/bin:/usr/bin:/bin",
        "HOME": "/scratch/a/home",
        "TMPDIR": "/scratch/a/tmp",
        "USER": "learner",
        "LOGNAME": "learner",
        "LANG": "C",
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PORT": "80",
    }


def test_only_home_and_tmp_are_writable() -> None:
    assert rules().writable == (Path("/scratch/a/home"), Path("/scratch/a/tmp"))
    assert rules().read_only == (Path("/s"), Path("/cache/env"))
    assert rules().umask == 0o077


def test_memory_leaves_room_for_the_stacks_of_a_thread_pool() -> None:
    limits = rules(memory_mb=512).rlimits()
    assert limits["DATA"] == ((512 + 320) * MB,) * 2
    assert limits["AS"][0] >= 8192 * MB
    assert rules(memory_mb=4096).rlimits()["AS"][0] > rules(memory_mb=4096).rlimits()["DATA"][0]


def test_no_core_and_the_soft_cpu_limit_comes_first() -> None:
    limits = rules(run_seconds=10).rlimits()
    assert limits["CORE"] == (0, 0)
    soft, hard = limits["CPU"]
    assert 40 < soft < hard


def test_tasks_are_counted_only_for_a_uid_of_their_own() -> None:
    assert rules(processes=64).rlimits()["NPROC"] == (1024, 1024)
    assert "NPROC" not in rules(identity=None).rlimits()


@pytest.mark.parametrize("name", sorted(rules().rlimits()))
def test_every_limit_is_one_the_system_knows(name: str) -> None:
    assert hasattr(resource, f"RLIMIT_{name}")

"""The contract of a running engine, the same for all of them."""

from __future__ import annotations

import os
import socket
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from contracts.engines.engine_habits import DISK_FULL, DURABLE, REFUSED, session
from tinnyswe.engines.base import EngineError, Install, Instance
from tinnyswe.labkit import until
from tinnyswe.model.errors import UsageError

Start = Callable[..., Instance]


def test_started_means_a_learner_can_use_it(kind: str, start: Start, install: Install) -> None:
    instance = start(kind)
    scope = instance.scope("shop")
    with session(kind, scope.dsn(*scope.instance.address)) as learner:
        learner.write("seats", "10")
        assert learner.read("seats") == "10"
    assert (instance.kind, instance.version, instance.install) == (kind, install.version, install)
    assert instance.address[0] == "127.0.0.1"
    assert instance.alive()


def test_scopes_do_not_see_each_other(kind: str, start: Start) -> None:
    instance = start(kind)
    one, two = instance.scope("one"), instance.scope("two")
    with (
        session(kind, one.dsn(*one.instance.address)) as first,
        session(kind, two.dsn(*two.instance.address)) as second,
    ):
        first.write("key", "mine")
        assert second.read("key") is None
        second.write("key", "yours")
        assert first.read("key") == "mine"
    crossed = one.dsn(*two.instance.address).rpartition("/")[0] + "/" + two.dsn("h", 1).rpartition("/")[2]
    with pytest.raises(REFUSED[kind]), session(kind, crossed) as stranger:
        stranger.read("key")


def test_a_scope_asked_for_again_is_empty(kind: str, start: Start) -> None:
    instance = start(kind)
    scope = instance.scope("world")
    with session(kind, scope.dsn(*scope.instance.address)) as learner:
        learner.write("key", "old")
        scope.drop()
        scope.drop()
        with pytest.raises(REFUSED[kind]):
            learner.read("key")
    again = instance.scope("world")
    with session(kind, again.dsn(*again.instance.address)) as learner:
        assert learner.read("key") is None


def test_acknowledged_data_survives_kill_and_restart(kind: str, start: Start) -> None:
    instance = start(kind, DURABLE[kind])
    scope = instance.scope("shop")
    dsn = scope.dsn(*scope.instance.address)
    with session(kind, dsn) as learner:
        learner.write("order", "paid")
        scope.instance.kill()
        assert not scope.instance.alive()
        assert scope.instance.pids() == ()
        with pytest.raises(REFUSED[kind]):
            learner.read("order")
    scope.instance.restart()
    with session(kind, dsn) as learner:
        assert learner.read("order") == "paid"
    assert scope.client() is scope.client()


def test_frozen_it_hangs_and_thawed_it_answers(kind: str, start: Start) -> None:
    scope = start(kind).scope("shop")
    answers: list[str | None] = []
    with session(kind, scope.dsn(*scope.instance.address), seconds=30) as learner:
        learner.write("key", "value")
        scope.instance.freeze()
        asking = threading.Thread(target=lambda: answers.append(learner.read("key")))
        asking.start()
        asking.join(0.2)
        assert asking.is_alive()
        assert not answers
        scope.instance.thaw()
        asking.join(10)
    assert answers == ["value"]


@pytest.mark.parametrize("killed_first", [False, True])
def test_stopped_it_leaves_nothing(kind: str, start: Start, killed_first: bool) -> None:
    instance = start(kind)
    scope = instance.scope("shop")
    scope.client()
    folder = Path(psutil.Process(instance.pids()[0]).cwd())
    pids = instance.pids()
    assert folder.is_dir()
    if killed_first:
        instance.kill()
    instance.stop()
    instance.stop()
    assert not [pid for pid in pids if psutil.pid_exists(pid)]
    assert not folder.exists()
    assert not listens(instance.address)
    assert orphaned_segments() == []
    with pytest.raises(UsageError, match="stopped for good"):
        instance.restart()


def test_two_at_once(kind: str, start: Start) -> None:
    one, two = start(kind), start(kind)
    assert one.address != two.address
    for instance in (one, two):
        scope = instance.scope("same")
        with session(kind, scope.dsn(*scope.instance.address)) as learner:
            assert learner.read("key") is None
            learner.write("key", "value")


def test_a_port_taken_while_it_was_down_is_named(kind: str, start: Start) -> None:
    instance = start(kind)
    instance.kill()
    with socket.socket() as stranger:
        stranger.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        stranger.bind(instance.address)
        stranger.listen()
        with pytest.raises(EngineError, match=f"port {instance.address[1]} of 127.0.0.1 is taken") as caught:
            instance.restart()
        assert caught.value.code == "port-taken"
    instance.restart()
    assert instance.alive()


def test_a_full_disk_is_an_error_and_then_over(kind: str, start: Start) -> None:
    scope = start(kind, DURABLE[kind]).scope("shop")
    dsn = scope.dsn(*scope.instance.address)
    with session(kind, dsn) as learner:
        learner.write("before", "1")
    limit_files(scope.instance, 4 << 20)
    with session(kind, dsn) as learner, pytest.raises(REFUSED[kind], match=DISK_FULL[kind]):
        learner.fill()
    assert DISK_FULL[kind] in "\n".join(scope.instance.logs(50))
    limit_files(scope.instance, "unlimited")

    def works_again() -> bool:
        try:
            with session(kind, dsn) as learner:
                learner.write("after", "2")
                return learner.read("before") == "1"
        except REFUSED[kind]:
            return False

    until(works_again, seconds=10, what="a write after the disk has room again")


def test_it_runs_unprivileged_and_no_password_is_on_a_command_line(kind: str, start: Start) -> None:
    instance = start(kind)
    scope = instance.scope("shop")
    pids = (*scope.instance.pids(), psutil.Process(scope.instance.pids()[0]).ppid())
    words = " ".join(word for pid in pids for word in psutil.Process(pid).cmdline())
    secrets = (*scope.secrets, scope.dsn("h", 1).rpartition("@")[0].rpartition(":")[2])
    assert all(len(secret) >= 20 for secret in secrets)
    assert not [secret for secret in secrets if secret in words]
    uids = {psutil.Process(pid).uids().effective for pid in scope.instance.pids()}
    assert uids == {65534 if os.geteuid() == 0 else os.geteuid()}
    assert start(kind).scope("shop").secrets != scope.secrets


def test_an_option_the_engine_does_not_know_ends_in_its_own_words(kind: str, start: Start) -> None:
    with pytest.raises(EngineError, match=r"no.such.thing") as caught:
        start(kind, {"no-such-thing" if kind == "valkey" else "no_such_thing": 1})
    assert caught.value.code == "engine-not-ready"


@pytest.mark.parametrize(("options", "code"), [({"port": 6379}, "managed-option"), ({"A b": 1}, "bad-option")])
def test_options_that_cannot_be_are_refused_before_it_starts(
    kind: str, start: Start, options: dict[str, object], code: str
) -> None:
    with pytest.raises(UsageError) as caught:
        start(kind, options)
    assert caught.value.code == code


def test_a_blocked_question_about_nobody_is_no(kind: str, start: Start) -> None:
    instance = start(kind)
    assert instance.blocked([]) is False
    instance.kill()
    assert instance.blocked([]) is False


def listens(address: tuple[str, int]) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(address) == 0


def limit_files(instance: Instance, soft: int | str) -> None:
    """No file of these processes may grow beyond `soft` bytes: what a full disk looks like to them.

    Asked for as the engine's own user: root without CAP_SYS_RESOURCE (a container) may not limit others.
    """
    who = {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}
    for number, pid in enumerate(instance.pids()):
        command = ["prlimit", "--pid", str(pid), f"--fsize={soft}:unlimited"]
        # The server comes first; of those below it, one may just be ending.
        subprocess.run(command, check=number == 0, cwd="/", stderr=subprocess.DEVNULL, **who)


def orphaned_segments() -> list[str]:
    """System V segments of the engine's user that nobody is attached to."""
    uid = "65534" if os.geteuid() == 0 else str(os.geteuid())
    rows = [line.split() for line in Path("/proc/sysvipc/shm").read_text().splitlines()[1:]]
    return [row[1] for row in rows if row[6] == "0" and row[7] == uid]

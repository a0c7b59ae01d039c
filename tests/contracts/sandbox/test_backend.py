"""What every backend promises about the program it starts. A stronger one joins the list and passes the same tests."""

from __future__ import annotations

import itertools
import json
import os
import signal
import socket
import textwrap
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tinnyswe.labkit import until
from tinnyswe.model.errors import SubmissionError, TinnyError
from tinnyswe.model.lab import Limits
from tinnyswe.processes import Minded, learner_identity
from tinnyswe.processes.tree import tree
from tinnyswe.sandbox import Sandbox, take_in
from tinnyswe.sandbox.environments import interpreter

SECONDS = 20.0
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give the learner a uid of their own")
Launch = Callable[..., Minded]


@pytest.fixture(params=[Sandbox], ids=lambda backend: backend.tier)
def sandbox(request: pytest.FixtureRequest) -> Sandbox:
    return request.param("run-1")  # type: ignore[no-any-return]


@pytest.fixture
def launch(sandbox: Sandbox, place: Path) -> Iterator[Launch]:
    """Take in a program and start it; everything is closed at the end."""
    started: list[Minded] = []
    numbers = itertools.count()
    (place / "rt" / "leases").mkdir(parents=True)

    def start(code: str, *, command: tuple[str, ...] = ("python", "app.py"), id: str = "", **changes: Any) -> Minded:
        id = id or str(next(numbers))
        work = place / f"work-{id}"
        work.mkdir()
        (work / "app.py").write_text(textwrap.dedent(code))
        (work / "script").write_text("#!/bin/sh\necho script\n")
        submission = take_in(work, (), Limits(), place / f"submission-{id}")
        usual = {
            "name": "a",
            "submission": submission.root,
            "scratch": place / "scratch",
            "python": interpreter(learner_identity()),
            "env": {"PORT": "1"},
            "limits": Limits(),
            "log": place / "log",
            "runtime": place / "rt",
        }
        started.append(sandbox.launch(command, **usual | changes))
        return started[-1]

    yield start
    for minded in started:
        minded.close()


def said(minded: Minded, place: Path, status: int = 0) -> str:
    ended = minded.wait(SECONDS)
    text = (place / "log").read_text()
    assert ended == status, text
    return text


def told(minded: Minded, place: Path) -> Any:
    return json.loads(said(minded, place))


def test_the_environment_holds_nothing_of_ours(launch: Launch, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_OF_THE_GRADER", "x")
    seen = told(launch("import json, os; print(json.dumps(dict(os.environ)))"), place)
    assert set(seen) == {
        *("PATH", "HOME", "TMPDIR", "USER", "LOGNAME", "LANG"),
        *("PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE", "PORT", "TINNY_LEASE"),
    }
    assert seen["PORT"] == "1"


def test_no_descriptor_of_ours_is_open(launch: Launch, place: Path) -> None:
    with open(os.devnull) as secret:
        os.set_inheritable(secret.fileno(), True)
        seen = told(launch("import os; print([int(fd) for fd in os.listdir('/proc/self/fd')][:-1])"), place)
    assert sorted(seen) == [0, 1, 2]


def test_home_and_tmp_are_private_writable_and_gone_afterwards(launch: Launch, place: Path) -> None:
    code = """
        import json, os, tempfile, pathlib
        pathlib.Path.home().joinpath("x").write_text("x")
        tempfile.NamedTemporaryFile(delete=False)
        print(json.dumps([oct(os.stat(os.environ[name]).st_mode & 0o777) for name in ("HOME", "TMPDIR")]))
    """
    minded = launch(code)
    assert told(minded, place) == ["0o700", "0o700"]
    assert len(os.listdir(place / "scratch")) == 1
    minded.kill()
    assert os.listdir(place / "scratch") == []
    assert os.listdir(place / "rt" / "leases") == []


def test_two_copies_have_two_homes(launch: Launch, place: Path) -> None:
    code = "import os; open(os.environ['HOME'] + '/x', 'x')"
    for _ in range(2):
        said(launch(code), place)
    assert len(os.listdir(place / "scratch")) == 2


def test_it_works_in_the_submission(launch: Launch, place: Path) -> None:
    assert said(launch("import os; print(open('script').read(5), os.getcwd())"), place) == (
        f"#!/bi {place / 'submission-0'}\n"
    )


def test_a_script_of_the_submission_can_be_the_command(launch: Launch, place: Path) -> None:
    problem = "cannot be started: ./script: Permission denied"
    with pytest.raises(SubmissionError, match=problem) as caught:
        launch("", command=("./script",))
    assert caught.value.code == "cannot-start"
    assert os.listdir(place / "scratch") == []
    assert said(launch("", command=("sh", "script")), place) == "script\n"


def test_a_command_that_is_missing_is_the_learners_fault(launch: Launch) -> None:
    with pytest.raises(SubmissionError, match="no-such-program"):
        launch("", command=("no-such-program",))


def test_a_submission_that_is_missing_is_ours(launch: Launch) -> None:
    with pytest.raises(TinnyError) as caught:
        launch("", submission=Path("/no/such/submission"))
    assert caught.value.code == "sandbox-failed"
    assert not isinstance(caught.value, SubmissionError)


def test_privileges_cannot_be_gained_and_signals_are_the_usual_ones(launch: Launch, place: Path) -> None:
    code = """
        import json
        status = dict(line.split(":\\t", 1) for line in open("/proc/self/status").read().splitlines())
        print(json.dumps([status["NoNewPrivs"], int(status["CapEff"], 16), int(status["SigBlk"], 16)]))
    """
    privileges, capabilities, blocked = told(launch(code), place)
    assert privileges == "1"
    assert capabilities == 0
    assert blocked == 0


def test_limits_hold(launch: Launch, place: Path) -> None:
    code = """
        import json, os, resource
        try:
            hog = bytearray(2 << 30)
        except MemoryError:
            hog = "refused"
        try:
            with open(os.environ["TMPDIR"] + "/big", "wb") as file:
                file.truncate(1 << 30)
        except OSError as problem:
            big = problem.strerror
        print(json.dumps([hog, big, resource.getrlimit(resource.RLIMIT_CORE), len(os.listdir("/proc/self/fd")) < 1024]))
    """
    assert told(launch(code), place) == ["refused", "File too large", [0, 0], True]


def test_a_pool_of_threads_fits(launch: Launch, place: Path) -> None:
    code = """
        import threading
        gate = threading.Barrier(41)
        threads = [threading.Thread(target=gate.wait) for _ in range(40)]
        for thread in threads: thread.start()
        gate.wait()
        print(bytearray(300 << 20)[0], "fits")
    """
    assert said(launch(code), place) == "0 fits\n"


def test_processor_time_is_limited_as_the_second_line(launch: Launch, place: Path) -> None:
    code = "import resource\nprint(resource.getrlimit(resource.RLIMIT_CPU))"
    assert said(launch(code, limits=Limits(run_seconds=10)), place) == "(45, 50)\n"


@AS_ROOT
def test_as_root_it_runs_as_the_learner(launch: Launch, place: Path) -> None:
    code = "import json, os; print(json.dumps([os.getresuid(), os.getresgid(), os.getgroups()]))"
    assert told(launch(code), place) == [[65533] * 3, [65533] * 3, []]


@AS_ROOT
def test_as_root_nothing_of_ours_can_be_read_written_or_signalled(launch: Launch, place: Path) -> None:
    secret = place / "secret"
    secret.write_text("x")
    secret.chmod(0o600)
    code = f"""
        import os
        def refused(act, *arguments):
            try:
                act(*arguments)
            except OSError:
                return True
        print(all([
            refused(open, {str(secret)!r}),
            refused(open, "app.py", "a"),
            refused(open, "new", "w"),
            refused(os.listdir, {str(place / "rt" / "leases")!r}),
            refused(open, "/proc/{os.getpid()}/environ"),
            refused(os.kill, {os.getpid()}, 0),
            refused(os.kill, os.getppid(), 9),
        ]))
    """
    (place / "rt" / "leases").chmod(0o700)
    assert said(launch(code), place) == "True\n"


@AS_ROOT
def test_as_root_a_fork_bomb_ends_at_its_limit(launch: Launch, place: Path) -> None:
    code = """
        import os, signal
        count = 0
        try:
            while True:
                if os.fork() == 0:
                    signal.pause()
                count += 1
        except BlockingIOError:
            print("ended", count, flush=True)
        signal.pause()
    """
    minded = launch(code, limits=Limits(processes=4))
    until(lambda: "ended" in (place / "log").read_text(), seconds=SECONDS, what="end of the forks")
    assert int((place / "log").read_text().split()[1]) < 64
    minded.kill()
    assert minded.left == ()


@AS_ROOT
def test_as_root_the_death_of_the_minder_is_its_end(launch: Launch) -> None:
    minded = launch("import signal; signal.pause()")
    (process,) = tree(minded.pid)
    process.parent().kill()
    assert minded.wait(SECONDS) == -signal.SIGKILL


def test_it_can_be_frozen_and_thawed_with_its_children(launch: Launch, place: Path) -> None:
    code = "import os, signal\nif os.fork() == 0: os.setsid()\nprint('up', flush=True)\nsignal.pause()"
    minded = launch(code)
    until(lambda: (place / "log").read_text().count("up") == 2, seconds=SECONDS, what="both processes")
    minded.freeze()
    assert [process.status() for process in tree(minded.pid)] == ["stopped", "stopped"]
    minded.thaw()
    until(
        lambda: all(process.status() == "sleeping" for process in tree(minded.pid)), seconds=SECONDS, what="both awake"
    )


def test_it_meets_the_grader_in_both_directions(sandbox: Sandbox, launch: Launch, place: Path) -> None:
    listener = sandbox.expose("engine")
    with listener.sock:
        code = f"""
            import socket
            server = socket.create_server(("127.0.0.1", 0))
            engine = socket.create_connection(({listener.host!r}, {listener.port}))
            engine.sendall(b"%d\\n" % server.getsockname()[1])
            caller = server.accept()[0]
            caller.sendall(caller.recv(100).upper())
        """
        minded = launch(code)
        listener.sock.settimeout(SECONDS)
        with listener.sock.accept()[0] as engine:
            port = int(engine.makefile().readline())
    with sandbox.dial(port, SECONDS) as caller:
        assert caller.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0
        caller.sendall(b"hello")
        assert caller.recv(100) == b"HELLO"
    assert minded.wait(SECONDS) == 0


def test_many_start_at_once_from_many_threads(launch: Launch, place: Path) -> None:
    def one(number: int) -> str:
        log = place / f"log{number}"
        minded = launch(f"print({number})", log=log, id=f"thread{number}")
        assert minded.wait(SECONDS) == 0
        return log.read_text()

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(one, range(4))) == ["0\n", "1\n", "2\n", "3\n"]

"""What a program is started with, what is kept of its output, and how its lease goes on."""

from __future__ import annotations

import json
import os
import signal
import socket
from pathlib import Path

import pytest

from integration.processes.programs import ENV, SECONDS, processes, python
from tinnyswe.labkit import until
from tinnyswe.model.errors import TinnyError
from tinnyswe.processes import Identity, Lease, Minded, new_lease, spawn, sweep
from tinnyswe.processes.tree import asleep, tree

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")


def start(argv: list[str], place: Path, runtime: Path, lease: Lease | None = None, **more: object) -> Minded:
    lease = lease or new_lease("engine")
    return spawn(argv, **{"cwd": place, "env": ENV, "log": place / "log", "lease": lease, "runtime": runtime} | more)


def output(argv: list[str], place: Path, runtime: Path, **more: object) -> str:
    with start(argv, place, runtime, **more) as minded:
        assert minded.wait(SECONDS) == 0
    return (place / "log").read_text()


def test_exit_status_and_both_outputs(place: Path, runtime: Path) -> None:
    with start(["sh", "-c", "echo out; echo err >&2; exit 5"], place, runtime) as minded:
        assert minded.wait(SECONDS) == 5
        assert not minded.alive()
        assert (place / "log").read_text() == "out\nerr\n"


def test_wait_gives_up_on_a_program_that_runs(place: Path, runtime: Path) -> None:
    with start(["sleep", "60"], place, runtime) as minded:
        assert minded.wait(0.01) is None
        assert minded.alive()
        assert minded.returncode is None


def test_the_environment_is_what_was_given_and_the_lease(place: Path, runtime: Path) -> None:
    lease = new_lease("engine")
    env = {"PATH": os.defpath, "NAME": "ä ö", "EMPTY": ""}
    code = "import json\nprint(json.dumps(dict(os.environ)))"
    seen = json.loads(output(python(code), place, runtime, lease=lease, env=env))
    seen.pop("LC_CTYPE", None)  # Python itself sets it in the C locale
    assert seen == {**env, "TINNY_LEASE": lease.id}


def test_no_descriptor_of_ours_reaches_the_program(place: Path, runtime: Path) -> None:
    with open(os.devnull) as secret, socket.create_server(("127.0.0.1", 0)):
        os.set_inheritable(secret.fileno(), True)
        seen = output(python("print(sorted(int(fd) for fd in os.listdir('/proc/self/fd'))[:-1])"), place, runtime)
    assert seen == "[0, 1, 2]\n"


def test_a_passed_descriptor_is_the_programs_alone(place: Path, runtime: Path) -> None:
    ours, theirs = socket.socketpair()
    with (
        ours,
        start(python(f"os.write({theirs.fileno()}, b'hello')"), place, runtime, pass_fds=[theirs.fileno()]) as minded,
    ):
        theirs.close()
        ours.settimeout(SECONDS)
        assert ours.recv(100) == b"hello"
        assert ours.recv(100) == b""  # its end means the end: the minder holds no copy
        assert minded.wait(SECONDS) == 0


def test_it_leads_its_own_session_with_default_signals(place: Path, runtime: Path) -> None:
    code = """
        print(os.getsid(0) == os.getpid(), signal.pthread_sigmask(signal.SIG_BLOCK, ()), os.read(0, 1))
        print(open("/proc/self/status").read().partition("SigIgn:")[2].split()[0])
    """
    own, ignored = output(python(code), place, runtime).splitlines()
    assert own == "True set() b''"
    assert int(ignored, 16) == (1 << signal.SIGPIPE - 1) | (1 << signal.SIGXFSZ - 1)  # Python's own two


@AS_ROOT
def test_root_starts_it_as_somebody_else(place: Path, runtime: Path) -> None:
    argv = ["sh", "-c", "id -u; id -g; id -G; echo opened > /dev/stderr"]
    assert output(argv, place, runtime, identity=Identity(uid=65534, gid=65534)) == "65534\n65534\n65534\nopened\n"


@AS_ROOT
def test_the_death_signal_survives_the_change_of_uid(place: Path, runtime: Path) -> None:
    with start(["sleep", "60"], place, runtime, identity=Identity(uid=65534, gid=65534)) as minded:
        (process,) = tree(minded.pid)
        process.parent().kill()
        assert minded.wait(SECONDS) == -signal.SIGKILL
        assert not process.is_running() or process.status() == "zombie"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"argv": ["no-such-program"]}, "could not run no-such-program: No such file or directory"),
        ({"cwd": Path("/no/such/folder")}, "could not enter /no/such/folder: No such file or directory"),
        ({"log": Path("/no/such/folder/log")}, "could not write /no/such/folder/log: No such file or directory"),
    ],
)
def test_what_cannot_be_started_says_why(change: dict[str, object], words: str, place: Path, runtime: Path) -> None:
    wanted = {"argv": ["true"], **change}
    argv = wanted.pop("argv")
    with pytest.raises(TinnyError) as caught:
        start(argv, place, runtime, **wanted)
    assert caught.value.code == "spawn-failed"
    assert caught.value.what == words
    assert os.listdir(runtime / "leases") == [] or "log" in change


def test_a_flood_of_output_keeps_its_two_ends(place: Path, runtime: Path) -> None:
    with start(["sh", "-c", "echo BEGIN; yes | head -c 100000000; echo END"], place, runtime) as minded:
        assert minded.wait(SECONDS * 3) == 0
    text = (place / "log").read_bytes()
    assert len(text) < 140_000
    assert text.startswith(b"BEGIN\ny\n")
    assert text.endswith(b"y\nEND\n")
    assert b"\n[... 99868938 bytes left out ...]\n" in text


def test_the_log_can_be_read_while_the_program_runs(place: Path, runtime: Path) -> None:
    code = "print('x' * 500_000, flush=True)\nprint('LAST', flush=True)\nforever()"
    with start(python(code), place, runtime) as minded:
        until(lambda: (place / "log").read_text().endswith("LAST\n"), seconds=SECONDS, what="last line")
        assert minded.alive()
        assert (place / "log").stat().st_size < 140_000


def test_the_log_of_the_life_before_is_kept(place: Path, runtime: Path) -> None:
    assert output(["echo", "first"], place, runtime) == "first\n"
    assert output(["echo", "second"], place, runtime) == "second\n"
    assert (place / "log.1").read_text() == "first\n"


def test_an_engines_lease_outlives_a_kill_and_ends_with_close(place: Path, runtime: Path) -> None:
    (place / "data").mkdir()
    lease = new_lease("engine", directories=(place / "data",))
    first = start(["sleep", "60"], place, runtime, lease)
    with pytest.raises(TinnyError, match="held by a running program"):
        start(["sleep", "60"], place, runtime, lease)
    assert first.alive()
    first.kill()
    assert sweep(runtime) == []  # we live, so it may be started again
    assert (place / "data").is_dir()
    second = start(["sleep", "60"], place, runtime, lease)
    second.close()
    assert not (place / "data").exists()
    assert os.listdir(runtime / "leases") == []


def test_a_copys_folder_goes_with_a_kill(place: Path, runtime: Path) -> None:
    (place / "copy").mkdir()
    minded = start(["sleep", "60"], place, runtime, new_lease("copy", directories=(place / "copy",)))
    minded.kill()
    assert not (place / "copy").exists()
    assert os.listdir(runtime / "leases") == []


def test_a_folder_without_permissions_is_removed_too(place: Path, runtime: Path) -> None:
    locked = place / "copy" / "locked"
    (locked / "in").mkdir(parents=True)
    (locked / "in" / "file").write_text("x")
    (locked / "in").chmod(0)
    locked.chmod(0o500)
    start(["true"], place, runtime, new_lease("copy", directories=(place / "copy",))).close()
    assert not (place / "copy").exists()


def test_removal_does_not_follow_links(place: Path, runtime: Path) -> None:
    (place / "kept").mkdir()
    (place / "kept" / "file").write_text("x")
    (place / "copy").mkdir()
    (place / "copy" / "link").symlink_to(place / "kept")
    start(["true"], place, runtime, new_lease("copy", directories=(place / "copy",))).close()
    assert (place / "kept" / "file").read_text() == "x"


def test_freeze_holds_the_whole_tree_and_thaw_lets_it_go_on(place: Path, runtime: Path) -> None:
    code = """
        def count(name):
            with open(f"pids/{name}.count", "w") as file:
                for number in range(10**9):
                    file.seek(0); file.write(str(number)); file.flush()
                    if number == 0: say(name)
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0: count("hidden")
            os._exit(0)
        count("main")
    """
    with start(python(code), place, runtime) as minded:
        processes(place, "main", "hidden")
        counts = [place / "pids" / f"{name}.count" for name in ("main", "hidden")]
        assert not asleep(minded.pid)
        minded.freeze()
        assert asleep(minded.pid)
        assert len(tree(minded.pid)) == 2
        held = [file.read_text() for file in counts]
        assert minded.wait(0.1) is None  # time in which it could have counted on
        assert [file.read_text() for file in counts] == held
        minded.thaw()
        for file, before in zip(counts, held, strict=True):
            until(lambda file=file, before=before: file.read_text() != before, seconds=SECONDS, what="counting on")


def test_a_tree_that_waits_is_asleep_and_one_busy_thread_wakes_it(place: Path, runtime: Path) -> None:
    code = """
        import threading
        if os.fork() == 0:
            def work():
                while True: pass
            signal.signal(signal.SIGUSR1, lambda *_: threading.Thread(target=work, daemon=True).start())
            say("child")
            forever()
        say("main")
        forever()
    """
    with start(python(code), place, runtime) as minded:
        found = processes(place, "main", "child")
        until(lambda: asleep(minded.pid), seconds=SECONDS, what="sleep")
        os.kill(found["child"][0], signal.SIGUSR1)
        until(lambda: not asleep(minded.pid), seconds=SECONDS, what="work")
    assert not asleep(minded.pid)  # nothing follows from the silence of the dead

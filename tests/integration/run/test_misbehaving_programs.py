"""Programs that do what programs do on their first day: each gets the right verdict, and words that help."""

from __future__ import annotations

import pytest

from integration.run.throwaway import SERVE, run
from tinnyswe.model.events import CheckResult
from tinnyswe.model.lab import CheckSpec, Readiness
from tinnyswe.model.verdict import Outcome

ASKS = """
def test_c1_asks(app, expect):
    expect(app.a.get("/x").status, code="not-200", why="It answers 200.").equals(200)
"""
SOON = {"readiness": Readiness(seconds=0.4)}


def test_a_program_that_serves_passes() -> None:
    came_to = run(SERVE + "serve()", ASKS)
    assert came_to.outcomes == {"C1": Outcome.PASSED}
    assert came_to.finished.outcome is Outcome.PASSED


def test_one_that_opens_its_port_late_but_in_time_passes() -> None:
    late = SERVE + "time.sleep(0.3)\nlistener = listen()\ntime.sleep(0.2)\nserve(listener=listener)"
    assert run(late, ASKS).outcomes == {"C1": Outcome.PASSED}


def test_one_that_never_opens_a_port() -> None:
    failure = run("import signal\nsignal.pause()", ASKS, entry=SOON).failure()
    assert failure.code == "not-ready"
    assert failure.why == "Copy a runs, but listens on no port 0.4 s after its start."
    assert failure.observed == "listening on no port"
    assert "port in PORT" in failure.next_step


def test_one_that_listens_on_a_port_of_its_own_choice() -> None:
    other = SERVE + 'listener = listen(port=int(os.environ["PORT"]) + 1)\nserve(listener=listener)'
    failure = run(other, ASKS, entry=SOON).failure()
    assert failure.code == "not-ready"
    assert failure.why.startswith("Copy a runs, but nothing of it listens on its port, ")
    assert failure.observed.startswith("listening on 127.0.0.1:")
    assert failure.next_step.startswith("Read the port from the environment variable PORT")


def test_one_that_listens_and_never_answers() -> None:
    failure = run(SERVE + "listener = listen()\nsignal.pause()", ASKS, entry=SOON).failure()
    assert failure.code == "not-ready"
    assert failure.why == "Copy a listens on its port, but GET / got no answer within 0.4 s: no answer in 0.5 s."
    assert "a 404 too" in failure.next_step


def test_one_that_speaks_another_protocol() -> None:
    failure = run(SERVE + 'serve(lambda *_: b"SSH-2.0-OpenSSH_9.2\\r\\n")', ASKS, entry=SOON).failure()
    assert failure.code == "not-ready"
    assert "not an HTTP answer: it begins with 'SSH-2.0-OpenSSH_9.2'" in failure.why


def test_one_that_listens_on_all_interfaces() -> None:
    failure = run(SERVE + 'serve(listener=listen("0.0.0.0"))', ASKS).failure()
    assert failure.code == "listens-everywhere"
    assert [address.partition(":")[0] for address in failure.observed] == ["0.0.0.0"]
    assert "Listen on 127.0.0.1 only" in failure.next_step


@pytest.mark.parametrize(
    ("program", "observed", "advice"),
    [
        ("import sys; print('no licence'); sys.exit(3)", "exit status 3", "Read its last log lines"),
        ("print('done')", "exit status 0", "A server must keep running, in the foreground"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "ended by SIGSEGV", "crashed"),
        ("import numpy.linalg", "exit status 1", "`numpy` is neither a file of yours nor a package of this topic"),
        ("def f(:\n    pass", "exit status 1", "Python cannot read the file (SyntaxError)"),
        (SERVE + "first = listen()\nsecond = listen()", "exit status 1", "Listen once, and on the port in the env"),
        ("import os\nif os.fork(): os._exit(0)\nos.setsid()\n" + SERVE + "serve()", "exit status 0", "foreground"),
    ],
    ids=["at-once", "finished", "segfault", "outside-the-lock", "syntax", "port-twice", "daemon"],
)
def test_one_that_ends_before_it_serves(program: str, observed: str, advice: str) -> None:
    failure = run(program, ASKS).failure()
    assert failure.code == "app-exited"
    assert failure.why == "Copy a ended before it served: `python app.py`."
    assert failure.observed == observed
    assert advice in failure.next_step


def test_one_whose_file_has_another_name() -> None:
    failure = run({"main.py": SERVE + "serve()"}, ASKS).failure()
    assert failure.code == "app-exited"
    assert "`app.py`: that is what the command in the contract starts" in failure.next_step


def test_one_that_cannot_be_executed_is_the_learners_to_mend() -> None:
    files = {"run.sh": "#!/bin/sh\n", "app.py": ""}
    failure = run(files, ASKS, entry={"command": ("./run.sh",)}).failure()
    assert failure.code == "cannot-start"
    assert failure.why == "The program cannot be started: ./run.sh: Permission denied."
    assert "executable bit" in failure.next_step


DIES = SERVE + 'def answer(method, path, body):\n    return ok() if path == "/" else os._exit(7)\nserve(answer)'


def test_one_that_dies_in_the_middle_of_a_request() -> None:
    came_to = run(DIES, ASKS)
    failure = came_to.failure()
    assert failure.code == "app-exited"
    assert failure.why == "Copy a ended while it was answering GET /x: `python app.py`."
    assert failure.observed == "exit status 7"
    assert failure.trace[-2:] == (
        "a: GET /x",
        "a did not answer GET /x: the connection was closed without an answer",
    )


def test_one_that_hangs_says_how_long_and_how_long_was_allowed() -> None:
    hangs = SERVE + 'serve(lambda method, path, body: ok() if path == "/" else signal.pause())'
    checks = 'def test_c1_asks(app):\n    app.a.get("/x", timeout=0.3)'
    failure = run(hangs, checks).failure()
    assert (failure.code, failure.relation, failure.expected) == ("no-answer", "within seconds", 0.3)
    assert 0.3 <= failure.observed < 5
    assert failure.why == "There was no answer of copy a to GET /x."


def test_one_that_drips_is_as_late_as_one_that_hangs() -> None:
    drips = """
def drip(method, path, body):
    if path == "/":
        return ok()
    for n in range(200):
        peer.sendall(b"HTTP/1.1 200 OK\\r\\nX-Long: "[n:n + 1] or b"x")
        time.sleep(0.05)
listener = listen()
while True:
    peer, _ = listener.accept()
    try:
        peer.sendall(drip(*read(peer)))
    except OSError:
        pass
    peer.close()
"""
    checks = 'def test_c1_asks(app):\n    app.a.get("/x", timeout=0.3)'
    failure = run(SERVE + drips, checks).failure()
    assert failure.code == "no-answer"
    assert failure.observed < 5


def test_the_checks_own_deadline_ends_a_request_without_one() -> None:
    hangs = SERVE + 'serve(lambda method, path, body: ok() if path == "/" else signal.pause())'
    failure = run(hangs, ASKS, specs=[CheckSpec(id="C1", title="the check", seconds=1.0)]).failure()
    assert failure.code == "no-answer"
    assert failure.expected <= 1.0


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ('b"hello, who is there?\\n"', "not an HTTP answer: it begins with 'hello, who is there?'"),
        ('b""', "the connection was closed without an answer"),
        ('b"HTTP/1.1 200 OK\\r\\nContent-Length: 10\\r\\n\\r\\nabc"', "closed in the middle of the answer"),
        ('b"HTTP/1.1 200 OK\\r\\n\\r\\n" + b"x" * (9 << 20)', "the body is longer than 8388608 bytes"),
    ],
    ids=["garbage", "nothing", "half", "huge"],
)
def test_one_that_answers_no_http(answer: str, problem: str) -> None:
    program = SERVE + f'serve(lambda method, path, body: ok() if path == "/" else {answer})'
    failure = run(program, ASKS).failure()
    assert failure.code == "no-answer"
    assert problem in failure.why
    assert problem in failure.observed


def test_an_answer_that_nothing_can_write_down_is_still_the_learners() -> None:
    """Half a surrogate pair, a number of 40 digits, 5000 brackets: JSON that other tools choke on."""
    for body in ('{"n": "\\\\ud800"}', '{"n": ' + "9" * 40 + "}", '{"n": ' + "[" * 900 + "]" * 900 + "}", "[" * 90_000):
        program = SERVE + f"serve(lambda *_: ok({body!r}.replace('\\\\\\\\', '\\\\')))"
        checks = """
def test_c1_asks(app, expect):
    answer = app.a.get("/x").json()
    expect(answer["n"] if answer else answer, code="wrong", why="n is 1.").equals(1)
"""
        assert run(program, checks).failure().code == "wrong"


def test_a_megabyte_of_output_is_kept_at_both_ends() -> None:
    chatty = SERVE + 'print("first words")\nprint("x" * (1 << 20))\nprint("last words")\nserve()'
    checks = """
def test_c1_fails(app, expect, until):
    until(lambda: app.a.log()[-1] == "last words", seconds=20, what="last words")  # a long log is written now and then
    expect(1, code="told", why="Fails.").equals(2)
"""
    failure = run(chatty, checks).failure()
    (tail,) = failure.logs
    assert tail.source == "copy a"
    assert tail.lines[-1] == "last words"
    assert sum(map(len, tail.lines)) < 2000


FAMILY = """
signal.signal(signal.SIGTERM, signal.SIG_IGN)
signal.signal(signal.SIGHUP, signal.SIG_IGN)
listener = listen()
for _ in range(3):
    if os.fork() == 0:
        if os.fork() == 0:
            os.setsid()
        while True:
            signal.pause()
serve(listener=listener)
"""


def test_a_family_that_ignores_sigterm_leaves_nobody() -> None:
    came_to = run(SERVE + FAMILY, ASKS)
    assert came_to.outcomes == {"C1": Outcome.PASSED}


def test_a_child_that_outlives_its_program_leaves_with_it() -> None:
    program = SERVE + "if os.fork() == 0:\n    os.setsid()\n    signal.pause()\nsys.exit(1)"
    assert run(program, ASKS).failure().observed == "exit status 1"


def test_a_check_that_fails_does_not_stop_the_next() -> None:
    """A program that died is started again for the next check, in the same world or in a fresh one."""
    checks = ASKS + '\ndef test_c2_again(app, expect):\n    assert app.a.get("/").status == 200\n'
    for shares in (True, False):
        specs = [CheckSpec(id="C1", title="1"), CheckSpec(id="C2", title="2", shares_world=shares)]
        results: dict[str, CheckResult] = run(DIES, checks, specs=specs).results
        assert results["C1"].outcome is Outcome.FAILED
        assert results["C2"].outcome is Outcome.PASSED

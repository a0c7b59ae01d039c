"""Words for a program that is not there any more."""

from __future__ import annotations

import signal

import pytest

from tinnyswe.run.endings import how_it_ended, what_to_do


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (None, "no exit status yet"),
        (0, "exit status 0"),
        (3, "exit status 3"),
        (-signal.SIGKILL, "ended by SIGKILL"),
        (-64, "ended by SIGRTMAX"),
        (-200, "ended by signal 200"),
    ],
)
def test_an_exit_status_in_words(status: int | None, words: str) -> None:
    assert how_it_ended(status) == words


TRACE = ["Traceback (most recent call last):", '  File "/run/submission/app.py", line 1, in <module>']


@pytest.mark.parametrize(
    ("status", "log", "words"),
    [
        (1, [*TRACE, "ModuleNotFoundError: No module named 'numpy.linalg'"], "`numpy.linalg` is neither"),
        (1, ['  File "app.py", line 3', "    def f(:", "SyntaxError: invalid syntax"], "(SyntaxError)"),
        (1, ["TabError: inconsistent use of tabs and spaces in indentation"], "(TabError)"),
        (2, ["/x/python: can't open file '/run/sub/app.py': [Errno 2] No such file"], "Name your main file `app.py`"),
        (1, ["OSError: [Errno 98] Address already in use"], "Listen once, and on the port"),
        (1, ["MemoryError"], "(MemoryError)"),
        (1, ["RuntimeError: can't start new thread"], "(can't start new thread)"),
        (-signal.SIGXCPU, [], "CPU time"),
        (-signal.SIGSEGV, [], "crashed"),
        (-signal.SIGKILL, ["bye"], "Read its last log lines"),
        (1, ["ValueError: x"], "Read its last log lines"),
        (1, [], "Read its last log lines"),
        (None, [], "Read its last log lines"),
        (0, ["OSError: Address already in use"], "A server must keep running"),
        (0, [], "A server must keep running"),
    ],
)
def test_one_next_step(status: int | None, log: list[str], words: str) -> None:
    step = what_to_do(status, log)
    assert words in step
    assert step.endswith((".", "?", "^."))


def test_the_last_of_two_mistakes_is_the_one_that_ended_it() -> None:
    log = ["ModuleNotFoundError: No module named 'uvloop'", "ModuleNotFoundError: No module named 'fastapi'"]
    assert "`fastapi`" in what_to_do(1, log)

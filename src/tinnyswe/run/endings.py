"""Why a program is not there: from its exit status and last log lines to words that teach."""

from __future__ import annotations

import re
import signal
from collections.abc import Sequence

_IN_THE_LOG = (  # first match wins: the most frequent mistakes, as CPython and Linux word them
    (
        r"ModuleNotFoundError: No module named '([\w.]+)'",
        "`{0}` is neither a file of yours nor a package of this topic: requirements.lock lists what may be imported.",
    ),
    (
        r"(SyntaxError|IndentationError|TabError)\b",
        "Python cannot read the file ({0}); the log names the file and the line above the ^.",
    ),
    (
        r"can't open file '(?:[^']*/)?([^'/]+)'",
        "Name your main file `{0}`: that is what the command in the contract starts.",
    ),
    (
        r"Address already in use",
        "Listen once, and on the port in the environment variable PORT: every copy gets a port of its own.",
    ),
    (
        r"(MemoryError|Cannot allocate memory|can't start new thread)",
        "It ran into its limit of memory or threads ({0}); the limits stand in the brief.",
    ),
)
_BY_SIGNAL: dict[int, str] = {
    signal.SIGXCPU: "It used up its CPU time: which loop never ends, or never waits?",
    signal.SIGXFSZ: "It wrote a file that is larger than a submission may write.",
    signal.SIGSEGV: "The interpreter itself crashed, mostly by a C extension or endless recursion.",
}
_LAST_WORDS = "Read its last log lines; `tinny run` starts it the same way without grading."
_DONE = "A server must keep running, in the foreground: wait for requests until somebody ends you."


def how_it_ended(status: int | None) -> str:
    """An exit status in words; negative ones are signals."""
    if status is None:
        return "no exit status yet"
    if status >= 0:
        return f"exit status {status}"
    try:
        return f"ended by {signal.Signals(-status).name}"
    except ValueError:
        return f"ended by signal {-status}"


def what_to_do(status: int | None, log: Sequence[str]) -> str:
    """One next step for a program that ended although it should serve."""
    if status == 0:
        return _DONE
    text = "\n".join(log)
    for pattern, advice in _IN_THE_LOG:
        found = re.findall(pattern, text)
        if found:
            return advice.format(found[-1])
    return _BY_SIGNAL.get(-(status or 0), _LAST_WORDS)

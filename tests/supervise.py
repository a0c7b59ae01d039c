"""Runs a command as an init would: adopts and reaps every orphan of it, so nothing it started can slip away unseen.

`python tests/supervise.py COMMAND...` ends with the command's exit status, and ends whatever still lives then (a
leftover would keep the pipe to CI open; it has been reported by then). The pid of the supervisor is in
TINNY_TEST_SUPERVISOR, where tests/leftovers.py looks for what still lives below it. Elsewhere than on Linux it only
passes the command on.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys

import psutil

_PR_SET_CHILD_SUBREAPER = 36  # <linux/prctl.h>


def supervise(command: list[str]) -> int:
    """Run `command` to its end. The exit status is the shell's: 128 + n for signal n."""
    if sys.platform != "linux":
        return subprocess.call(command)
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    # Not posix_spawn: glibc's leaves signal 32 ignored in all that follow.
    started = subprocess.Popen(command, env={**os.environ, "TINNY_TEST_SUPERVISOR": str(os.getpid())})
    child = started.pid
    # The terminal sends Ctrl-C to the child as well; a signal meant for us alone is passed on.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda number, _frame: os.kill(child, number))
    while True:
        pid, status = os.wait()
        if pid == child:
            end_the_rest()
            started.returncode = code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code


def end_the_rest() -> None:
    """SIGKILL everything below us until nothing is left."""
    while True:
        for process in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        try:
            os.wait()
        except ChildProcessError:
            return


if __name__ == "__main__":
    sys.exit(supervise(sys.argv[1:]))

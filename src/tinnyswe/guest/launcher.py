"""The last thing that runs before learner code: gives away what the program must not have, then becomes it.

Run as `python -I -S -X utf8 launcher.py SETTINGS -- COMMAND ...` by the minder, standard library only, one thread. Our
interpreter starts before the uid is dropped, because it may live where the learner's uid cannot read. The environment
is handed on exactly as it came. SETTINGS is one JSON object:

cwd, umask · identity: [uid, gid] or null (stay) · rlimits: {"DATA": [soft, hard], ...}, names of resource.RLIMIT_* ·
keep_fds: descriptors that stay open besides 0, 1, 2 · report: a descriptor that receives "ours: <why>" or "theirs:
<why>" when the command could not be started, and nothing (it closes) when it could.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import stat
import sys
from typing import Any

PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS = 1, 38
NOT_OURS, NOT_STARTED = 125, 127  # exit status when we failed; when the command could not be started
LINUX = sys.platform == "linux"


def _prctl(option: int, value: int) -> None:
    if ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl was refused")


def _close_all_but(kept: set[int]) -> None:
    """Close every descriptor but these; what stays may be used by the program."""
    ordered = sorted(kept)
    for low, high in zip(ordered, [*ordered[1:], os.sysconf("SC_OPEN_MAX")], strict=True):
        os.closerange(low + 1, high)
    for fd in kept:
        os.set_inheritable(fd, True)


def _limit(limits: dict[str, list[int]]) -> None:
    """Set each limit, never above what we were given ourselves (an ordinary user cannot raise it)."""
    for name, (soft, hard) in limits.items():
        number = getattr(resource, f"RLIMIT_{name}", None)
        if number is None:
            continue  # macOS, untested: has neither all names nor all effects
        ceiling = resource.getrlimit(number)[1]
        if ceiling != resource.RLIM_INFINITY and os.geteuid() != 0:
            soft, hard = min(soft, ceiling), min(hard, ceiling)
        resource.setrlimit(number, (soft, hard))


def _become(identity: list[int]) -> None:
    """Drop to uid and gid without groups. The output pipes go along, else opening /dev/stderr is refused."""
    uid, gid = identity
    for fd in (1, 2):
        if stat.S_ISFIFO(os.fstat(fd).st_mode):
            os.fchown(fd, uid, gid)
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)


def prepare(settings: dict[str, Any]) -> None:
    """Everything before the exec, in the only order that works."""
    parent = os.getppid()
    if os.getsid(0) != os.getpid():
        os.setsid()
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)  # Python ignores both, and what is ignored stays so across exec
    os.umask(settings["umask"])
    _limit(settings["rlimits"])
    if settings["identity"]:
        _become(settings["identity"])
    if LINUX:
        _prctl(PR_SET_NO_NEW_PRIVS, 1)
        _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # the change of uid cleared the minder's
        if os.getppid() != parent:
            os._exit(NOT_OURS)
    os.chdir(settings["cwd"])


def main() -> None:
    settings: dict[str, Any] = json.loads(sys.argv[1])
    command = sys.argv[3:]
    report: int = settings["report"]
    _close_all_but({0, 1, 2, report, *settings["keep_fds"]})
    os.set_inheritable(report, False)
    try:
        prepare(settings)
    except (OSError, ValueError) as problem:
        os.write(report, f"ours: {problem}".encode("utf-8", "replace"))
        os._exit(NOT_OURS)
    try:
        os.execvp(command[0], command)
    except OSError as problem:
        os.write(report, f"theirs: {command[0]}: {problem.strerror}".encode("utf-8", "replace"))
        os._exit(NOT_STARTED)


if __name__ == "__main__":
    main()

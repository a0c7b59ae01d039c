"""Starting the learner's program under a policy, and the two ways to meet it on the network."""

from __future__ import annotations

import json
import os
import secrets
import select
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tinnyswe.model.errors import SubmissionError, TinnyError
from tinnyswe.model.lab import Limits
from tinnyswe.processes import Minded, learner_identity, new_lease, open_to_all, own, spawn
from tinnyswe.sandbox.policy import Policy, policy

LAUNCHER = Path(__file__).resolve().parent.parent / "guest" / "launcher.py"  # run by path, never imported
START_SECONDS = 20.0  # for the launcher's interpreter on a very busy machine; it takes 20 ms
FLAGS = ("-I", "-S", "-X", "utf8")  # the launcher sees nothing of the environment it hands on
LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Listener:
    """A listening socket of the grader's, and its address as the learner's program sees it."""

    sock: socket.socket
    host: str
    port: int


class Sandbox:
    """The backend of every computer: no namespaces, so it does not contain a hostile program, and says so.

    It gives the program its own session, an environment and descriptors with nothing of ours, a private HOME and
    TMPDIR, resource limits, no way to gain privileges; and, when we are root, a uid of its own. A stronger backend
    keeps these methods.
    """

    tier = "limits"
    describes = "own session and resource limits; does not contain a hostile program"

    def __init__(self, run: str = "") -> None:
        self.run = run

    def launch(
        self,
        command: Sequence[str],
        *,
        name: str,
        submission: Path,
        scratch: Path,
        python: Path,
        env: Mapping[str, str],
        limits: Limits,
        log: Path,
        runtime: Path,
    ) -> Minded:
        """Start the learner's program; returns once it runs. A first word "python" is the topic's interpreter.

        A folder of its own below `scratch` is removed when it is killed or closed. Raises SubmissionError
        "cannot-start" when the command cannot be executed, TinnyError "sandbox-failed" when the fault is ours.
        """
        folder = scratch / f"{name}-{secrets.token_hex(4)}"  # a restarted copy finds nothing of its former life
        lease = new_lease("copy", run=self.run, name=name, directories=(folder,))
        rules = policy(
            limits, identity=learner_identity(), submission=submission, folder=folder, python=python, env=env
        )
        _furnish(rules, folder)
        words = [str(python) if command[0] == "python" else command[0], *command[1:]]
        report, reporting = os.pipe()
        try:
            minded = spawn(
                [sys.executable, *FLAGS, str(LAUNCHER), _settings(rules, reporting), "--", *words],
                cwd=Path("/"),
                env=rules.env,
                log=log,
                lease=lease,
                pass_fds=[reporting],
                runtime=runtime,
            )
            os.close(reporting)
            reporting = -1
            _await_start(minded, report, command)
        finally:
            for end in (report, reporting):
                if end >= 0:
                    os.close(end)
        return minded

    def expose(self, name: str) -> Listener:
        """A socket that the learner's program reaches on loopback; the caller accepts, and closes it.

        name says what is served there; without network namespaces every program sees the same address.
        """
        sock = socket.create_server((LOOPBACK, 0), backlog=128)
        return Listener(sock, LOOPBACK, sock.getsockname()[1])

    def dial(self, port: int, timeout: float) -> socket.socket:
        """Connect to a port the learner's program listens on; raises OSError when nobody answers in time."""
        sock = socket.create_connection((LOOPBACK, port), timeout)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if hasattr(socket, "TCP_QUICKACK"):  # else a delayed acknowledgement costs 40 ms on the first answers
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        return sock


def _furnish(rules: Policy, folder: Path) -> None:
    """Make the program's home and tmp, which nobody else can look into."""
    open_to_all(folder)
    for place in rules.writable:
        place.mkdir(mode=0o700)
        own(place, rules.identity)


def _settings(rules: Policy, report: int) -> str:
    return json.dumps(
        {
            "cwd": str(rules.cwd),
            "umask": rules.umask,
            "identity": [rules.identity.uid, rules.identity.gid] if rules.identity else None,
            "rlimits": rules.rlimits(),
            "keep_fds": [],
            "report": report,
        }
    )


def _await_start(minded: Minded, report: int, command: Sequence[str]) -> None:
    """Return when the launcher has become the program: its end of the pipe closes without a word."""
    deadline = time.monotonic() + START_SECONDS
    said = b""
    while time.monotonic() < deadline:
        if select.select([report], [], [], 0.2)[0]:
            data = os.read(report, 4096)
            if not data:
                break
            said += data
    else:
        said = b"ours: the launcher did not finish in time"
    if not said:
        return
    minded.close()
    who, _, why = said.decode("utf-8", "replace").partition(": ")
    if who == "theirs":
        raise SubmissionError(
            f"the program cannot be started: {why}",
            where=" ".join(command),
            next_step="check the name, the first line (#!) and the executable bit",
            code="cannot-start",
        )
    raise TinnyError(
        f"the sandbox could not be set up: {why}",
        next_step="the submission and the scratch folder must be readable by other users when you are root",
        code="sandbox-failed",
    )

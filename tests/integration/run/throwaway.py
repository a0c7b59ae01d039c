"""Small labs and plans written into a temporary folder, run by the real bench code, and a look at what they leave."""

from __future__ import annotations

import contextlib
import io
import textwrap
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from integration.processes.programs import folder_for_all
from tinnyswe.engines.registry import get
from tinnyswe.model.events import AnyEvent, CheckFinished, CheckResult, RunFinished, decode_event
from tinnyswe.model.failure import Failure
from tinnyswe.model.lab import CheckSpec, EngineNeed, Entry, Lab, Limits, Readiness
from tinnyswe.model.plan import EngineChoice, Plan
from tinnyswe.model.verdict import Outcome
from tinnyswe.processes import cache_folder, learner_identity, runtime_folder
from tinnyswe.run import bench_main
from tinnyswe.sandbox.environments import interpreter

SECONDS = 20.0  # failsafe of every wait

# serve(answer): one request at a time, over bare sockets, so that it starts as fast as an interpreter can.
# answer(method, path, body) -> bytes; what is no whole HTTP answer is sent as it is.
SERVE = """
import os, signal, socket, sys, time

def ok(text="", status="200 OK"):
    return f"HTTP/1.1 {status}\\r\\nContent-Length: {len(text.encode())}\\r\\n\\r\\n{text}".encode()

def read(peer):
    data = b""
    while b"\\r\\n\\r\\n" not in data:
        more = peer.recv(65536)
        if not more:
            return None
        data += more
    head, _, body = data.partition(b"\\r\\n\\r\\n")
    method, path, _ = head.split(b"\\r\\n")[0].decode().split(" ")
    return method, path, body

def listen(host="127.0.0.1", port=None):
    return socket.create_server((host, int(port or os.environ["PORT"])), backlog=64)

def serve(answer=lambda method, path, body: ok(), listener=None):
    listener = listener or listen()
    while True:
        peer, _ = listener.accept()
        with peer:
            request = read(peer)
            if request is not None:
                peer.sendall(answer(*request))
"""


@dataclass(frozen=True)
class Run:
    """What one run came to."""

    events: list[AnyEvent]

    @property
    def finished(self) -> RunFinished:
        last = self.events[-1]
        assert isinstance(last, RunFinished)
        return last

    @property
    def results(self) -> dict[str, CheckResult]:
        return {event.result.check: event.result for event in self.events if isinstance(event, CheckFinished)}

    @property
    def outcomes(self) -> dict[str, Outcome]:
        return {check: result.outcome for check, result in self.results.items()}

    def failure(self, check: str = "C1") -> Failure:
        """The one failure of a check that failed, which says in sentences what is wrong and what to do."""
        result = self.results[check]
        assert result.outcome is Outcome.FAILED, (result, self.finished)
        (failure,) = result.failures
        assert failure.why.endswith(".")
        assert not failure.next_step or failure.next_step.endswith((".", "?"))
        return failure


def make_lab(root: Path, checks: str, **changes: Any) -> Lab:
    """A lab with these checks. changes: fields of Lab, plus `entry` and `limits` fields as dicts, `specs` of checks."""
    (root / "checks.py").write_text(textwrap.dedent(checks))
    entry = {"type": "http", "command": ("python", "app.py"), "copies": 1, **changes.pop("entry", {})}
    entry.setdefault("readiness", Readiness(seconds=SECONDS))
    specs: Sequence[CheckSpec] = changes.pop("specs", (CheckSpec(id="C1", title="the check"),))
    usual: dict[str, Any] = {
        "root": root,
        "topic": "small",
        "id": "small/lab",
        "title": "A small lab",
        "kind": "build",
        "box": "small/box",
        "minutes": 1,
        "revision": 1,
        "level": "real",
        "core": False,
        "entries": (Entry(**entry),),
        "limits": Limits(check_seconds=SECONDS, **changes.pop("limits", {})),
        "checks": tuple(specs),
        "digest": "",
    }
    return Lab(**usual | changes)


@contextlib.contextmanager
def place() -> Iterator[Path]:
    """A folder for a lab, a submission and the run's scratch; the learner's uid can enter it."""
    with folder_for_all() as folder:
        for name in ("lab", "submission", "scratch", "scratch/logs"):
            (folder / name).mkdir()
            (folder / name).chmod(0o755)
        yield folder


def make_plan(folder: Path, lab: Lab, program: str | Mapping[str, str], **changes: Any) -> Plan:
    """A plan that runs `program` (text of app.py, or files by name) against the lab, in `folder`."""
    files = {"app.py": program} if isinstance(program, str) else program
    for name, text in files.items():
        (folder / "submission" / name).write_text(textwrap.dedent(text))
    usual: dict[str, Any] = {
        "lab": lab,
        "seed": 1,
        "practice": False,
        "submission": folder / "submission",
        "scratch": folder / "scratch",
        "runtime": runtime_folder(),
        "python": interpreter(learner_identity()),
        "engines": tuple(chosen(role, need) for role, need in lab.engines.items()),
        "run_seconds": lab.limits.run_seconds,
    }
    return Plan(**usual | changes)


def chosen(role: str, need: EngineNeed) -> EngineChoice:
    install = get(need.kind or role).install(cache_folder())
    return EngineChoice(role=role, kind=need.kind or role, version=install.version, home=install.home)


def run_here(plan: Plan) -> Run:
    """Run the plan by the bench's own code, in this process."""
    said = io.BytesIO()
    bench_main.bench(plan, said, threading.Event())
    return Run([decode_event(line) for line in said.getvalue().splitlines()])


def run(program: str | Mapping[str, str], checks: str, **changes: Any) -> Run:
    """The whole of it: a lab, a program, a run; and nothing may be left afterwards."""
    plan_changes = {name: changes.pop(name) for name in ("run_seconds", "only", "stop_after") if name in changes}
    with place() as folder:
        plan = make_plan(folder, make_lab(folder / "lab", checks, **changes), program, **plan_changes)
        came_to = run_here(plan)
        assert left_of(plan) == []
    return came_to


def left_of(plan: Plan) -> list[str]:
    """What a run left: leases, its processes (their environments name its folder), private folders of copies."""
    left = [f"lease {path.name}" for path in (plan.runtime / "leases").iterdir()]
    left += [f"process {pid}" for pid in processes_of(plan)]
    left += [f"folder {path}" for path in plan.scratch.glob("copy-*/*")]
    return left


def processes_of(plan: Plan) -> list[int]:
    """Pids whose environment or command line names the run's scratch folder, read from /proc."""
    name, found = str(plan.scratch).encode(), []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if name in (folder / "environ").read_bytes() + (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
    return found

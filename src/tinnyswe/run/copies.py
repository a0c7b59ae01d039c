"""The running copies of the learner's program: the `app` fixture."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NoReturn, Protocol, TypeVar

import psutil

from tinnyswe.faults.tcp import TcpRelay
from tinnyswe.grading.world import RunBudgetSpent
from tinnyswe.labkit import Copy, NoAnswer, Reply, until
from tinnyswe.model.events import CopyReady
from tinnyswe.model.lab import Entry
from tinnyswe.model.plan import Plan
from tinnyswe.processes import tree
from tinnyswe.processes.spawn import Minded
from tinnyswe.run.clock import Clock
from tinnyswe.run.endings import how_it_ended, what_to_do
from tinnyswe.run.http import exchange
from tinnyswe.run.ports import Ports
from tinnyswe.run.timeline import Timeline
from tinnyswe.sandbox.backend import Sandbox

T = TypeVar("T")
NAMES = "abcdefgh"
_SHOWN_BODY = 200  # characters of an answer in the trace
_SHOWN_LINE = 500  # characters of a log line
_DYING = 1.0  # s; a connection that closes may be the first sign of a death that the minder has yet to report


class Surroundings(Protocol):
    """What a copy needs to know of its world."""

    plan: Plan
    sandbox: Sandbox
    timeline: Timeline
    clock: Clock
    ports: Ports

    def environment(self, copy: str) -> Mapping[str, str]:
        """DSNs of this copy's proxies, and what the lab's contract adds."""

    def complain(self, *, code: str, why: str, next_step: str, observed: Any = None) -> NoReturn:
        """Fail the present check: the learner's program did this."""

    def serving(self, copy: str) -> bool:
        """False while the copy starts."""

    def disturbed(self, copy: str) -> bool:
        """True while a fault may explain an answer that does not come."""


class RunningCopy:
    """One copy; see labkit.Copy for what each method promises."""

    def __init__(self, name: str, entry: Entry, around: Surroundings) -> None:
        self._name = name
        self._entry = entry
        self._around = around
        self._process: Minded | None = None
        self._status: int | None = None  # of the last process that ended by itself
        self._relay: TcpRelay | None = None
        self._starting = threading.Lock()
        self.log_file = around.plan.scratch / "logs" / f"copy-{name}.log"
        self.port = 0
        self.frozen = False
        self.killed = False
        self.serving = False  # what it asks its engines before it serves is no part of any story

    @property
    def name(self) -> str:
        return self._name

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None else None

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.alive()

    @property
    def url(self) -> str:
        if self._relay is None:
            listener = self._around.sandbox.expose(f"relay-{self._name}")
            self._relay = TcpRelay(listener.sock, lambda: self._dial(5.0))
            self._relay.start()
            self._address = (listener.host, listener.port)
        return f"http://{self._address[0]}:{self._address[1]}"

    # -- requests -----------------------------------------------------------------------------------------------

    def request(
        self,
        method: str,
        path: str,
        json: Any = None,
        *,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> Reply:
        if not self.killed:
            self.start()
        around = self._around
        limit = min(timeout, around.clock.left()) if timeout is not None else around.clock.left()
        sent = f"{method} {path}" + (f" {json}" if json is not None else "")
        around.timeline.request(self._name, "http", sent)
        reply = exchange(self._dial, self.port, method, path, json, headers, limit)
        if reply.unknown:
            around.timeline.say(f"{self._name} did not answer {method} {path}: {reply.problem}")
        else:
            shown = f"{reply.status} {reply.text[:_SHOWN_BODY].strip()}"
            around.timeline.say(f"{self._name} answered {method} {path}: {shown}")
        if reply.unknown and not around.disturbed(self._name):
            self._explain_silence(f"{method} {path}", reply, limit)
        return reply

    def get(self, path: str, **options: Any) -> Reply:
        return self.request("GET", path, **options)

    def post(self, path: str, json: Any = None, **options: Any) -> Reply:
        return self.request("POST", path, json, **options)

    def put(self, path: str, json: Any = None, **options: Any) -> Reply:
        return self.request("PUT", path, json, **options)

    def delete(self, path: str, **options: Any) -> Reply:
        return self.request("DELETE", path, **options)

    def _dial(self, seconds: float) -> socket.socket:
        if not self.port:  # it was killed, and somebody else may have got its port
            raise ConnectionRefusedError
        return self._around.sandbox.dial(self.port, seconds)

    def _explain_silence(self, request: str, reply: Reply, limit: float) -> NoReturn:
        timed_out = reply.problem.startswith("no answer")
        if self._process is None or self._process.wait(0.0 if timed_out else _DYING) is not None:
            self._explain_exit(f"ended while it was answering {request}")
        if timed_out:
            raise NoAnswer(f"answer of copy {self._name} to {request}", elapsed=reply.seconds, limit=round(limit, 1))
        self._around.complain(
            code="no-answer",
            why=f"Copy {self._name} did not answer {request}: {reply.problem}.",
            observed=reply.problem,
            next_step="Answer every request, also when something inside goes wrong (a 500 says more than a closed "
            "connection).",
        )

    # -- life ---------------------------------------------------------------------------------------------------

    def start(self) -> None:
        with self._starting:
            if self.running:
                return
            if self._process is not None and not self.killed:
                self._explain_exit("has ended by itself")
            self._launch()

    def _launch(self) -> None:
        around, plan = self._around, self._around.plan
        began = time.monotonic()
        self.port = around.ports.free()
        self.killed = self.frozen = False
        self.serving = False
        self._process = around.sandbox.launch(
            self._entry.command,
            name=f"copy-{self._name}",
            submission=plan.submission,
            scratch=plan.scratch / f"copy-{self._name}",
            python=plan.python,
            env={"PORT": str(self.port), "HOST": "127.0.0.1", **self._entry.env, **around.environment(self._name)},
            limits=plan.lab.limits,
            log=self.log_file,
            runtime=plan.runtime,
        )
        self._wait_until_it_serves()
        self.serving = True
        around.timeline.emit(CopyReady(at=around.timeline.now(), copy=self._name, seconds=time.monotonic() - began))

    def _wait_until_it_serves(self) -> None:
        limit = min(self._entry.readiness.seconds, max(self._around.clock.left(), 0.1))
        problem = ""

        def serves() -> bool:
            nonlocal problem
            if not self.running:
                self._explain_exit("ended before it served")
            problem = self._knock(max(0.5, limit / 2))
            return not problem

        try:
            until(serves, seconds=limit, what="HTTP answer")
        except NoAnswer:
            if self._around.clock.spent():
                raise RunBudgetSpent from None
            self._explain_unready(limit, problem)
        exposed = [address for address in _listening(self.pid) if not address.startswith(("127.", "::1"))]
        if exposed:
            self._around.complain(
                code="listens-everywhere",
                why="The program listens on all network interfaces: everybody in your network could reach it.",
                observed=exposed,
                next_step="Listen on 127.0.0.1 only (the environment variable HOST carries it).",
            )

    def _knock(self, seconds: float) -> str:
        """Try whether it serves; "" when it does, else what went wrong."""
        path = self._entry.readiness.path
        if path:
            return exchange(self._dial, self.port, "GET", path, None, None, seconds).problem
        try:
            self._dial(seconds).close()
        except OSError as problem:
            return str(problem)
        return ""

    def _explain_unready(self, limit: float, problem: str) -> NoReturn:
        """It runs, and does not serve: nothing listens, something else listens, or it does not answer."""
        path, addresses = self._entry.readiness.path, _listening(self.pid)
        why = f"Copy {self._name} runs, but listens on no port {limit:g} s after its start."
        next_step = "Listen on 127.0.0.1 and on the port in PORT before anything slow; serve from there."
        if any(address.endswith(f":{self.port}") for address in addresses):
            why = f"Copy {self._name} listens on its port, but GET {path} got no answer within {limit:g} s: {problem}."
            next_step = "Any HTTP answer says that you are ready, a 404 too. What does the program do instead of one?"
        elif addresses:
            why = f"Copy {self._name} runs, but nothing of it listens on its port, {self.port}."
            next_step = "Read the port from the environment variable PORT; every copy gets one of its own."
        self._around.complain(code="not-ready", why=why, observed=_places(addresses), next_step=next_step)

    def _explain_exit(self, how: str) -> NoReturn:
        process, self._process = self._process, None
        if process is not None:
            self._status = process.returncode
            process.kill()  # it has ended; what it started may not have
        self._around.complain(
            code="app-exited",
            why=f"Copy {self._name} {how}: `{' '.join(self._entry.command)}`.",
            observed=how_it_ended(self._status),
            next_step=what_to_do(self._status, self.log()),
        )

    def kill(self) -> None:
        self.killed = True
        self.port = 0
        if self._process is not None:
            self._process.kill()
        fault, whom = self._around.timeline.fault, f"copy {self._name}"
        if fault is None or (fault.kind, fault.target) != ("killed", whom):  # else the race has told it
            self._around.timeline.done("kill", whom)

    def restart(self) -> None:
        self.stop()
        self.start()

    def freeze(self) -> None:
        if self.pid is not None:
            tree.freeze(self.pid)
            self.frozen = True
            self._around.timeline.done("freeze", f"copy {self._name}")

    def thaw(self) -> None:
        if self.frozen and self.pid is not None:
            tree.thaw(self.pid)
            self._around.timeline.done("thaw", f"copy {self._name}")
        self.frozen = False

    def stop(self) -> None:
        """End it without a word in the timeline: the world is being cleared."""
        if self._process is not None:
            self._process.kill()
        self._process = None
        self.port = 0
        self.killed = self.frozen = False

    def close(self) -> None:
        self.stop()
        if self._relay is not None:
            self._relay.stop()
            self._relay = None

    def asleep(self) -> bool:
        """True when every thread of its whole process tree sleeps: it waits for nothing but input."""
        return self.pid is not None and tree.asleep(self.pid)

    def log(self, lines: int = 20) -> tuple[str, ...]:
        return tail(self.log_file, lines)


class RunningApp:
    """The `app` fixture: copies by name, each started when it is first asked for."""

    def __init__(self, entry: Entry, around: Surroundings) -> None:
        self._around = around
        self.copies = {name: RunningCopy(name, entry, around) for name in NAMES[: entry.copies]}

    @property
    def a(self) -> RunningCopy:
        return self.copies["a"]

    @property
    def b(self) -> RunningCopy:
        return self.copies["b"]

    @property
    def url(self) -> str:
        return self.a.url

    def __getitem__(self, name: str) -> RunningCopy:
        return self.copies[name]

    def start(self) -> None:
        """Start all copies at the same time: most of it is waiting for interpreters."""
        with ThreadPoolExecutor(len(self.copies)) as pool:
            list(pool.map(lambda copy: copy.start(), self.copies.values()))

    def together(self, calls: Mapping[str, list[Callable[[Copy], T]]], *, per_copy: int = 8) -> list[T]:
        pools = {name: ThreadPoolExecutor(per_copy) for name in calls}
        try:
            waiting = [pools[name].submit(call, self.copies[name]) for name, wanted in calls.items() for call in wanted]
            return [future.result() for future in waiting]
        finally:
            for pool in pools.values():
                pool.shutdown(wait=True)

    def stop(self) -> None:
        for copy in self.copies.values():
            copy.stop()

    def close(self) -> None:
        for copy in self.copies.values():
            copy.close()


def tail(log: Path, lines: int) -> tuple[str, ...]:
    """The last lines of a log, as text; none when it does not exist."""
    try:
        with log.open("rb") as stream:
            stream.seek(0, 2)
            stream.seek(max(0, stream.tell() - 16384))
            found = stream.read().decode("utf-8", "backslashreplace").splitlines()[-lines:]
    except OSError:
        return ()
    return tuple(line if len(line) <= _SHOWN_LINE else f"{line[:_SHOWN_LINE]} ..." for line in found)


def _places(addresses: Sequence[str]) -> str:
    return f"listening on {', '.join(addresses)}" if addresses else "listening on no port"


def _listening(pid: int | None) -> list[str]:
    """Addresses the process tree listens on, e.g. ["127.0.0.1:40123"]."""
    if pid is None:
        return []
    found = []
    for process in tree.tree(pid):
        try:
            sockets = process.net_connections(kind="tcp")
        except psutil.Error:
            continue
        found += [f"{s.laddr.ip}:{s.laddr.port}" for s in sockets if s.status == psutil.CONN_LISTEN]
    return sorted(set(found))

"""The world of one run: its engines, its proxies, and the copies of the learner's program."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NoReturn

from tinnyswe.labkit import Expect
from tinnyswe.model.errors import SubmissionError
from tinnyswe.model.events import AnyEvent
from tinnyswe.model.failure import FaultNote, LogTail
from tinnyswe.model.lab import CheckSpec, EngineNeed
from tinnyswe.model.plan import Plan
from tinnyswe.run.clock import Clock
from tinnyswe.run.copies import RunningApp
from tinnyswe.run.folders import DataFolders
from tinnyswe.run.net import RunningNet
from tinnyswe.run.ports import Ports
from tinnyswe.run.roles import EngineRole
from tinnyswe.run.timeline import Timeline
from tinnyswe.sandbox.backend import Sandbox

_LOG_LINES = 8


class RunWorld:
    """Implements grading.World, and races.World for its own parts."""

    def __init__(self, plan: Plan, emit: Callable[[AnyEvent], None]) -> None:
        self.plan = plan
        self.sandbox = Sandbox(plan.scratch.name)
        self.timeline = Timeline(emit)
        self.clock = Clock(plan.run_seconds)
        self.roles = {
            choice.role: EngineRole(choice, plan.lab.engines.get(choice.role, EngineNeed()), self)
            for choice in plan.engines
        }
        self.ports = Ports()
        self.folders = DataFolders(plan.lab.entry(), plan.scratch / "data")
        self.app = RunningApp(plan.lab.entry(), self)
        self.net = RunningNet(self.app, self.roles, self)
        self._check = ""
        self._open = False
        self._disturbed: set[str] = set()
        self.given: dict[str, Mapping[str, str]] = {}  # the environment each copy was started with

    # -- grading.World ------------------------------------------------------------------------------------------

    def begin(self, check: CheckSpec, *, seconds: float) -> None:
        self._check = self.timeline.check = check.id
        self.clock.begin(seconds)
        self.timeline.fresh_trace()
        if not (self._open and check.shares_world):
            self._renew()
        self.app.start()

    def end(self) -> None:
        _every(
            self.net.clear,
            self.net.heal,
            self._disturbed.clear,
            *(copy.thaw for copy in self.app.copies.values()),
            *(role.recover for role in self.roles.values()),
        )

    def fixtures(self) -> Mapping[str, Any]:
        return {"app": self.app, "net": self.net, **self.roles}

    def expect(self, check: str) -> Expect:
        return Expect(check, fault=self.fault, logs=self.logs, trace=self.trace)

    def fault(self) -> FaultNote | None:
        return self.timeline.fault

    def trace(self) -> tuple[str, ...]:
        return self.timeline.trace()

    def logs(self) -> tuple[LogTail, ...]:
        tails = [(f"copy {name}", copy.log(_LOG_LINES)) for name, copy in self.app.copies.items()]
        hidden = self.timeline.redacted
        return tuple(LogTail(source=source, lines=tuple(map(hidden, lines))) for source, lines in tails if lines)

    def spent(self) -> bool:
        return self.clock.spent()

    # -- for the parts ------------------------------------------------------------------------------------------

    def environment(self, copy: str) -> Mapping[str, str]:
        dsns = {role.need.env or f"{name.upper()}_URL": role.dsn(copy) for name, role in self.roles.items()}
        self.given[copy] = {**dsns, **self.folders.environment(copy)}
        return self.given[copy]

    def complain(self, *, code: str, why: str, next_step: str, observed: Any = None) -> NoReturn:
        self.expect(self._check).fail(code=code, why=why, observed=observed, next_step=next_step)

    def serving(self, copy: str) -> bool:
        return self.app.copies[copy].serving

    def disturb(self, copy: str, on: bool) -> None:
        (self._disturbed.add if on else self._disturbed.discard)(copy)

    def disturbed(self, copy: str) -> bool:
        running = self.app.copies[copy]
        return copy in self._disturbed or running.killed or running.frozen or any(r.down for r in self.roles.values())

    # -- life ---------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start every engine and open its first corner; what the lab's first check then finds ready."""
        if self.roles:
            with ThreadPoolExecutor(len(self.roles)) as pool:
                list(pool.map(lambda role: role.open(), self.roles.values()))

    def _renew(self) -> None:
        """Make a fresh world: new processes of the learner's program, new corners of the engines."""
        if self._open:
            self.app.stop()
            self.folders.clear()
            for role in self.roles.values():
                role.drop()
            self.start()
        self._open = True
        self._set_up()

    def _set_up(self) -> None:
        """Run the submission's own set-up file (migrate.sql) as the owner of the corner."""
        script = self.plan.lab.entry().setup
        path = self.plan.submission / script
        if not script or not path.is_file():
            return
        for role in self.roles.values():
            if not hasattr(role.scope, "apply"):
                continue
            try:
                role.scope.apply(path.read_text("utf-8"))
            except (SubmissionError, UnicodeDecodeError) as problem:
                self.complain(
                    code="setup-failed",
                    why=f"{script} could not be applied to {role.kind}.",
                    observed=str(problem),
                    next_step=f"Mend {script}: it runs once, as the owner of an empty database, before the copies.",
                )

    def close(self) -> None:
        """Stop everything, last started first; goes on when one part fails and raises its error at the end."""
        _every(
            self.net.clear,
            self.app.close,
            *(role.close for role in reversed(self.roles.values())),
            self._redact_logs,
        )

    def _redact_logs(self) -> None:
        """The logs outlive the run: they are kept with its evidence."""
        for log in (self.plan.scratch / "logs").glob("*.log*"):
            text = log.read_text("utf-8", "surrogateescape")
            hidden = self.timeline.redacted(text)
            if hidden != text:
                log.write_text(hidden, "utf-8", "surrogateescape")


def _every(*parts: Callable[[], object]) -> None:
    """Call every part, also when one fails; raises the first error at the end."""
    problems: list[Exception] = []
    for part in parts:
        try:
            part()
        except Exception as problem:
            problems.append(problem)
    if problems:
        raise problems[0]

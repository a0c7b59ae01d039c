"""`tinny run`: the learner's program with its engines and proxies up, and nobody grading."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tinnyswe.evidence.workspace import Workspace
from tinnyswe.labkit import CheckFailed, NoAnswer
from tinnyswe.model.errors import SubmissionError
from tinnyswe.model.lab import CheckSpec, Lab
from tinnyswe.run.scratch import scratch_folder
from tinnyswe.run.world import RunWorld
from tinnyswe.usecases import grade_files
from tinnyswe.usecases.prepare import prepare
from tinnyswe.usecases.start_lab import started_folder
from tinnyswe.usecases.tools import Tools

_DAY = 86_400.0  # s; a try-out ends when its person ends it


@dataclass(frozen=True)
class Tryout:
    """urls: of each copy. environment: what copy a sees (DSNs included), to paste into a shell. logs: by source."""

    lab: Lab
    urls: dict[str, str]
    environment: dict[str, str]
    logs: dict[str, Path]
    world: RunWorld

    def ended(self) -> list[str]:
        """Names of the copies that no longer run."""
        return [name for name, copy in self.world.app.copies.items() if not copy.running]


@contextlib.contextmanager
def try_lab(workspace: Workspace, lab: Lab, tools: Tools) -> Iterator[Tryout]:
    """Start everything the lab's program needs, and the program; stop all of it at the end.

    Raises SubmissionError when the program does not come up: its message carries the last log lines.
    """
    source = started_folder(workspace, lab)
    prepared = prepare(lab, tools)
    with scratch_folder(tools.runtime, run=lab.id) as scratch:
        submission = grade_files.take_in_for(lab, source, scratch)
        seed = secrets.randbelow(10**6)
        plan = grade_files.plan_for(lab, submission, prepared, tools, scratch, seed=seed, run_seconds=_DAY)
        world = RunWorld(plan, emit=lambda event: None)
        try:
            world.start()
            _begin(world)
            yield Tryout(
                lab=lab,
                urls={name: copy.url for name, copy in world.app.copies.items()},
                environment=dict(world.given["a"]),
                logs={f"copy {name}": copy.log_file for name, copy in world.app.copies.items()},
                world=world,
            )
        finally:
            world.close()


def _begin(world: RunWorld) -> None:
    try:
        world.begin(CheckSpec(id="-", title="by hand"), seconds=_DAY)
    except CheckFailed as failed:
        failure = failed.failure
        lines = [line for tail in failure.logs for line in tail.lines[-5:]]
        shown = "".join(f"\n    {line}" for line in lines)
        raise SubmissionError(
            f"{failure.why} ({failure.observed}){shown}", next_step=failure.next_step, code=failure.code
        ) from failed
    except NoAnswer as silent:
        raise SubmissionError(str(silent), code=silent.code) from silent

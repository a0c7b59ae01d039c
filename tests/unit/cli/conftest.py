"""One lab, one failing check and one learner's progress, seen by all views."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tinnyswe.model.events import CheckResult
from tinnyswe.model.evidence import RunVerdict
from tinnyswe.model.failure import Failure, FaultNote, LogTail
from tinnyswe.model.lab import Box, Catalog, CheckSpec, Entry, Lab, MutantSpec, Topic
from tinnyswe.model.progress import BoxProgress, LabProgress, Progress, TopicProgress
from tinnyswe.model.verdict import Outcome


@pytest.fixture
def lab() -> Lab:
    return Lab(
        root=Path("caching/atomic-counters"),
        topic="caching",
        id="caching/atomic-counters",
        title="The last seats",
        kind="build",
        box="caching/key-value-basics",
        minutes=45,
        revision=1,
        level="real",
        core=True,
        entries=(Entry(type="http"),),
        checks=(
            CheckSpec(id="C1", title="One copy alone sells what it has.", facets=("get-set", "counters")),
            CheckSpec(id="C2", title="Two copies sell the last seats at the same moment.", facets=("atomicity",)),
            CheckSpec(id="C3", title="A copy dies in the middle of a sale.", facets=("atomicity",)),
        ),
        mutants=(
            MutantSpec(
                id="M1",
                belief="reading, checking and writing back is safe",
                rejected_by=("C2",),
                code="oversold",
                explain="Between your read and your write another copy may sell the same seats.",
            ),
            MutantSpec(id="M8", belief="two counters can be kept equal", rejected_by=("C2",), code="oversold"),
        ),
        digest="d" * 64,
    )


@pytest.fixture
def oversold() -> Failure:
    return Failure(
        check="C2",
        code="oversold",
        why="every acknowledged seat exists",
        expected=10,
        relation="at most",
        observed=12,
        fault=FaultNote(kind="held", target="copy a", position=2, request="DECRBY left:gala 6"),
        trace=(
            "a: POST /shows/gala/reservations",
            "a → valkey: GET left:gala",
            "— held copy a before its request 2: DECRBY left:gala 6",
            "b: POST /shows/gala/reservations",
            "b → valkey: GET left:gala",
            "b → valkey: DECRBY left:gala 6",
            "— copy a goes on",
        ),
        logs=(LogTail(source="copy a", lines=("INFO sold 6 seats of gala to ann",)),),
        next_step="Which other request may come between your GET and your DECRBY?",
    )


@pytest.fixture
def failed(oversold: Failure) -> CheckResult:
    return CheckResult(check="C2", outcome=Outcome.FAILED, seconds=0.42, failures=(oversold,))


@pytest.fixture
def verdict_of() -> Callable[..., RunVerdict]:
    """Make a verdict from check results; further fields by name."""

    def make(*results: CheckResult, outcome: Outcome, **changes: Any) -> RunVerdict:
        verdict = RunVerdict(
            lab="caching/atomic-counters",
            run="20260301T120000000Z-caching-atomic-counters-0a1b2c",
            outcome=outcome,
            practice=False,
            seed=7,
            submission="ab" * 32,
            checks=results,
            started="2026-03-01T12:00:00.000000Z",
            elapsed=2.84,
        )
        return msgspec.structs.replace(verdict, **changes)

    return make


@pytest.fixture
def catalog(lab: Lab) -> Catalog:
    boxes = (
        Box(
            id="caching/key-value-basics",
            topic="caching",
            title="Learn key-value basics",
            facets=("get-set", "atomicity", "counters", "scripts"),
            core=("caching/atomic-counters",),
            depth=("caching/scan-not-keys",),
        ),
        Box(
            id="caching/sessions-and-query-caching",
            topic="caching",
            title="Use Redis for sessions and query caching",
            core=("caching/session-store", "caching/stampede-shield"),
        ),
        Box(id="docker/compose", topic="docker", title="Compose 🐳", core=("docker/compose-up",)),
    )
    topics = (
        Topic(id="caching", title="Caching (Redis)", boxes=boxes[:2], root=Path("caching")),
        Topic(id="docker", title="Docker", boxes=boxes[2:], root=Path("docker")),
    )
    return Catalog(
        topics={topic.id: topic for topic in topics}, boxes={box.id: box for box in boxes}, labs={lab.id: lab}
    )


@pytest.fixture
def progress() -> Progress:
    proof = LabProgress(lab="caching/atomic-counters", shipped=True, proven=True, level="real")
    missing = [LabProgress(lab=f"caching/{name}", shipped=False) for name in ("session-store", "stampede-shield")]
    caching = (
        BoxProgress(box="caching/key-value-basics", state="proven", ticked=True, item=1, labs=(proof,), level="real"),
        BoxProgress(
            box="caching/sessions-and-query-caching",
            state="claimed",
            ticked=True,
            item=2,
            labs=tuple(missing),
            minutes_left=120,
        ),
    )
    docker = (
        BoxProgress(
            box="docker/compose",
            state="not provable yet",
            ticked=False,
            item=None,
            labs=(LabProgress(lab="docker/compose-up", shipped=False),),
        ),
    )
    return Progress(
        topics=(
            TopicProgress(topic="caching", item=0, ticked=False, boxes=caching),
            TopicProgress(topic="docker", item=None, ticked=False, boxes=docker),
        ),
        held=(1,),
        next_lab="caching/atomic-counters",
        next_why="It is the first core lab of the first open box.",
    )

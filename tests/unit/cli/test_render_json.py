from __future__ import annotations

import json
from collections.abc import Callable

import msgspec

from tinnyswe.cli.render import dumps, event_json, problem_json, run_json, status_json
from tinnyswe.model.errors import UsageError
from tinnyswe.model.events import CheckFinished, CheckResult, decode_event
from tinnyswe.model.evidence import RunVerdict
from tinnyswe.model.failure import Failure
from tinnyswe.model.lab import Catalog, Lab
from tinnyswe.model.progress import Progress
from tinnyswe.model.verdict import Outcome


def test_a_run_carries_the_words_a_program_needs(
    verdict_of: Callable[..., RunVerdict], failed: CheckResult, lab: Lab
) -> None:
    document = run_json(verdict_of(failed, outcome=Outcome.FAILED, diagnosis=("M1",)), lab)
    assert (document["format"], document["outcome"], document["exit_code"]) == (1, "failed", 1)
    assert document["diagnosis"] == [{"mutant": "M1", "belief": "reading, checking and writing back is safe"}]
    (check,) = document["checks"]
    assert check["title"] == "Two copies sell the last seats at the same moment."
    (failure,) = check["failures"]
    assert (failure["expected"], failure["relation"], failure["observed"]) == (10, "at most", 12)
    assert failure["while"] == "copy a was held before its request 2: DECRBY left:gala 6"
    assert (document["proof"], document["no_proof"]) == (None, "")


def test_values_are_whole_and_the_line_is_ascii(
    verdict_of: Callable[..., RunVerdict], oversold: Failure, lab: Lab
) -> None:
    observed = "\x1b[2J\u202e✓" + "x" * 50_000
    failure = msgspec.structs.replace(oversold, observed=observed)
    result = CheckResult(check="C2", outcome=Outcome.FAILED, failures=(failure,))
    line = dumps(run_json(verdict_of(result, outcome=Outcome.FAILED), lab))
    assert line.isascii()
    assert line.isprintable()
    assert json.loads(line)["checks"][0]["failures"][0]["observed"] == observed


def test_an_event_is_what_stands_in_the_run_folder(failed: CheckResult) -> None:
    event = CheckFinished(at=1.5, result=failed)
    assert decode_event(dumps(event_json(event)).encode()) == event


def test_progress_carries_titles(progress: Progress, catalog: Catalog) -> None:
    document = json.loads(dumps(status_json(progress, catalog)))
    assert document["format"] == 1
    assert document["topics"][0]["title"] == "Caching (Redis)"
    assert document["topics"][0]["boxes"][0]["title"] == "Learn key-value basics"
    assert document["topics"][0]["boxes"][0]["state"] == "proven"


def test_a_problem_carries_its_code() -> None:
    document = problem_json(UsageError("no such lab", next_step="tinny status", code="no-lab"))
    assert (document["code"], document["exit_code"], document["next_step"]) == ("no-lab", 2, "tinny status")

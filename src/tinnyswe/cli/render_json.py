"""The same data for programs: `--json`. Every document carries `format`; values are never shortened."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec

from tinnyswe.cli.render_failure import fault_sentence
from tinnyswe.model.errors import TinnyError
from tinnyswe.model.events import AnyEvent, CheckResult
from tinnyswe.model.evidence import Receipt, RunVerdict
from tinnyswe.model.lab import Catalog, Lab
from tinnyswe.model.progress import Progress
from tinnyswe.model.verdict import EXIT_CODES

if TYPE_CHECKING:  # see render_audit
    from tinnyswe.usecases.audit_lab import Audit

FORMAT = 1


def dumps(document: dict[str, Any]) -> str:
    """One line of pure ASCII: control and bidi characters of a learner's output are escaped, never printed."""
    return json.dumps(document, ensure_ascii=True)


def event_json(event: AnyEvent) -> dict[str, Any]:
    """One event of the stream, as it stands in events.jsonl."""
    document: dict[str, Any] = msgspec.to_builtins(event)
    return document


def run_json(
    verdict: RunVerdict, lab: Lab | None, *, receipt: Receipt | None = None, refusal: str = ""
) -> dict[str, Any]:
    """A verdict with the words a reader without the lab's folder needs: titles, beliefs, exit code."""
    beliefs = {mutant.id: mutant.belief for mutant in lab.mutants} if lab else {}
    titles = {spec.id: spec.title for spec in lab.checks} if lab else {}
    return {
        **msgspec.to_builtins(verdict),
        "format": FORMAT,
        "exit_code": EXIT_CODES[verdict.outcome],
        "checks": [_check(result, titles.get(result.check, "")) for result in verdict.checks],
        "diagnosis": [{"mutant": id, "belief": beliefs.get(id, "")} for id in verdict.diagnosis],
        "proof": msgspec.to_builtins(receipt),
        "no_proof": refusal,
    }


def status_json(progress: Progress, catalog: Catalog) -> dict[str, Any]:
    """Progress with the titles of topics and boxes."""
    document: dict[str, Any] = {"format": FORMAT, **msgspec.to_builtins(progress)}
    for topic in document["topics"]:
        topic["title"] = catalog.topics[topic["topic"]].title
        for box in topic["boxes"]:
            box["title"] = catalog.boxes[box["box"]].title
    return document


def audit_json(audit: Audit) -> dict[str, Any]:
    return {"format": FORMAT, "green": audit.green, **msgspec.to_builtins(audit)}


def problem_json(error: TinnyError) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "problem": error.what,
        "where": error.where,
        "next_step": error.next_step,
        "code": error.code,
        "exit_code": error.exit_code,
    }


def _check(result: CheckResult, title: str) -> dict[str, Any]:
    document: dict[str, Any] = {**msgspec.to_builtins(result), "title": title}
    for failure, shown in zip(result.failures, document["failures"], strict=True):
        shown["while"] = fault_sentence(failure.fault) if failure.fault else ""
    return document

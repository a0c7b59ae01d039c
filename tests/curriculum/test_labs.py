"""Every shipped lab is audited: wrong programs are refused as promised, right ones pass, goldens match."""

from __future__ import annotations

import pytest

from tinnyswe.catalog import curriculum_root, load, problems
from tinnyswe.usecases.audit_file import read_audit
from tinnyswe.usecases.audit_lab import AuditOptions, audit_lab
from tinnyswe.usecases.tools import Tools

CATALOG = load([curriculum_root()])


def test_the_curriculum_has_no_problem() -> None:
    assert problems(curriculum_root()) == []


@pytest.mark.parametrize("lab", sorted(CATALOG.labs))
def test_the_audit_is_green(lab: str) -> None:
    auditor = audit_lab(CATALOG.labs[lab], AuditOptions(seeds=3, repeats=3, jobs=2), Tools())
    wrong = [f"{row.program}: {problem}" for row in auditor.rows() for problem in row.problems]
    audit = auditor.conclude()
    assert wrong == []
    assert audit.problems == ()
    assert audit.figures.killed == audit.figures.mutants > 0


@pytest.mark.parametrize("lab", sorted(CATALOG.labs))
def test_the_recorded_audit_is_of_this_build(lab: str) -> None:
    recorded = read_audit(CATALOG.labs[lab])
    assert recorded is not None, f"run `tinny lab audit --record {lab}`"
    assert recorded.lab_digest == CATALOG.labs[lab].digest, f"{lab} has changed: `tinny lab audit --record {lab}`"
    assert recorded.figures.killed == recorded.figures.mutants

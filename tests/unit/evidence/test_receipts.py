from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tinnyswe.evidence.ledger import Ledger
from tinnyswe.evidence.receipts import make_receipt, receipt_digest, receipts, record_receipt, refusal
from tinnyswe.evidence.runs import RunWriter
from tinnyswe.model.events import CheckFinished, CheckResult, EngineUsed, RunFinished
from tinnyswe.model.evidence import Receipt, RunVerdict
from tinnyswe.model.lab import CheckSpec, Entry, Lab
from tinnyswe.model.plan import Plan
from tinnyswe.model.verdict import Outcome

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def a_plan(**changes: Any) -> Plan:
    lab = Lab(
        root=Path("caching/atomic-counters"),
        topic="caching",
        id="caching/atomic-counters",
        title="The last seats",
        kind="build",
        box="caching/key-value-basics",
        minutes=40,
        revision=2,
        level="real",
        core=True,
        entries=(Entry(type="http"),),
        checks=(CheckSpec(id="C1", title="one"), CheckSpec(id="C2", title="two")),
        digest="d" * 64,
    )
    nowhere = Path("unused")
    plan = Plan(lab=lab, seed=7, practice=False, submission=nowhere, scratch=nowhere, runtime=nowhere, python=nowhere)
    return msgspec.structs.replace(plan, **changes)


def a_verdict(*outcomes: Outcome, **changes: Any) -> RunVerdict:
    verdict = RunVerdict(
        lab="caching/atomic-counters",
        run="r",
        outcome=Outcome.PASSED,
        practice=False,
        seed=7,
        submission="ab" * 32,
        checks=tuple(
            CheckResult(check=f"C{number}", outcome=outcome, self_reported=("comparisons=12",) * (number == 2))
            for number, outcome in enumerate(outcomes or (Outcome.PASSED, Outcome.PASSED), 1)
        ),
        started="2026-03-01T12:00:00.000000Z",
        elapsed=2.5,
    )
    return msgspec.structs.replace(verdict, **changes)


def a_receipt(*levels: str) -> Receipt:
    engines = [EngineUsed(role=level, kind="valkey", version="8.1.8", level=level) for level in levels]
    return make_receipt(a_plan(), a_verdict(), engines=engines, events="e" * 64, lock_digest="l" * 64, python="3.12.1")


def test_a_receipt_says_what_is_needed_to_run_it_again() -> None:
    receipt = a_receipt("real")
    assert receipt.checks == {"C1": Outcome.PASSED, "C2": Outcome.PASSED}
    assert (receipt.revision, receipt.lab_digest, receipt.box) == (2, "d" * 64, "caching/key-value-basics")
    assert receipt.self_reported == ("C2: comparisons=12",)
    assert receipt.events == "e" * 64


@pytest.mark.parametrize(
    ("levels", "level"),
    [((), "real"), (("real",), "real"), (("real", "lite"), "lite"), (("contract", "lite"), "contract")],
)
def test_the_weakest_engine_gives_the_level(levels: tuple[str, ...], level: str) -> None:
    assert a_receipt(*levels).level == level


@pytest.mark.parametrize(
    ("plan", "verdict", "said"),
    [
        ({}, a_verdict(Outcome.PASSED, Outcome.FAILED, outcome=Outcome.FAILED), "only a run that passed"),
        ({}, a_verdict(outcome=Outcome.ERROR), "only a run that passed"),
        ({"practice": True}, a_verdict(), "a practice run"),
        ({}, a_verdict(practice=True), "a practice run"),
        ({"only": ("C1",)}, a_verdict(Outcome.PASSED, Outcome.NOT_RUN, outcome=Outcome.NOT_RUN), "(C2 did not run)"),
        ({"only": ("C1", "C2")}, a_verdict(), "only a complete run"),
        ({}, a_verdict(Outcome.PASSED), "(C2 did not run)"),
        ({}, a_verdict(outcome=Outcome.NOT_RUN), "only a complete run"),
        ({}, a_verdict(submission=""), "your files were not stored"),
    ],
)
def test_other_runs_earn_none_and_the_reason_is_said(plan: dict[str, Any], verdict: RunVerdict, said: str) -> None:
    assert said in refusal(a_plan(**plan), verdict)
    with pytest.raises(ValueError, match=r"leaves|stored"):
        make_receipt(a_plan(**plan), verdict, engines=(), events="", lock_digest="", python="3.12.1")


def test_the_ledger_gives_back_the_same_receipt(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path, "m1")
    record_receipt(ledger, a_receipt("real"), NOON)
    ledger.append("hint", {}, NOON)
    ledger.append("receipt", {"format": 2}, NOON)
    (found,) = receipts(ledger.read().entries)
    assert found == a_receipt("real")
    assert receipt_digest(found) == receipt_digest(a_receipt("real")) != receipt_digest(a_receipt("lite"))


def test_a_receipt_names_no_computer_user_or_path() -> None:
    text = msgspec.json.encode(a_receipt("real")).decode()
    assert str(Path.home()) not in text
    assert not {"host", "user", "path"} & set(msgspec.to_builtins(a_receipt("real")))


def test_the_receipt_is_laid_beside_the_verdict(tmp_path: Path) -> None:
    writer = RunWriter.create(
        tmp_path, lab="caching/atomic-counters", seed=7, practice=False, submission="ab" * 32, now=NOON
    )
    for check in ("C1", "C2"):
        writer.add(CheckFinished(at=0.1, result=CheckResult(check=check, outcome=Outcome.PASSED)))
    writer.add(RunFinished(at=0.2, outcome=Outcome.PASSED))
    verdict = writer.finish()
    receipt = make_receipt(
        a_plan(), verdict, engines=writer.engines, events=writer.events_digest, lock_digest="", python="3.12.1"
    )
    assert writer.keep_receipt(receipt).receipt is True
    assert msgspec.json.decode((writer.folder / "receipt.json").read_bytes(), type=Receipt) == receipt
    assert msgspec.json.decode((writer.folder / "verdict.json").read_bytes(), type=RunVerdict) == writer.verdict


def test_a_check_that_does_not_count_withholds_no_receipt() -> None:
    lab = a_plan().lab
    shown_only = CheckSpec(id="C2", title="two", counts=False)
    plan = a_plan(lab=msgspec.structs.replace(lab, checks=(lab.checks[0], shown_only)))
    assert refusal(plan, a_verdict(Outcome.PASSED, Outcome.FAILED)) == ""
    assert refusal(a_plan(), a_verdict(Outcome.PASSED, Outcome.FAILED)) != ""

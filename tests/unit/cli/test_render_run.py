from __future__ import annotations

from collections.abc import Callable

import pytest

from tinnyswe.cli.render import (
    Aftermath,
    activity,
    event_view,
    green,
    lessons,
    plain,
    problem,
    summary,
    timeline,
    titles,
    waiting,
    watching,
)
from tinnyswe.model.errors import CannotRunHere, SubmissionError, TinnyError, UsageError
from tinnyswe.model.events import (
    CheckFinished,
    CheckResult,
    CheckStarted,
    EngineReady,
    EngineUsed,
    FaultDone,
    Note,
    RequestSeen,
    RunFinished,
    RunStarted,
)
from tinnyswe.model.evidence import Receipt, RunVerdict
from tinnyswe.model.lab import Lab
from tinnyswe.model.verdict import Outcome

Make = Callable[..., RunVerdict]
PASSED = CheckResult(check="C1", outcome=Outcome.PASSED, seconds=0.31)
BROKEN = CheckResult(check="C1", outcome=Outcome.ERROR, reason="valkey stopped")
NOT_RUN = CheckResult(check="C3", outcome=Outcome.NOT_RUN, reason="C2 did not pass")
STARTED = RunStarted(at=0.0, lab="caching/atomic-counters", seed=7, practice=False, checks=("C1", "C2"), tier="T1")


def a_receipt() -> Receipt:
    return Receipt(
        lab="caching/atomic-counters",
        revision=1,
        lab_digest="d" * 64,
        box="caching/key-value-basics",
        seed=7,
        submission="ab" * 32,
        verdict=Outcome.PASSED,
        checks={"C1": Outcome.PASSED},
        level="real",
        tier="T1",
        lock_digest="",
        tinnyswe="0.1.0",
        python="3.12.1",
        platform="linux",
        arch="x86_64",
        started="2026-03-01T12:00:00.000000Z",
        elapsed=2.84,
        events="e" * 64,
    )


def test_one_wrong_belief_is_named(verdict_of: Make, failed: CheckResult, lab: Lab) -> None:
    verdict = verdict_of(PASSED, failed, NOT_RUN, outcome=Outcome.FAILED, diagnosis=("M1",))
    assert plain(summary(verdict, lab)) == (
        "\n"
        "✗ failed  1 of 3 checks passed in 2.8 s (seed 7)\n"
        "  You behave like M1: reading, checking and writing back is safe.\n"
        "  Story     `tinny show` tells this run step by step\n"
        "  Again     `tinny check caching/atomic-counters --seed 7` makes the same run as\n"
        "            practice\n"
        "  Stuck     `tinny hint caching/atomic-counters`; hints are never held against\n"
        "            you\n"
    )


def test_beliefs_that_look_the_same_are_named_together(verdict_of: Make, failed: CheckResult, lab: Lab) -> None:
    text = plain(summary(verdict_of(failed, outcome=Outcome.FAILED, diagnosis=("M1", "M8")), lab))
    assert (
        "  You behave like M1 or M8, which look the same from outside:\n"
        "    M1  reading, checking and writing back is safe.\n"
        "    M8  two counters can be kept equal.\n"
    ) in text


@pytest.mark.parametrize("diagnosis", [(), ("M99",)])
def test_without_a_diagnosis_nothing_is_guessed(
    verdict_of: Make, failed: CheckResult, lab: Lab, diagnosis: tuple[str, ...]
) -> None:
    assert "behave" not in plain(summary(verdict_of(failed, outcome=Outcome.FAILED, diagnosis=diagnosis), lab))


def test_a_proof_says_what_it_proves_and_what_is_left(verdict_of: Make, lab: Lab) -> None:
    view = summary(
        verdict_of(PASSED, outcome=Outcome.PASSED, receipt=True),
        lab,
        Aftermath(
            receipt=a_receipt(),
            ticked=("Learn key-value basics", "Caching"),
            left=("caching/ttl-algebra",),
            next_lab="caching/ttl-algebra",
            next_why="It is the last one of this box.",
        ),
    )
    assert plain(view) == (
        "\n"
        "✓ passed  1 check in 2.8 s (seed 7)\n"
        "  Proof     kept for caching/key-value-basics, against the real engine\n"
        "  Ticked    “Learn key-value basics” and “Caching” in your roadmap\n"
        "  To go     caching/ttl-algebra, until the box is proven\n"
        "  Next      `tinny start caching/ttl-algebra`. It is the last one of this box.\n"
    )


def test_practice_says_why_it_proves_nothing(verdict_of: Make, lab: Lab) -> None:
    verdict = verdict_of(PASSED, outcome=Outcome.PASSED, practice=True)
    assert plain(summary(verdict, lab, Aftermath(refusal="a practice run leaves no receipt"))) == (
        "\n✓ passed  1 check in 2.8 s (seed 7, practice)\n  No proof  a practice run leaves no receipt\n"
    )


def test_trouble_after_the_proof_is_not_hidden(verdict_of: Make, lab: Lab) -> None:
    verdict = verdict_of(PASSED, outcome=Outcome.PASSED)
    text = plain(summary(verdict, lab, Aftermath(receipt=a_receipt(), trouble="the roadmap could not be ticked")))
    assert text.endswith("! But       the roadmap could not be ticked\n")


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        (Outcome.ERROR, "it costs no attempt and\n  clears no tick"),
        (Outcome.TIMEOUT, "what your program was doing when the time ran out"),
        (Outcome.NOT_RUN, "○ incomplete  1 of 2 checks passed"),
    ],
)
def test_other_ends_say_what_they_mean(verdict_of: Make, lab: Lab, outcome: Outcome, words: str) -> None:
    text = plain(summary(verdict_of(PASSED, NOT_RUN, outcome=outcome, reason="it ended so"), lab))
    assert words in text
    assert "it ended so" in text


def test_what_goes_by_during_a_check(lab: Lab) -> None:
    valkey = EngineUsed(role="valkey", kind="valkey", version="8.1.8", level="real")
    lite = EngineUsed(role="k8s", kind="kwok", version="0.7", level="lite")
    events = [
        STARTED,
        EngineReady(at=0.2, engine=valkey, seconds=0.21),
        EngineReady(at=0.2, engine=lite, seconds=0.21),
        CheckStarted(at=0.3, check="C1", title="x"),
        RequestSeen(at=0.3, check="C1", copy="a", role="valkey", text="GET left"),
        Note(at=0.4, check="C1", text="not all positions were tried"),
        CheckFinished(at=0.5, result=PASSED),
        RunFinished(at=0.6, outcome=Outcome.PASSED),
    ]
    views = [view for event in events if (view := event_view(event, titles(lab))) is not None]
    assert "".join(map(plain, views)) == (
        "  caching/atomic-counters  2 checks, seed 7\n"
        "  valkey 8.1.8 is ready (0.2 s)\n"
        "  kwok 0.7 (lite, not the real engine) is ready (0.2 s)\n"
        "  note: not all positions were tried\n"
        "✓ C1  passed   One copy alone sells what it has. (0.3 s)\n"
    )
    assert [activity(event) for event in events[:4]] == [
        "starting the engines",
        "starting your program",
        "starting your program",
        "C1  x",
    ]


def test_the_timeline_has_every_event_with_its_second(lab: Lab, failed: CheckResult) -> None:
    request = "DECRBY left:gala 6"
    events = [
        STARTED,
        CheckStarted(at=0.1, check="C2", title="Two copies"),
        RequestSeen(at=0.2, check="C2", copy="a", role="http", text="POST /shows"),
        RequestSeen(at=0.21, check="C2", copy="a", role="valkey", position=1, text="GET left:gala"),
        FaultDone(at=0.22, check="C2", kind="held", target="copy a", position=2, request=request),
        FaultDone(at=0.3, check="C2", kind="release", target="copy a", position=2, request=request),
        FaultDone(at=0.31, check="C2", kind="kill", target="b"),
        FaultDone(at=0.32, check="C2", kind="restart", target="valkey"),
        FaultDone(at=0.33, check="C2", kind="partition", target="copy a and valkey"),
        FaultDone(at=0.34, check="C2", kind="healed", target="copy a and valkey"),
        Note(at=0.4, check="C2", text="a note"),
        RunFinished(at=12.5, outcome=Outcome.FAILED, reason="C2"),
    ]
    assert plain(timeline(events, titles(lab))) == (
        "   0.000  run of caching/atomic-counters, seed 7, sandbox T1\n"
        "\n"
        "   0.100  C2  Two copies\n"
        "   0.200  a: POST /shows\n"
        "   0.210  a → valkey #1: GET left:gala\n"
        "   0.220  — copy a was held before its request 2: DECRBY left:gala 6\n"
        "   0.300  — copy a goes on\n"
        "   0.310  — copy b was killed\n"
        "   0.320  — valkey was started again\n"
        "   0.330  — copy a and valkey could not reach each other\n"
        "   0.340  — copy a and valkey can reach each other again\n"
        "   0.400  note: a note\n"
        "  12.500  the run ended: failed: C2\n"
    )
    assert "✗ C2  failed" in plain(timeline([CheckFinished(at=0.5, result=failed)], titles(lab)))


@pytest.mark.parametrize(
    ("kind", "word"),
    [
        (TinnyError, "error: "),
        (UsageError, ""),
        (CannotRunHere, "cannot run here: "),
        (SubmissionError, "not graded: "),
    ],
)
def test_an_error_says_what_where_and_what_next(kind: type[TinnyError], word: str) -> None:
    error = kind("the disk is full", where=".tinny/ledger", next_step="free some space")
    assert plain(problem(error)) == (
        f"! {word}the disk is full\n  Where     .tinny/ledger\n  Next      free some space\n"
    )


def test_after_a_pass_the_other_ways_are_explained(lab: Lab) -> None:
    assert plain(lessons(lab)) == (
        "What your solution got right where others go wrong:\n"
        "  M1  “reading, checking and writing back is safe.”\n"
        "      Between your read and your write another copy may sell the same seats.\n"
    )


def test_watch_says_what_it_waits_for() -> None:
    assert plain(watching("work/caching/atomic-counters")) == (
        "  Watching work/caching/atomic-counters: every save is checked. Ctrl-C ends.\n"
    )
    assert "that run is the\n  proof" in plain(green(7))
    assert plain(waiting(Outcome.PASSED, 8)) == "✓ Proven. The next save is checked again; Ctrl-C ends.\n"
    assert "Seed 7 stays until it passes" in plain(waiting(Outcome.FAILED, 7))


def test_one_story_is_enough_and_the_other_failures_keep_their_facts(lab: Lab, failed: CheckResult) -> None:
    event = CheckFinished(at=0.5, result=failed)
    told, short = (plain(view) for story in (True, False) if (view := event_view(event, titles(lab), story=story)))
    assert "What led to it:" in told
    assert "What led to it:" not in short
    assert "Expected  at most 10\n  Observed  12\n" in short


def test_checks_nobody_asked_for_are_counted_and_not_listed(verdict_of: Make, lab: Lab) -> None:
    left_out = CheckResult(check="C3", outcome=Outcome.NOT_RUN, reason="not asked for")
    assert event_view(CheckFinished(at=0.5, result=left_out), titles(lab)) is None
    text = plain(summary(verdict_of(PASSED, left_out, outcome=Outcome.NOT_RUN), lab))
    assert "○ incomplete  1 of 1 check passed, 1 not asked for, in 2.8 s (seed 7)\n" in text


def test_where_nobody_can_follow_advice_none_is_given(verdict_of: Make, failed: CheckResult, lab: Lab) -> None:
    text = plain(summary(verdict_of(PASSED, failed, outcome=Outcome.FAILED), lab, advice=False))
    assert text == "\n✗ failed  1 of 2 checks passed in 2.8 s (seed 7)\n"

from __future__ import annotations

from tinnyswe.cli.render import audit_json, audit_view, plain, row_view
from tinnyswe.model.verdict import Outcome
from tinnyswe.usecases.audit_file import Figures
from tinnyswe.usecases.audit_lab import Audit, Graded, Row

FIGURES = Figures(killed=13, mutants=14, reference_runs=5, flipped=0, p50=2.84, p95=3.4)


def graded(program: str, outcome: Outcome) -> Graded:
    return Graded(program=program, seed=20261, outcome=outcome, checks=(), seconds=1.25)


SOUND = Row(program="reference", role="reference", must="passes", runs=(graded("reference", Outcome.PASSED),) * 3)
WRONG = Row(
    program="M1",
    role="mutant",
    must="is refused by C2 (oversold)",
    runs=(graded("M1", Outcome.PASSED),),
    problems=("C2 must refuse it with oversold: it passed",),
)


def test_a_sound_program_is_one_line() -> None:
    assert plain(row_view(SOUND)) == "✓ reference             passes (3 runs, 3.8 s)\n"


def test_a_wrong_one_says_what_it_had_to_do_and_did() -> None:
    assert plain(row_view(WRONG)) == (
        "✗ M1                    must be such that it is refused by C2 (oversold) (1.2 s)\n"
        "    - C2 must refuse it with oversold: it passed\n"
    )


def test_a_long_name_does_not_push_the_words_away() -> None:
    row = Row(program="reference-with-a-very-long-name", role="reference", must="passes", runs=())
    assert plain(row_view(row)) == "✓ reference-with-a-very-long-name\n                        passes (0.0 s)\n"


def test_the_figures_close_the_audit() -> None:
    audit = Audit(
        lab="caching/atomic-counters", rows=(SOUND, WRONG), problems=("hints.md is missing",), figures=FIGURES
    )
    assert plain(audit_view(audit)) == (
        "\n"
        "✗ hints.md is missing\n"
        "  Mutants   13 of 14 rejected by the check that names them\n"
        "  Flakes    0 of 5 reference runs did not pass\n"
        "  Times     half of the verdicts within 2.8 s, 95 % within 3.4 s\n"
        "✗ caching/atomic-counters: 2 things are wrong, see above\n"
    )
    assert audit_json(audit)["green"] is False


def test_a_green_audit_says_so() -> None:
    audit = Audit(lab="caching/atomic-counters", rows=(SOUND,), problems=(), figures=FIGURES)
    assert plain(audit_view(audit)).endswith("✓ caching/atomic-counters is sound\n")

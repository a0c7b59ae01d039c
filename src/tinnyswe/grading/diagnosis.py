"""Which shipped mutant a failing run behaves like, from what the mutants did in their audits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tinnyswe.model.base import Record
from tinnyswe.model.events import CheckResult
from tinnyswe.model.verdict import Outcome


class Behaviour(Record, frozen=True, kw_only=True):
    """What one mutant did over its audit seeds. Checks in neither field did different things: don't care.

    fails: check id to the failure codes seen. passes: checks that passed at every seed.
    """

    fails: dict[str, tuple[str, ...]]
    passes: tuple[str, ...]


def summarise(runs: Iterable[Iterable[CheckResult]]) -> Behaviour:
    """Fold a mutant's audit runs into its behaviour; `not_run` says nothing about a check."""
    codes: dict[str, set[str]] = {}
    outcomes: dict[str, set[Outcome]] = {}
    for results in runs:
        for result in results:
            if result.outcome is Outcome.NOT_RUN:
                continue
            outcomes.setdefault(result.check, set()).add(result.outcome)
            codes.setdefault(result.check, set()).update(failure.code for failure in result.failures)
    fails = {c: tuple(sorted(codes[c])) for c, seen in outcomes.items() if seen == {Outcome.FAILED}}
    passes = tuple(c for c, seen in outcomes.items() if seen == {Outcome.PASSED})
    return Behaviour(fails=fails, passes=passes)


def diagnose(results: Iterable[CheckResult], behaviours: Mapping[str, Behaviour]) -> tuple[str, ...]:
    """Return the ids of the mutants that this run behaves like: exactly one, or several equal ones; else none."""
    by_check = {result.check: result for result in results}
    matching = [id for id, behaviour in behaviours.items() if _matches(by_check, behaviour)]
    if not matching:
        return ()
    first = behaviours[matching[0]]
    return tuple(matching) if all(behaviours[id] == first for id in matching) else ()


def _matches(results: Mapping[str, CheckResult], behaviour: Behaviour) -> bool:
    for check, codes in behaviour.fails.items():
        result = results.get(check)
        if result is None or result.outcome is Outcome.NOT_RUN:
            continue
        if result.outcome is not Outcome.FAILED or not {f.code for f in result.failures} & set(codes):
            return False
    failed = {check for check, result in results.items() if result.outcome is Outcome.FAILED}
    return bool(failed & set(behaviour.fails)) and not failed & set(behaviour.passes)

"""Golden failures: what a mutant's rejection says, as data, compared at the audit's seed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from tinnyswe.model.events import CheckResult
from tinnyswe.model.failure import Failure
from tinnyswe.model.lab import Lab, MutantSpec

_FIELDS = ("check", "code", "why", "expected", "relation", "observed", "problem", "next_step")
_FAULT_FIELDS = ("kind", "target", "position", "request", "detail")
VOLATILE = "<volatile>"


def golden_file(lab: Lab, mutant: MutantSpec) -> Path:
    return lab.root / "golden" / f"{mutant.folder.rpartition('/')[2]}.json"


def typed(results: Sequence[CheckResult], mutant: MutantSpec) -> list[dict[str, Any]]:
    """The failures of the checks that must reject this mutant, volatile values masked; logs and trace left out."""
    named = {name.partition("/")[0] for name in mutant.rejected_by}
    return [_typed(failure) for result in results if result.check in named for failure in result.failures]


def _typed(failure: Failure) -> dict[str, Any]:
    said = {name: getattr(failure, name) for name in _FIELDS}
    said |= {name: VOLATILE for name in failure.volatile if name in said}
    fault = failure.fault
    said["fault"] = {name: getattr(fault, name) for name in _FAULT_FIELDS} if fault is not None else None
    return said


def merged(first: list[dict[str, Any]], second: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Two recordings of one mutant: what differs between them is volatile."""
    if len(first) != len(second):
        return first
    return [_mask(one, other) for one, other in zip(first, second, strict=True)]


def _mask(one: Any, other: Any) -> Any:
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        return {key: _mask(one[key], other[key]) for key in one}
    return one if one == other else VOLATILE


def differences(golden: Any, seen: Any, path: str = "") -> list[str]:
    """Where a failure says something else than its golden, one sentence each; VOLATILE matches anything."""
    if golden in (VOLATILE, seen):
        return []
    if isinstance(golden, dict) and isinstance(seen, dict):
        found = []
        for key in sorted(golden.keys() | seen.keys()):
            found += differences(golden.get(key), seen.get(key), f"{path}.{key}" if path else key)
        return found
    if isinstance(golden, list) and isinstance(seen, list) and len(golden) == len(seen):
        return [
            line for n, pair in enumerate(zip(golden, seen, strict=True)) for line in differences(*pair, f"{path}[{n}]")
        ]
    return [f"{path}: golden {golden!r}, now {seen!r}"]


def read_golden(lab: Lab, mutant: MutantSpec) -> list[dict[str, Any]] | None:
    try:
        found: list[dict[str, Any]] = msgspec.json.decode(golden_file(lab, mutant).read_bytes())
    except (OSError, msgspec.DecodeError):
        return None
    return found


def write_golden(lab: Lab, mutant: MutantSpec, failures: list[dict[str, Any]]) -> None:
    path = golden_file(lab, mutant)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(failures), indent=1) + b"\n")

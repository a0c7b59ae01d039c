"""What intake calls a submission is what the object store keeps it under: a receipt names one digest for both."""

from __future__ import annotations

from pathlib import Path

from tinnyswe.evidence.objects import Objects
from tinnyswe.model.lab import Limits
from tinnyswe.sandbox.intake import take_in


def test_intake_and_store_give_one_digest_there_and_back(tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "pkg").mkdir(parents=True)
    (source / "app.py").write_bytes(b"print(1)\n")
    (source / "run.sh").write_bytes(b"#!/bin/sh\n")
    (source / "run.sh").chmod(0o755)
    for name in ("pkg/a.py", "pkg-b.py", "pkg.py", "ünï.py", "🧭.py", "\uffee.py"):  # orders that could differ
        (source / name).write_bytes(name.encode())
    taken = take_in(source, (), Limits(), tmp_path / "taken")
    objects = Objects(tmp_path / "objects")
    assert objects.put(taken.root) == taken.digest
    objects.get(taken.digest, tmp_path / "again")
    assert take_in(tmp_path / "again", (), Limits(), tmp_path / "taken-again").digest == taken.digest

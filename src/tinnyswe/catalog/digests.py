"""The digest of a lab: equal digests grade equally."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import tinnyswe
from tinnyswe.model.lab import Lab

_GRADED = ("lab.toml", "checks.py", "starter", "guest")  # a lab's own guest drivers lie in guest/


def digest(lab: Lab) -> str:
    """Return the digest of the lab as its files are now; `lab.digest` is what they were when it was loaded."""
    return digest_of(lab.root)


def digest_of(root: Path) -> str:
    """Return sha256:... over lab.toml, checks.py, starter, guest drivers and the topic's lock of the lab in `root`.

    Brief, hints, reference, mutants, goldens and audit figures are outside it: they change no verdict.
    """
    graded = [
        *_files("lab", root, _GRADED),
        *_files("topic", root.parent, ("requirements.lock",)),
        *_files("tinnyswe", Path(tinnyswe.__file__).parent, ("guest",)),
    ]
    summed = hashlib.sha256()
    for name, file in graded:
        content = file.read_bytes()
        runs = "x" if file.stat().st_mode & 0o100 else "-"
        summed.update(f"{name}\0{runs}\0{len(content)}\0".encode())
        summed.update(content)
    return f"sha256:{summed.hexdigest()}"


def _files(prefix: str, folder: Path, names: tuple[str, ...]) -> Iterator[tuple[str, Path]]:
    """Yield (stable name, path) of the named files, and of all files below the named folders, in order."""
    for name in names:
        start = folder / name
        for file in sorted(start.rglob("*")) if start.is_dir() else [start]:
            if file.is_file() and "__pycache__" not in file.parts:
                yield f"{prefix}/{file.relative_to(folder).as_posix()}", file

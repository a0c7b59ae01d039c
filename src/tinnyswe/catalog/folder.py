"""One lab folder: lab.toml decoded, its rules, and what must lie beside it."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from tinnyswe.catalog.checkfile import compare_checks, read_checks
from tinnyswe.catalog.digests import digest_of
from tinnyswe.catalog.files import LabFile, free_tables
from tinnyswe.catalog.misfits import misfit, read_record
from tinnyswe.catalog.rules import broken_rules
from tinnyswe.model.base import Record
from tinnyswe.model.errors import FormatError
from tinnyswe.model.lab import FORMAT, Box, Lab, MutantSpec

_BESIDE = {
    "brief.md": "write what to do, the contract, and what a check may do to it",
    "hints.md": "write three rungs: a question, a direction, a construction",
    "checks.py": "write one test function per [[check]]",
    "starter": "add what the learner gets; it must not pass",
    "reference": "add a solution that passes",
}


class ReadLab(Record, frozen=True, kw_only=True):
    """A lab folder that is sound by itself: what lab.toml says, and what was found beside it."""

    root: Path
    said: LabFile
    free: dict[str, Any]  # its [x-...] tables
    folders: dict[str, str]  # mutant id → folder below mutants/
    digest: str


def read_lab(root: Path, *, paper: bool = False) -> tuple[ReadLab | None, list[FormatError]]:
    """Return the lab in `root`, or None and everything that is wrong with it.

    paper: a lab of which only lab.toml (and perhaps checks.py) is written.
    """
    file = root / "lab.toml"
    data, wrong = read_toml(file)
    if wrong:
        return None, wrong
    declared, free = free_tables(data)
    said, wrong = read_record(declared, LabFile, file)
    if said is None:
        return None, wrong
    wrong.extend(broken_rules(said, file))
    if not paper or (root / "checks.py").is_file():
        wrong.extend(_checks(said, root))
    if not paper:
        wrong.extend(_beside(said, root))
    if wrong:
        return None, wrong
    folders = {mutant.id: _folder(root, mutant) for mutant in said.mutant}
    return ReadLab(root=root, said=said, free=free, folders=folders, digest=digest_of(root)), []


def read_toml(file: Path) -> tuple[dict[str, Any], list[FormatError]]:
    """Return the decoded file, or the one reason why it cannot be read: syntax, encoding, another format."""
    try:
        data = tomllib.loads(file.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        return {}, [misfit(file, "", f"not TOML: {problem}", "mend that line", code="bad-toml")]
    found = data.get("format")
    if isinstance(found, int) and found > FORMAT:
        what = f"format {found} is newer than this build knows ({FORMAT})"
        return {}, [misfit(file, "format", what, "upgrade tinnyswe", code="newer-format")]
    if found != FORMAT or isinstance(found, bool):
        return {}, [misfit(file, "format", "missing or wrong", f"write format = {FORMAT}", code="bad-format")]
    return data, []


def as_lab(read: ReadLab, box: Box) -> Lab:
    """Make the record the rest of the program works with."""
    said = read.said
    return Lab(
        root=read.root,
        topic=box.topic,
        id=said.id,
        title=said.title,
        kind=said.kind,
        box=said.box,
        minutes=said.minutes,
        revision=said.revision,
        level=said.level,
        core=said.id in box.core,
        prerequisites=said.prerequisites,
        platforms=said.platforms,
        entries=said.entry,
        engines=said.engine,
        sinks=said.sink,
        experiment=said.experiment,
        sittings=said.sittings,
        limits=said.limits,
        checks=said.check,
        mutants=tuple(msgspec.structs.replace(mutant, folder=read.folders[mutant.id]) for mutant in said.mutant),
        links=said.links,
        extra=read.free,
        digest=read.digest,
    )


def _checks(lab: LabFile, root: Path) -> Iterator[FormatError]:
    file = root / "checks.py"
    if not file.is_file():
        return  # said by _beside
    found, wrong = read_checks(file)
    yield from wrong
    if found or not wrong:
        yield from compare_checks(file, found, tuple(check.id for check in lab.check))


def _beside(lab: LabFile, root: Path) -> Iterator[FormatError]:
    for name, write in _BESIDE.items():
        path = root / name
        if not path.exists():
            yield misfit(path, "", "missing", write, code="missing-file")
        elif path.is_dir() and not any(path.iterdir()):
            yield misfit(path, "", "empty", write, code="missing-file")
    yield from _mutant_folders(lab, root)


def _mutant_folders(lab: LabFile, root: Path) -> Iterator[FormatError]:
    """Each [[mutant]] has one folder, and each folder one [[mutant]]."""
    file, mutants = root / "lab.toml", root / "mutants"
    there = {path.name for path in mutants.iterdir() if path.is_dir()} if mutants.is_dir() else set()
    claimed: set[str] = set()
    for mutant in lab.mutant:
        own = [mutant.folder] if mutant.folder else sorted(n for n in there if n.startswith(f"{mutant.id.lower()}-"))
        if len(own) == 1 and own[0] in there:
            claimed.update(own)
        elif len(own) > 1:
            what = f"{len(own)} folders could be this mutant: {', '.join(own)}"
            yield misfit(file, f"mutant[{mutant.id}]", what, "rename one, or write folder = ...", code="mutant-folder")
        else:
            name = mutant.folder or f"{mutant.id.lower()}-<its-belief>"
            write = f"add the folder mutants/{name} with the wrong solution"
            yield misfit(file, f"mutant[{mutant.id}]", "no folder", write, code="mutant-folder")
    for name in sorted(there - claimed):
        write = "add a [[mutant]] for it, or remove the folder"
        yield misfit(mutants / name, "", "no [[mutant]] of lab.toml is this folder", write, code="stray-mutant")


def _folder(root: Path, mutant: MutantSpec) -> str:
    """Name the mutant's folder below mutants/; "" where it has none (a lab on paper)."""
    if mutant.folder:
        return mutant.folder
    return next((path.name for path in sorted(root.glob(f"mutants/{mutant.id.lower()}-*"))), "")

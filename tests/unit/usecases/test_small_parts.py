"""The parts of use cases that only compute."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from tinnyswe.catalog import curriculum_root, load
from tinnyswe.model.errors import UsageError
from tinnyswe.model.evidence import LedgerEntry
from tinnyswe.model.lab import Catalog, Lab
from tinnyswe.usecases.audit_lab import hint_problems
from tinnyswe.usecases.hopeless import hopeless_programs
from tinnyswe.usecases.new_lab import new_lab
from tinnyswe.usecases.standing import remembered
from tinnyswe.usecases.start_lab import hints
from tinnyswe.usecases.sync_roadmap import ticked_before


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load([curriculum_root()])


@pytest.fixture
def lab(catalog: Catalog, tmp_path: Path) -> Lab:
    """A new lab's files, as a lab that can be changed."""
    made = new_lab(catalog, tmp_path, "caching/new", "caching/key-value-basics")
    return load([curriculum_root(), tmp_path]).labs[made.id]


def entry(kind: str, **body: object) -> LedgerEntry:
    return LedgerEntry(format=1, kind=kind, at="2026-03-01T12:00:00Z", prev="", body=body)


def test_the_last_answer_about_an_item_counts() -> None:
    entries = [
        entry("match", text="redis", target="caching"),
        entry("hint", text="redis", target="search"),
        entry("match", text="redis", target="caching/key-value-basics"),
        entry("match", text=7, target="docker"),
        entry("match", text="lucene", target="search"),
    ]
    assert remembered(entries) == {"redis": "caching/key-value-basics", "lucene": "search"}


def test_what_we_ticked_is_known_from_the_ledger() -> None:
    entries = [entry("tick", box="caching/a"), entry("untick", box="caching/b"), entry("tick", box=None)]
    assert ticked_before(entries) == {"caching/a"}


def test_hopeless_programs_are_what_their_names_say(lab: Lab, tmp_path: Path) -> None:
    made = hopeless_programs(lab)
    assert set(made) == {"empty", "exits-0", "prints-OK"}
    printed = {}
    for name, write in made.items():
        write(tmp_path / name)
        script = tmp_path / name / "app.py"
        if name == "empty":
            assert not list((tmp_path / name).iterdir())
            continue
        done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
        printed[name] = done.stdout
    assert printed == {"exits-0": "", "prints-OK": "OK\n1 passed\n"}


def test_rungs_are_the_texts_below_the_headings(lab: Lab) -> None:
    assert len(hints(lab)) == 3
    (lab.root / "hints.md").write_text("A preface.\n\n## One\n\nfirst\n\n## Two\nsecond\n### not a rung\n")
    assert hints(lab) == ("first", "second\n### not a rung")
    (lab.root / "hints.md").unlink()
    assert hints(lab) == ()


def test_hints_must_be_three_and_not_the_reference(lab: Lab) -> None:
    assert hint_problems(lab) == []
    line = next(line for line in (lab.root / "reference/app.py").read_text().splitlines() if len(line.strip()) > 40)
    (lab.root / "hints.md").write_text(f"## 1\nx\n## 2\ny\n## 3\n{line}\n")
    assert hint_problems(lab) == [f"hints.md shows a line of the reference: {line.strip()}"]
    (lab.root / "hints.md").write_text("## 1\nx\n")
    assert "1 rungs" in hint_problems(lab)[0]
    (lab.root / "hints.md").unlink()
    assert hint_problems(lab) == ["hints.md is missing"]


def test_a_new_lab_is_sound_and_says_its_own_name(lab: Lab) -> None:
    assert (lab.id, lab.box, lab.core) == ("caching/new", "caching/key-value-basics", False)
    files = [path for path in lab.root.rglob("*") if path.is_file()]
    assert not [path.name for path in files if path.suffix == ".tmpl" or "@" in path.read_text()]


@pytest.mark.parametrize(
    ("name", "box", "code"),
    [
        ("cooking/soup", "caching/key-value-basics", "bad-name"),
        ("caching/Not A Name", "caching/key-value-basics", "bad-name"),
        ("caching", "caching/key-value-basics", "bad-name"),
        ("caching/new", "dbi/acid", "no-box"),
    ],
)
def test_a_lab_that_cannot_be_is_not_written(catalog: Catalog, tmp_path: Path, name: str, box: str, code: str) -> None:
    with pytest.raises(UsageError) as refused:
        new_lab(catalog, tmp_path, name, box)
    assert refused.value.code == code
    assert refused.value.next_step
    assert not list(tmp_path.iterdir())


def test_a_lab_is_never_written_over(catalog: Catalog, lab: Lab, tmp_path: Path) -> None:
    before = (lab.root / "lab.toml").read_bytes()
    with pytest.raises(UsageError, match="a lab already"):
        new_lab(catalog, tmp_path, lab.id, lab.box)
    assert (lab.root / "lab.toml").read_bytes() == before
    assert msgspec.structs.replace(lab, minutes=1).root == lab.root

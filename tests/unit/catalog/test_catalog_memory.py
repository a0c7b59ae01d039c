"""Remembering: never another catalogue, only a quicker one."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tinnyswe.catalog import load, loader
from tinnyswe.catalog.folder import read_lab
from unit.catalog.small_curriculum import CHECKS, LAB, Curriculum


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The lab folders that were read for real, in order."""
    seen: list[Path] = []

    def counted(root: Path, *, paper: bool = False) -> object:
        seen.append(root)
        return read_lab(root, paper=paper)

    monkeypatch.setattr(loader, "read_lab", counted)
    return seen


def test_an_unchanged_lab_is_read_once(curriculum: Curriculum, cache: Path, reads: list[Path]) -> None:
    first = load([curriculum.root], remember=cache)
    assert load([curriculum.root], remember=cache) == first == load([curriculum.root])
    assert reads == [curriculum.lab, curriculum.lab]  # the second by the load that remembers nothing


@pytest.mark.parametrize(
    "change",
    [
        lambda lab: (lab / "lab.toml").write_text(LAB.replace("minutes = 30", "minutes = 31")),
        lambda lab: (lab / "checks.py").write_text(CHECKS + "# said\n"),
        lambda lab: (lab / "brief.md").unlink(),
        lambda lab: (lab / "starter" / "app.py").write_text("print('na')\n"),
        lambda lab: (lab / "starter" / "app.py").chmod(0o755),
        lambda lab: (lab / "mutants" / "m9-stray").mkdir(),
        lambda lab: (lab / "reference" / "app.py").unlink(),
        lambda lab: (lab.parent / "requirements.lock").write_text(""),
        lambda lab: ((lab / "guest").mkdir(), (lab / "guest" / "driver.py").write_text("")),
        lambda lab: (lab.parent / "topic.toml").unlink(),
    ],
)
def test_any_change_is_seen(curriculum: Curriculum, cache: Path, change: Callable[[Path], object]) -> None:
    load([curriculum.root], remember=cache)
    change(curriculum.lab)
    assert load([curriculum.root], remember=cache) == load([curriculum.root])


def test_a_broken_lab_is_not_remembered(curriculum: Curriculum, cache: Path, reads: list[Path]) -> None:
    curriculum.edit("lab.toml", "revision = 1", "revision = 0")
    said = load([curriculum.root], remember=cache).problems
    assert len(said) == 1
    assert load([curriculum.root], remember=cache).problems == said
    assert len(reads) == 2


def test_a_removed_lab_is_forgotten(curriculum: Curriculum, cache: Path) -> None:
    load([curriculum.root], remember=cache)
    shutil.rmtree(curriculum.lab)
    assert load([curriculum.root], remember=cache).labs == {}


@pytest.mark.parametrize("content", [b"", b"{", b'{"build":"other","labs":{},"topics":{}}', b"\xff"])
def test_a_damaged_memory_costs_time_only(curriculum: Curriculum, cache: Path, content: bytes) -> None:
    sound = load([curriculum.root], remember=cache)
    (file,) = cache.iterdir()
    file.write_bytes(content)
    assert load([curriculum.root], remember=cache) == sound
    assert file.read_bytes() != content


def test_a_cache_that_cannot_be_written_is_no_reason_to_fail(curriculum: Curriculum, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert load([curriculum.root], remember=tmp_path / "file" / "below").labs

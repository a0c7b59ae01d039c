"""The curriculum's topics, the labs on paper, and the page that explains both files."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import get_args

import pytest

from tinnyswe.catalog import curriculum_root, load
from tinnyswe.catalog.reference import reference
from tinnyswe.model.lab import Catalog, EntryType, Kind

PAPER = Path(__file__).parents[3] / "docs" / "paper"


@pytest.fixture(scope="module")
def curriculum() -> Catalog:
    return load([curriculum_root()])


@pytest.fixture(scope="module")
def paper() -> Catalog:
    return load([PAPER], topics=[curriculum_root()], paper=True)


def test_the_curriculum_has_its_topics_and_boxes_and_no_problem(curriculum: Catalog) -> None:
    assert curriculum.problems == ()
    assert len(curriculum.topics) == 15
    assert len(curriculum.boxes) == 66
    assert all(box.core for box in curriculum.boxes.values())
    assert all(len(box.facets) >= 3 for box in curriculum.boxes.values())


def words(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", " ", text.casefold()).strip()


def test_no_two_boxes_and_no_two_topics_share_a_wording(curriculum: Catalog) -> None:
    boxes = Counter(words(said) for box in curriculum.boxes.values() for said in (box.title, *box.aliases))
    topics = Counter(words(said) for topic in curriculum.topics.values() for said in (topic.title, *topic.aliases))
    assert [said for said, times in (boxes + topics).items() if times > 1] == []
    assert all(2 <= len(box.aliases) <= 5 for box in curriculum.boxes.values())


def test_twenty_designs_of_every_topic_kind_and_entry_type_can_be_said(paper: Catalog) -> None:
    assert paper.problems == ()
    labs = paper.labs.values()
    assert len(labs) == 20
    assert len({lab.topic for lab in labs}) == 15
    assert {lab.kind for lab in labs} == set(get_args(Kind))
    assert {entry.type for lab in labs for entry in lab.entries} == set(get_args(EntryType))
    assert any(len(lab.entries) > 1 for lab in labs)
    assert any(len(lab.engines) > 2 for lab in labs)
    assert any(lab.limits.slow for lab in labs)
    assert any(lab.sittings.count == 2 for lab in labs)
    assert sum((lab.root / "checks.py").is_file() for lab in labs) >= 5


def test_the_reference_page_is_what_the_records_say() -> None:
    page = Path(__file__).parents[3] / "docs" / "reference" / "lab-toml.md"
    assert page.read_text("utf-8") == reference(), "write it again: python -m tinnyswe.catalog.reference > " + page.name


def test_every_key_is_explained() -> None:
    rows = [line for line in reference().splitlines() if line.startswith("| `")]
    assert len(rows) > 70
    assert [row for row in rows if row.endswith("|  |")] == []

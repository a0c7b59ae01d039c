"""The digest covers what decides a verdict and nothing else."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tinnyswe.catalog import digest, load
from unit.catalog.small_curriculum import Curriculum


def test_it_does_not_depend_on_where_the_lab_lies(curriculum: Curriculum, tmp_path: Path) -> None:
    here = load([curriculum.root]).labs["shop/counter"]
    moved = tmp_path / "elsewhere"
    shutil.copytree(curriculum.root, moved)
    assert load([moved]).labs["shop/counter"].digest == here.digest == digest(here)


@pytest.mark.parametrize(
    "change",
    [
        lambda lab: (lab / "lab.toml").write_text((lab / "lab.toml").read_text() + "# said\n"),
        lambda lab: (lab / "checks.py").write_text((lab / "checks.py").read_text() + "# said\n"),
        lambda lab: (lab / "starter" / "more.py").write_text(""),
        lambda lab: (lab / "starter" / "app.py").chmod(0o755),
        lambda lab: (lab / "starter" / "app.py").rename(lab / "starter" / "main.py"),
        lambda lab: ((lab / "guest").mkdir(), (lab / "guest" / "driver.py").write_text("")),
        lambda lab: (lab.parent / "requirements.lock").write_text("redis==1\n"),
    ],
    ids=["lab.toml", "checks.py", "starter-file", "starter-mode", "starter-name", "guest", "lock"],
)
def test_what_decides_a_verdict_changes_it(curriculum: Curriculum, change: Callable[[Path], object]) -> None:
    before = load([curriculum.root]).labs["shop/counter"]
    change(curriculum.lab)
    assert digest(before) != before.digest


@pytest.mark.parametrize("name", ["brief.md", "hints.md", "audit.json", "golden/m1.json", "reference/app.py", "x.pyc"])
def test_what_decides_none_does_not(curriculum: Curriculum, name: str) -> None:
    before = load([curriculum.root]).labs["shop/counter"]
    (curriculum.lab / name).parent.mkdir(exist_ok=True)
    (curriculum.lab / name).write_text("other")
    assert digest(before) == before.digest


def test_compiled_leftovers_are_no_part_of_the_starter(curriculum: Curriculum) -> None:
    before = load([curriculum.root]).labs["shop/counter"]
    (curriculum.lab / "starter" / "__pycache__").mkdir()
    (curriculum.lab / "starter" / "__pycache__" / "app.cpython-311.pyc").write_bytes(b"x")
    assert digest(before) == before.digest

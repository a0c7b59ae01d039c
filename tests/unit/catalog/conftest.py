"""Fixtures of the catalogue's tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from unit.catalog.small_curriculum import Curriculum


@pytest.fixture
def curriculum(tmp_path: Path) -> Curriculum:
    return Curriculum(tmp_path / "curriculum")


@pytest.fixture
def make_curriculum(tmp_path: Path) -> Callable[[str], Curriculum]:
    return lambda name: Curriculum(tmp_path / name)

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.processes.programs import folder_for_all


@pytest.fixture
def place() -> Iterator[Path]:
    """Where a program of any uid works; its processes write their pids below it."""
    with folder_for_all() as folder:
        (folder / "pids").mkdir()
        (folder / "pids").chmod(0o777)
        yield folder


@pytest.fixture
def runtime(tmp_path: Path) -> Path:
    (tmp_path / "rt" / "leases").mkdir(parents=True)
    return tmp_path / "rt"

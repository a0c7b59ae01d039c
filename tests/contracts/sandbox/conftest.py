from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.processes.programs import folder_for_all


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that the learner's uid can enter."""
    with folder_for_all() as folder:
        yield folder

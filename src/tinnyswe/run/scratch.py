"""The folder of one run: everything it writes lies below, and goes with it."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tinnyswe.processes.lease import new_lease, release, take


@contextlib.contextmanager
def scratch_folder(runtime: Path, run: str = "") -> Iterator[Path]:
    """Make the folder, and remove it at the end; after a crash the next command's sweep does."""
    folder = Path(tempfile.mkdtemp(prefix="tinny-run-")).resolve()
    lease, _, lock = take(new_lease("scratch", run=run, directories=[folder]), runtime)
    try:
        if os.geteuid() == 0:
            folder.chmod(0o711)  # the learner's and the engines' users must get through
        (folder / "logs").mkdir()
        yield folder
    finally:
        os.close(lock)
        release(lease, runtime)

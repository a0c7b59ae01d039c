"""`tinny demo`: the whole loop once, on a roadmap of three lines, in a folder that is thrown away."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

from tinnyswe.evidence.workspace import Workspace
from tinnyswe.model.errors import TinnyError
from tinnyswe.model.lab import Catalog, Lab
from tinnyswe.usecases.check_lab import Checking, CheckOptions, check_lab
from tinnyswe.usecases.start_lab import start_lab
from tinnyswe.usecases.tools import Tools

LAB = "caching/atomic-counters"
MUTANT = "M1"
ROADMAP = """\
# My roadmap

- [ ] **{topic}**
  - [ ] {box}
  - [ ] {other}
"""


class Demo:
    """The steps in order; each check is to be read to its end before the next step is asked for."""

    def __init__(self, folder: Path, catalog: Catalog, tools: Tools, now: Callable[[], datetime]) -> None:
        if LAB not in catalog.labs:
            raise TinnyError(f"the demo's lab {LAB} is not part of this build", code="no-demo")
        self.lab: Lab = catalog.labs[LAB]
        self.mutant = next(mutant for mutant in self.lab.mutants if mutant.id == MUTANT)
        self.folder = folder
        self.roadmap = folder / "roadmap.md"
        self._catalog = catalog
        self._tools = tools
        self._now = now
        self._write_roadmap()
        self.before = self.roadmap.read_text("utf-8")
        self._workspace = Workspace.create(folder, self.roadmap)

    def _write_roadmap(self) -> None:
        box = self._catalog.boxes[self.lab.box]
        topic = self._catalog.topics[box.topic]
        other = next(known for known in topic.boxes if known.id != box.id)
        self.roadmap.write_text(ROADMAP.format(topic=topic.title, box=box.title, other=other.title), "utf-8")

    def start(self) -> Path:
        """Open the lab; returns the folder of its starter files."""
        return start_lab(self._workspace, self.lab, self._tools).folder

    def try_wrong(self) -> Checking:
        """Hand in a program that holds a wrong belief; the check names it."""
        return self._hand_in(self.lab.root / "mutants" / self.mutant.folder.rpartition("/")[2])

    def try_right(self) -> Checking:
        """Hand in the reference; the check proves the box and ticks it."""
        return self._hand_in(self.lab.root / "reference")

    def _hand_in(self, program: Path) -> Checking:
        work = self._workspace.work(self.lab.topic, self.lab.id)
        for path in work.iterdir():
            if path.name not in ("brief.md", ".venv"):
                shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        shutil.copytree(program, work, dirs_exist_ok=True)
        return check_lab(self._workspace, self._catalog, self.lab, CheckOptions(), self._tools, self._now)

    def after(self) -> str:
        """The roadmap as it is now."""
        return self.roadmap.read_text("utf-8")


@contextlib.contextmanager
def demo(catalog: Catalog, tools: Tools, now: Callable[[], datetime]) -> Iterator[Demo]:
    """A demo in a temporary folder, which is removed at the end."""
    with tempfile.TemporaryDirectory(prefix="tinny-demo-") as folder:
        yield Demo(Path(folder), catalog, tools, now)

"""Workspaces made once and copied: a check costs seconds, a copy nothing."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from acceptance.newcomer import LAB, LAB_FOLDER, PROJECT, Desk, Said

SHARED = PROJECT.parent / "shared" / "roadmap.md"
FIXTURE = PROJECT / "tests" / "fixtures" / "roadmaps" / "study.md"
SMALL = "caching/small"


@pytest.fixture(scope="session")
def roadmap() -> bytes:
    """The owner's roadmap where it is present, else our own of the same shape."""
    return (SHARED if SHARED.exists() else FIXTURE).read_bytes()


@pytest.fixture
def desk(tmp_path: Path, roadmap: bytes) -> Desk:
    """A folder with a roadmap, and nothing of ours yet."""
    (tmp_path / "roadmap.md").write_bytes(roadmap)
    return Desk(tmp_path)


@pytest.fixture(scope="session")
def _begun(tmp_path_factory: pytest.TempPathFactory, roadmap: bytes) -> Path:
    folder = tmp_path_factory.mktemp("begun")
    (folder / "roadmap.md").write_bytes(roadmap)
    desk = Desk(folder)
    assert desk.tinny("init", "roadmap.md").code == 0
    assert desk.tinny("start", LAB).code == 0
    return folder


@pytest.fixture(scope="session")
def _proven(tmp_path_factory: pytest.TempPathFactory, _begun: Path) -> tuple[Path, Said]:
    folder = tmp_path_factory.mktemp("proven") / "w"
    shutil.copytree(_begun, folder, symlinks=True)
    desk = Desk(folder)
    desk.hand_in(LAB_FOLDER / "reference")
    return folder, desk.tinny("check", LAB)


@pytest.fixture(scope="session")
def _small(tmp_path_factory: pytest.TempPathFactory, roadmap: bytes) -> Path:
    """A workspace with a lab of its own that needs no engine: `tinny lab new` writes it."""
    folder = tmp_path_factory.mktemp("small")
    (folder / "roadmap.md").write_bytes(roadmap)
    desk = Desk(folder)
    assert desk.tinny("init", "roadmap.md").code == 0
    assert desk.tinny("lab", "new", SMALL, "--box", "caching/key-value-basics", "--into", "labs").code == 0
    config = folder / ".tinny" / "config.toml"
    config.write_text(config.read_text().replace("curriculum = []", 'curriculum = ["labs"]'))
    assert desk.tinny("start", "small").code == 0
    desk.hand_in(folder / "labs" / SMALL / "reference", SMALL)
    return folder


def _copies(source: Path, target: Path) -> Desk:
    shutil.copytree(source, target, symlinks=True)
    return Desk(target)


@pytest.fixture
def begun(_begun: Path, tmp_path: Path) -> Desk:
    """A workspace in which the first lab is started: its starter files are in work/."""
    return _copies(_begun, tmp_path / "w")


@pytest.fixture
def proven(_proven: tuple[Path, Said], tmp_path: Path) -> Desk:
    """A workspace in which the first box is proven and ticked."""
    return _copies(_proven[0], tmp_path / "w")


@pytest.fixture(scope="session")
def first_pass(_proven: tuple[Path, Said]) -> Said:
    """What the check said that proved the box."""
    return _proven[1]


@pytest.fixture
def small(_small: Path, tmp_path: Path) -> Desk:
    """A workspace with the small lab started and its reference handed in: a check takes less than a second."""
    return _copies(_small, tmp_path / "w")


@pytest.fixture
def cache() -> Iterator[Path]:
    """An empty cache folder that the learner's and the engines' users may enter, as they may not enter tmp_path."""
    folder = Path(tempfile.mkdtemp(prefix="tt-cache-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def running() -> Iterator[Callable[..., object]]:
    """running(process): end it, with what it started, at the end of the test, if the test has not."""
    begun = []

    def remember(process: object) -> object:
        begun.append(process)
        return process

    yield remember
    for process in begun:
        process.kill()
        process.wait()
        process.stdout.close()

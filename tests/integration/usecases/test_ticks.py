"""From proofs in the ledger to bytes in the file, with a real workspace: set, taken back, forced, proved again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tinnyswe.catalog import curriculum_root, load
from tinnyswe.evidence.receipts import record_receipt
from tinnyswe.evidence.workspace import Workspace
from tinnyswe.model.errors import UsageError
from tinnyswe.model.evidence import Receipt
from tinnyswe.model.lab import Catalog
from tinnyswe.model.verdict import Outcome
from tinnyswe.usecases.open_roadmap import init, pin, remember
from tinnyswe.usecases.standing import stand
from tinnyswe.usecases.sync_roadmap import set_ticks, sync

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LAB = "caching/atomic-counters"
BOX = "caching/key-value-basics"
ROADMAP = """\
- [ ] **Caching (Redis)**
  - [ ] Learn key-value basics
- [x] bread
"""


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load([curriculum_root()])


@pytest.fixture
def workspace(tmp_path: Path, catalog: Catalog) -> Workspace:
    (tmp_path / "roadmap.md").write_text(ROADMAP)
    return Workspace(init(tmp_path, None, catalog, NOW).workspace)


def prove(workspace: Workspace, catalog: Catalog, now: datetime = NOW) -> None:
    """Enter a receipt of the lab's present revision."""
    lab = catalog.labs[LAB]
    receipt = Receipt(
        lab=lab.id,
        revision=lab.revision,
        lab_digest=lab.digest,
        box=lab.box,
        seed=7,
        submission="ab" * 32,
        verdict=Outcome.PASSED,
        checks={spec.id: Outcome.PASSED for spec in lab.checks},
        level="real",
        tier="limits",
        lock_digest="",
        tinnyswe="0.1.0",
        python="3.12.1",
        platform="linux",
        arch="x86_64",
        started="2026-03-01T12:00:00.000000Z",
        elapsed=2.8,
        events="e" * 64,
    )
    record_receipt(workspace.ledger(), receipt, now)


def kinds(workspace: Workspace) -> list[str]:
    return [entry.kind for entry in workspace.ledger().read().entries]


def test_a_proof_ticks_the_box_once(workspace: Workspace, catalog: Catalog) -> None:
    assert set_ticks(workspace, catalog, NOW).items == ()
    prove(workspace, catalog)
    ticked = set_ticks(workspace, catalog, NOW, proved=BOX)
    assert ticked.items == ("Learn key-value basics",)
    assert ticked.lines == ((2, "  - [ ] Learn key-value basics", "  - [x] Learn key-value basics"),)
    assert workspace.roadmap().read_text() == ROADMAP.replace("[ ] Learn", "[x] Learn")
    assert set_ticks(workspace, catalog, NOW).items == ()
    assert kinds(workspace) == ["receipt", "tick"]


def test_a_tick_taken_back_stays_away_until_proved_again_or_forced(workspace: Workspace, catalog: Catalog) -> None:
    prove(workspace, catalog)
    set_ticks(workspace, catalog, NOW, proved=BOX)
    ticked = workspace.roadmap().read_text()

    workspace.roadmap().write_text(ROADMAP)
    done, standing = sync(workspace, catalog, NOW)
    assert (done.items, done.held) == ((), ("Learn key-value basics",))
    assert standing.progress.held
    assert kinds(workspace) == ["receipt", "tick", "untick"]
    sync(workspace, catalog, NOW)
    assert kinds(workspace) == ["receipt", "tick", "untick"]  # said once

    assert sync(workspace, catalog, NOW, force=True)[0].items == ("Learn key-value basics",)
    assert workspace.roadmap().read_text() == ticked

    workspace.roadmap().write_text(ROADMAP)
    later = NOW + timedelta(hours=1)
    prove(workspace, catalog, later)
    assert set_ticks(workspace, catalog, later, proved=BOX).items == ("Learn key-value basics",)
    assert workspace.roadmap().read_text() == ticked


def test_a_proof_whose_tick_could_not_be_written_is_ticked_later(workspace: Workspace, catalog: Catalog) -> None:
    prove(workspace, catalog)
    workspace.roadmap().chmod(0o444)
    with pytest.raises(UsageError):
        set_ticks(workspace, catalog, NOW, proved=BOX)
    assert kinds(workspace) == ["receipt"]
    assert stand(workspace, catalog, NOW).progress.ticks
    workspace.roadmap().chmod(0o644)
    assert set_ticks(workspace, catalog, NOW).items == ("Learn key-value basics",)


def test_an_answer_about_an_item_is_remembered(workspace: Workspace, catalog: Catalog) -> None:
    workspace.roadmap().write_text("- [ ] Caching\n  - [ ] bread\n")
    assert stand(workspace, catalog, NOW).matches[1].how == "unknown"
    remember(workspace, "bread", BOX, NOW)
    match = stand(workspace, catalog, NOW).matches[1]
    assert (match.target, match.how) == (BOX, "ledger")
    assert {pinned.target for pinned in pin(workspace, catalog, NOW)} == {"caching", BOX}
    assert stand(workspace, catalog, NOW).matches[1].how == "pin"


def test_init_leaves_no_workspace_beside_what_is_no_roadmap(tmp_path: Path, catalog: Catalog) -> None:
    (tmp_path / "ROADMAP.md").write_text("no boxes here\n")
    with pytest.raises(UsageError):
        init(tmp_path, None, catalog, NOW)
    assert [path.name for path in tmp_path.iterdir()] == ["ROADMAP.md"]
    (tmp_path / "ROADMAP.md").write_text(ROADMAP)
    opened = init(tmp_path, None, catalog, NOW)
    assert not opened.created
    assert opened.standing.roadmap.path.name == "ROADMAP.md"

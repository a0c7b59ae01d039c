from __future__ import annotations

import os
import shutil
from pathlib import Path

import msgspec
import pytest

from tinnyswe.evidence.workspace import Config, Workspace
from tinnyswe.model.errors import FormatError, UsageError


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    (tmp_path / "roadmap.md").write_text("- [ ] Docker\n")
    return Workspace.create(tmp_path, tmp_path / "roadmap.md")


def test_it_is_found_from_any_folder_below(workspace: Workspace) -> None:
    deep = workspace.work("caching", "atomic-counters")
    deep.mkdir(parents=True)
    assert Workspace.find(deep).root == workspace.root
    assert Workspace.find(workspace.root).roadmap() == workspace.root / "roadmap.md"


def test_none_names_the_command_that_makes_one(tmp_path: Path) -> None:
    (tmp_path / ".tinny").mkdir()  # as an interrupted `init` leaves it
    with pytest.raises(UsageError) as caught:
        Workspace.find(tmp_path)
    assert caught.value.code == "no-workspace"
    assert "`tinny init`" in caught.value.next_step


def test_making_it_twice_changes_nothing(workspace: Workspace) -> None:
    workspace.save(msgspec.structs.replace(workspace.config(), preferences={"colour": False}))
    Workspace.create(workspace.root, workspace.root / "roadmap.md")
    assert workspace.config().preferences == {"colour": False}


def test_a_folder_of_another_roadmap_is_refused(workspace: Workspace) -> None:
    with pytest.raises(UsageError) as caught:
        Workspace.create(workspace.root, workspace.root / "other.md")
    assert caught.value.code == "other-roadmap"
    assert workspace.config().roadmap == "roadmap.md"


def test_git_takes_the_proofs_and_leaves_the_runs(workspace: Workspace) -> None:
    ignored = (workspace.folder / ".gitignore").read_text().splitlines()
    assert "/runs/" in ignored
    assert "/machine" in ignored
    assert not [line for line in ignored if "ledger" in line and not line.startswith("#")]


@pytest.mark.parametrize("name", ['we "quote" \\ ü 🧭.md', "tab\there.md", "del\x7f.md", "sub/r.md", "../r.md"])
def test_any_path_and_preference_survives_writing(workspace: Workspace, name: str) -> None:
    config = Config(
        roadmap=name,
        curriculum=(name, "labs"),
        preferences={"editor": name, "runs kept": 5, "quiet": True, "ratio": 0.5, "list": [1, "a"], "t": {"x": name}},
    )
    workspace.save(config)
    assert workspace.config() == config


def test_a_roadmap_whose_name_is_no_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not valid UTF-8"):
        Workspace.create(tmp_path, tmp_path / os.fsdecode(b"road\xff.md"))


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ('format = 2\nroadmaps = ["a"]\n', "newer-format", "format 2, this one reads up to 1"),
        ('format = 1\nroadmap = "r.md"\nroadmp = "r.md"\n', "bad-config", "roadmp"),
        ("format = 1\nroadmap = 3\n", "bad-config", "$.roadmap"),
        ("roadmap = \n", "bad-config", "not TOML"),
    ],
)
def test_a_wrong_file_is_named_with_the_key(workspace: Workspace, text: str, code: str, said: str) -> None:
    workspace.config_file.write_text(text)
    with pytest.raises(FormatError) as caught:
        workspace.config()
    assert (caught.value.code, caught.value.where) == (code, str(workspace.config_file))
    assert said in caught.value.what
    assert caught.value.next_step
    assert workspace.config_file.read_text() == text


def test_a_machine_keeps_its_name_and_a_copy_of_the_folder_gets_another(workspace: Workspace, tmp_path: Path) -> None:
    ours = workspace.ledger().path.name
    assert workspace.ledger().path.name == ours
    shutil.copytree(workspace.root / ".tinny", tmp_path / "copy" / ".tinny")
    copy = Workspace(tmp_path / "copy").ledger().path.name
    assert copy != ours
    assert Workspace(tmp_path / "copy").ledger().path.name == copy


def test_a_damaged_machine_file_gives_a_new_name(workspace: Workspace) -> None:
    workspace.ledger()
    (workspace.folder / "machine").write_bytes(b'{"format":1,"id":"')
    assert workspace.ledger().path.name == workspace.ledger().path.name


def test_where_work_and_notes_lie(workspace: Workspace) -> None:
    assert workspace.work("caching", "caching/atomic-counters") == workspace.root / "work/caching/atomic-counters"
    assert workspace.notes("caching", "caching/key-value-basics").name == "key-value-basics.md"
    assert workspace.lab_at(workspace.work("caching", "atomic-counters") / "src") == "caching/atomic-counters"
    assert workspace.lab_at(workspace.root / "work" / "caching") == ""
    assert workspace.lab_at(Path("/")) == ""

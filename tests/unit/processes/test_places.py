"""Folders that belong to no run: where they are, who may enter, and whose they must be."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from tinnyswe.model.errors import TinnyError
from tinnyswe.processes import cache_folder, can_read_and_execute, engine_identity, learner_identity, runtime_folder


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_runtime_folder_is_private_and_has_a_place_for_leases(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TINNY_RUNTIME", str(tmp_path / "rt"))
    folder = runtime_folder()
    assert folder == tmp_path / "rt"
    assert mode(folder) == (0o711 if os.geteuid() == 0 else 0o700)
    assert mode(folder / "leases") == 0o700


def test_the_session_folder_is_used_when_it_is_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TINNY_RUNTIME")
    monkeypatch.setattr("tinnyswe.processes.places.SHORT", 1000)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert runtime_folder() == tmp_path / "tinny"


def test_somebody_elses_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "theirs").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "theirs")
    monkeypatch.setenv("TINNY_RUNTIME", str(tmp_path / "link"))
    with pytest.raises(TinnyError, match="not a folder of yours") as caught:
        runtime_folder()
    assert "TINNY_RUNTIME" in caught.value.next_step
    assert list((tmp_path / "theirs").iterdir()) == []


def test_the_cache_folder_is_made_and_as_root_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TINNY_CACHE", str(tmp_path / "a" / "cache"))
    before = os.umask(0o077)
    try:
        assert cache_folder() == tmp_path / "a" / "cache"
    finally:
        os.umask(before)
    wanted = 0o755 if os.geteuid() == 0 else 0o700
    assert [mode(tmp_path / "a"), mode(tmp_path / "a" / "cache")] == [wanted, wanted]


def test_a_cache_folder_that_cannot_be_made_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("TINNY_CACHE", str(tmp_path / "file"))
    with pytest.raises(TinnyError) as caught:
        cache_folder()
    assert caught.value.code == "no-cache-folder"


def test_the_learner_is_never_the_engine_and_only_root_becomes_either() -> None:
    if os.geteuid() != 0:
        assert engine_identity() is None
        assert learner_identity() is None
    else:
        assert engine_identity() != learner_identity()
        assert 0 not in {engine_identity().uid, learner_identity().uid}


def test_what_can_be_run_is_found_out_by_running_it(tmp_path: Path) -> None:
    hidden = tmp_path / "program"
    hidden.write_text("#!/bin/sh\nexit 0\n")
    who = learner_identity()
    assert can_read_and_execute(who, Path("/bin/sh"), ("-c", "exit 0"))
    assert not can_read_and_execute(who, Path("/bin/sh"), ("-c", "exit 1"))
    assert not can_read_and_execute(who, hidden)
    hidden.chmod(0o755)
    hidden.parent.chmod(0o700)
    assert can_read_and_execute(who, hidden) == (who is None)  # as root: the folder above is closed

"""./tinny on computers that lack things, in folders that were interrupted, moved, or used twice at once."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
TOOLS = ("awk", "cat", "cmp", "date", "df", "grep", "mkdir", "mv", "readlink", "rm", "sed", "sh", "tail", "uname")
SAYS_ARGUMENTS = "import sys\n\n\ndef main():\n    print(sys.argv[1:])\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project folder as it is after a clone, with a command that prints its arguments."""
    folder = tmp_path / "a folder"
    command = folder / "src" / "tinnyswe" / "cli"
    command.mkdir(parents=True)
    (command / "main.py").write_text(SAYS_ARGUMENTS)
    for package in (command, command.parent):
        (package / "__init__.py").touch()
    for name in ("tinny", "pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, folder)
    shutil.copytree(ROOT / "locks", folder / "locks")
    return folder


@pytest.fixture
def bare_path(tmp_path: Path) -> Path:
    """A PATH with the plain tools of a computer, and no Python."""
    tools = tmp_path / "bin"
    tools.mkdir()
    for tool in TOOLS:
        (tools / tool).symlink_to(str(shutil.which(tool)))
    return tools


def tinny(folder: Path, *args: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Start ./tinny from elsewhere, as a person would."""
    path = f"{Path(sys._base_executable).parent}:{os.environ['PATH']}"  # type: ignore[attr-defined]
    return subprocess.run(
        [folder / "tinny", *args],
        cwd=folder.parent,
        env={**os.environ, "PATH": path, **env},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def fake_python(folder: Path, name: str, script: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


def test_without_python_one_line_says_so(folder: Path, bare_path: Path) -> None:
    done = tinny(folder, PATH=str(bare_path))
    assert done.returncode == 5
    assert "no CPython 3.11 to 3.14 on PATH (found: none)" in done.stderr
    assert "apt-get install python3" in done.stderr


def test_an_old_python_is_named_and_a_later_one_on_path_is_taken(folder: Path, bare_path: Path) -> None:
    fake_python(bare_path, "python3", "echo no; echo 3.10.12; echo /usr/bin/python3.10")
    done = tinny(folder, PATH=str(bare_path))
    assert done.returncode == 5
    assert "found: python3=3.10.12" in done.stderr

    (bare_path / "python3.11").symlink_to(sys._base_executable)  # type: ignore[attr-defined]
    done = tinny(folder, "--offline", PATH=str(bare_path))
    assert done.returncode == 5
    assert "--offline refuses it" in done.stderr  # got past the search for a Python


def test_windows_is_told_about_wsl(folder: Path, bare_path: Path) -> None:
    (bare_path / "uname").unlink()
    fake_python(bare_path, "uname", "echo MINGW64_NT-10.0")
    done = tinny(folder, PATH=str(bare_path))
    assert done.returncode == 5
    assert "WSL2" in done.stderr


def test_without_venv_and_pip_the_package_to_install_is_named(folder: Path, bare_path: Path) -> None:
    real = sys._base_executable  # type: ignore[attr-defined]
    # What Debian's python3 is without python3-venv and python3-pip: the search says "bare", "-m pip" fails.
    script = (
        f'case "$*" in *"-m pip"*) exit 1 ;; "-I -") echo bare; echo 3.11.2; echo "$0" ;; *) exec {real} "$@" ;; esac'
    )
    fake_python(bare_path, "python3", script)
    done = tinny(folder, PATH=str(bare_path))
    assert done.returncode == 5
    assert "apt-get install python3-venv" in done.stderr


def test_two_at_once_then_interrupted_then_moved(folder: Path) -> None:
    """One set-up serves both; a half-made or moved .venv is made again; otherwise nothing is done."""
    command = [folder / "tinny", "both"]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    outputs = [process.communicate(timeout=300) for process in both]
    assert [out for out, _ in outputs] == ["['both']\n"] * 2, outputs
    assert sum("ready after" in err for _, err in outputs) == 1
    assert sum("waiting for it" in err for _, err in outputs) == 1

    again = tinny(folder, "--flag", "two words")
    assert (again.stdout, again.stderr) == ("['--flag', 'two words']\n", "")

    (folder / ".venv" / ".half-made").touch()
    (folder / ".venv" / ".made-from-base").unlink()
    assert "was interrupted, beginning again" in tinny(folder).stderr

    moved = folder.rename(folder.with_name("elsewhere"))
    done = tinny(moved, "here")
    assert done.stdout == "['here']\n"
    assert "ready after" in done.stderr


def test_killed_in_the_middle_it_begins_again(folder: Path) -> None:
    first = subprocess.Popen([folder / "tinny"], stderr=subprocess.DEVNULL, process_group=0)
    deadline = time.monotonic() + 60
    while not (folder / ".venv" / ".half-made").exists():
        assert time.monotonic() < deadline
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    done = tinny(folder, "after")
    assert done.stdout == "['after']\n"
    assert "was interrupted" in done.stderr


def test_a_changed_lock_renews_the_environment(folder: Path) -> None:
    assert tinny(folder).returncode == 0
    lock = folder / "locks" / "base.txt"
    lock.write_text(lock.read_text() + "\n")
    done = tinny(folder)
    assert "the lock has changed, renewing .venv" in done.stderr
    assert done.returncode == 0


def test_without_network_it_says_so(folder: Path, tmp_path: Path) -> None:
    unreachable = "https://tinny.invalid/simple"
    home = tmp_path / "home"
    home.mkdir()
    done = tinny(
        folder, HOME=str(home), PIP_INDEX_URL=unreachable, UV_INDEX_URL=unreachable, PIP_CONFIG_FILE="/dev/null"
    )
    assert done.returncode == 5
    assert "no package index could be reached" in done.stderr

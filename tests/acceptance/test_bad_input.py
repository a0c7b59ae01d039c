"""Whatever is wrong: one clear message with a next step, the right exit code, and nothing lost."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from acceptance.conftest import SMALL
from acceptance.newcomer import LAB, LAB_FOLDER, TINNY, Desk, changed_bytes

NOWHERE = "http://127.0.0.1:9/simple"  # the discard port: nobody listens


# -- names and folders ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "command",
    ["status", "sync", "pin", "start atomic-counters", "brief", "hint", "reset", "run", "check", "watch", "show"],
)
def test_outside_a_workspace_the_way_in_is_named(tmp_path: Path, command: str) -> None:
    for json_too in ([], ["--json"]):
        said = Desk(tmp_path).tinny(*command.split(), *json_too)
        assert said.code == 2
        assert "there is no tinnySWE workspace here" in said.text
        assert "tinny init" in said.text
    assert said.json["code"] == "no-workspace"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("words", "hints"),
    [
        (["check", "caching/atomik-counters"], ["no lab is called", LAB]),
        (["check", "caching/session-store"], ["planned, but not part of this build"]),
        (["check"], ["which lab?", LAB]),
        (["start"], ["which lab?", f"tinny start {LAB}"]),
        (["check", LAB, "--only", "C99"], ["has no check 'C99'", "C1, C2"]),
        (["check", LAB, "--seed", "-1"], ["--seed", "tinny check --help"]),
        (["check", LAB, "--keep"], ["not a terminal", f"tinny run {LAB}"]),
        (["status", "cachin"], ["no topic or box is called 'cachin'", "caching"]),
        (["engines", "install", "valky"], ["there is no engine 'valky'", "valkey"]),
        (["show", "yesterday"], ["there is no run yet", "tinny check"]),
        (["chekc"], ["there is no command 'chekc'", "check"]),
        (["check", "--bogus"], ["No such option", "tinny check [OPTIONS] [LAB]"]),
    ],
)
def test_a_wrong_word_is_answered_with_the_right_ones(begun: Desk, words: list[str], hints: list[str]) -> None:
    said = begun.tinny(*words)
    assert said.code == 2
    assert said.out == ""
    for hint in hints:
        assert hint in said.text
    problem = begun.tinny(*words, "--json").json
    assert problem["exit_code"] == 2
    assert problem["next_step"]


def test_a_lab_that_is_not_started_says_how_to(desk: Desk) -> None:
    desk.tinny("init")
    for command in ("check", "watch", "run"):
        said = desk.tinny(command, LAB)
        assert said.code == 2
        assert f"tinny start {LAB}" in said.text


# -- roadmaps -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"# Plans\n\nLearn Redis.\n", ["no check box", "- [ ]"]),
        (b"", ["no check box", "- [ ]"]),
        ("- [ ] **Caching**\n".encode("utf-16"), ["UTF-16"]),
        (b"- [ ] Caching\0\n", ["NUL"]),
    ],
    ids=["no-boxes", "empty", "utf-16", "nul"],
)
def test_what_is_no_roadmap_is_refused_and_left(desk: Desk, content: bytes, words: list[str]) -> None:
    desk.roadmap.write_bytes(content)
    said = desk.tinny("init")
    assert said.code == 2
    for word in words:
        assert word in said.text
    assert desk.roadmap.read_bytes() == content
    assert [path.name for path in desk.folder.iterdir()] == ["roadmap.md"]


def test_a_roadmap_that_is_not_there_is_named(begun: Desk) -> None:
    said = begun.tinny("init", "plan.md")
    assert (said.code, "plan.md" in said.text) == (2, True)
    begun.roadmap.unlink()
    for command in ("status", "sync", "pin"):
        said = begun.tinny(command)
        assert said.code == 2
        assert str(begun.roadmap) in said.text
    assert not begun.roadmap.exists()


def test_a_read_only_roadmap_is_ticked_later(proven: Desk, roadmap: bytes) -> None:
    proven.roadmap.write_bytes(roadmap)
    proven.roadmap.chmod(0o444)
    said = proven.tinny("sync", "--force")
    assert said.code == 2
    assert "your proofs are safe in the ledger" in said.text
    assert "tinny sync" in said.text
    assert proven.roadmap.read_bytes() == roadmap
    proven.roadmap.chmod(0o644)
    assert proven.tinny("sync", "--force").code == 0
    assert len(changed_bytes(roadmap, proven.roadmap.read_bytes())) == 1


def test_a_proof_beside_a_read_only_roadmap_is_kept(small: Desk, roadmap: bytes) -> None:
    """The check passes all the same, says what it could not do, and what to do about it."""
    labs = small.folder / "all"
    shutil.copytree(LAB_FOLDER.parents[1], labs)
    shutil.copytree(small.folder / "labs" / SMALL, labs / SMALL)
    topic = labs / "caching" / "topic.toml"
    topic.write_text(topic.read_text().replace('core = ["caching/atomic-counters"]', 'core = ["caching/small"]', 1))
    shutil.rmtree(labs / LAB)
    shutil.rmtree(small.folder / "labs")
    small.environment["TINNY_CURRICULUM"] = str(labs)
    small.roadmap.chmod(0o444)
    said = small.tinny("check", "small")
    assert said.code == 0, said
    assert "Proof kept for caching/key-value-basics" in said.text
    assert "But the roadmap could not be ticked" in said.text
    assert "tinny sync" in said.text
    assert small.roadmap.read_bytes() == roadmap
    assert "1 tick is proven, but not in your file: `tinny sync` writes" in small.tinny("status").text
    small.roadmap.chmod(0o644)
    assert small.tinny("sync").code == 0
    assert len(changed_bytes(roadmap, small.roadmap.read_bytes())) == 1


def test_an_editor_that_saves_all_the_time_loses_nothing(proven: Desk, roadmap: bytes) -> None:
    proven.roadmap.write_bytes(roadmap)
    over = threading.Event()
    written: list[bytes] = []

    def save() -> None:
        with proven.roadmap.open("ab", buffering=0) as file:
            while not over.is_set():
                written.append(b"- [ ] errand %d\n" % len(written))
                file.write(written[-1])
                over.wait(0.005)

    editor = threading.Thread(target=save)
    editor.start()
    try:
        said = proven.tinny("sync", "--force")
    finally:
        over.set()
        editor.join()
    assert said.code in (0, 3)  # ticked in a gap between two saves, or refused with a message
    assert said.code == 0 or "changed" in said.text
    assert proven.tinny("sync", "--force").code == 0
    assert len(changed_bytes(roadmap + b"".join(written), proven.roadmap.read_bytes())) == 1


def test_an_edited_ledger_line_is_told_and_costs_nothing_else(proven: Desk) -> None:
    [file] = (proven.folder / ".tinny" / "ledger").glob("*.jsonl")
    lines = file.read_bytes().splitlines(keepends=True)
    proven.tinny("hint", LAB)
    whole = file.read_bytes()
    file.write_bytes(whole.replace(b'"elapsed":', b'"elapsed": ', 1) + b'{"format":1,"kind":"rec')
    said = proven.tinny("status")
    assert said.code == 0
    assert said.text.count(file.name) >= 1
    assert proven.box()["state"] == "proven"
    assert proven.tinny("hint", LAB).code == 0  # appends below the torn line
    assert len(proven.ledger()) > len(lines)


# -- submissions ----------------------------------------------------------------------------------------------------

MEGABYTE = "print('spam' * 262_144, flush=True)\n"


@pytest.mark.parametrize(
    ("program", "words"),
    [
        (None, ["the submission is empty"]),
        ("def (:\n", ["SyntaxError", "Python cannot read the file"]),
        ("import pandas\n", ["pandas", "requirements.lock"]),
        ("raise SystemExit(3)\n", ["3"]),
        (MEGABYTE + "raise SystemExit(3)\n", ["spam"]),
    ],
    ids=["empty", "syntax-error", "foreign-import", "dies-at-once", "a-megabyte"],
)
def test_a_program_that_cannot_serve_fails_with_its_reason(small: Desk, program: str | None, words: list[str]) -> None:
    app = small.work(SMALL) / "app.py"
    app.unlink()
    if program is not None:
        app.write_text(program)
    said = small.tinny("check", "small")
    assert said.code == 1
    assert "✗ C1 failed" in said.text
    assert len(said.out) < 30_000
    for word in words:
        assert word in said.text
    assert b'"receipt"' not in b"".join(small.ledger())


# -- this computer --------------------------------------------------------------------------------------------------


def test_without_network_nothing_is_fetched_and_nothing_breaks(begun: Desk, cache: Path, tmp_path: Path) -> None:
    said = begun.tinny("check", LAB, "--offline", TINNY_CACHE=str(cache))
    assert said.code == 5
    assert "tinny engines install valkey" in said.text
    dead = {"UV_DEFAULT_INDEX": NOWHERE, "UV_INDEX_URL": NOWHERE, "UV_HTTP_RETRIES": "0", "PIP_INDEX_URL": NOWHERE}
    said = begun.tinny("check", LAB, TINNY_CACHE=str(cache), UV_CACHE_DIR=str(tmp_path / "uv"), **dead)
    assert said.code == 5
    assert "network" in said.text
    assert begun.tinny("status", TINNY_CACHE=str(cache)).code == 0


def test_a_damaged_engine_is_found_out(begun: Desk, cache: Path) -> None:
    """Truncated by a full disk, or copied from a computer of another kind: the check says so, and how to mend it."""
    assert begun.tinny("start", LAB, TINNY_CACHE=str(cache)).code == 0
    assert begun.tinny("check", LAB, "--offline", "--only", "C1", TINNY_CACHE=str(cache)).code == 0
    for server in (cache / "engines").rglob("valkey-server*"):
        if server.is_file() and server.read_bytes()[:4] == b"\x7fELF":
            server.chmod(0o755)
            server.write_bytes(b"\x7fELF nothing that runs here")
    said = begun.tinny("check", LAB, "--offline", "--only", "C1", TINNY_CACHE=str(cache))
    assert said.code in (3, 5)
    assert "alkey" in said.text
    assert "Next" in said.text
    assert begun.box()["state"] == "open"


def test_what_an_older_version_left_in_the_cache_is_ignored(small: Desk, cache: Path) -> None:
    for name in (
        "engines/valkey/7.0-old-linux-w0/install.json",
        "environments/python3.11-old/tinny.json",
        "catalog.json",
    ):
        (cache / name).parent.mkdir(parents=True, exist_ok=True)
        (cache / name).write_text('{"format": 0, "what": "of another time"}')
    assert small.tinny("engines", "--offline", TINNY_CACHE=str(cache)).code == 0
    assert small.tinny("status", TINNY_CACHE=str(cache)).code == 0
    assert small.tinny("check", "small", TINNY_CACHE=str(cache)).code == 0
    said = small.tinny("clean", TINNY_CACHE=str(cache))
    assert said.code == 0
    assert not [path for path in cache.rglob("*") if path.is_file()]


def test_cleaning_takes_nothing_of_the_learners(begun: Desk, tmp_path: Path) -> None:
    def everything() -> dict[str, bytes]:
        files = (path for path in begun.folder.rglob("*") if path.is_file() and ".venv" not in path.parts)
        return {str(path): path.read_bytes() for path in files}

    runtime = Path(begun.environment["TINNY_RUNTIME"]) / "u"
    environment = {"TINNY_CACHE": str(tmp_path / "cache"), "TINNY_RUNTIME": str(runtime)}
    assert begun.tinny("status", **environment).code == 0
    before = everything()
    said = begun.tinny("uninstall", **environment)
    assert said.code == 0
    assert str(tmp_path / "cache") in said.text
    assert not (tmp_path / "cache").exists()
    assert not runtime.exists()
    assert everything() == before


def test_a_full_disk_is_our_error_and_nothing_is_torn(small: Desk) -> None:
    """No file may grow beyond 2 kB: the run's own events cannot be kept."""
    ledger = small.folder / ".tinny" / "ledger"
    before = small.roadmap.read_bytes()
    done = subprocess.run(
        [TINNY, "check", "small"],
        cwd=small.folder,
        env=small.environment,
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, 2_000)),
        timeout=60,
        check=False,
    )
    assert done.returncode == 3, done.stdout
    assert "Traceback" not in done.stderr
    assert "writ" in done.stderr
    assert "Next" in done.stderr
    assert small.roadmap.read_bytes() == before
    assert all(line.endswith(b"}") for file in ledger.glob("*.jsonl") for line in file.read_bytes().splitlines())
    assert small.tinny("check", "small").code == 0


def test_native_windows_is_told_about_wsl() -> None:
    code = "import sys; from tinnyswe.cli.main import main; sys.platform = 'win32'; main(['status'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 5
    assert "WSL2" in done.stderr


def test_colours_are_for_terminals_that_want_them(begun: Desk) -> None:
    for environment in ({}, {"NO_COLOR": "1"}, {"TERM": "dumb"}):
        assert "\x1b" not in begun.tinny("status", **environment).out
    if not hasattr(os, "openpty"):
        return
    assert "\x1b" in _on_a_terminal(begun, {})
    assert "\x1b[" not in _on_a_terminal(begun, {"NO_COLOR": "1"}).replace("\x1b[1m", "").replace("\x1b[0m", "")


def _on_a_terminal(desk: Desk, environment: dict[str, str]) -> str:
    mine, theirs = os.openpty()
    process = subprocess.Popen(
        [TINNY, "status"],
        cwd=desk.folder,
        env={**desk.environment, "TERM": "xterm-256color", "COLUMNS": "80", **environment},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    seen = b""
    while True:
        try:
            chunk = os.read(mine, 4096)
        except OSError:  # EIO: the other end is closed
            break
        if not chunk:
            break
        seen += chunk
    os.close(mine)
    assert process.wait(10) == 0
    return seen.decode()


def test_a_bug_of_ours_is_not_the_learners_failure(tmp_path: Path) -> None:
    broken = (
        "import sys, tinnyswe.usecases.look_around as there\n"
        "there.doctor = lambda *_: 1 / 0\n"
        "from tinnyswe.cli.main import main\n"
        "main(['doctor'])\n"
    )
    done = subprocess.run([sys.executable, "-c", broken], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert "a fault of tinnySWE, not of your work: ZeroDivisionError" in done.stderr
    assert "Traceback" in done.stderr

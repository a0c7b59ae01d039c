"""What is taken in of a learner's folder: regular files of theirs, never through a link, within the limits."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tinnyswe.model.errors import SubmissionError, TinnyError, UsageError
from tinnyswe.model.lab import Limits
from tinnyswe.sandbox import Submission, take_in


@pytest.fixture
def work(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


def fill(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"content of {name}\n")


def taken(work: Path, *files: str, **limits: float) -> Submission:
    return take_in(work, files, Limits(**limits), work.parent / f"taken-{os.urandom(4).hex()}")


def refusal(work: Path, *files: str, **limits: float) -> SubmissionError:
    target = work.parent / "refused"
    with pytest.raises(SubmissionError) as caught:
        take_in(work, files, Limits(**limits), target)
    assert not target.exists()  # judged before anything is written
    return caught.value


def test_files_arrive_with_content_and_executable_bit(work: Path) -> None:
    fill(work, "app.py", "lib/deep/er.py", "run.sh")
    (work / "run.sh").chmod(0o700)
    (work / "app.py").chmod(0o600)
    got = taken(work)
    assert got.files == ("app.py", "lib/deep/er.py", "run.sh")
    assert (got.root / "lib/deep/er.py").read_text() == "content of lib/deep/er.py\n"
    modes = {name: stat.S_IMODE((got.root / name).stat().st_mode) for name in (*got.files, "lib", "lib/deep", ".")}
    assert modes == {"app.py": 0o644, "lib/deep/er.py": 0o644, "run.sh": 0o755} | dict.fromkeys(
        ("lib", "lib/deep", "."), 0o755
    )
    assert got.left_out == ()


def test_caches_environments_compiled_files_and_the_brief_are_dropped(work: Path) -> None:
    fill(work, "app.py", "briefing.txt", "brief.md", "brief.de.md", "a.pyc", "b.pth", "c.so", "lib/brief.md")
    fill(work, ".venv/x.py", ".git/config", "__pycache__/y.py", "lib/__pycache__/z.py", "node_modules/m.js")
    fill(work, "myenv/pyvenv.cfg", "myenv/lib/q.py")
    assert taken(work).files == ("app.py", "briefing.txt")


@pytest.mark.parametrize(
    ("patterns", "files"),
    [
        (("app.py",), ("app.py",)),
        (("*.py",), ("app.py", "zoo.py")),
        (("**/*.py",), ("app.py", "lib/a.py", "lib/sub/b.py", "zoo.py")),
        (("lib/*",), ("lib/a.py", "lib/c.sql", "lib/sub/b.py")),
        (("lib/**",), ("lib/a.py", "lib/c.sql", "lib/sub/b.py")),
        (("lib",), ("lib/a.py", "lib/c.sql", "lib/sub/b.py")),
        (("./app.py", "lib/?.sql"), ("app.py", "lib/c.sql")),
    ],
)
def test_globs_choose(patterns: tuple[str, ...], files: tuple[str, ...], work: Path) -> None:
    fill(work, "app.py", "zoo.py", "lib/a.py", "lib/sub/b.py", "lib/c.sql", "aXpy")
    assert taken(work, *patterns).files == files


def link(path: Path) -> None:
    path.symlink_to("/etc/passwd")


def link_to_folder(path: Path) -> None:
    path.symlink_to("/etc")


def fifo(path: Path) -> None:
    os.mkfifo(path)


def unix_socket(path: Path) -> None:
    here = os.getcwd()
    os.chdir(path.parent)  # its path may be longer than a socket's name
    try:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(path.name)
    finally:
        os.chdir(here)


@pytest.mark.parametrize(
    ("make", "word"), [(link, "a link"), (link_to_folder, "a link"), (fifo, "a pipe"), (unix_socket, "a socket")]
)
def test_what_is_no_regular_file_is_left_out_and_named(make: Callable[[Path], None], word: str, work: Path) -> None:
    fill(work, "app.py")
    make(work / "odd")
    got = taken(work)
    assert got.files == ("app.py",)
    assert got.left_out == (f"odd was left out: {word}, and only regular files are taken in",)


def test_a_device_is_left_out(work: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can make a device")
    fill(work, "app.py")
    os.mknod(work / "zero", 0o666 | stat.S_IFCHR, os.makedev(1, 5))
    assert taken(work).left_out == ("zero was left out: a device, and only regular files are taken in",)


def test_a_link_that_was_asked_for_by_name_is_explained(work: Path) -> None:
    (work / "app.py").symlink_to("/etc/passwd")
    problem = refusal(work, "app.py")
    assert problem.code == "empty-submission"
    assert "app.py was left out: a link" in problem.next_step


def test_a_hard_link_to_somebody_elses_file_is_refused(work: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs a file of another user")
    fill(work, "app.py")
    os.link(work / "app.py", work / "second.py")
    assert taken(work).files == ("app.py", "second.py")  # one's own links are harmless
    os.chown(work / "app.py", 12345, 12345)
    assert refusal(work).code == "unreadable"


def test_an_empty_folder_is_an_empty_submission(work: Path) -> None:
    assert refusal(work).code == "empty-submission"
    fill(work, "brief.md", ".venv/x.py")
    assert refusal(work).code == "empty-submission"
    assert "app.py" in refusal(work, "app.py").what


def test_no_folder_is_the_persons_mistake(work: Path) -> None:
    with pytest.raises(UsageError):
        taken(work / "nowhere")


def test_limits_on_count_and_size(work: Path) -> None:
    fill(work, "a", "b", "c")
    assert len(taken(work, files=3).files) == 3
    assert refusal(work, files=2).code == "too-many-files"
    (work / "c").write_bytes(b"x" * (1 << 20))
    assert refusal(work, submission_mb=1).code == "too-large"
    (work / "c").write_bytes(b"x" * ((1 << 20) - sum((work / name).stat().st_size for name in "ab")))
    assert len(taken(work, submission_mb=1).files) == 3


def test_only_what_is_taken_in_counts(work: Path) -> None:
    fill(work, "app.py", *(f".venv/{number}.py" for number in range(300)), *(f"{number}.pyc" for number in range(300)))
    (work / "huge.so").write_bytes(b"x" * (3 << 20))
    assert taken(work).files == ("app.py",)


def test_a_sparse_giant_is_not_read(work: Path) -> None:
    with (work / "giant").open("wb") as file:
        file.truncate(1 << 40)
    assert refusal(work).code == "too-large"


@pytest.mark.parametrize("name", [b"new\nline", b"esc\x1b[31m", b"\xff\xfe", "evil\u202egpj.py".encode()])
def test_names_that_would_deceive_a_report_are_refused(name: bytes, work: Path) -> None:
    fill(work, "app.py")
    Path(os.fsdecode(os.fsencode(work) + b"/" + name)).touch()
    assert refusal(work).code == "bad-name"


def test_too_deep_is_left_out(work: Path) -> None:
    fill(work, "app.py", "/".join("d" * 30) + "/x.py")
    got = taken(work)
    assert got.files == ("app.py",)
    assert "deep" in got.left_out[0]


def test_a_target_that_is_not_empty_is_refused(work: Path) -> None:
    fill(work, "app.py", "../target/old.py")
    with pytest.raises(TinnyError) as caught:
        take_in(work, (), Limits(), work.parent / "target")
    assert caught.value.code == "target-not-empty"


def test_the_digest_changes_with_name_content_and_mode_only(work: Path) -> None:
    fill(work, "a.py", "b/c.py")
    first = taken(work).digest
    os.utime(work / "a.py", (1, 1))
    fill(work, "__pycache__/x.pyc")
    assert taken(work).digest == first
    (work / "a.py").chmod(0o755)
    assert (executable := taken(work).digest) != first
    (work / "a.py").chmod(0o644)
    (work / "a.py").rename(work / "d.py")
    assert (renamed := taken(work).digest) not in {first, executable}
    (work / "d.py").write_text("other")
    assert taken(work).digest not in {first, executable, renamed}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30, deadline=None)
@given(st.dictionaries(st.text("ab1:", min_size=1, max_size=4), st.binary(max_size=5), min_size=1, max_size=4))
def test_a_submission_taken_in_twice_is_the_same(tmp_path: Path, files: dict[str, bytes]) -> None:
    first = tmp_path / os.urandom(6).hex()
    first.mkdir()
    for name, content in files.items():
        (first / name).write_bytes(content)
    once = taken(first)
    again = taken(once.root)
    assert {name: (again.root / name).read_bytes() for name in again.files} == files
    assert again.digest == once.digest

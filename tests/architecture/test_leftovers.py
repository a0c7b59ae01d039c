"""The look at what a run left behind sees each kind of thing, and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from architecture.project import ROOT

SLEEPER = [sys.executable, "-c", "import signal; signal.pause()"]
LEAKS = {  # what a test does → how it is told
    f"keep.append(subprocess.Popen({SLEEPER}))": f"(parent {{pytest}}): {sys.executable}",
    f"subprocess.run(['sh', '-c', 'env -i setsid \"$@\" >/dev/null 2>&1 & echo', 'sh', *{SLEEPER}], cwd='/')": (
        f"(parent {{supervisor}}): {sys.executable}"
    ),
    "keep.append(socket.create_server(('127.0.0.1', 0)))": "listening port ",
    "keep.append(tempfile.mkstemp())": "file /tmp/tt-{pytest}/tmp/",
    "keep.append(socket.socket(socket.AF_UNIX)); keep[-1].bind(os.environ['TINNY_RUNTIME'] + '/s')": (
        "file /tmp/tt-{pytest}/runtime/s"
    ),
    "Path('/dev/shm/tinny-leak').write_text('x')": "shared memory /dev/shm/tinny-leak",
    "os.makedirs('/tmp/tinny-leaked-folder')": "in /tmp: /tmp/tinny-leaked-folder",
}
HEAD = "import os, socket, subprocess, tempfile\nfrom pathlib import Path\n\nkeep = []\n\n\ndef test_leaks(tmp_path):\n"

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@pytest.fixture(autouse=True)
def clean() -> Iterator[None]:
    yield
    Path("/dev/shm/tinny-leak").unlink(missing_ok=True)
    if os.path.isdir("/tmp/tinny-leaked-folder"):
        os.rmdir("/tmp/tinny-leaked-folder")


def run(folder: Path, body: str, *, alone: bool = False) -> tuple[int, str]:
    """A whole supervised test run of one test. The supervisor ends what it leaks."""
    (folder / "test_one.py").write_text(HEAD + textwrap.indent(f"(tmp_path / 'mine').touch()\n{body}\n", "    "))
    command = [sys.executable, "-m", "pytest", "-s", "-p", "conftest", "-c", "/dev/null", "--rootdir", folder, folder]
    environment = {key: value for key, value in os.environ.items() if key != "CI"} | {"PYTHONPATH": str(ROOT / "tests")}
    if alone:  # nothing is overlooked; what other runs leave meanwhile is told too, and does not matter here
        environment["CI"] = "true"
    for name in ("TMPDIR", "TINNY_TEST_SESSION", "PYTEST_CURRENT_TEST"):
        environment.pop(name, None)
    supervised = [sys.executable, ROOT / "tests" / "supervise.py", *command]
    done = subprocess.run(supervised, env=environment, capture_output=True, text=True, check=False, timeout=60)
    return done.returncode, done.stdout


def test_a_clean_run_passes(tmp_path: Path) -> None:
    status, output = run(tmp_path, "subprocess.run(['true'])")
    assert status == 0, output
    assert "left behind: nothing" in output


def test_each_leak_is_told_and_fails_a_run_whose_tests_pass(tmp_path: Path) -> None:
    status, output = run(tmp_path, "\n".join([*LEAKS, "print('PIDS', os.getpid(), os.getppid())"]), alone=True)
    assert "1 passed" in output, output
    assert status == 1
    pytest_pid, supervisor = output.partition("PIDS ")[2].split()[:2]
    told = output.partition("left behind =")[2]
    for sentence in LEAKS.values():
        assert sentence.format(pytest=pytest_pid, supervisor=supervisor) in told, output

"""Several programs and several ways to one file: every tick lands, and nothing else moves."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tinnyswe.roadmap import parse, tick

BOXES = 60
WRITERS = 4

TICKER = """
import sys
from pathlib import Path
from tinnyswe.roadmap import tick_items
path, first, step = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
sys.stdin.readline()
for number in range(first, len(tick_items(path, lambda roadmap: []).items), step):
    tick_items(path, lambda roadmap: [item.index for item in roadmap.items if item.text == f"box {number}"])
"""


def test_processes_that_tick_at_once_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "roadmap.md"
    path.write_text("".join(f"- [ ] box {number}\n" for number in range(BOXES)))
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", TICKER, path, str(number), str(WRITERS)], stdin=subprocess.PIPE, text=True
        )
        for number in range(WRITERS)
    ]
    for writer in writers:
        writer.communicate("go\n", timeout=60)
    assert [writer.returncode for writer in writers] == [0] * WRITERS
    assert path.read_text() == "".join(f"- [x] box {number}\n" for number in range(BOXES))


def test_a_bind_mount_is_written_through(tmp_path: Path) -> None:
    """The mount lives in a namespace of its own and ends with the program."""
    path, mounted = tmp_path / "roadmap.md", tmp_path / "mounted.md"
    path.write_text("- [ ] a\n- [ ] b\n")
    mounted.touch()
    script = f"""mount --bind {path} {mounted} || exit 77
exec {sys.executable} -c 'from pathlib import Path; from tinnyswe.roadmap import parse, tick
tick(parse(Path("{mounted}")), [1])'"""
    try:
        done = subprocess.run(["unshare", "--mount", "sh", "-c", script], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("needs the unshare program")
    if done.returncode in (1, 77) and ("unshare" in done.stderr or "mount" in done.stderr.split(":")[0]):
        pytest.skip(f"needs the right to mount: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    assert path.read_text() == "- [ ] a\n- [x] b\n"


def test_a_full_cycle_over_a_symlinked_folder(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "real/roadmap.md").write_text("- [ ] a\n")
    tick(parse(tmp_path / "link/roadmap.md"), [0])
    assert (tmp_path / "real/roadmap.md").read_text() == "- [x] a\n"

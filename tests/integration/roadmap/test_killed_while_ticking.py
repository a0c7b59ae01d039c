"""kill -9 at any moment: the file holds what it held before, with some of the ticks set."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

KILLS = 200 if os.environ.get("TINNY_LONG") else 30
BOXES = 400
CONTENT = b"# Plan \xf0\x9f\x93\xa6\r\n" + b"".join(b"- [ ] box %d \xff\r\n" % number for number in range(BOXES))

# Fills one roadmap after the other with ticks, in batches of changing size, and says so before each batch.
CHILD = """
import os, random, sys
from pathlib import Path
from tinnyswe.roadmap import parse, tick
folder, rng = Path(sys.argv[1]), random.Random(sys.argv[2])
blank = (folder / "blank").read_bytes()
for number in range(1000):
    path = folder / f"{number}.md"
    (folder / "new").write_bytes(blank)
    (folder / "new").rename(path)
    roadmap = parse(path)
    left = list(range(len(roadmap.items)))
    rng.shuffle(left)
    while left:
        size = rng.choice([1, 7, 100])
        batch, left = left[:size], left[size:]
        print(".", end="", flush=True)
        roadmap = tick(roadmap, batch)
"""


@pytest.mark.parametrize("point", range(KILLS))
def test_a_kill_loses_at_most_ticks(tmp_path: Path, point: int) -> None:
    rng = random.Random(point)
    (tmp_path / "blank").write_bytes(CONTENT)
    with subprocess.Popen([sys.executable, "-c", CHILD, tmp_path, str(point)], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        begun = child.stdout.read(rng.randrange(2, 60))  # that many batches have begun
        for _ in range(rng.randrange(20_000)):  # and somewhere inside one
            pass
        child.kill()
    assert set(begun) == {ord(".")}, "the child was to be killed, and ended by itself"
    ticks = 0
    for path in tmp_path.glob("*.md"):
        after = path.read_bytes()
        assert len(after) == len(CONTENT)
        assert after.replace(b"- [x] ", b"- [ ] ") == CONTENT
        ticks += after.count(b"- [x] ")
    assert ticks, "at least the first batch was written"

"""A small, sound curriculum on disk, which a test then breaks in one place."""

from __future__ import annotations

from pathlib import Path

TOPIC = """
format = 1
id = "shop"
title = "Shop keeping"
order = 1
aliases = ["Retail"]

[[box]]
id = "shop/stock"
title = "Keep stock"
facets = ["counting", "races"]
core = ["shop/counter"]
depth = ["shop/counter-deep"]

[[box]]
id = "shop/till"
title = "Run a till"
facets = ["money"]
core = ["shop/cash-desk"]
"""

LAB = """
format = 1
id = "shop/counter"
title = "The last item"
kind = "build"
box = "shop/stock"
minutes = 30
revision = 1
labkit = 1

[[entry]]
type = "http"
command = ["python", "app.py"]

[engine.valkey]
version = ">=8"

[limits]
run_seconds = 40

[[check]]
id = "C1"
title = "Sells what is there"
facets = ["contract", "counting"]

[[check]]
id = "C2"
title = "Never sells twice"
facets = ["races"]
needs = ["C1"]

[[mutant]]
id = "M1"
belief = "Reading and writing back is safe"
rejected_by = ["C2"]
code = "oversold"

[x-shop]
shelves = 3
"""

CHECKS = '''
import a_package_that_does_not_exist


def helper():
    raise SystemExit("a check file is never executed by the catalogue")


def test_c1_sells(app, expect):
    """Sell what is there, refuse what is not."""


def test_c2_races(app, net, expect):
    """Two copies sell the last one at the same moment."""
'''


class Curriculum:
    """A curriculum folder with one topic and one sound lab."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.topic = root / "shop" / "topic.toml"
        self.lab = self.add_lab("shop/counter", LAB, CHECKS)
        self.topic.write_text(TOPIC, "utf-8")

    def add_lab(self, id: str, lab: str, checks: str) -> Path:
        folder = self.root / id
        for name in ("starter", "reference", "mutants/m1-reads-then-writes"):
            (folder / name).mkdir(parents=True)
            (folder / name / "app.py").write_text("print('no')\n", "utf-8")
        for name, text in (("lab.toml", lab), ("checks.py", checks), ("brief.md", "Do it."), ("hints.md", "1. Look.")):
            (folder / name).write_text(text, "utf-8")
        return folder

    def edit(self, name: str, old: str, new: str) -> None:
        """Replace the first `old` in a file of the lab (or topic.toml); a test that replaces nothing is wrong."""
        file = self.topic if name == "topic.toml" else self.lab / name
        text = file.read_text("utf-8")
        assert old in text
        file.write_text(text.replace(old, new, 1), "utf-8")

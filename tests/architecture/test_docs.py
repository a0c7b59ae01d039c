"""Pages say only what is true of the code: commands, options, rooms, links."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from architecture.project import ROOT, named, rooms
from tinnyswe.cli.main import tinny
from tinnyswe.cli.reference import reference
from tinnyswe.labkit.reference import page as labkit_page

PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)(?:#[^)]*)?\)")
FENCE = re.compile(r"^```\w*\n(.*?)^```", re.MULTILINE | re.DOTALL)
# In a block a line begins with the command; in a sentence the command stands between back-ticks.
IN_BLOCK = re.compile(r"^(?:\$ )?(?:\./)?tinny((?: [^\s#|`]+)*)", re.MULTILINE)
IN_SENTENCE = re.compile(r"`(?:\./)?tinny((?: [^\s`]+)+)`")


def test_the_command_reference_is_what_the_commands_say() -> None:
    page = ROOT / "docs" / "reference" / "cli.md"
    assert page.read_text() == reference(), f"python -m tinnyswe.cli.reference > {named(page)}"


def test_the_author_reference_is_what_labkit_says() -> None:
    page = ROOT / "docs" / "reference" / "labkit.md"
    assert page.read_text() == labkit_page(), f"python -m tinnyswe.labkit.reference > {named(page)}"


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_pages_name_only_commands_and_options_that_exist(page: Path) -> None:
    assert not [f"tinny {' '.join(words)}: {wrong}" for words in commands_in(page) if (wrong := misfit(words))]


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_links_lead_somewhere(page: Path) -> None:
    text = FENCE.sub("", page.read_text())
    targets = [target for target in LINK.findall(text) if "://" not in target]
    assert not [target for target in targets if not (page.parent / target).exists()]


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_page_is_reached_from_the_readme_or_the_index(page: Path) -> None:
    if (
        page.parent.name in {"decisions", "engines"}
        or "paper" in page.parts
        or page.name in {"README.md", "index.md", "CHANGELOG.md"}
    ):
        return
    starts = [ROOT / "README.md", ROOT / "docs" / "index.md"]
    linked = {(start.parent / target).resolve() for start in starts for target in LINK.findall(start.read_text())}
    assert page.resolve() in linked


def test_the_architecture_page_has_every_room() -> None:
    text = (ROOT / "docs" / "concepts" / "architecture.md").read_text()
    table = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    assert set(re.findall(r"`(\w+)`", " ".join(table))) >= rooms()


def test_the_readme_has_a_place_for_what_a_first_run_prints() -> None:
    text = (ROOT / "README.md").read_text()
    begin, end = text.index("<!-- transcript: begin -->"), text.index("<!-- transcript: end -->")
    assert "$ ./tinny demo" in text[begin:end]


def commands_in(page: Path) -> Iterator[list[str]]:
    text = page.read_text()
    for block in FENCE.findall(text):
        yield from (words.split() for words in IN_BLOCK.findall(block))
    yield from (words.split() for words in IN_SENTENCE.findall(FENCE.sub("", text)))


def misfit(words: list[str]) -> str:
    """What is wrong with this command line, read from left to right; "" when nothing is."""
    command: click.Command = tinny
    for word in words:
        if word.startswith("-"):
            known = {name for each in command.params for name in (*each.opts, *each.secondary_opts)}
            if word.partition("=")[0] not in known | {"--help", "-h"}:
                return f"no option {word}"
        elif isinstance(command, click.Group):
            found = command.get_command(click.Context(command), word)
            if found is None:
                return f"no command {word}"
            command = found
    return ""

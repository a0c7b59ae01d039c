from __future__ import annotations

import io
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.text import Text

from tinnyswe.cli.render import failure_view, plain, safe, safe_line, show
from tinnyswe.cli.render_text import Paragraph, make_console
from tinnyswe.model.failure import Failure, FaultNote, LogTail


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("\x1b[2J\x1b]0;title\x07", "\\x1b[2J\\x1b]0;title\\x07"),
        ("over\rwritten", "over\\x0dwritten"),
        ("dos\r\nline", "dos\nline"),
        ("c1 \x9b2J", "c1 \\x9b2J"),
        ("\u202eevil\u2066", "\\u202eevil\\u2066"),
        ("zero\u200bwidth\ufeff", "zero\\u200bwidth\\ufeff"),
        ("line\u2028end", "line\\u2028end"),
        ("bad \udcff byte, lone \ud800", "bad \\xff byte, lone \\ud800"),
        ("tag \U000e0041", "tag \\U000e0041"),
        ("a\tb", "a    b"),
        ("Zażółć 🧭 👩\u200d💻 数", "Zażółć 🧭 👩\u200d💻 数"),
    ],
)
def test_what_could_move_the_cursor_is_shown_instead(raw: str, shown: str) -> None:
    assert safe(raw) == shown


def test_one_line_stays_one_line() -> None:
    assert safe_line("one\ntwo\n") == "one\\ntwo"


@given(st.text(), st.text())
def test_no_text_of_a_learner_reaches_the_terminal_raw(one: str, two: str) -> None:
    """Wherever it stands in a failure: in values, requests, traces, logs."""
    failure = Failure(
        check="C1",
        code="wrong",
        why=one,
        expected=[one, {two: one}],
        relation="equal to",
        observed=two,
        problem=two,
        fault=FaultNote(kind="held", target=one, position=1, request=two, detail=one),
        logs=(LogTail(source=two, lines=(one, two)),),
        next_step=two,
        trace=(one, two),
    )
    text = plain(failure_view(failure))
    assert not [c for c in text if unicodedata.category(c) in ("Cc", "Cs") and c != "\n"]
    assert not set(text) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u2028\u2029")


def test_a_long_value_is_laid_out_not_cut() -> None:
    value = {"buyers": [f"buyer {number}" for number in range(60)]}
    text = show(value)
    assert all(f"'buyer {number}'" in text for number in range(60))
    assert max(map(len, text.splitlines())) <= 68


def test_a_huge_value_says_how_much_is_left_out() -> None:
    text = show("x" * 100_000)
    assert len(text) < 5000
    assert "[... 96002 characters left out; --json has them all ...]" in text


def test_paragraphs_wrap_under_their_text_and_break_only_what_is_too_long() -> None:
    view = Paragraph("one two three " + "x" * 30, indent=4, first="- ")
    assert plain(view, width=24) == "-   one two three\n    xxxxxxxxxxxxxxxxxxxx\n    xxxxxxxxxx\n"
    assert plain(Paragraph("数" * 12, indent=4), width=24) == "    数数数数数数数数数数\n    数数\n"


@pytest.mark.parametrize(
    ("file", "color", "variable", "coloured"),
    [
        (Terminal(), True, "", True),
        (Terminal(), False, "", False),
        (Terminal(), True, "1", False),
        (io.StringIO(), True, "", False),
    ],
)
def test_colour_needs_a_terminal_that_wants_it(
    monkeypatch: pytest.MonkeyPatch, file: io.StringIO, color: bool, variable: str, coloured: bool
) -> None:
    for name in ("FORCE_COLOR", "COLORTERM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("NO_COLOR", variable)
    make_console(file, color=color).print(Text("words", "red"))
    assert ("\x1b" in file.getvalue()) is coloured


def test_a_pipe_is_no_terminal_and_80_wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    console = make_console(io.StringIO())
    assert (console.width, console.is_terminal) == (80, False)
    assert make_console(Terminal()).width == 100


def test_a_terminal_of_another_encoding_still_gets_the_report() -> None:
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding="ascii")
    make_console(file).print("✓ passed")
    file.flush()
    assert raw.getvalue() == b"\\u2713 passed\n"

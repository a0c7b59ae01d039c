"""The bottom of every view: text that cannot move the cursor, values shown in full, paragraphs that wrap."""

from __future__ import annotations

import io
import pprint
import unicodedata
from collections.abc import Sequence
from typing import IO, Any

from rich.console import Console, ConsoleOptions, Group, OverflowMethod, RenderableType, RenderResult
from rich.text import Text

WIDTH = 80  # when not a terminal
WIDEST = 100  # longer lines are hard to read
INDENT = 12  # where the words after a label begin

_GAP = 2  # blanks between columns
_NARROWEST = 20  # characters a wrapped column keeps on the smallest terminal
_LONGEST = 4000  # characters of one value; what is left out is counted, and `--json` has it all
_JOINERS = "\u200c\u200d"  # needed by scripts and emoji, harmless to the cursor
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def make_console(
    file: IO[str], *, color: bool = True, terminal: bool | None = None, width: int | None = None
) -> Console:
    """Return the console of a command. Colour also needs a terminal, and no NO_COLOR in the environment.

    terminal: None = ask the file. Without one nothing is animated and lines are 80 wide.
    """
    is_terminal = file.isatty() if terminal is None else terminal
    if isinstance(file, io.TextIOWrapper):
        file.reconfigure(errors="backslashreplace")  # a terminal of another encoding must not stop a report
    probe = Console(file=file, force_terminal=is_terminal, highlight=False, markup=False, emoji=False)
    plain_text = not color or not is_terminal or probe.no_color
    return Console(
        file=file,
        force_terminal=is_terminal,
        color_system=None if plain_text else "auto",
        no_color=plain_text,
        width=width or (min(probe.width, WIDEST) if is_terminal else WIDTH),
        highlight=False,
        markup=False,
        emoji=False,
    )


def plain(view: RenderableType, width: int = WIDTH) -> str:
    """Return a view as text without any control sequence, lines free of trailing blanks."""
    file = io.StringIO()
    make_console(file, color=False, terminal=False, width=width).print(view)
    return "".join(f"{line.rstrip()}\n" for line in file.getvalue().splitlines())


def safe(text: str) -> str:
    """Return text of unknown origin as it may be printed: newlines stay, a tab becomes four blanks.

    Control characters (C0, C1), bidi and other invisible ones, and undecodable bytes are shown as \\x1b, \\u202e ...:
    the learner sees that they are there, and they do nothing.
    """
    return "".join(map(_visible, text.replace("\r\n", "\n").replace("\t", "    ")))


def safe_line(text: str) -> str:
    """Return `safe(text)` on one line: newlines are shown as \\n."""
    return safe(text.strip("\r\n")).replace("\n", "\\n")


def _visible(character: str) -> str:
    if character == "\n" or character in _JOINERS or unicodedata.category(character) not in _HIDDEN:
        return character
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # a byte that was no UTF-8, as `surrogateescape` keeps it
        return f"\\x{code - 0xDC00:02x}"
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def show(value: Any, width: int = WIDTH - INDENT) -> str:
    """Return a value as Python writes it, over several lines when it does not fit. `repr` escapes what is invisible."""
    text = repr(value)
    if len(text) > width:
        text = pprint.pformat(value, width=width, compact=True, sort_dicts=False)
    if len(text) <= _LONGEST:
        return text
    half = _LONGEST // 2
    left_out = len(text) - 2 * half
    return f"{text[:half]}\n[... {left_out} characters left out; --json has them all ...]\n{text[-half:]}"


class Paragraph:
    """Text that wraps at the console's width, its later lines indented. Nothing is cut; no blanks at line ends.

    first: what stands before the first line, e.g. a label; padded to `indent` cells.
    whole_words: a word that is longer than the line stays whole, as a path must that is to be copied; the console
    has to print it with soft_wrap.
    """

    def __init__(self, text: Text | str, *, indent: int = 0, first: Text | str = "", whole_words: bool = False) -> None:
        self.text = text if isinstance(text, Text) else Text(text)
        self.indent = indent
        self.first = first if isinstance(first, Text) else Text(first)
        self.overflow: OverflowMethod = "ignore" if whole_words else "fold"

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        lead = self.first.copy()
        lead.pad_right(max(0, self.indent - lead.cell_len))
        width = max(20, options.max_width - self.indent)
        for line in self.text.wrap(console, width, overflow=self.overflow) or [Text("")]:
            whole = lead + line
            whole.rstrip()
            yield whole
            lead = Text(" " * self.indent)


class Rows:
    """Lines of cells in columns as wide as their longest text; the column `wraps` takes what room is left, and wraps.

    A column without any text takes no room, and no line ends in blanks.
    """

    def __init__(self, rows: Sequence[Sequence[Text | str]], *, wraps: int, indent: int = 2) -> None:
        self.rows = [[cell if isinstance(cell, Text) else Text(cell) for cell in row] for row in rows]
        self.wraps = wraps
        self.indent = indent

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        widths = [max(cell.cell_len for cell in column) for column in zip(*self.rows, strict=True)]
        used = [column for column, width in enumerate(widths) if width]
        others = sum(widths[column] + _GAP for column in used if column != self.wraps)
        room = max(_NARROWEST, options.max_width - self.indent - others)
        widths[self.wraps] = min(widths[self.wraps], room)
        for row in self.rows:
            lines = row[self.wraps].wrap(console, widths[self.wraps], overflow="fold") or [Text("")]
            for number, line in enumerate(lines):
                cells = [line if column == self.wraps else row[column] if not number else Text("") for column in used]
                yield self._line(cells, [widths[column] for column in used])

    def _line(self, cells: Sequence[Text], widths: Sequence[int]) -> Text:
        whole = Text(" " * self.indent)
        for cell, width in zip(cells, widths, strict=True):
            padded = cell.copy()
            padded.pad_right(width - cell.cell_len + _GAP)
            whole += padded
        whole.rstrip()
        return whole


def field(label: str, text: Text | str, *, whole_words: bool = False) -> Paragraph:
    """A labelled line of a report: two blanks, the label, the text in its column."""
    first = Text.assemble("  ", (label, "bold"), " " * (INDENT - len(label) <= 2))
    return Paragraph(text, indent=INDENT, first=first, whole_words=whole_words)


def lines_below(heading: str, lines: Sequence[str], mark: str) -> Group:
    """A heading and one paragraph for each line, each behind `mark`."""
    return Group(
        Paragraph(Text(heading, "bold"), indent=2),
        *(Paragraph(safe_line(line), indent=4 + len(mark), first=f"    {mark}") for line in lines),
    )

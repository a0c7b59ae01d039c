"""The page docs/reference/cli.md, from the commands themselves: `python -m tinnyswe.cli.reference > docs/...`."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import click

from tinnyswe.cli.main import tinny
from tinnyswe.model.verdict import EXIT_CODES

_HEAD = """\
# Commands

Generated from the commands; `python -m tinnyswe.cli.reference > docs/reference/cli.md` writes it again.

LAB is `topic/lab`, a unique end of it, or left out inside the lab's folder.
"""


def reference() -> str:
    """The whole page as Markdown."""
    commands = list(_commands(tinny, ["tinny"]))
    shared = set.intersection(*({_option(each) for each in _options(command)} for _, command in commands))
    parts = [_HEAD, "Every command has:\n\n" + "\n".join(sorted(shared)) + "\n", _exit_codes()]
    return "\n".join([*parts, *(_section(words, command, shared) for words, command in commands)])


def _commands(group: click.Group, words: list[str]) -> Iterator[tuple[list[str], click.Command]]:
    """Every command that does something, in the order of --help, with the words that call it."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            if command.invoke_without_command:
                yield [*words, name], command
            yield from _commands(command, [*words, name])
        elif command is not None and not command.hidden:
            yield [*words, name], command


def _section(words: list[str], command: click.Command, shared: set[str]) -> str:
    context = click.Context(command, info_name=" ".join(words))
    pieces = [] if isinstance(command, click.Group) else command.collect_usage_pieces(context)
    usage = " ".join([*words, *(piece for piece in pieces if piece != "[OPTIONS]")])
    lines = [f"## `{usage}`", "", _text(command.help)]
    options = [line for line in map(_option, _options(command)) if line not in shared]
    return "\n".join([*lines, *(["", *options] if options else []), ""])


def _options(command: click.Command) -> list[click.Option]:
    return [each for each in command.params if isinstance(each, click.Option) and not each.hidden]


def _option(option: click.Option) -> str:
    context = click.Context(click.Command("any"))
    names, text = option.get_help_record(context) or ("", "")
    return f"- `{names}`: {_text(text)}"


def _exit_codes() -> str:
    codes: dict[int, list[str]] = {}
    for outcome, code in EXIT_CODES.items():
        codes.setdefault(code, []).append(outcome.replace("_", " "))
    codes[2] = ["usage: the command or a file is wrong"]
    codes[5] = ["cannot run here; the message has the line that installs what is missing"]
    return "Exit codes:\n\n" + "\n".join(f"- {code}: {' or '.join(codes[code])}" for code in sorted(codes)) + "\n"


def _text(help: str | None) -> str:
    """Help as click would print it: \\f ends it, single line breaks mean nothing."""
    paragraphs = (help or "").partition("\f")[0].strip().split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


if __name__ == "__main__":
    sys.stdout.write(reference())

"""The `tinny` command: finds the command asked for, and turns errors into one message and an exit code."""

from __future__ import annotations

import importlib
import os
import signal
import sys
import traceback
from typing import NoReturn

import click

import tinnyswe
from tinnyswe.model.errors import TinnyError, UsageError

# name: (module below cli.commands, function, short help). Modules load when their command runs: --help stays fast.
COMMANDS: dict[str, tuple[str, str, str]] = {
    "demo": ("demo", "demo", "See the whole loop once, in a temporary folder, on a real engine."),
    "init": ("roadmap", "init", "Recognise a roadmap, or write the default one."),
    "pin": ("roadmap", "pin", "Write what an item is into the roadmap, as a comment."),
    "status": ("roadmap", "status", "What is proven, what is open, what is next."),
    "sync": ("roadmap", "sync", "Set every tick that the ledger proves."),
    "start": ("labs", "start", "Open a lab: its starter files in your work folder."),
    "brief": ("labs", "brief", "Read a lab's brief."),
    "hint": ("labs", "hint", "The next hint of a lab."),
    "reset": ("labs", "reset", "Start a lab again; your work is moved aside."),
    "run": ("labs", "run", "Run your program with its engines, ungraded."),
    "check": ("grading", "check", "Grade your work once."),
    "watch": ("grading", "watch", "Grade your work on every save."),
    "show": ("grading", "show", "What happened in a run."),
    "engines": ("upkeep", "engines", "The engines: list, install, logs."),
    "doctor": ("upkeep", "doctor", "What this computer has, and what is missing."),
    "clean": ("upkeep", "clean", "Remove engines and environments from the cache."),
    "uninstall": ("upkeep", "uninstall", "Remove all that tinnySWE keeps outside your folder."),
    "lab": ("authors", "lab", "For authors: make and audit labs."),
}


class _Commands(click.Group):
    """Loads a command when it is asked for, and suggests the nearest name for one that does not exist."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, function, _ = COMMANDS[cmd_name]
        found = getattr(importlib.import_module(f"tinnyswe.cli.commands.{module}"), function)
        if not isinstance(found, click.Command):
            raise TypeError(f"{module}.{function} is not a command")
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, short) for name, (_, _, short) in COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as problem:
            import difflib

            near = difflib.get_close_matches(args[0], COMMANDS, n=3, cutoff=0.5)
            hint = f"did you mean {' or '.join(near)}?" if near else "`tinny --help` lists the commands"
            raise UsageError(f"there is no command {args[0]!r}", next_step=hint, code="no-command") from problem


class _Interrupted(UsageError):
    """The person ended it: Ctrl-C, or a signal."""

    exit_code = 130


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(tinnyswe.__version__, prog_name="tinnyswe")
def tinny() -> None:
    """A roadmap that runs: a tick is a proof.

    Begin with `tinny demo`, then `tinny init ROADMAP.md` beside your own roadmap.
    """


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the command line and exit: 0 done, 1 failed, 2 usage, 3 our error, 4 timeout, 5 cannot run here."""
    if sys.platform == "win32":
        print("tinny: native Windows is not supported; use it inside WSL2 (Linux file system)", file=sys.stderr)
        sys.exit(5)
    # SIGTERM and SIGHUP end a run as Ctrl-C does: in its own order, with nothing left behind.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        status = tinny.main(args=arguments, prog_name="tinny", standalone_mode=False)
        _flush()
    except click.exceptions.NoArgsIsHelpError as bare:
        print(bare.ctx.get_help())
        sys.exit(0)
    except (click.exceptions.Abort, KeyboardInterrupt):
        _complain(arguments, _Interrupted("interrupted; nothing of yours was changed", code="interrupted"))
        sys.exit(_Interrupted.exit_code)
    except click.ClickException as problem:
        _complain(arguments, _as_usage(problem))
        sys.exit(2)
    except TinnyError as problem:
        _complain(arguments, problem)
        sys.exit(problem.exit_code)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # the reader of our output has left: nothing to say
        sys.exit(141)
    except Exception as fault:  # a bug of ours must not end as exit 1, which means the learner's work failed
        traceback.print_exception(fault)
        _complain(arguments, _bug(fault))
        sys.exit(3)
    sys.exit(status if isinstance(status, int) else 0)


def _flush() -> None:
    sys.stdout.flush()


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt


def _bug(fault: Exception) -> TinnyError:
    return TinnyError(
        f"this is a fault of tinnySWE, not of your work: {type(fault).__name__}: {fault}",
        next_step="report it with the lines above; your roadmap, proofs and work are as they were",
        code="bug",
    )


def _as_usage(problem: click.ClickException) -> UsageError:
    """click's complaint as one of ours: with the usage line, and where the options are explained."""
    context = problem.ctx if isinstance(problem, click.UsageError) else None
    path = context.command_path if context is not None else "tinny"
    usage = context.get_usage().removeprefix("Usage: ") if context is not None and context.parent else ""
    what = problem.format_message().rstrip(".")
    return UsageError(what, where=" ".join(usage.split()), next_step=f"`{path} --help` explains", code="usage")


def _complain(arguments: list[str], problem: TinnyError) -> None:
    """For a program on stdout, for a person on stderr."""
    from tinnyswe.cli import render

    if "--json" in arguments:
        print(render.dumps(render.problem_json(problem)))
    else:
        color = "--no-color" not in arguments
        render.make_console(sys.stderr, color=color).print(render.problem(problem), soft_wrap=True)


if __name__ == "__main__":
    main()

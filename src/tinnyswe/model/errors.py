"""Errors a person can cause or meet, each with what was wrong, where, and the next step.

TinnyError                exit 3   ours, or the computer's
├── UsageError            exit 2   the command, a file of the person's, or a lab file is wrong
│   └── FormatError       exit 2   a file says something we do not understand
├── CannotRunHere         exit 5   this computer lacks something; the next step is an install line
└── SubmissionError       exit 1   the learner's files cannot be graded: verdict `failed`
"""

from __future__ import annotations

from typing import ClassVar


class TinnyError(Exception):
    """Something of ours, or of this computer, went wrong: verdict `error`, never `failed`.

    what: one sentence, no trailing advice.
    where: file, line, command or port it concerns; empty when `what` already says it.
    next_step: one thing to do now, as a sentence or a command line.
    code: stable word for tests and `--json`, e.g. "roadmap-changed".
    """

    exit_code: ClassVar[int] = 3

    def __init__(self, what: str, *, where: str = "", next_step: str = "", code: str = "error") -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.next_step = next_step
        self.code = code

    def __str__(self) -> str:
        parts = [f"{self.where}: {self.what}" if self.where else self.what]
        if self.next_step:
            parts.append(f"Next: {self.next_step}")
        return "\n".join(parts)


class UsageError(TinnyError):
    """The person's command or file is wrong in a way only they can mend."""

    exit_code = 2


class FormatError(UsageError):
    """A file carries an unknown key, a wrong value, or a format newer than this build knows."""


class CannotRunHere(TinnyError):
    """This computer lacks something the lab needs; `next_step` is the line that installs it."""

    exit_code = 5


class SubmissionError(TinnyError):
    """The learner's files cannot be graded as they are: a `failed` verdict, with every check `not_run`."""

    exit_code = 1

"""The folder beside the learner's roadmap: where everything of one learner lies (design §5.2)."""

from __future__ import annotations

import json
import os
import tomllib
from pathlib import Path
from typing import Any

import msgspec

from tinnyswe.evidence.ledger import Ledger
from tinnyswe.evidence.machine import machine_id
from tinnyswe.evidence.objects import Objects
from tinnyswe.evidence.storage import reading, replace_file, storing
from tinnyswe.model.base import Record
from tinnyswe.model.errors import FormatError, UsageError

FORMAT = 1
FOLDER = ".tinny"

_IGNORED = """\
# Ledger, objects and config are worth committing: they are your proofs. These are not:
/runs/
/machine
*.tmp
"""
# Appends of two clones are both kept; nothing may rewrite line ends under a chain of digests.
_ATTRIBUTES = """\
/ledger/*.jsonl -text merge=union
/objects/** binary
"""


class Config(Record, frozen=True, kw_only=True):
    """config.toml. Paths are relative to the workspace, "/" between parts; absolute ones are taken as they are."""

    format: int = FORMAT
    roadmap: str
    curriculum: tuple[str, ...] = ()  # folders of labs besides the ones tinnySWE ships
    preferences: dict[str, Any] = {}


class Workspace:
    """One learner's folder. root: the folder that holds .tinny. Making one touches no file."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = root / FOLDER
        self.config_file = self.folder / "config.toml"
        self.ledger_folder = self.folder / "ledger"
        self.objects_folder = self.folder / "objects"
        self.runs_folder = self.folder / "runs"

    @classmethod
    def find(cls, start: Path) -> Workspace:
        """Return the workspace `start` lies in; raises UsageError (no-workspace) when there is none above it."""
        here = start.absolute()
        for folder in (here, *here.parents):
            if (folder / FOLDER / "config.toml").is_file():
                return cls(folder)
        raise UsageError(
            "there is no tinnySWE workspace here or in any folder above",
            where=str(here),
            next_step="go to the folder of your roadmap and run `tinny init`",
            code="no-workspace",
        )

    @classmethod
    def create(cls, root: Path, roadmap: Path) -> Workspace:
        """Make `root` a workspace for this roadmap file. Doing it again changes nothing.

        Raises UsageError (other-roadmap) when the folder serves another roadmap already.
        """
        workspace = cls(root.absolute())
        config = Config(roadmap=_relative(roadmap, workspace.root))
        if workspace.config_file.exists():
            known = workspace.config()
            if known.roadmap != config.roadmap:
                raise UsageError(
                    f"this folder already belongs to the roadmap {known.roadmap}",
                    where=str(workspace.config_file),
                    next_step="edit `roadmap` there if the file was renamed, or use another folder",
                    code="other-roadmap",
                )
            return workspace
        with storing(workspace.folder, "Your roadmap was not touched"):
            for folder in (workspace.folder, workspace.ledger_folder, workspace.objects_folder, workspace.runs_folder):
                folder.mkdir(parents=True, exist_ok=True)
            replace_file(workspace.folder / ".gitignore", _IGNORED.encode())
            replace_file(workspace.folder / ".gitattributes", _ATTRIBUTES.encode())
        # Last, because its presence is what makes the folder a workspace.
        workspace.save(config)
        return workspace

    def config(self) -> Config:
        """Read config.toml; raises FormatError naming the file and the key, also for a newer format."""
        where = str(self.config_file)
        mend = "mend the file, or move it away and run `tinny init` again: proofs are not kept in it"
        try:
            with reading(self.config_file):
                values = tomllib.loads(self.config_file.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
            raise FormatError(f"not TOML: {problem}", where=where, next_step=mend, code="bad-config") from problem
        written = values.get("format")
        if isinstance(written, int) and written > FORMAT:
            raise FormatError(
                f"written by a newer tinnySWE (format {written}, this one reads up to {FORMAT})",
                where=where,
                next_step="upgrade tinnyswe; the file is left as it is",
                code="newer-format",
            )
        try:
            return msgspec.convert(values, Config)
        except msgspec.ValidationError as problem:
            raise FormatError(str(problem), where=where, next_step=mend, code="bad-config") from problem

    def save(self, config: Config) -> None:
        """Write config.toml as a whole; raises TinnyError, and then the old one still stands."""
        with storing(self.config_file, "The settings are as they were"):
            replace_file(self.config_file, _toml(msgspec.to_builtins(config)).encode("utf-8"))

    def roadmap(self) -> Path:
        """Return the learner's roadmap file."""
        return self.root / self.config().roadmap

    def curricula(self) -> tuple[Path, ...]:
        """Return the folders of further labs."""
        return tuple(self.root / folder for folder in self.config().curriculum)

    def ledger(self) -> Ledger:
        """Return the ledger this computer appends to; raises TinnyError when its name cannot be kept."""
        return Ledger(self.ledger_folder, machine_id(self.folder / "machine"))

    def objects(self) -> Objects:
        return Objects(self.objects_folder)

    def work(self, topic: str, lab: str) -> Path:
        """Return work/<topic>/<lab>. lab: its short id, or the full `topic/lab`."""
        return self.root / "work" / topic / lab.rpartition("/")[2]

    def notes(self, topic: str, box: str) -> Path:
        """Return notes/<topic>/<box>.md. box: its short id, or the full `topic/box`."""
        return self.root / "notes" / topic / f"{box.rpartition('/')[2]}.md"

    def lab_at(self, place: Path) -> str:
        """Return the id `topic/lab` of the lab folder `place` lies in, "" when it lies in none."""
        try:
            parts = place.resolve().relative_to(self.root.resolve()).parts
        except ValueError:
            return ""
        return f"{parts[1]}/{parts[2]}" if len(parts) >= 3 and parts[0] == "work" else ""


def _relative(path: Path, root: Path) -> str:
    """A relative path survives a move of the whole folder, and another computer."""
    relative = os.path.relpath(path.absolute(), root).replace(os.sep, "/")
    try:
        relative.encode("utf-8")
    except UnicodeEncodeError as problem:
        raise UsageError(
            "the name of this file is not valid UTF-8, so config.toml cannot hold it",
            where=ascii(os.fspath(path)),
            next_step="rename the file",
            code="bad-name",
        ) from problem
    return relative


def _toml(values: dict[str, Any]) -> str:
    tables = {key: value for key, value in values.items() if isinstance(value, dict)}
    lines = [f"{_key(key)} = {_value(value)}" for key, value in values.items() if key not in tables]
    for name, table in tables.items():
        if table:
            lines += ["", f"[{_key(name)}]", *(f"{_key(key)} = {_value(value)}" for key, value in table.items())]
    return "\n".join(lines) + "\n"


def _key(key: str) -> str:
    return key if key.isascii() and key.replace("-", "").replace("_", "").isalnum() else _value(key)


def _value(value: Any) -> str:
    if isinstance(value, str):
        # A JSON string is a TOML basic string once DEL is escaped too.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_key(key)} = {_value(item)}" for key, item in value.items()) + "}"
    return json.dumps(value)

"""The data folders of the learner's program: `folders` of an entry in lab.toml."""

from __future__ import annotations

from pathlib import Path

from tinnyswe.model.errors import TinnyError
from tinnyswe.model.lab import Entry
from tinnyswe.processes import learner_identity, minder, open_to_all, own


class DataFolders:
    """Below `root`: one folder for each variable, of each copy or of all of them.

    They outlive a kill and a restart of their copy, as a disk does, and end with the world.
    """

    def __init__(self, entry: Entry, root: Path) -> None:
        self._entry = entry
        self._root = root

    def environment(self, copy: str) -> dict[str, str]:
        """The variables of this copy; its folders exist afterwards, private to whom the program runs as."""
        return {variable: str(self._folder(variable, copy)) for variable in self._entry.folders}

    def _folder(self, variable: str, copy: str) -> Path:
        owner = f"copy-{copy}" if self._entry.folders[variable] == "own" else "shared"
        folder = self._root / owner / variable.lower()
        open_to_all(folder.parent)
        try:
            folder.mkdir(mode=0o700)
        except FileExistsError:
            return folder  # of a former life of this copy, or made by another copy a moment ago
        own(folder, learner_identity())
        return folder

    def clear(self) -> None:
        """A fresh world: nothing of the former one. No copy may run. Raises TinnyError when something stays."""
        stayed = minder.remove(str(self._root))
        if stayed:
            raise TinnyError(
                stayed, next_step="the run cannot go on: its next world would not be empty", code="data-folder"
            )

"""Fetching the package of an engine: by uv, one pinned file, no dependencies, none of its code run."""

from __future__ import annotations

import base64
import csv
import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path

from tinnyswe.engines.manifest import Source
from tinnyswe.model.errors import CannotRunHere, TinnyError

# Wheels with a Python tag are taken for this version, whatever runs us: only the files in them matter.
_PYTHON = "3.11"
_CREDENTIALS = re.compile(r"(?<=://)[^/@\s]+@")


def fetch(source: Source, platform: str, target: Path) -> None:
    """Unpack the source's wheel for this computer into `target` (made here).

    Where it comes from is the user's own client configuration. Raises CannotRunHere when it cannot be had,
    TinnyError "damaged-download" when its files are not the ones the wheel lists.
    """
    requirements = target.with_name(target.name + ".txt")
    pin = f"{source.package}=={source.package_version}"
    requirements.write_text(f"{pin} --hash=sha256:{source.platforms[platform].sha256}\n")
    for again in ((), ("--no-cache",)):  # the second time past uv's own cache, should that be the damaged one
        _uv(pin, target, requirements, again)
        wrong = _wrong_files(target)
        if not wrong:
            requirements.unlink()
            return
    raise TinnyError(
        f"{wrong[0]} of {pin} is not the file its package lists", where=str(target), code="damaged-download",
        next_step="Check the disk (dmesg, smartctl) and install again.",
    )  # fmt: skip


def _uv(pin: str, target: Path, requirements: Path, more: tuple[str, ...]) -> None:
    from uv import find_uv_bin  # finding it costs a few ms that only an install should pay

    command = [
        find_uv_bin(), "pip", "install", "--quiet", "--no-progress", "--no-deps", "--require-hashes",
        "--only-binary", ":all:", "--link-mode", "copy", "--python", sys.executable, "--python-version", _PYTHON,
        "--target", str(target), "--requirements", str(requirements), *more,
    ]  # fmt: skip
    done = subprocess.run(command, cwd=target.parent, env={**os.environ}, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        lines = _CREDENTIALS.sub("***@", done.stderr).strip().splitlines() or [f"uv ended with {done.returncode}"]
        raise CannotRunHere(
            f"{pin} could not be fetched: {' '.join(line.strip() for line in lines[-6:])}",
            next_step="Check the network and uv's settings, then run the same command again.",
            code="download-failed",
        )


def _wrong_files(target: Path) -> list[str]:
    """Files that differ from the digests in the wheel's RECORD, or are missing."""
    record = next(target.glob("*.dist-info/RECORD"), None)
    if record is None:
        return ["RECORD"]
    wrong = []
    with record.open(newline="") as rows:
        for name, digest, _ in csv.reader(rows):
            if not digest:
                continue
            kind, _, value = digest.partition("=")
            try:
                have = hashlib.new(kind, (target / name).read_bytes()).digest()
            except OSError:
                have = b""
            if base64.urlsafe_b64encode(have).rstrip(b"=").decode() != value:
                wrong.append(name)
    return wrong

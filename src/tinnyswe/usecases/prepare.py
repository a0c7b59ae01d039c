"""What a lab needs on this computer before its first run: engines and the topic's Python environment."""

from __future__ import annotations

import sys
from pathlib import Path

from tinnyswe.engines.base import Install
from tinnyswe.engines.registry import get
from tinnyswe.model.base import Record
from tinnyswe.model.errors import CannotRunHere, TinnyError
from tinnyswe.model.lab import EngineNeed, Lab
from tinnyswe.model.plan import EngineChoice
from tinnyswe.sandbox.environments import environment
from tinnyswe.usecases.tools import Tools


class Prepared(Record, frozen=True, kw_only=True):
    """python: interpreter of the topic's environment. engines: one choice a role, optional ones left out if absent."""

    python: Path
    lock_digest: str
    engines: tuple[EngineChoice, ...]


def prepare(lab: Lab, tools: Tools) -> Prepared:
    """Install what is missing and return what a plan needs. Raises CannotRunHere with the line that mends it."""
    if platform_name() not in lab.platforms:
        raise CannotRunHere(
            f"{lab.id} runs on {' and '.join(lab.platforms)}, this is {platform_name()}", code="platform"
        )
    engines = [_choose(role, need, tools) for role, need in lab.engines.items()]
    lock = lab.root.parent / "requirements.lock"
    made = environment(lock, tools.cache, offline=tools.offline, progress=lambda what: tools.progress(what, 0, 0))
    return Prepared(
        python=made.python, lock_digest=made.lock_digest, engines=tuple(engine for engine in engines if engine)
    )


def platform_name() -> str:
    return {"darwin": "macos"}.get(sys.platform, sys.platform)


def _choose(role: str, need: EngineNeed, tools: Tools) -> EngineChoice | None:
    """The first engine that serves this role and can be had here."""
    problem: CannotRunHere | None = None
    for kind in (need.kind or role, *need.any_of):
        engine = get(kind)
        try:
            install = engine.installed(tools.cache, need.version) or engine.install(
                tools.cache, wanted=need.version, offline=tools.offline, progress=tools.progress
            )
        except CannotRunHere as cannot:
            problem = problem or cannot
            continue
        return _choice(role, kind, install, engine.manifest.level)
    if need.optional or problem is None:
        return None
    raise problem


def _choice(role: str, kind: str, install: Install, level: str) -> EngineChoice:
    return EngineChoice(
        role=role,
        kind=kind,
        version=install.version,
        home=install.home,
        binary_sha256=install.binary_sha256,
        level=level,
    )


def interpreter_version(python: Path) -> str:
    """Version of an environment's interpreter, e.g. 3.11.7, from its pyvenv.cfg; raises TinnyError without one."""
    config = python.parent.parent / "pyvenv.cfg"
    for line in config.read_text("utf-8").splitlines():
        key, _, value = line.partition("=")
        if key.strip() in ("version", "version_info"):
            return value.strip()
    raise TinnyError(
        "this environment does not say which Python it is for",
        where=str(config),
        next_step="run `tinny clean`, then check again",
        code="broken-environment",
    )

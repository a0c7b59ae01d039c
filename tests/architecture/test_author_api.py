"""labkit is what other people's labs rely on: its names are a contract."""

from __future__ import annotations

import inspect

import pytest

from tinnyswe import labkit

# labkit = 1. Adding a name: put it here and into CHANGELOG.md. Removing or changing one: labkit = 2.
VERSION_1 = {
    "LABKIT", "App", "CheckFailed", "Copy", "EngineHandle", "Expect", "Expectation", "Net", "NoAnswer", "Pending",
    "Race", "Reply", "plain", "until",
}  # fmt: skip


def test_names_of_version_1() -> None:
    assert labkit.LABKIT == 1
    assert set(labkit.__all__) == VERSION_1


def test_everything_public_is_listed() -> None:
    visible = {name for name, value in vars(labkit).items() if not name.startswith("_") and not inspect.ismodule(value)}
    assert visible == set(labkit.__all__)


@pytest.mark.parametrize("name", sorted(set(labkit.__all__) - {"LABKIT"}))
def test_every_name_is_documented(name: str) -> None:
    assert (getattr(labkit, name).__doc__ or "").strip()

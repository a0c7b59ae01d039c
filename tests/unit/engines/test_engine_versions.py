"""Versions a lab may ask for."""

from __future__ import annotations

import pytest

from tinnyswe.engines.versions import satisfies
from tinnyswe.model.errors import UsageError


@pytest.mark.parametrize(
    ("version", "wanted", "met"),
    [
        ("18.6", "", True),
        ("18.6", "18", True),
        ("18.6", "18.*", True),
        ("18.6", "==18", True),
        ("18.6", "1", False),
        ("8.1.8", ">=8", True),
        ("8.1.8", ">=8.1.9", False),
        ("8.1.8", ">=8.1.8", True),
        ("8.1.8", ">8", False),
        ("9.0.0", ">8", True),
        ("8.1.8", "<=8", True),
        ("9.0", "<=8", False),
        ("8.1.8", "<9", True),
        ("9.1.2", "<9", False),
        ("10.0", ">=9, <11", True),
        ("10.0", ">=9,<10", False),
        ("8.1.8", "!=8.1.8", False),
        ("8.1.8", "!=8.1.7", True),
    ],
)
def test_a_clause_is_met_or_not(version: str, wanted: str, met: bool) -> None:
    assert satisfies(version, wanted) is met


@pytest.mark.parametrize("wanted", ["latest", "~=8", ">=", "8-9", ">=8 <9"])
def test_what_cannot_be_read_is_refused(wanted: str) -> None:
    with pytest.raises(UsageError, match="is not a version") as caught:
        satisfies("8.1.8", wanted)
    assert caught.value.where == wanted

"""Which lab a person means, and where the curriculum lies."""

from __future__ import annotations

from pathlib import Path

import pytest

from tinnyswe.catalog import curriculum_root, find, load
from tinnyswe.model.errors import UsageError
from tinnyswe.model.lab import Catalog
from unit.catalog.small_curriculum import CHECKS, LAB, Curriculum


@pytest.fixture
def catalog(curriculum: Curriculum) -> Catalog:
    curriculum.add_lab("shop/counter-deep", LAB.replace("shop/counter", "shop/counter-deep"), CHECKS)
    loaded = load([curriculum.root])
    assert len(loaded.labs) == 2
    return loaded


@pytest.mark.parametrize(
    ("name", "id"),
    [
        ("shop/counter", "shop/counter"),
        ("counter", "shop/counter"),  # a whole name wins over an end of another
        ("deep", "shop/counter-deep"),
        ("r-deep", "shop/counter-deep"),
        ("work/shop/counter/", "shop/counter"),  # what completion of a path leaves
    ],
)
def test_a_name_or_a_unique_end_of_it(catalog: Catalog, name: str, id: str) -> None:
    assert find(catalog, name, Path("/")).id == id


def test_no_name_means_the_lab_one_stands_in(catalog: Catalog, tmp_path: Path) -> None:
    assert find(catalog, "", tmp_path / "work" / "shop" / "counter").id == "shop/counter"
    assert find(catalog, "", tmp_path / "work" / "shop" / "counter-deep" / "src" / "lib").id == "shop/counter-deep"


def test_standing_nowhere_says_where_to_go(catalog: Catalog, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        find(catalog, "", tmp_path / "shop")
    assert caught.value.code == "no-lab"
    assert "work/<topic>/<lab>" in caught.value.next_step


def test_an_end_of_two_names_lists_both(catalog: Catalog, curriculum: Curriculum) -> None:
    curriculum.add_lab("shop/till-deep", LAB.replace("shop/counter", "shop/till-deep"), CHECKS)
    curriculum.edit("topic.toml", '"shop/counter-deep"', '"shop/counter-deep", "shop/till-deep"')
    with pytest.raises(UsageError, match="could be shop/counter-deep, shop/till-deep") as caught:
        find(load([curriculum.root]), "deep", Path("/"))
    assert caught.value.code == "ambiguous-lab"


@pytest.mark.parametrize("name", ["conter", "shop/countr", "shopp/counter"])
def test_a_wrong_name_gets_the_nearest(catalog: Catalog, name: str) -> None:
    with pytest.raises(UsageError) as caught:
        find(catalog, name, Path("/"))
    assert caught.value.exit_code == 2
    assert caught.value.next_step.startswith("did you mean shop/counter, shop/counter-deep")


def test_a_planned_lab_is_not_called_unknown(catalog: Catalog) -> None:
    with pytest.raises(UsageError, match="shop/cash-desk is planned, but not part of this build"):
        find(catalog, "cash-desk", Path("/"))


def test_a_broken_lab_says_why(curriculum: Curriculum) -> None:
    curriculum.edit("lab.toml", "revision = 1", "revision = 0")
    with pytest.raises(UsageError, match=r"shop/counter is broken: .*revision: 0 is below 1"):
        find(load([curriculum.root]), "counter", Path("/"))
    with pytest.raises(UsageError, match="shop/counter is broken"):
        find(load([curriculum.root]), "", curriculum.lab / "starter")


def test_the_variable_overrides_the_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (curriculum_root() / "caching" / "topic.toml").is_file()
    monkeypatch.setenv("TINNY_CURRICULUM", str(tmp_path))
    assert curriculum_root() == tmp_path
    monkeypatch.setenv("TINNY_CURRICULUM", str(tmp_path / "gone"))
    with pytest.raises(UsageError, match="no such folder"):
        curriculum_root()

"""Which item of a learner's file is which topic or box (design §5.1).

Evidence, best first: a pin, the text remembered in the ledger, the exact text, an alias, likeness of wording above a
threshold and with a clear margin. Whatever is less than clear is asked, never guessed: a wrong match would put a proof
behind a line that says something else.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from rapidfuzz import fuzz, process

from tinnyswe.catalog.wording import gist, normalise, unbracketed
from tinnyswe.model.base import Record
from tinnyswe.model.lab import Catalog
from tinnyswe.model.roadmap import How, Item, Match, Roadmap

__all__ = ["match", "normalise"]

# Likeness is 0-100. Measured on the rewordings and the foreign lists in tests/unit/catalog/test_matching.py.
ACCEPT = 84.0  # at least this is taken without asking
ASK = 70.0  # at least this is asked about
MARGIN = 12.0  # what is taken is at least this much better than the next best box, of any topic
SHOWN = 3  # candidates named in a question


class _Claim(Record, frozen=True, kw_only=True):
    """Direct evidence for one item, before other items are heard. rank: small is strong."""

    item: int
    how: How
    rank: int
    targets: tuple[str, ...]  # one: claimed; several: a question; none: nothing here, and nothing to ask
    near: tuple[str, ...] = ()


def match(roadmap: Roadmap, catalog: Catalog, remembered: Mapping[str, str]) -> tuple[Match, ...]:
    """Return what each item is, in file order; no topic or box is given to two items.

    remembered: answers from the ledger, `normalise(text)` to a topic or box id; "" means "none of them, do not ask".
    """
    names = _Names(catalog)
    claims, scopes = _direct(roadmap, names, remembered)
    found = _settled(claims, scopes)
    taken = {result.target for result in found.values() if result.target}
    alike = [_alike(item, names, scopes[item.index], taken) for item in roadmap.items if item.index not in found]
    found.update({result.item: result for result in _rivals_apart(alike)})
    return tuple(found[item.index] for item in roadmap.items)


def _direct(roadmap: Roadmap, names: _Names, remembered: Mapping[str, str]) -> tuple[dict[int, _Claim], list[str]]:
    """Return the direct evidence by item, and for each item the topic it stands in, or ""."""
    parents = {item.parent for item in roadmap.items}
    claims: dict[int, _Claim] = {}
    scopes: list[str] = []
    within: list[str] = []  # the topic an item's children stand in
    for item in roadmap.items:
        scope = names.topic_named(normalise(item.section)) if item.parent is None else within[item.parent]
        may_be_topic = item.parent is None or item.index in parents
        claim = (
            _told(item, names, remembered)
            or (_topic(item, names, has_children=item.index in parents) if may_be_topic else None)
            or _named(item, names, scope)
        )
        if claim is not None:
            claims[item.index] = claim
        target = claim.targets[0] if claim is not None and len(claim.targets) == 1 else ""
        scopes.append(scope)
        within.append(target if target in names.catalog.topics else scope)
    return claims, scopes


def _told(item: Item, names: _Names, remembered: Mapping[str, str]) -> _Claim | None:
    """What the person said: a pin, or an answer kept in the ledger."""
    if item.pin:
        if names.known(item.pin):
            return _Claim(item=item.index, how="pin", rank=0, targets=(item.pin,))
        return _Claim(item=item.index, how="unknown", rank=0, targets=(), near=names.ids_like(item.pin))
    answer = remembered.get(normalise(item.text))
    if answer is None or (answer and not names.known(answer)):
        return None
    if not answer:
        return _Claim(item=item.index, how="unknown", rank=1, targets=())
    return _Claim(item=item.index, how="ledger", rank=1, targets=(answer,))


def _topic(item: Item, names: _Names, *, has_children: bool) -> _Claim | None:
    """Topics first: an outermost item, or one with items below it, that bears a topic's name."""
    text = normalise(item.text)
    for how, rank, ids in _lookups(text, names.topic_titles, names.topic_aliases, first_rank=2 if has_children else 4):
        if ids:
            return _Claim(item=item.index, how=how, rank=rank, targets=ids)
    if not has_children or text in names.box_titles or text in names.box_aliases:
        return None
    ranked = names.topics_like(text)
    if (
        ranked
        and ranked[0][1] >= ACCEPT
        and ranked[0][1] - max([score for _, score in ranked[1:]], default=0.0) >= MARGIN
    ):
        return _Claim(item=item.index, how="fuzzy", rank=6, targets=(ranked[0][0],))
    return None


def _named(item: Item, names: _Names, scope: str) -> _Claim | None:
    """A box's title or alias: inside the item's topic first, elsewhere only when one box alone bears it."""
    text = normalise(item.text)
    for how, rank, ids in _lookups(text, names.box_titles, names.box_aliases, first_rank=2):
        here = tuple(id for id in ids if scope and id.startswith(f"{scope}/"))
        if here:
            return _Claim(item=item.index, how=how, rank=rank, targets=here)
    for how, rank, ids in _lookups(text, names.box_titles, names.box_aliases, first_rank=4):
        if ids:
            return _Claim(item=item.index, how=how, rank=rank, targets=ids)
    return None


def _lookups(
    text: str, titles: dict[str, tuple[str, ...]], aliases: dict[str, tuple[str, ...]], *, first_rank: int
) -> tuple[tuple[How, int, tuple[str, ...]], ...]:
    """Who bears this name, as a title and as an alias."""
    return ("exact", first_rank, titles.get(text, ())), ("alias", first_rank + 1, aliases.get(text, ()))


def _settled(claims: dict[int, _Claim], scopes: list[str]) -> dict[int, Match]:
    """Give each target to its strongest claim. Equal claims are all asked about; weaker ones say what they are near."""
    rivals: defaultdict[str, list[_Claim]] = defaultdict(list)
    for claim in claims.values():
        if len(claim.targets) == 1:
            rivals[claim.targets[0]].append(claim)
    found: dict[int, Match] = {}
    for target, group in rivals.items():
        strongest = min(_strength(claim, scopes) for claim in group)
        best = [claim for claim in group if _strength(claim, scopes) == strongest]
        for claim in group:
            if claim not in best:
                found[claim.item] = Match(item=claim.item, how="unknown", candidates=(target,))
            elif len(best) > 1:
                found[claim.item] = Match(item=claim.item, how="ambiguous", candidates=(target,))
            else:
                found[claim.item] = Match(item=claim.item, how=claim.how, target=target, score=100.0)
    taken = {result.target for result in found.values()}
    for claim in claims.values():
        if len(claim.targets) == 1:
            continue
        free = tuple(target for target in claim.targets if target not in taken)
        how: How = "ambiguous" if free else "unknown"
        found[claim.item] = Match(item=claim.item, how=how, candidates=free or claim.near)
    return found


def _strength(claim: _Claim, scopes: list[str]) -> tuple[int, bool]:
    """Small is strong; of two equal texts the one that stands in the target's own topic."""
    return claim.rank, claim.targets[0].partition("/")[0] != scopes[claim.item]


def _alike(item: Item, names: _Names, scope: str, taken: set[str]) -> Match:
    """Likeness of wording, inside the item's topic. Boxes of every topic, and taken ones, count as rivals."""
    ranked = names.boxes_like(normalise(item.text), at_least=ASK - MARGIN if scope else ACCEPT)
    near = tuple(id for id, _ in ranked[:SHOWN])
    if not scope or not ranked:
        return Match(item=item.index, how="unknown", candidates=near)
    best, score = ranked[0]
    free = [(id, value) for id, value in ranked if id not in taken]
    second = next((value for id, value in free if id != best), 0.0)
    if best.startswith(f"{scope}/") and best not in taken and score >= ACCEPT and score - second >= MARGIN:
        return Match(item=item.index, how="fuzzy", target=best, score=score)
    asked = tuple(id for id, value in free if value >= ASK)[:SHOWN]
    # A line only somewhat like boxes of other topics, and like none of its own, is the learner's own.
    if asked and (free[0][1] >= ACCEPT or any(id.startswith(f"{scope}/") and value >= ASK for id, value in ranked)):
        return Match(item=item.index, how="ambiguous", candidates=asked, score=score)
    return Match(item=item.index, how="unknown", candidates=near if score >= ASK else (), score=score)


def _rivals_apart(results: list[Match]) -> list[Match]:
    """Of several items alike to one box the best keeps it, if it is clearly the best; otherwise all are asked about."""
    rivals: defaultdict[str, list[Match]] = defaultdict(list)
    for result in results:
        rivals[result.target].append(result)
    apart = rivals.pop("", [])
    for target, group in rivals.items():
        best, *others = sorted(group, key=lambda result: -result.score)
        clear = not others or best.score - others[0].score >= MARGIN
        apart.append(best if clear else _asked(best, target))
        apart.extend(_asked(other, target) if not clear else _beaten(other, target) for other in others)
    return apart


def _asked(result: Match, target: str) -> Match:
    return Match(item=result.item, how="ambiguous", candidates=(target,), score=result.score)


def _beaten(result: Match, target: str) -> Match:
    return Match(item=result.item, how="unknown", candidates=(target,), score=result.score)


class _Names:
    """What topics and boxes are called, ready to be looked up."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        topics, boxes = catalog.topics.values(), catalog.boxes.values()
        self.topic_titles = _by_text((topic.id, (topic.title,)) for topic in topics)
        self.topic_aliases = _by_text(
            (topic.id, (topic.id, unbracketed(topic.title), *topic.aliases)) for topic in topics
        )
        self.box_titles = _by_text((box.id, (box.title,)) for box in boxes)
        self.box_aliases = _by_text((box.id, box.aliases) for box in boxes)
        self._topic_gists = _gists((topic.id, (topic.title, *topic.aliases)) for topic in topics)
        self._box_gists = _gists((box.id, (box.title, *box.aliases)) for box in boxes)

    def known(self, id: str) -> bool:
        return id in self.catalog.topics or id in self.catalog.boxes

    def topic_named(self, text: str) -> str:
        """The topic of this name, or ""."""
        ids = self.topic_titles.get(text) or self.topic_aliases.get(text) or ()
        return ids[0] if len(ids) == 1 else ""

    def ids_like(self, id: str) -> tuple[str, ...]:
        """The ids nearest to a mistyped one."""
        known = [*self.catalog.topics, *self.catalog.boxes]
        return tuple(name for name, _, _ in process.extract(id, known, scorer=fuzz.ratio, limit=SHOWN))

    def topics_like(self, text: str) -> list[tuple[str, float]]:
        return _best(text, self._topic_gists, 0.0)

    def boxes_like(self, text: str, *, at_least: float) -> list[tuple[str, float]]:
        """Boxes of all topics by likeness, best first."""
        return _best(text, self._box_gists, at_least)


def _by_text(named: Iterable[tuple[str, Iterable[str]]]) -> dict[str, tuple[str, ...]]:
    """Normalised names to the ids that bear them."""
    known: defaultdict[str, dict[str, None]] = defaultdict(dict)
    for id, texts in named:
        for text in texts:
            known[normalise(text)][id] = None
    known.pop("", None)
    return {text: tuple(ids) for text, ids in known.items()}


def _gists(named: Iterable[tuple[str, Iterable[str]]]) -> list[tuple[str, str]]:
    return [(id, gist(normalise(text))) for id, texts in named for text in texts]


def _best(text: str, known: list[tuple[str, str]], at_least: float) -> list[tuple[str, float]]:
    """Each id with the likeness of its best name, best first."""
    if not text:
        return []
    scores: dict[str, float] = {}
    found = process.extract(
        gist(text), [name for _, name in known], scorer=fuzz.ratio, score_cutoff=at_least, limit=None
    )
    for _, score, position in found:
        scores.setdefault(known[position][0], score)
    return sorted(scores.items(), key=lambda entry: -entry[1])

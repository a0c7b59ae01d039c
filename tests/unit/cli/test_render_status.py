from __future__ import annotations

import msgspec
import pytest

from tinnyswe.cli.render import box_status, plain, status, topic_status
from tinnyswe.model.lab import Catalog
from tinnyswe.model.progress import Progress

WHOLE = """\
Caching (Redis)  1 of 2 proven
  ✓  Learn key-value basics                    proven (real)
  ?  Use Redis for sessions and query caching  claimed        120 min

Nothing to prove yet
  · Docker (1 box)

claimed           ticked by hand; its labs would prove it
not provable yet  not all of its core labs exist yet

  Unticked  by hand, though proven, and left so: “Learn key-value basics”.
            `tinny sync --force` ticks again

  Proven    1 of 3 boxes
  Next      `tinny start caching/atomic-counters`  (The last seats, about 45
            min)
            It is the first core lab of the first open box.
"""

DOCKER = """\
Docker  0 of 1 proven
  ·  Compose 🐳 (not in your file)  not provable yet
       docker/compose-up            not here yet

not provable yet  not all of its core labs exist yet

"""

BOX = """\
✓ Learn key-value basics  proven, level real

Core labs (all of them make the proof)
  ✓  caching/atomic-counters: The last seats  passed  build  45 min

Depth labs (for the curious, never needed)
  ·  caching/scan-not-keys  not here yet

What is tested, and where
  get-set    atomic-counters C1
  atomicity  atomic-counters C2, C3
  counters   atomic-counters C1
  scripts    no check yet
"""


def test_the_whole_roadmap(progress: Progress, catalog: Catalog) -> None:
    assert plain(status(progress, catalog)) == WHOLE


def test_one_topic_shows_also_what_cannot_be_proven(progress: Progress, catalog: Catalog) -> None:
    calm = msgspec.structs.replace(progress, next_lab="", held=())
    assert plain(topic_status(calm, catalog, "docker")) == DOCKER


def test_one_box_shows_its_labs_and_where_its_words_are_tested(progress: Progress, catalog: Catalog) -> None:
    assert plain(box_status(progress, catalog, "caching/key-value-basics")) == BOX


@pytest.mark.parametrize("width", [60, 80, 100])
def test_every_line_fits(progress: Progress, catalog: Catalog, width: int) -> None:
    for view in (status(progress, catalog), box_status(progress, catalog, "caching/sessions-and-query-caching")):
        assert max(map(len, plain(view, width).splitlines())) <= width


def test_a_due_box_is_explained(progress: Progress, catalog: Catalog) -> None:
    topic = progress.topics[0]
    box = msgspec.structs.replace(topic.boxes[0], state="due")
    due = msgspec.structs.replace(progress, topics=(msgspec.structs.replace(topic, boxes=(box,)),))
    assert "! Learn key-value basics  due, level real\n  proven once, but" in plain(box_status(due, catalog, box.box))


def test_what_nobody_knows_is_a_key_error(progress: Progress, catalog: Catalog) -> None:
    with pytest.raises(KeyError):
        topic_status(progress, catalog, "cooking")
    with pytest.raises(KeyError):
        box_status(progress, catalog, "cooking/soup")

"""States, ticks and the next lab, computed; pure, and the only thing that decides a tick."""

from tinnyswe.progress.states import progress, unticked_by_hand

__all__ = ["progress", "unticked_by_hand"]

"""tinnySWE: a roadmap that runs, where a tick is a proof."""

__version__ = "0.1.0"

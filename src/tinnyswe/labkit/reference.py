"""docs/reference/labkit.md, written from the code: `python -m tinnyswe.labkit.reference > docs/reference/labkit.md`."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

from tinnyswe import labkit

_ORDER = (
    "App",
    "Copy",
    "Reply",
    "Net",
    "Race",
    "Pending",
    "EngineHandle",
    "Expect",
    "Expectation",
    "until",
    "NoAnswer",
    "CheckFailed",
    "plain",
)
_HEAD = f"""# labkit {labkit.LABKIT}: what a lab's checks may use

Made from the code by `python -m tinnyswe.labkit.reference`; a test compares the two.

A check is a pytest function `test_c2_words` in a lab's `checks.py`; its docstring is what the learner reads. It asks
for what it needs by the names of its arguments: `app`, `net`, `expect`, `rng` (a `random.Random` of the run's seed),
`until`, and one for each engine role of the lab.
"""


def page() -> str:
    """The whole page, as Markdown."""
    left = [name for name in labkit.__all__ if name not in (*_ORDER, "LABKIT")]
    parts = [_HEAD, *(_entry(name) for name in (*_ORDER, *left))]
    return "\n".join(parts)


def _entry(name: str) -> str:
    thing = getattr(labkit, name)
    text = inspect.getdoc(thing) or ""
    if inspect.isclass(thing):
        return "\n".join([f"## {name}\n\n{text}\n", *_members(thing)])
    return f"## {name}\n\n`{name}{_signature(thing)}`\n\n{text}\n"


def _members(kind: type) -> Iterator[str]:
    """Public attributes in the order of the source, each as one line with its docstring below."""
    for name, member in vars(kind).items():
        if name.startswith("_") and name != "__call__":
            continue
        shown = "" if name == "__call__" else f".{name}"
        if isinstance(member, property):
            yield _line(shown, "", inspect.getdoc(member))
        elif inspect.isfunction(member):
            yield _line(shown, _signature(member), inspect.getdoc(member))


def _line(name: str, signature: str, text: str | None) -> str:
    said = f"  {' '.join(text.split())}\n" if text else ""
    return f"- `{name}{signature}`\n{said}"


def _signature(function: object) -> str:
    signature = inspect.signature(function)  # type: ignore[arg-type]  # what __all__ names is a function here
    without_self = [parameter for name, parameter in signature.parameters.items() if name != "self"]
    return str(signature.replace(parameters=without_self)).replace("'", "").replace("tinnyswe.model.failure.", "")


if __name__ == "__main__":
    print(page(), end="")

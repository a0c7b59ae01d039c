"""Texts made comparable: what is left when markup, emoji, punctuation and case are taken away."""

from __future__ import annotations

import html
import re
import unicodedata
from functools import lru_cache

# What study lists say before the matter itself, and words that carry none of it.
_FILLER = frozenset(
    re.findall(
        r"\w+",
        "a about able all an and are as at basic basics be by can concept concepts deep dive do does explain "
        "explore for from get good grasp handle has have how i in intro introduction into is it its know learn "
        "learning like make master more my of on or own practice practise read review revise revisit s some study "
        "studying take that the their then these this to topic topics try understand understanding use using "
        "versus via vs what when where which why with work works write your ",
    )
)
_LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
_TAG = re.compile(r"<!--.*?-->|</?[A-Za-z][^>]*>", re.DOTALL)
_NUMBERING = re.compile(r"^\s*\d+(?:\.\d+)*[.):]\s+")
_DATE = re.compile(r"\b\d{4}-\d{2}-\d{2}\b")  # task plug-ins of editors append them
_EMPHASIS = re.compile(r"[*`~'\u2019]")  # inside words too: don't, **B**tree
_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]+")
_WORD = re.compile(r"\w+(?:\+\+|#)?")  # C++ and C# are not C
_LATIN_MARKS = re.compile("[\u0300-\u036f]")
_BRACKETED = re.compile(r"\s*\([^()]*\)\s*$")
_EMOJI_READ_AS = ("mac_roman", "cp1252", "latin-1", "cp437")


@lru_cache(maxsize=50_000)
def normalise(text: str) -> str:
    """Return the words of a text: no markup, emoji (also those saved in a wrong encoding), punctuation or case.

    The result is what the ledger remembers answers by; it is "" when there are no words.
    """
    text = _NUMBERING.sub("", _TAG.sub(" ", _LINK.sub(r"\1", html.unescape(text))))
    text = _DATE.sub(" ", _EMPHASIS.sub("", text)).replace("&", " and ").replace("_", " ")
    text = _BEYOND_ASCII.sub(lambda run: _mended(run[0]), text)
    text = unicodedata.normalize("NFC", _LATIN_MARKS.sub("", unicodedata.normalize("NFKD", text)).casefold())
    return " ".join(_WORD.findall(text))


def _mended(run: str) -> str:
    """Undo an encoding mistake: UTF-8 that was read as something else, typically an emoji at the start of a line."""
    for codec in _EMOJI_READ_AS:
        try:
            raw = b"".join(_as_byte(char, codec) for char in run)
            return raw.decode("utf-8")
        except UnicodeError:
            continue
    return run


def _as_byte(char: str, codec: str) -> bytes:
    try:
        return char.encode(codec)
    except UnicodeEncodeError:
        return char.encode("latin-1")  # a byte the codec leaves undefined often passes as itself


def unbracketed(text: str) -> str:
    """The text without a last remark in brackets: "Caching" for "Caching (Redis)"."""
    return _BRACKETED.sub("", text)


@lru_cache(maxsize=50_000)
def gist(normal: str) -> str:
    """The words of a normalised text that carry its matter, in a fixed order, without plural endings."""
    words = [word for word in normal.split() if word not in _FILLER] or normal.split()
    return " ".join(sorted({_singular(word) for word in words}))


def _singular(word: str) -> str:
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    return word[:-1] if word.endswith("s") and not word.endswith("ss") and len(word) > 3 else word

"""Taking passwords and tokens out of text before anyone sees or keeps it (design §5.5)."""

from __future__ import annotations

import base64
import urllib.parse
from collections.abc import Iterable

MARK = "[redacted]"

# Shorter ones would tear holes into ordinary words; the tool's own secrets have 20 characters and more.
_SHORTEST = 4


def redact(text: str, secrets: Iterable[str]) -> str:
    """Replace every secret in `text`, also where it stands URL-encoded or in base64. Short ones (< 4) are ignored."""
    forms = {form for secret in secrets if len(secret) >= _SHORTEST for form in _forms(secret)}
    for form in sorted(forms, key=len, reverse=True):
        text = text.replace(form, MARK)
    return text


def _forms(secret: str) -> set[str]:
    raw = secret.encode("utf-8", "surrogateescape")
    encoded = {base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode()}
    return {
        secret,
        urllib.parse.quote(raw, safe=""),
        urllib.parse.quote_plus(raw),
        *encoded,
        *(form.rstrip("=") for form in encoded),
    }

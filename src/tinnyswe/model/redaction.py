"""Taking passwords and tokens out of text before anyone sees or keeps it (design §5.5)."""

from __future__ import annotations

import base64
import json
import urllib.parse
from collections.abc import Iterable

MARK = "[redacted]"

# Shorter ones would tear holes into ordinary words; the tool's own secrets have 20 characters and more.
_SHORTEST = 4


class Redaction:
    """Secrets known so far, and text without them. More may become known at any time, from any thread."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._forms: tuple[str, ...] = ()
        self.hide(secrets)

    def hide(self, secrets: Iterable[str]) -> None:
        """From now on these are replaced too. Short ones (< 4 characters) are ignored."""
        forms = {form for secret in secrets if len(secret) >= _SHORTEST for form in _forms(secret)}
        self._forms = tuple(sorted({*self._forms, *forms}, key=len, reverse=True))

    def __call__(self, text: str) -> str:
        """Replace every secret, also where it stands URL-encoded, escaped in JSON, or in base64."""
        for form in self._forms:
            text = text.replace(form, MARK)
        return text


def redact(text: str, secrets: Iterable[str]) -> str:
    """`text` without these secrets."""
    return Redaction(secrets)(text)


def _forms(secret: str) -> set[str]:
    raw = secret.encode("utf-8", "surrogateescape")
    encoded = {base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode()}
    return {
        secret,
        urllib.parse.quote(raw, safe=""),
        urllib.parse.quote_plus(raw),
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        *encoded,
        *(form.rstrip("=") for form in encoded),
    }

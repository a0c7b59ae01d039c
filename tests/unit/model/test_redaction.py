from __future__ import annotations

import base64
import json
from urllib.parse import quote

from tinnyswe.model.redaction import Redaction, redact

SECRET = "p@ss/w?rd+long="


def test_a_secret_goes_in_every_usual_spelling() -> None:
    coded = base64.b64encode(SECRET.encode()).decode()
    text = f"redis://u:{quote(SECRET, safe='')}@h {SECRET} {coded} {coded.rstrip('=')}"
    assert redact(text, [SECRET]) == "redis://u:[redacted]@h [redacted] [redacted] [redacted]"


def test_a_secret_inside_a_longer_one_leaves_no_rest() -> None:
    assert redact("abcdefgh", ["abcd", "abcdefgh"]) == "[redacted]"


def test_empty_and_tiny_secrets_do_not_eat_the_text() -> None:
    assert redact("an apple", ["", "a", "ap"]) == "an apple"


def test_a_secret_that_json_had_to_escape_goes_too() -> None:
    secret = 'pa"ss\\word\n1'
    assert redact(json.dumps({"dsn": f"u:{secret}@h"}), [secret]) == '{"dsn": "u:[redacted]@h"}'


def test_secrets_may_become_known_later() -> None:
    hidden = Redaction(["first-secret"])
    assert hidden("first-secret second-secret") == "[redacted] second-secret"
    hidden.hide(["second-secret"])
    assert hidden("first-secret second-secret") == "[redacted] [redacted]"

"""The box office on Flask: optimistic transactions, repeated until nobody came between."""

from __future__ import annotations

import logging
import os
from typing import Any

import redis
from flask import Flask, request
from redis.client import Pipeline
from werkzeug.serving import WSGIRequestHandler

LIMIT = 5

app = Flask(__name__)
# retry=None: an answer that got lost is not a request that failed. Sent again, it could sell twice.
valkey = redis.Redis.from_url(os.environ["VALKEY_URL"], decode_responses=True, socket_timeout=10, retry=None)
window = int(os.environ["ATTEMPT_WINDOW"])

Answer = tuple[dict[str, Any], int]


@app.put("/shows/<show>")
def open_show(show: str) -> tuple[str, int]:
    valkey.hset(f"show:{show}", mapping={"left": request.json["seats"], "sold": 0})
    return "", 204


@app.get("/shows/<show>")
def look(show: str) -> Answer:
    left, sold = valkey.hmget(f"show:{show}", "left", "sold")
    if left is None or sold is None:
        return {"error": "no such show"}, 404
    return {"left": int(left), "sold": int(sold)}, 200


@app.post("/reserve")
def reserve() -> Answer:
    key, n = f"show:{request.json['show']}", request.json["n"]

    def sell(pipe: Pipeline) -> Answer:
        left, sold = pipe.hmget(key, "left", "sold")
        if left is None:
            return {"error": "no such show"}, 404
        if int(left) < n:
            return {"error": "not enough seats left"}, 409
        pipe.multi()
        pipe.hset(key, mapping={"left": int(left) - n, "sold": int(sold) + n})
        return {"left": int(left) - n}, 200

    # transaction() watches the key and calls sell again for as long as somebody changes it in between.
    return valkey.transaction(sell, key, value_from_callable=True)


@app.post("/attempt")
def attempt() -> Answer:
    key = f"limit:{request.json['user']}"
    with valkey.pipeline(transaction=True) as pipe:
        pipe.incr(key)
        pipe.expire(key, window, nx=True)  # only the first one of a window sets its end
        used, _ = pipe.execute()
    return ({}, 200) if used <= LIMIT else ({"error": "too many attempts"}, 429)


if __name__ == "__main__":
    valkey.ping()
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    WSGIRequestHandler.protocol_version = "HTTP/1.1"  # keep connections open between requests
    app.run(host="127.0.0.1", port=int(os.environ["PORT"]), threaded=True)

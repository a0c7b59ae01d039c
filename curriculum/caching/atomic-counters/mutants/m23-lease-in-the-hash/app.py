"""The box office over HTTP: routes, JSON, status codes. The rules live in box_office.py and limiter.py."""

from __future__ import annotations

import json
import logging
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import redis
from box_office import BoxOffice
from limiter import Limiter

Answer = tuple[int, Any]  # status and what becomes the JSON body; None = no body


class Routes:
    def __init__(self, office: BoxOffice, limiter: Limiter) -> None:
        self.office = office
        self.limiter = limiter

    def answer(self, method: str, path: str, body: dict[str, Any]) -> Answer:
        match method, path.strip("/").split("/"):
            case "PUT", ["shows", show]:
                self.office.open_show(show, body["seats"])
                return 204, None
            case "GET", ["shows", show]:
                return 200, self.office.show(show)
            case "POST", ["reserve"]:
                left = self.office.reserve(body["show"], body["n"])
                return (409, {"error": "not enough seats left"}) if left is None else (200, {"left": left})
            case "POST", ["attempt"]:
                return (200, {}) if self.limiter.attempt(body["user"]) else (429, {"error": "too many attempts"})
        raise LookupError(f"{method} {path}")


class Handler(BaseHTTPRequestHandler):
    routes: Routes
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body of an answer leave in one packet

    def handle_request(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or "{}")
        try:
            status, content = self.routes.answer(self.command, self.path, body)
        except LookupError as missing:
            status, content = 404, {"error": str(missing)}
        except Exception:
            logging.exception("%s %s", self.command, self.path)
            status, content = 500, {"error": "internal error"}
        data = b"" if content is None else json.dumps(content).encode()
        self.send_response(status)
        if content is not None:
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_PUT = do_POST = handle_request

    def log_message(self, format: str, *args: Any) -> None:
        pass


class Server(ThreadingHTTPServer):
    request_queue_size = 64


def main() -> None:
    # retry=None: an answer that got lost is not a request that failed. Sent again, it could sell twice.
    client = redis.Redis.from_url(os.environ["VALKEY_URL"], decode_responses=True, socket_timeout=10, retry=None)
    client.ping()
    Handler.routes = Routes(BoxOffice(client), Limiter(client, window=int(os.environ["ATTEMPT_WINDOW"])))
    Server(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()


if __name__ == "__main__":
    main()

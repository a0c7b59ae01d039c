"""The roster over HTTP: routes, JSON, status codes. The rules live in roster.py, the tables in migrate.sql."""

from __future__ import annotations

import json
import logging
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from roster import Busy, Roster

Answer = tuple[int, dict[str, Any]]


def answer(roster: Roster, method: str, path: str, body: dict[str, Any]) -> Answer:
    match method, path.strip("/").split("/"):
        case "GET", ["shift", shift]:
            on_call = roster.on_call(shift)
            return (200, {"on_call": on_call}) if on_call else (404, {"error": "no such shift"})
        case "POST", ["on"]:
            roster.on(body["shift"], body["doctor"])
            return 200, {}
        case "POST", ["off"]:
            left = roster.off(body["shift"], body["doctor"])
            return (200, {}) if left else (409, {"error": "the last one stays"})
    return 404, {"error": f"{method} {path}"}


class Handler(BaseHTTPRequestHandler):
    roster: Roster
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body of an answer leave in one packet

    def handle_request(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or "{}")
        try:
            status, content = answer(self.roster, self.command, self.path, body)
        except Busy as problem:
            status, content = 503, {"error": str(problem)}
        except Exception:
            logging.exception("%s %s", self.command, self.path)
            status, content = 500, {"error": "internal error"}
        data = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        if status == 503:
            self.send_header("Retry-After", "1")
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = handle_request

    def log_message(self, format: str, *args: Any) -> None:
        pass


class Server(ThreadingHTTPServer):
    request_queue_size = 64


def main() -> None:
    Handler.roster = Roster(os.environ["DATABASE_URL"])
    Server(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()


if __name__ == "__main__":
    main()

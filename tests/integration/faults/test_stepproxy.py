"""The step proxy counts, holds and cuts requests exactly where it was told to."""

from __future__ import annotations

import random
import socket
import struct
import threading
from collections.abc import Iterator

import pytest

from integration.faults.small_servers import (
    LOOPBACK,
    Server,
    counter,
    everything,
    exactly,
    nothing_to_read,
    serving,
    silent,
)
from tinnyswe.faults.stepproxy import Seen, StepProxy
from tinnyswe.labkit import until
from tinnyswe.model.errors import TinnyError


class Proxied:
    """A server that answers lines with `:n`, a step proxy before it, and clients."""

    def __init__(self, server: Server, wire: str = "resp") -> None:
        listener = socket.create_server(LOOPBACK)
        self.server = server
        self.address = listener.getsockname()
        self.reported: list[Seen] = []
        self.proxy = StepProxy(listener, server.dial, wire, on_request=self.reported.append)
        self.proxy.start()
        self.clients: list[socket.socket] = []

    def client(self) -> socket.socket:
        sock = socket.create_connection(self.address, timeout=5)
        self.clients.append(sock)
        return sock

    def wait_parked(self) -> Seen:
        with self.proxy.changed:
            assert self.proxy.changed.wait_for(lambda: self.proxy.parked is not None, timeout=5)
            assert self.proxy.parked is not None
            return self.proxy.parked

    def wait_count(self, count: int) -> None:
        with self.proxy.changed:
            assert self.proxy.changed.wait_for(lambda: self.proxy.count >= count, timeout=5)

    def wait_outstanding(self, *texts: str) -> None:
        until(lambda: [w.text for w in self.proxy.outstanding()] == list(texts), seconds=5, what=f"{texts}")

    def close(self) -> None:
        self.proxy.stop()
        for sock in self.clients:
            sock.close()


@pytest.fixture
def proxied() -> Iterator[Proxied]:
    with serving(counter) as server:
        made = Proxied(server)
        yield made
        made.close()


def ask(sock: socket.socket, line: str) -> bytes:
    sock.sendall(line.encode() + b"\r\n")
    return exactly(sock, 4)


def test_requests_are_numbered_over_all_connections_since_the_reset(proxied: Proxied) -> None:
    first, second = proxied.client(), proxied.client()
    assert ask(first, "GET a") == b":1\r\n"
    proxied.proxy.reset_counter()
    assert (proxied.proxy.count, proxied.proxy.history()) == (0, [])
    for sock, line in ((second, "GET b"), (first, "PING"), (first, "INCR c")):
        ask(sock, line)
    assert [(seen.number, seen.text) for seen in proxied.proxy.history()] == [(1, "GET b"), (2, "INCR c")]
    assert [seen.connection for seen in proxied.proxy.history()] == [2, 1]
    until(lambda: [s.text for s in proxied.reported] == ["GET a", "GET b", "INCR c"], seconds=5, what="reports")
    assert proxied.proxy.outstanding() == []


def test_a_parked_request_waits_with_what_is_behind_it_and_others_run_on(proxied: Proxied) -> None:
    held, free = proxied.client(), proxied.client()
    ask(held, "GET a")
    proxied.proxy.reset_counter()
    proxied.proxy.park_before(2)
    held.sendall(b"GET b\r\nINCR c\r\nPING\r\nINCR d\r\n")
    parked = proxied.wait_parked()
    assert (parked.number, parked.text) == (2, "INCR c")
    assert exactly(held, 4) == b":2\r\n"
    assert [ask(free, "GET x"), ask(free, "GET x")] == [b":3\r\n", b":4\r\n"]
    assert proxied.server.got(0) == b"GET a\r\nGET b\r\n"
    assert nothing_to_read(held)
    assert proxied.proxy.count == 4
    assert proxied.proxy.outstanding() == []
    proxied.proxy.release()
    assert proxied.proxy.parked is None
    assert exactly(held, 12) == b":5\r\n:6\r\n:7\r\n"
    assert [(seen.number, seen.text) for seen in proxied.proxy.history()][-1] == (5, "INCR d")


def test_a_request_that_comes_in_bytes_is_parked_before_any_of_it_is_forwarded(proxied: Proxied) -> None:
    sock = proxied.client()
    proxied.proxy.park_before(1)
    for byte in b"*2\r\n$3\r\nGET\r\n$1\r\na\r\n":
        assert proxied.proxy.parked is None
        sock.sendall(bytes([byte]))
    assert proxied.wait_parked().text == "GET a"
    assert proxied.server.got() == b""
    proxied.proxy.release()
    until(lambda: proxied.server.got() == b"*2\r\n$3\r\nGET\r\n$1\r\na\r\n", seconds=5, what="the request")


def test_half_a_request_is_no_request_yet(proxied: Proxied) -> None:
    sock = proxied.client()
    sock.sendall(b"INCR a\r\nINC")
    assert exactly(sock, 4) == b":1\r\n"
    assert proxied.proxy.count == 1
    proxied.proxy.park_before(2)
    sock.sendall(b"R b\r\n")
    assert proxied.wait_parked().text == "INCR b"


def test_the_servers_bytes_flow_while_a_request_is_parked(proxied: Proxied) -> None:
    sock = proxied.client()
    ask(sock, "GET a")
    proxied.proxy.park_before(2)
    sock.sendall(b"GET b\r\n")
    proxied.wait_parked()
    proxied.server.connections[0].sendall(b">1\r\n+invalidate\r\n")
    assert exactly(sock, 17) == b">1\r\n+invalidate\r\n"


def test_the_request_of_a_killed_client_never_leaves(proxied: Proxied) -> None:
    sock, other = proxied.client(), proxied.client()
    proxied.proxy.park_before(1)
    sock.sendall(b"INCR a\r\nINCR b\r\n")
    proxied.wait_parked()
    sock.close()
    proxied.proxy.release()
    assert ask(other, "GET x") == b":1\r\n"
    assert proxied.server.got(0) + proxied.server.got(1) == b"GET x\r\n"
    until(lambda: len(proxied.proxy.connections()) == 1, seconds=5, what="the dead connection closed")


def test_a_reset_by_the_client_drops_its_parked_request_too(proxied: Proxied) -> None:
    sock = proxied.client()
    ask(sock, "GET a")
    proxied.proxy.park_before(2)
    sock.sendall(b"INCR a\r\n")
    proxied.wait_parked()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()
    proxied.proxy.release()
    until(lambda: not proxied.proxy.connections(), seconds=5, what="the dead connection closed")
    assert proxied.server.got() == b"GET a\r\n"


@pytest.mark.parametrize("seed", range(8))
def test_every_position_of_a_pipeline_cut_at_random(proxied: Proxied, seed: int) -> None:
    rng = random.Random(seed)
    lines = [f"INCR {letter}\r\n".encode() for letter in "abcdefgh"]
    k = rng.randint(1, len(lines))
    proxied.proxy.park_before(k)
    sock, stream = proxied.client(), b"".join(lines)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    while stream:
        size = rng.randint(1, 20)
        sock.sendall(stream[:size])
        stream = stream[size:]
    assert proxied.wait_parked().text == f"INCR {'abcdefgh'[k - 1]}"
    assert exactly(sock, 4 * (k - 1)) == b"".join(b":%d\r\n" % n for n in range(1, k))
    assert proxied.server.got() == b"".join(lines[: k - 1])
    assert nothing_to_read(sock)
    proxied.proxy.release()
    assert exactly(sock, 4 * (9 - k)) == b"".join(b":%d\r\n" % n for n in range(k, 9))
    assert proxied.server.got() == b"".join(lines)
    assert [seen.number for seen in proxied.proxy.history()] == list(range(1, 9))


def test_close_all_drops_what_is_parked(proxied: Proxied) -> None:
    sock = proxied.client()
    ask(sock, "GET a")
    proxied.proxy.park_before(2)
    sock.sendall(b"INCR a\r\n")
    proxied.wait_parked()
    proxied.proxy.close_all()
    assert proxied.proxy.connections() == []
    proxied.proxy.release()
    assert everything(sock) == b""
    assert proxied.server.got() == b"GET a\r\n"
    assert ask(proxied.client(), "GET b") == b":2\r\n"


def test_cut_before_drops_the_request_and_answers_what_was_before_it(proxied: Proxied) -> None:
    sock = proxied.client()
    proxied.proxy.cut_before(2)
    sock.sendall(b"INCR a\r\nINCR b\r\nINCR c\r\n")
    assert everything(sock) == b":1\r\n"
    assert proxied.server.got() == b"INCR a\r\n"
    assert proxied.proxy.cut is not None
    assert (proxied.proxy.cut.number, proxied.proxy.cut.text) == (2, "INCR b")
    assert ask(proxied.client(), "GET x") == b":2\r\n", "it is done once"


def test_cut_after_forwards_the_request_and_drops_only_its_reply(proxied: Proxied) -> None:
    sock = proxied.client()
    proxied.proxy.cut_after(2)
    sock.sendall(b"INCR a\r\nINCR b\r\nINCR c\r\n")
    assert everything(sock) == b":1\r\n"
    until(lambda: proxied.server.got() == b"INCR a\r\nINCR b\r\n", seconds=5, what="the request, and no more")
    assert proxied.proxy.cut is not None
    assert proxied.proxy.cut.text == "INCR b"
    proxied.proxy.reset_counter()
    assert proxied.proxy.cut is None


def test_cut_after_a_request_that_is_never_answered_by_rule(proxied: Proxied) -> None:
    sock = proxied.client()
    proxied.proxy.cut_after(1)
    sock.sendall(b"CLIENT REPLY OFF\r\nINCR a\r\n")
    everything(sock)
    until(lambda: proxied.server.got().endswith(b"INCR a\r\n"), seconds=5, what="the request")


def test_release_disarms(proxied: Proxied) -> None:
    proxied.proxy.park_before(1)
    proxied.proxy.release()
    assert ask(proxied.client(), "GET a") == b":1\r\n"


def test_counting_and_arming_can_be_one_step_while_traffic_runs(proxied: Proxied) -> None:
    stop = threading.Event()
    sock = proxied.client()

    def beat() -> None:
        while not stop.is_set():
            sock.sendall(b"GET heart\r\n")
            sock.recv(100)

    heart = threading.Thread(target=beat)
    heart.start()
    try:
        for _ in range(20):
            with proxied.proxy.changed:
                proxied.proxy.reset_counter()
                proxied.proxy.park_before(1)
            assert proxied.wait_parked().number == 1
            stop.set()
    finally:
        stop.set()
        proxied.proxy.release()
        heart.join(5)


def test_what_waits_for_an_answer_is_seen_with_its_text() -> None:
    with serving(silent) as server:
        proxied = Proxied(server)
        sock = proxied.client()
        sock.sendall(b"BLPOP q 0\r\n")
        proxied.wait_outstanding("BLPOP q 0")
        sock.sendall(b"AUTH hunter2\r\n")
        proxied.wait_outstanding("BLPOP q 0", "AUTH (hidden)")
        (info,) = proxied.proxy.connections()
        assert info.outstanding
        assert info.local_port == server.connections[0].getpeername()[1]
        waiting = proxied.proxy.outstanding()
        assert [w.counted for w in waiting] == [True, False]
        assert waiting[0].since <= waiting[1].since <= proxied.proxy.last_traffic + 5
        assert info.since == waiting[1].since
        server.connections[0].sendall(b"*-1\r\n+OK\r\n")
        proxied.wait_outstanding()
        assert proxied.proxy.connections()[0].since is None
        proxied.close()


def test_an_unreadable_connection_passes_is_not_counted_and_is_seen(proxied: Proxied) -> None:
    sock = proxied.client()
    garbage = b"\x16\x03\x01" + bytes(range(256)) + b"\nGET a\r\n"
    sock.sendall(garbage)
    until(lambda: proxied.server.got() == garbage, seconds=5, what="the garbage")
    assert proxied.proxy.count == 0
    assert proxied.proxy.opaque
    assert proxied.proxy.connections()[0].opaque
    assert ask(proxied.client(), "GET b")
    assert proxied.proxy.count == 1


def test_a_large_request_streams_and_is_still_parked_whole() -> None:
    with serving(silent) as server:
        proxied = Proxied(server)
        sock = proxied.client()
        raw = b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$5000000\r\n" + b"x" * 5_000_000 + b"\r\n"
        proxied.proxy.park_before(1)
        sender = threading.Thread(target=sock.sendall, args=(raw,))
        sender.start()
        assert proxied.wait_parked().text.startswith("SET k xxx")
        assert server.got() == b""
        proxied.proxy.release()
        sender.join(5)
        until(lambda: server.got() == raw, seconds=5, what="all of it")
        proxied.close()


def test_pgwire_gives_backend_pids_and_refuses_encryption_itself() -> None:
    greeting = b"R\0\0\0\x08\0\0\0\0" + b"K\0\0\0\x0c" + struct.pack("!ii", 4711, 1) + b"Z\0\0\0\x05I"

    def greet(server: Server, connection: socket.socket, number: int) -> None:
        server.received[number] += connection.recv(1000)
        connection.sendall(greeting)
        silent(server, connection, number)

    with serving(greet) as server:
        proxied = Proxied(server, "pgwire")
        sock = proxied.client()
        sock.sendall(struct.pack("!ii", 8, 80877103))
        assert exactly(sock, 1) == b"N"
        startup = struct.pack("!ii", 18, 3 << 16) + b"user\0ann\0\0"
        sock.sendall(startup)
        assert exactly(sock, len(greeting)) == greeting
        assert [info.backend_pid for info in proxied.proxy.connections()] == [4711]
        assert server.got() == startup
        assert proxied.proxy.count == 0
        proxied.close()


def test_http_requests_can_be_parked_and_cut_though_their_body_comes_later() -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

    def serve(server: Server, connection: socket.socket, number: int) -> None:
        while data := connection.recv(65536):
            server.received[number] += data
            if data.endswith(b"}"):
                connection.sendall(answer)

    head, body = b"POST /reserve HTTP/1.1\r\nContent-Length: 7\r\n\r\n", b'{"n":6}'
    with serving(serve) as server:
        proxied = Proxied(server, "http")
        sock = proxied.client()
        sock.sendall(head + body)
        assert exactly(sock, len(answer)) == answer
        proxied.proxy.cut_after(2)
        sock.sendall(head)
        proxied.wait_outstanding("POST /reserve")
        sock.sendall(body)
        assert everything(sock) == b""
        assert server.got() == (head + body) * 2
        proxied.close()


def test_a_fault_of_our_own_is_never_taken_for_silence() -> None:
    def broken(seen: Seen) -> None:
        raise ValueError("ours")

    with serving(counter) as server:
        listener = socket.create_server(LOOPBACK)
        proxy = StepProxy(listener, server.dial, "resp", on_request=broken)
        proxy.start()
        with socket.create_connection(listener.getsockname(), timeout=5) as sock:
            sock.sendall(b"GET a\r\n")
            everything(sock)
        with pytest.raises(TinnyError, match="ours"):
            proxy.outstanding()
        proxy.stop()

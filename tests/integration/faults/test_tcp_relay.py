"""A relay loses nothing, passes ends on, and does each fault exactly."""

from __future__ import annotations

import random
import socket
import threading
from collections.abc import Iterator

import pytest

from integration.faults.small_servers import (
    LOOPBACK,
    Server,
    echo,
    everything,
    exactly,
    nothing_to_read,
    serving,
    silent,
)
from tinnyswe.faults.tcp import TcpRelay
from tinnyswe.labkit import until

PAYLOAD = random.Random(7).randbytes(3_000_000)


class Relayed:
    """A server, a relay before it, and clients."""

    def __init__(self, server: Server) -> None:
        listener = socket.create_server(LOOPBACK)
        self.server = server
        self.address = listener.getsockname()
        self.relay = TcpRelay(listener, server.dial)
        self.relay.start()
        self.clients: list[socket.socket] = []

    def client(self) -> socket.socket:
        sock = socket.create_connection(self.address, timeout=5)
        self.clients.append(sock)
        return sock

    def talking(self) -> socket.socket:
        """A client whose connection has carried bytes both ways already."""
        sock = self.client()
        sock.sendall(b"hi")
        assert exactly(sock, 2) == b"hi"
        return sock

    def close(self) -> None:
        self.relay.stop()
        for sock in self.clients:
            sock.close()


@pytest.fixture
def relayed() -> Iterator[Relayed]:
    with serving(echo) as server:
        made = Relayed(server)
        yield made
        made.close()


def test_megabytes_pass_both_ways_though_nobody_reads_for_a_while(relayed: Relayed) -> None:
    sock = relayed.client()

    def send() -> None:
        sock.sendall(PAYLOAD)
        sock.shutdown(socket.SHUT_WR)

    sender = threading.Thread(target=send)
    sender.start()
    until(lambda: relayed.relay.passed("to_server") > 100_000, seconds=5, what="bytes")
    assert everything(sock) == PAYLOAD
    sender.join(5)
    assert relayed.server.got() == PAYLOAD
    assert relayed.relay.passed("to_server") == relayed.relay.passed("to_client") == len(PAYLOAD)


def test_a_half_close_is_passed_on_and_the_answer_still_comes() -> None:
    def answer_at_end(server: Server, connection: socket.socket, number: int) -> None:
        silent(server, connection, number)
        connection.sendall(b"%d bytes" % len(server.received[number]))

    with serving(answer_at_end) as server:
        relayed = Relayed(server)
        sock = relayed.client()
        sock.sendall(b"x" * 1000)
        sock.shutdown(socket.SHUT_WR)
        assert everything(sock) == b"1000 bytes"
        relayed.close()


def test_a_server_that_is_down_resets_its_clients_and_a_later_one_is_found(relayed: Relayed) -> None:
    listener = socket.create_server(LOOPBACK)
    servers: list[Server] = []

    def dial() -> socket.socket:
        if not servers:
            raise ConnectionRefusedError
        return servers[0].dial()

    relay = TcpRelay(listener, dial)
    relay.start()
    with socket.create_connection(listener.getsockname(), timeout=5) as sock, pytest.raises(ConnectionResetError):
        sock.recv(1)
    servers.append(relayed.server)
    with socket.create_connection(listener.getsockname(), timeout=5) as sock:
        sock.sendall(b"hi")
        assert exactly(sock, 2) == b"hi"
    relay.stop()


def test_a_frozen_direction_waits_and_the_other_goes_on(relayed: Relayed) -> None:
    sock = relayed.talking()
    relayed.relay.freeze("to_client")
    sock.sendall(b"more")
    until(lambda: relayed.server.got() == b"himore", seconds=5, what="bytes at the server")
    assert nothing_to_read(sock)
    relayed.relay.freeze("to_client", False)
    assert exactly(sock, 4) == b"more"
    relayed.relay.freeze("to_server")
    sock.sendall(b"last")
    other = relayed.client()
    other.sendall(b"x")
    relayed.server.connections[0].sendall(b"from the server")
    assert exactly(sock, 15) == b"from the server"
    assert relayed.server.got() == b"himore"
    relayed.relay.freeze("to_server", False)
    assert exactly(sock, 4) == b"last"


def test_a_blackhole_passes_nothing_and_tells_nobody(relayed: Relayed) -> None:
    sock, gone = relayed.talking(), relayed.talking()
    relayed.relay.blackhole(True)
    sock.sendall(b"lost?")
    gone.close()
    relayed.server.connections[0].sendall(b"to nobody")
    late = relayed.client()
    late.sendall(b"hello")
    assert nothing_to_read(sock)
    assert relayed.server.got(0) == b"hi"
    assert len(relayed.server.connections) == 2
    relayed.relay.blackhole(False)
    assert exactly(late, 5) == b"hello"
    assert sorted(exactly(sock, 14)) == sorted(b"to nobodylost?")


def test_a_blackhole_can_be_ended_without_late_bytes(relayed: Relayed) -> None:
    sock = relayed.talking()
    relayed.relay.blackhole(True)
    sock.sendall(b"late")
    relayed.relay.close_all()
    relayed.relay.blackhole(False)
    assert everything(sock) == b""
    assert relayed.server.got() == b"hi"


@pytest.mark.parametrize("n", [0, 1, 5, 70_000])
def test_cut_after_bytes_passes_exactly_that_many(relayed: Relayed, n: int) -> None:
    sock = relayed.talking()
    relayed.relay.cut_after_bytes(n)
    sock.sendall(b"x" * 100_000)
    assert len(everything(sock)) == n
    assert exactly(relayed.talking(), 0) == b"", "only one connection is cut"


def test_cut_after_bytes_towards_the_server(relayed: Relayed) -> None:
    sock = relayed.talking()
    relayed.relay.cut_after_bytes(3, "to_server")
    sock.sendall(b"abcdef")
    everything(sock)
    until(lambda: relayed.server.got() == b"hiabc", seconds=5, what="exactly three bytes")


def test_reset_is_seen_by_both_sides(relayed: Relayed) -> None:
    sock = relayed.talking()
    relayed.relay.reset()
    with pytest.raises(ConnectionResetError):
        sock.recv(1)


def test_trickle_sends_one_byte_at_a_time(relayed: Relayed) -> None:
    sock = relayed.talking()
    relayed.relay.trickle(True)
    sock.sendall(PAYLOAD[:3000])
    assert exactly(sock, 3000) == PAYLOAD[:3000]
    relayed.relay.trickle(False)
    sock.sendall(PAYLOAD[:3000])
    assert exactly(sock, 3000) == PAYLOAD[:3000]


def test_a_reset_of_the_server_reaches_the_client_behind_its_bytes() -> None:
    def rude(server: Server, connection: socket.socket, number: int) -> None:
        connection.recv(1)
        connection.sendall(b"bye")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    with serving(rude) as server:
        relayed = Relayed(server)
        sock = relayed.client()
        sock.sendall(b"hello")
        assert everything(sock) in (b"bye", b"")
        relayed.close()


def test_stop_closes_everything_and_may_be_called_twice(relayed: Relayed) -> None:
    sock = relayed.talking()
    relayed.relay.stop()
    relayed.relay.stop()
    assert everything(sock) == b""
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(relayed.address, timeout=5)


def test_stop_without_start_gives_the_port_back() -> None:
    listener = socket.create_server(LOOPBACK)
    address = listener.getsockname()
    TcpRelay(listener, lambda: socket.create_connection(address)).stop()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address, timeout=5)


def test_a_hundred_connections_at_once(relayed: Relayed) -> None:
    socks = [relayed.client() for _ in range(100)]
    for number, sock in enumerate(socks):
        sock.sendall(b"%3d" % number)
    assert [exactly(sock, 3) for sock in socks] == [b"%3d" % number for number in range(100)]

"""HTTP/1.1: one message, one request; heads are held, bodies stream."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinnyswe.faults.wire import parser
from tinnyswe.model.errors import UsageError
from unit.faults.wire_scripts import assert_alike, play, play_every_split, shreds, single, whole

HTTP = parser("http")

GET = b"GET /shows/gala HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b'POST /reserve HTTP/1.1\r\nHost: x\r\nContent-Length: 7\r\n\r\n{"n":6}'
CHUNKED = b"PUT /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n1\r\n\n\r\n0\r\nTrailer: 1\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
STREAMED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n5\r\nGET /\r\n0\r\n\r\n"


def test_keep_alive_and_pipelining() -> None:
    heard = play_every_split(HTTP, [("c", GET + POST + CHUNKED + GET), ("s", OK + STREAMED + OK)])
    assert heard.counted == ["GET /shows/gala", "POST /reserve", "PUT /x", "GET /shows/gala"]
    assert [text for _, text in heard.answers] == ["GET /shows/gala", "POST /reserve", "PUT /x"]
    assert heard.outstanding == ["GET /shows/gala"]


def test_a_continue_is_no_answer_and_the_head_goes_before_the_body() -> None:
    head = b"POST /x HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n"
    one = HTTP()
    assert [piece.data for piece in one.client(head)] == [head]
    turns = [("c", head), ("s", b"HTTP/1.1 100 Continue\r\n\r\n"), ("c", b"abc" + GET), ("s", OK)]
    heard = play_every_split(HTTP, turns)
    assert heard.answers == [(len(turns[1][1]) + len(OK), "POST /x")]
    assert heard.outstanding == ["GET /shows/gala"]


def test_nothing_of_a_head_is_given_before_its_end_has_come() -> None:
    for at in range(1, len(GET)):
        assert HTTP().client(GET[:at]) == []


@pytest.mark.parametrize(
    ("request_", "reply"),
    [
        (b"HEAD / HTTP/1.1\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n"),
        (b"GET / HTTP/1.1\r\n\r\n", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5000\r\n\r\n"),
        (b"PUT / HTTP/1.1\r\nContent-Length: 0\r\n\r\n", b"HTTP/1.1 204 No Content\r\n\r\n"),
        (b"GET / HTTP/1.0\n\n", b"HTTP/1.0 200\nContent-Length: 1\n\nx"),
    ],
)
def test_answers_without_a_body(request_: bytes, reply: bytes) -> None:
    heard = play_every_split(HTTP, [("c", request_), ("s", reply), ("c", GET), ("s", OK)])
    assert len(heard.answers) == 2


def test_a_body_without_a_length_lasts_until_the_server_ends() -> None:
    one = HTTP()
    (piece,) = one.client(GET)
    one.server(b"HTTP/1.0 200 OK\r\n\r\nsome and more")
    assert piece.unit is not None
    assert not piece.unit.answered
    assert [answer.units for answer in one.server_ended()] == [(piece.unit,)]


@pytest.mark.parametrize(
    ("request_", "reply"),
    [
        (b"GET /ws HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", b"HTTP/1.1 101 Switching\r\n\r\n"),
        (b"CONNECT x:1 HTTP/1.1\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n"),
    ],
)
def test_after_an_upgrade_everything_passes(request_: bytes, reply: bytes) -> None:
    frames = b"\x81\x05hello\x00\xff"
    heard = play_every_split(HTTP, [("c", request_), ("s", reply + frames), ("c", frames + GET), ("s", frames)])
    assert len(heard.counted) == 1
    assert not heard.outstanding
    assert not heard.opaque


def test_secrets_in_a_query_do_not_show() -> None:
    heard = play(
        HTTP, [("c", b"GET /a?user=ann&api_key=hunter2&n=1 HTTP/1.1\r\nAuthorization: hunter2\r\n\r\n")], whole
    )
    assert heard.counted == ["GET /a?user=ann&api_key=(hidden)&n=1"]


@pytest.mark.parametrize(
    "garbage",
    [
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00",
        b"GET /\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET /" + b"a" * 70_000,
    ],
)
def test_garbage_passes_untouched(garbage: bytes) -> None:
    for cut in (whole, single, shreds(1, 900)):
        heard = play(HTTP, [("c", GET), ("s", OK), ("c", garbage + GET), ("s", b"\x00\x01")], cut)
        assert heard.to_server == GET + garbage + GET
        assert heard.to_client == OK + b"\x00\x01"
        assert heard.opaque


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.sampled_from([GET, POST, CHUNKED, b"\r\n" + GET]), max_size=5),
    st.lists(st.sampled_from([OK, STREAMED, b"HTTP/1.1 103 Early\r\n\r\n"]), max_size=6),
    st.integers(0, 1 << 30),
)
def test_boundaries_do_not_depend_on_the_cuts(client: list[bytes], server: list[bytes], seed: int) -> None:
    turns = [("c", b"".join(client)), ("s", b"".join(server))]
    assert_alike(play(HTTP, turns, shreds(seed)), play(HTTP, turns, whole))


def test_an_unknown_wire_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(UsageError, match="http, pgwire, resp"):
        parser("amqp")

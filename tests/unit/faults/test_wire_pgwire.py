"""pgwire: units up to Sync or Flush, what answers them, and what passes uncounted."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinnyswe.faults.wire import parser
from unit.faults.wire_scripts import Turn, assert_alike, play, play_every_split, shreds, single, whole

PG = parser("pgwire")


def message(kind: str, body: bytes = b"") -> bytes:
    return kind.encode() + struct.pack("!i", len(body) + 4) + body


def packet(code: int, body: bytes = b"") -> bytes:
    return struct.pack("!ii", len(body) + 8, code) + body


def query(sql: str) -> bytes:
    return message("Q", sql.encode() + b"\0")


def parse(sql: str, name: str = "") -> bytes:
    return message("P", name.encode() + b"\0" + sql.encode() + b"\0\0\0")


def bind(name: str = "", parameter: bytes = b"1") -> bytes:
    values = struct.pack("!hhi", 0, 1, len(parameter)) + parameter
    return message("B", b"\0" + name.encode() + b"\0" + values + b"\0\0")


SSL, GSSENC, CANCEL = packet(80877103), packet(80877104), packet(80877102, b"\0\0\0\1\0\0\0\2")
STARTUP = packet(3 << 16, b"user\0ann\0database\0shop\0\0")
DESCRIBE, EXECUTE, SYNC, FLUSH = message("D", b"P\0"), message("E", b"\0\0\0\0\0"), message("S"), message("H")
READY, DONE, ERROR = message("Z", b"I"), message("C", b"SELECT 1\0"), message("E", b"SERROR\0\0")
PARSED, BOUND, NO_DATA, ROW = message("1"), message("2"), message("n"), message("D", b"\0\0")
GREETING = message("R", b"\0\0\0\0") + message("S", b"a\0b\0") + message("K", struct.pack("!ii", 4711, 99)) + READY
LOGIN: list[Turn] = [("c", STARTUP), ("s", GREETING)]


def test_login_is_not_counted_gives_the_backend_and_hides_the_password() -> None:
    turns: list[Turn] = [
        ("c", STARTUP),
        ("s", message("R", b"\0\0\0\5salt")),
        ("c", message("p", b"md5hunter2\0")),
        ("s", GREETING),
    ]
    heard = play_every_split(PG, turns)
    assert heard.units == [(0, "startup user=ann database=shop", False)]
    assert [text for _, text in heard.answers] == ["startup user=ann database=shop"]
    one = PG()
    one.client(STARTUP)
    one.server(GREETING)
    assert one.backend_pid == 4711


@pytest.mark.parametrize("cut", [whole, single, shreds(7, 6)])
def test_encryption_is_refused_by_the_proxy_itself(cut: object) -> None:
    heard = play(PG, [("c", SSL), ("c", GSSENC), ("c", STARTUP + query("SELECT 1"))], cut)  # type: ignore[arg-type]
    assert heard.to_client == b"NN"
    assert heard.to_server == STARTUP + query("SELECT 1")
    assert heard.counted == ["SELECT 1"]


def test_a_cancel_request_passes_on_its_own_connection() -> None:
    heard = play(PG, [("c", SSL), ("c", CANCEL)], single)
    assert heard.to_server == CANCEL
    assert (heard.units, heard.opaque) == ([], "")


def test_simple_queries_begin_and_commit_count() -> None:
    turns = [
        *LOGIN,
        ("c", query("BEGIN") + query("SELECT *\n  FROM shift")),
        ("s", DONE + READY + message("T", b"\0\0") + ROW + DONE + READY),
        ("c", query("COMMIT")),
    ]
    heard = play_every_split(PG, turns)
    assert heard.counted == ["BEGIN", "SELECT * FROM shift", "COMMIT"]
    assert [text for _, text in heard.answers[1:]] == ["BEGIN", "SELECT * FROM shift"]
    assert heard.outstanding == ["COMMIT"]


def test_a_batch_up_to_sync_is_one_request_and_is_held_whole() -> None:
    raw = parse("UPDATE shift SET n = $1") + bind() + DESCRIBE + EXECUTE + SYNC
    heard = play_every_split(PG, [*LOGIN, ("c", raw), ("s", PARSED + BOUND + NO_DATA + DONE + READY)])
    assert heard.counted == ["UPDATE shift SET n = $1"]
    assert not heard.outstanding
    for at in range(1, len(raw)):
        one = PG()
        one.client(STARTUP)
        assert one.client(raw[:at]) == []


def test_prepared_statements_are_named_by_their_text_and_preparing_is_not_counted() -> None:
    turns = [
        *LOGIN,
        ("c", parse("SELECT now()", "p1") + message("D", b"Sp1\0") + SYNC),
        ("s", PARSED + message("t", b"\0\0") + message("T", b"\0\0") + READY),
        ("c", bind("p1") + EXECUTE + SYNC),
        ("s", BOUND + DONE + READY),
        ("c", message("C", b"Sp1\0") + SYNC),
        ("s", message("3") + READY),
        ("c", bind("p1") + EXECUTE + SYNC),
    ]
    heard = play_every_split(PG, turns)
    assert heard.counted == ["SELECT now()", "statement p1"]
    assert heard.uncounted == ["startup user=ann database=shop", "Parse SELECT now()", "Sync"]


def test_a_batch_that_only_prepares_is_seen_to_wait() -> None:
    heard = play_every_split(PG, [*LOGIN, ("c", parse("SELECT 1", "p1") + SYNC)])
    assert (heard.counted, heard.outstanding) == ([], ["Parse SELECT 1"])


@pytest.mark.parametrize("end", [DONE, message("I"), message("s"), ERROR])
def test_a_flushed_unit_is_answered_without_ready_for_query(end: bytes) -> None:
    turns = [*LOGIN, ("c", parse("SELECT 1") + bind() + EXECUTE + FLUSH), ("s", PARSED + BOUND + ROW + end)]
    heard = play_every_split(PG, turns)
    assert heard.counted == ["SELECT 1"]
    assert heard.answers[-1] == (len(GREETING) + len(turns[-1][1]), "SELECT 1")
    assert not heard.outstanding


def test_after_an_error_everything_up_to_sync_is_skipped() -> None:
    turns = [
        *LOGIN,
        ("c", parse("SELECT 1/0") + bind() + EXECUTE + FLUSH + parse("SELECT 2") + bind() + EXECUTE + FLUSH),
        ("s", PARSED + BOUND + ERROR),
        ("c", parse("SELECT 3") + bind() + EXECUTE + FLUSH),
        ("c", SYNC + query("SELECT 4")),
        ("s", READY),
    ]
    heard = play_every_split(PG, turns)
    assert heard.counted == ["SELECT 1/0", "SELECT 2", "SELECT 3", "SELECT 4"]
    assert [text for _, text in heard.answers[1:]] == ["SELECT 1/0", "SELECT 2", "Sync"]
    assert heard.outstanding == ["SELECT 4"]


def test_an_error_inside_a_synced_batch_is_answered_by_ready_for_query_only() -> None:
    first = parse("SELECT 1/0") + bind() + EXECUTE + SYNC
    turns = [*LOGIN, ("c", first + query("SELECT 2")), ("s", PARSED + BOUND + ERROR), ("s", READY)]
    heard = play_every_split(PG, turns)
    assert heard.answers[-1] == (len(GREETING + PARSED + BOUND + ERROR + READY), "SELECT 1/0")
    assert heard.outstanding == ["SELECT 2"]


def test_several_statements_before_one_sync_are_one_request() -> None:
    raw = (parse("SELECT 1") + bind() + EXECUTE) + (parse("SELECT 2") + bind() + EXECUTE) + SYNC
    assert play_every_split(PG, [*LOGIN, ("c", raw)]).counted == ["SELECT 1; SELECT 2"]


def test_copy_in_by_a_simple_query() -> None:
    turns = [
        *LOGIN,
        ("c", query("COPY t FROM STDIN")),
        ("s", message("G", b"\0\0\0")),
        ("c", message("d", b"1\n") + message("d", b"2\n") + message("c")),
        ("s", DONE + READY),
        ("c", query("SELECT 1")),
    ]
    heard = play_every_split(PG, turns)
    assert heard.counted == ["COPY t FROM STDIN", "SELECT 1"]
    assert heard.outstanding == ["SELECT 1"]


def test_copy_in_by_the_extended_protocol_swallows_a_sync() -> None:
    turns = [
        *LOGIN,
        ("c", parse("COPY t FROM STDIN") + bind() + EXECUTE + SYNC),
        ("s", PARSED + BOUND + message("G", b"\0\0\0")),
        ("c", message("d", b"1\n") + message("c") + SYNC),
        ("s", DONE + READY),
        ("c", query("SELECT 1")),
        ("s", DONE + READY),
    ]
    heard = play_every_split(PG, turns)
    assert heard.counted == ["COPY t FROM STDIN", "SELECT 1"]
    assert [text for _, text in heard.answers[1:]] == ["COPY t FROM STDIN", "SELECT 1"]


def test_copy_out_function_calls_notices_and_terminate() -> None:
    turns = [
        *LOGIN,
        ("c", query("COPY t TO STDOUT") + message("F", struct.pack("!i", 1598) + b"\0\0\0\0\0\0")),
        ("s", message("H", b"\0\0\0") + message("d", b"1\n") + message("c") + DONE + READY),
        ("s", message("N", b"SNOTICE\0\0") + message("A", b"\0\0\0\1x\0\0") + message("V", b"\0\0\0\0") + READY),
        ("c", message("X")),
    ]
    heard = play_every_split(PG, turns)
    assert heard.counted == ["COPY t TO STDOUT", "function call of oid 1598"]
    assert not heard.outstanding


@pytest.mark.parametrize(
    "sql",
    [
        "ALTER ROLE ann PASSWORD 'hunter2'",
        "CREATE USER ann WITH ENCRYPTED PASSWORD E'hunter2' LOGIN",
        "ALTER ROLE ann PASSWORD $$hunter2$$",
        "ALTER ROLE ann PASSWORD 'it''shunter2",
        "SELECT 1 FROM users WHERE password = 'hunter2'",
    ],
)
def test_passwords_in_statements_do_not_show(sql: str) -> None:
    heard = play_every_split(PG, [*LOGIN, ("c", query(sql) + parse(sql) + bind() + EXECUTE + SYNC + parse(sql) + SYNC)])
    assert "hunter2" not in str(heard.units)
    assert len(heard.counted) == 2


@pytest.mark.parametrize(
    "garbage", [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc", b"GET / HTTP/1.1\r\n\r\n", packet(2 << 16)]
)
def test_no_startup_at_all_passes_untouched(garbage: bytes) -> None:
    for cut in (whole, single):
        heard = play(PG, [("c", garbage), ("s", b"whatever"), ("c", query("SELECT 1"))], cut)
        assert heard.to_server == garbage + query("SELECT 1")
        assert heard.to_client == b"whatever"
        assert heard.units == []
        assert heard.opaque


@pytest.mark.parametrize("garbage", [message("y", b"?"), b"Q\0\0\0\0", b"Q\xff\xff\xff\xff", b"P\x7f\xff\xff\xff"])
def test_unknown_messages_of_the_client_pass_untouched(garbage: bytes) -> None:
    turns: list[Turn] = [*LOGIN, ("c", parse("SELECT 1") + garbage), ("s", b"x"), ("c", query("SELECT 2"))]
    for cut in (whole, single, shreds(5, 9)):
        heard = play(PG, turns, cut)
        assert heard.to_server == STARTUP + parse("SELECT 1") + garbage + query("SELECT 2")
        assert heard.to_client == GREETING + b"x"
        assert heard.counted == []
        assert heard.opaque


def test_unknown_messages_of_the_server_release_what_was_held_back() -> None:
    turns: list[Turn] = [
        *LOGIN,
        ("c", query("SELECT 1") + parse("SELECT 2")),
        ("s", b"\x00\x00\x00\x00\x00"),
        ("c", SYNC),
    ]
    for cut in (whole, single):
        heard = play(PG, turns, cut)
        assert heard.to_server == STARTUP + query("SELECT 1") + parse("SELECT 2") + SYNC
        assert heard.to_client == GREETING + b"\0" * 5
        assert (heard.counted, heard.outstanding) == (["SELECT 1"], [])
        assert heard.opaque


@pytest.mark.parametrize(
    ("raw", "reply"),
    [
        (parse("INSERT INTO t VALUES ($1)") + bind(parameter=b"x" * (3 << 20)) + EXECUTE + SYNC, PARSED + BOUND + DONE),
        (query("SELECT '" + "x" * (3 << 20) + "'"), DONE),
        ((parse("SELECT 1") + bind() + EXECUTE) * 25_000 + SYNC, (PARSED + BOUND + DONE) * 25_000),
    ],
)
def test_large_units_stream_and_are_counted_once(raw: bytes, reply: bytes) -> None:
    turns: list[Turn] = [*LOGIN, ("c", raw), ("s", reply + READY), ("c", query("SELECT 2"))]
    expected = play(PG, turns, whole)
    assert len(expected.counted) == 2
    assert expected.outstanding == ["SELECT 2"]
    assert expected.to_server == STARTUP + raw + query("SELECT 2")
    assert_alike(play(PG, turns, lambda data: [data[at : at + 65_536] for at in range(0, len(data), 65_536)]), expected)
    early = PG()
    early.client(STARTUP)
    assert sum(len(piece.data) for piece in early.client(raw[: len(raw) - 100])) > len(raw) // 2, "it was held back"


def test_a_large_unit_that_is_flushed_is_answered_too() -> None:
    raw = parse("INSERT INTO t VALUES ($1)") + bind(parameter=b"x" * (2 << 20)) + EXECUTE
    turns: list[Turn] = [*LOGIN, ("c", raw), ("s", PARSED + BOUND + DONE), ("c", FLUSH), ("c", SYNC), ("s", READY)]
    heard = play(PG, turns, whole)
    assert len(heard.counted) == 1
    assert not heard.outstanding


def test_copy_data_of_megabytes_streams() -> None:
    one = PG()
    one.client(STARTUP)
    data = message("d", b"x" * (3 << 20))
    assert sum(len(piece.data) for piece in one.client(data[: 2 << 20])) == 2 << 20


_client_parts = st.lists(
    st.sampled_from(
        [
            query("SELECT 1"),
            parse("SELECT 2"),
            parse("SELECT 3", "p"),
            bind(),
            bind("p"),
            DESCRIBE,
            EXECUTE,
            SYNC,
            FLUSH,
            message("d", b"1\n"),
            message("c"),
            message("F", b"\0\0\0\1"),
            message("C", b"Sp\0"),
            message("f", b"no\0"),
        ]
    ),
    max_size=12,
)
_server_parts = st.lists(
    st.sampled_from(
        [READY, DONE, ERROR, PARSED, BOUND, NO_DATA, ROW, message("G", b"\0\0\0"), message("s"), message("N")]
    ),
    max_size=12,
)


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(_client_parts, _server_parts), max_size=4), st.integers(0, 1 << 30), st.integers(1, 60))
def test_boundaries_do_not_depend_on_the_cuts(
    talk: list[tuple[list[bytes], list[bytes]]], seed: int, longest: int
) -> None:
    turns = [*LOGIN]
    for client, server in talk:
        turns += [("c", b"".join(client)), ("s", b"".join(server))]
    expected = play(PG, turns, whole)
    assert expected.to_server == b"".join(data for who, data in turns if who == "c")
    assert expected.to_client == b"".join(data for who, data in turns if who == "s")
    assert_alike(play(PG, turns, shreds(seed, longest)), expected)


@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=40), st.binary(max_size=40), st.integers(1, 60))
def test_any_bytes_pass(client: bytes, server: bytes, seed: int) -> None:
    heard = play(PG, [*LOGIN, ("c", client), ("s", server)], shreds(seed))
    assert heard.to_server == STARTUP + client
    assert heard.to_client == GREETING + server

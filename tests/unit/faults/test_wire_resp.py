"""RESP: what is one request, what answers it, whatever the cuts."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinnyswe.faults.wire import parser
from unit.faults.wire_scripts import assert_alike, halves, play, play_every_split, shreds, single, whole

RESP = parser("resp")


def command(*words: str | bytes) -> bytes:
    raw = [word.encode() if isinstance(word, str) else word for word in words]
    return b"*%d\r\n" % len(raw) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in raw)


def test_a_pipeline_is_as_many_requests_as_commands() -> None:
    turns = [
        ("c", command("SET", "a", "1") + command("INCR", "a") + command("GET", "a")),
        ("s", b"+OK\r\n:2\r\n$1\r\n2\r\n"),
    ]
    heard = play_every_split(RESP, turns)
    assert heard.counted == ["SET a 1", "INCR a", "GET a"]
    assert [text for _, text in heard.answers] == ["SET a 1", "INCR a", "GET a"]
    assert [at for at, _ in heard.answers] == [5, 9, 16]
    assert not heard.outstanding


def test_multi_is_one_request_at_exec_labelled_with_its_queue() -> None:
    turns = [
        ("c", command("WATCH", "left") + command("GET", "left")),
        ("s", b"+OK\r\n$2\r\n10\r\n"),
        ("c", command("MULTI") + command("DECRBY", "left", "6") + command("INCRBY", "sold", "6") + command("EXEC")),
        ("s", b"+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n:4\r\n:6\r\n"),
    ]
    heard = play_every_split(RESP, turns)
    assert heard.counted == ["WATCH left", "GET left", "EXEC [DECRBY left 6; INCRBY sold 6]"]
    assert heard.uncounted == ["MULTI", "queue DECRBY left 6", "queue INCRBY sold 6"]
    assert not heard.outstanding


def test_a_refused_multi_queues_nothing() -> None:
    heard = play_every_split(RESP, [("c", command("MULTI")), ("s", b"-NOAUTH no\r\n"), ("c", command("GET", "a"))])
    assert heard.counted == ["GET a"]


def test_discard_ends_a_transaction_and_a_nested_multi_does_not() -> None:
    nested = [("c", command("MULTI") + command("MULTI")), ("s", b"+OK\r\n-ERR nested\r\n"), ("c", command("INCR", "a"))]
    assert play_every_split(RESP, nested).counted == []
    ended = [*nested, ("c", command("DISCARD") + command("INCR", "b"))]
    assert play_every_split(RESP, ended).counted == ["INCR b"]


@pytest.mark.parametrize(
    "words",
    [
        ("HELLO", "3"),
        ("auth", "s3cret"),
        ("CLIENT", "SETINFO", "lib-name", "x"),
        ("SELECT", "1"),
        ("PING",),
        ("ECHO", "x"),
        ("COMMAND",),
        ("INFO",),
        ("CONFIG", "GET", "save"),
        ("SCRIPT", "FLUSH"),
        ("FUNCTION", "LOAD", "x"),
        ("UNWATCH",),
        ("DISCARD",),
        ("RESET",),
        ("QUIT",),
        ("MULTI",),
    ],
)
def test_commands_about_the_connection_are_not_counted(words: tuple[str, ...]) -> None:
    heard = play_every_split(RESP, [("c", command(*words)), ("s", b"+OK\r\n")])
    assert heard.counted == []
    assert heard.uncounted
    assert not heard.outstanding


def test_evalsha_that_is_not_there_and_eval_are_two_requests() -> None:
    turns = [
        ("c", command("EVALSHA", "abc", "1", "show")),
        ("s", b"-NOSCRIPT No matching script.\r\n"),
        ("c", command("EVAL", "return  redis.call('GET',\n KEYS[1])", "1", "show")),
        ("s", b"$-1\r\n"),
    ]
    heard = play_every_split(RESP, turns)
    assert heard.counted == ["EVALSHA abc 1 show", "EVAL \"return redis.call('GET', KEYS[1])\" 1 show"]
    assert len(heard.answers) == 2


@pytest.mark.parametrize(
    "words",
    [
        ("AUTH", "user", "hunter2"),
        ("HELLO", "3", "AUTH", "user", "hunter2"),
        ("CONFIG", "SET", "requirepass", "hunter2"),
        ("ACL", "SETUSER", "bob", "on", ">hunter2", "<hunter2"),
        ("MIGRATE", "h", "1", "k", "0", "10", "AUTH2", "bob", "hunter2"),
    ],
)
@pytest.mark.parametrize("queued", [False, True])
def test_secrets_never_show(words: tuple[str, ...], queued: bool) -> None:
    before, after = (command("MULTI"), command("EXEC")) if queued else (b"", b"")
    heard = play_every_split(RESP, [("c", before + command(*words) + after)])
    assert "hunter2" not in str(heard.units)
    assert "hunter2" not in str(play(RESP, [("c", b"AUTH hunter2\r\n")], single).units)


def test_inline_commands_and_empty_lines() -> None:
    turns = [
        ("c", b"\r\nset k 'a b'\r\n*0\r\n" + command("GET", "k") + b"PING\n"),
        ("s", b"+OK\r\n$3\r\na b\r\n+PONG\r\n"),
    ]
    heard = play_every_split(RESP, turns)
    assert heard.counted == ['SET k "a b"', "GET k"]
    assert heard.uncounted == ["PING"]
    assert not heard.outstanding


def test_pushes_answer_nothing_and_attributes_belong_to_the_next_value() -> None:
    turns = [
        ("c", command("GET", "a") + command("GET", "b")),
        ("s", b">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\na\r\n"),
        ("s", b"|1\r\n+ttl\r\n:3\r\n|0\r\n$1\r\nx\r\n>1\r\n+message\r\n"),
    ]
    heard = play_every_split(RESP, turns)
    assert heard.outstanding == ["GET b"]
    assert [text for _, text in heard.answers] == ["GET a"]


@pytest.mark.parametrize(
    "value",
    [
        b"*2\r\n*2\r\n:1\r\n*0\r\n%2\r\n+a\r\n:1\r\n+b\r\n~1\r\n#t\r\n",
        b"*2\r\n|1\r\n+k\r\n*1\r\n:9\r\n:1\r\n:2\r\n",
        b"*-1\r\n",
        b"$-1\r\n",
        b"_\r\n",
        b",1.5\r\n",
        b"(123456789012345678901234567890\r\n",
        b"=5\r\ntxt:x\r\n",
        b"!5\r\nERR x\r\n",
        b"*?\r\n:1\r\n*1\r\n:2\r\n.\r\n",
        b"%?\r\n+a\r\n:1\r\n.\r\n",
        b"$?\r\n;3\r\nabc\r\n;1\r\nd\r\n;0\r\n",
        b"|?\r\n+a\r\n:1\r\n.\r\n+value\r\n",
        b"*1\r\n$?\r\n;0\r\n",
        b"$0\r\n\r\n",
        b"$4\r\n\r\n\r\n\r\n",
    ],
)
def test_every_value_is_exactly_one_answer(value: bytes) -> None:
    heard = play_every_split(RESP, [("c", command("GET", "a") + command("GET", "b")), ("s", value)])
    assert heard.answers == [(len(value), "GET a")]
    assert heard.outstanding == ["GET b"]
    assert not heard.opaque


def test_resp3_subscriptions_are_answered_by_their_push() -> None:
    turns = [
        ("c", command("GET", "a") + command("SUBSCRIBE", "news", "more") + command("GET", "b")),
        ("s", b"$-1\r\n>3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n>3\r\n$9\r\nsubscribe\r\n$4\r\nmore\r\n:2\r\n"),
        ("s", b">3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$2\r\nhi\r\n"),
    ]
    heard = play_every_split(RESP, turns)
    assert heard.counted == ["GET a", "SUBSCRIBE news more", "GET b"]
    assert heard.outstanding == ["GET b"]


@pytest.mark.parametrize(
    ("words", "reply"),
    [(("SUBSCRIBE", "news"), b"*3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n"), (("MONITOR",), b"+OK\r\n")],
)
def test_in_resp2_a_subscriber_is_counted_and_no_longer_matched(words: tuple[str, ...], reply: bytes) -> None:
    turns = [
        ("c", command(*words)),
        ("s", reply + b"*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$2\r\nhi\r\n"),
        ("c", command("SUBSCRIBE", "more") + command("PING")),
        ("s", b"anything at all, \xff\x00"),
    ]
    heard = play_every_split(RESP, turns)
    assert heard.counted == [" ".join(words), "SUBSCRIBE more"]
    assert not heard.outstanding
    assert not heard.opaque


def test_a_refused_subscription_is_answered_by_its_error() -> None:
    turns = [("c", command("SUBSCRIBE", "x") + command("GET", "a")), ("s", b"-NOPERM no\r\n$-1\r\n")]
    assert [text for _, text in play_every_split(RESP, turns).answers] == ["SUBSCRIBE x", "GET a"]


def test_client_reply_off_and_skip_are_not_waited_for() -> None:
    turns = [
        ("c", command("CLIENT", "REPLY", "SKIP") + command("INCR", "a") + command("INCR", "b")),
        ("s", b":1\r\n"),
        ("c", command("CLIENT", "REPLY", "OFF") + command("INCR", "c") + command("CLIENT", "REPLY", "SKIP")),
        ("c", command("INCR", "d") + command("client", "reply", "on") + command("INCR", "e")),
        ("s", b"+OK\r\n"),
    ]
    heard = play_every_split(RESP, turns)
    assert heard.counted == ["INCR a", "INCR b", "INCR c", "INCR d", "INCR e"]
    assert [text for _, text in heard.answers] == ["INCR b", "CLIENT reply on"]
    assert heard.outstanding == ["INCR e"]


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"*2\r\n+GET\r\n",
        b"*99999999999\r\n",
        b"*1\r\n$99999999999\r\n",
        b"*1\r\n$3\r\nGETxx",
        b"*x\r\n",
        b'{"json": 1}\n',
        b"a" * 70_000,
    ],
)
def test_garbage_of_the_client_passes_untouched_and_uncounted(garbage: bytes) -> None:
    turns = [
        ("c", command("GET", "a")),
        ("c", garbage + command("GET", "b")),
        ("s", b"$-1\r\n-ERR Protocol error\r\n\x00"),
    ]
    for cut in (whole, shreds(1), shreds(2, 5000)):
        heard = play(RESP, turns, cut)
        assert heard.to_server == b"".join(data for who, data in turns if who == "c")
        assert heard.to_client == turns[2][1]
        assert heard.counted == ["GET a"]
        assert heard.opaque
        assert not heard.outstanding


@pytest.mark.parametrize(
    "garbage", [b"HTTP/1.1 400 Bad\r\n", b"$x\r\n", b".\r\n", b";3\r\nabc\r\n", b"$1\r\nabc", b"*1\r\n" * 500]
)
def test_garbage_of_the_server_turns_both_directions_opaque(garbage: bytes) -> None:
    turns = [("c", command("GET", "a") + b"*2\r\n$3\r\nGE"), ("s", garbage), ("c", b"T\r\n$1\r\nb\r\n"), ("s", b"rest")]
    for cut in (whole, single, shreds(3)):
        heard = play(RESP, turns, cut)
        assert heard.to_server == command("GET", "a") + command("GET", "b")
        assert heard.to_client == garbage + b"rest"
        assert heard.counted == ["GET a"]
        assert heard.opaque
        assert not heard.outstanding


def test_nothing_of_a_request_is_given_before_its_end_has_come() -> None:
    raw = command("SET", "key", "value")
    for at in range(1, len(raw)):
        assert RESP().client(raw[:at]) == []
    assert [piece.data for piece in RESP().client(raw + raw[:-1])] == [raw]


def test_half_a_request_is_not_lost_when_the_client_ends() -> None:
    half = RESP()
    assert half.client(b"*2\r\n$3\r\nGET\r\n$1") == []
    assert [(piece.data, piece.unit) for piece in half.client_ended()] == [(b"*2\r\n$3\r\nGET\r\n$1", None)]


def test_a_request_of_megabytes_streams_in_linear_time() -> None:
    value = bytes(range(256)) * (8 << 12)  # 8 MiB
    raw = command("SET", "big", value) + command("GET", "big")
    reply = b"+OK\r\n$%d\r\n%s\r\n" % (len(value), value)
    started = time.process_time()
    heard = play(
        RESP, [("c", raw), ("s", reply)], lambda data: [data[at : at + 4096] for at in range(0, len(data), 4096)]
    )
    assert time.process_time() - started < 2
    assert heard.to_server == raw
    assert heard.to_client == reply
    assert [at for at, _, _ in heard.units] == [0, raw.index(command("GET", "big"))]
    assert heard.units == play(RESP, [("c", raw), ("s", reply)], whole).units
    assert [text[:12] for _, text in heard.answers] == ['SET big "\\x0', "GET big"]
    early = RESP()
    assert sum(len(piece.data) for piece in early.client(raw[: 2 << 20])) == 2 << 20, "it was held back"


def test_labels_are_short() -> None:
    heard = play(
        RESP, [("c", command("MSET", *(["key", "v" * 50] * 100))), ("c", command("SET", "k", "é" * 5000))], whole
    )
    assert all(len(text) == 400 and text.endswith("…") for text in heard.counted)
    assert play(RESP, [("c", command("MGET", *([""] * 5000)))], whole).counted[0].startswith('MGET "" ""')


_words = st.lists(st.binary(max_size=12), max_size=4)
_names = st.sampled_from(
    ["GET", "SET", "MULTI", "EXEC", "WATCH", "PING", "AUTH", "SUBSCRIBE", "DISCARD", "EVAL", "CLIENT"]
)
_commands = st.lists(st.builds(lambda name, words: command(name, *words), _names, _words), min_size=1, max_size=8)
_scalars = st.sampled_from(
    [b":1\r\n", b"+OK\r\n", b"$3\r\n\r\n.\r\n", b"-ERR\r\n", b"_\r\n", b"#t\r\n", b"*0\r\n", b"$-1\r\n"]
)
_values = st.recursive(
    _scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4).map(lambda parts: b"*%d\r\n" % len(parts) + b"".join(parts)),
        st.lists(inner, max_size=4).map(lambda parts: b"*?\r\n" + b"".join(parts) + b".\r\n"),
        st.tuples(inner, inner, inner).map(lambda parts: b"|1\r\n" + b"".join(parts)),
        st.tuples(inner, inner).map(lambda parts: b"%1\r\n" + b"".join(parts)),
        inner.map(lambda part: b">2\r\n+x\r\n" + part),
    ),
    max_leaves=12,
)


@settings(max_examples=60, deadline=None)
@given(_commands, st.lists(_values, max_size=8), st.integers(0, 1 << 30), st.integers(1, 60))
def test_boundaries_do_not_depend_on_the_cuts(
    commands: list[bytes], values: list[bytes], seed: int, longest: int
) -> None:
    turns = [("c", b"".join(commands)), ("s", b"".join(values)), ("c", b"".join(commands))]
    expected = play(RESP, turns, whole)
    assert expected.to_server == turns[0][1] * 2
    assert expected.to_client == turns[1][1]
    assert_alike(play(RESP, turns, shreds(seed, longest)), expected)


@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=60), st.binary(max_size=60), st.integers(1, 60))
def test_any_bytes_pass(client: bytes, server: bytes, at: int) -> None:
    turns = [("c", client), ("s", server), ("c", client)]
    heard = play(RESP, turns, halves(at))
    assert heard.to_server == client * 2
    assert heard.to_client == server

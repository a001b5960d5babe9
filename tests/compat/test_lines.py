"""Which lines say the same: names, volatile numbers, learned numbers, and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compat.lines import Masks, plain_key

SAME = [
    ("<Task at 0x7f21aa00>", "<Task at 0x7f99bb00>"),
    ("took 0.501 s", "took 0.498 s"),
    ("elapsed: 1.2e-05", "elapsed: 3.4e-05"),
    ("done in 12 ms", "done in 3 ms"),
    ("1203 messages per second", "988 messages per second"),
    ("12,345 req/s", "9,345 req/s"),
    ("at 12:01:33,044 hello", "at 12:01:35,144 hello"),
    ("2024-01-01 10:00:00 INFO x", "2025-11-20 10:00:01.5 INFO x"),
    ("[0.10] first", "[0.11] first"),
    ("0.10: first", "0.11: first"),
    ("peer ('127.0.0.1', 40112)", "peer ('127.0.0.1', 51922)"),
    ("connected to 127.0.0.1:40112", "connected to 127.0.0.1:51922"),
    ("listening on port 40112", "listening on port 51922"),
    ("worker pid=1234", "worker pid=99321"),
    ("id 140234923423", "id 994023492342"),
    ("/tmp/tmpab12/x", "/tmp/tmpcd34/y"),
    ("<class 'asyncio.queues.Queue'>", "<class 'miniloop.sync.queues.Queue'>"),
    ("<class 'asyncio.unix_events._UnixSelectorEventLoop'>", "<class 'uvloop.Loop'>"),
    ("'asyncio.unix_events._UnixSelectorEventLoop'", "'miniloop.eventloop.EventLoop'"),
    ("module 'asyncio' has no x", "module 'miniloop' has no x"),
    ("<_SelectorSocketTransport fd=6 read=idle>", "<SocketTransport fd=7 read=idle>"),
    ("<_UnixReadPipeTransport closed>", "<ReadPipeTransport closed>"),
    ("asyncio.sslproto._SSLProtocolTransport", "miniloop.net.tls_transport.SSLTransport"),
]  # fmt: skip
OTHER = [
    ("worker 1 done", "worker 2 done"),
    ("total 41", "total 42"),
    ("mean 3.14", "mean 2.72"),
    ("Task-1", "Task-2"),
    ("result: [1, 2]", "result: [2, 1]"),
    ("<class 'asyncio.queues.Queue'>", "<class 'miniloop.sync.locks.Lock'>"),
    ("hello", "hello "),
    ("<MyTransport>", "<SocketTransport>"),
    ("wait 3 seconds", "wait 4 seconds"),
]


@pytest.mark.parametrize(("left", "right"), SAME)
def test_lines_that_say_the_same(left: str, right: str) -> None:
    assert plain_key(left) == plain_key(right)


@pytest.mark.parametrize(("left", "right"), OTHER)
def test_lines_that_do_not(left: str, right: str) -> None:
    assert plain_key(left) != plain_key(right)


def test_a_number_that_varies_between_runs_is_learned() -> None:
    masks = Masks()
    masks.learn([["got 3 of 10", "end"], ["got 4 of 10", "end"], ["got 5 of 10", "end"]])
    assert masks.key("got 7 of 10") == masks.key("got 3 of 10")
    assert masks.key("got 7 of 11") != masks.key("got 3 of 10")


def test_lines_that_only_change_places_teach_nothing() -> None:
    masks = Masks()
    masks.learn([["worker 1", "worker 2"], ["worker 2", "worker 1"]])
    assert masks.key("worker 1") != masks.key("worker 2")


words = st.text(st.characters(codec="utf-8", exclude_characters="\n"), max_size=40)


@given(st.lists(words, max_size=6))
def test_equal_runs_teach_nothing_and_keys_never_fail(lines: list[str]) -> None:
    masks = Masks()
    masks.learn([lines, list(reversed(lines)), lines])
    assert [masks.key(line) for line in lines] == [plain_key(line) for line in lines]


@given(st.integers(0, 10**8 - 1), st.integers(0, 10**8 - 1))
def test_a_plain_whole_number_is_never_masked(left: int, right: int) -> None:
    assert (plain_key(f"count {left}") == plain_key(f"count {right}")) == (left == right)

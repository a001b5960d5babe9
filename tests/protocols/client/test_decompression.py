"""Content codings: what was put in comes out, in bounded pieces, or it is an error."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.client import Client, DecodingFailed, Limits, TooLarge
from protocols.client.decompression import PIECE, decoder_for

from ..loops import Run
from .servers import Peer, reply, scripted


def bare(data: bytes) -> bytes:
    """Deflate without zlib's frame, as some servers do."""
    compressor = zlib.compressobj(wbits=-15)
    return compressor.compress(data) + compressor.flush()


CODINGS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "x-gzip": lambda data: gzip.compress(data[:5]) + gzip.compress(data[5:]),
    "deflate": zlib.compress,
    "Deflate": bare,
    "identity": bytes,
    "deflate, gzip": lambda data: gzip.compress(zlib.compress(data)),
}


def decode(coding: str, data: bytes, cuts: list[int]) -> bytes:
    """Decode *data*, cut in pieces."""
    decoder = decoder_for([coding])
    if decoder is None:
        return data
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    parts = [data[start:end] for start, end in pairwise(places)]
    out = b"".join(piece for part in parts for piece in decoder.decode(part))
    decoder.finish()
    return out


@pytest.mark.parametrize("coding", CODINGS)
@given(data=st.binary(max_size=300), cuts=st.lists(st.integers(0, 1000), max_size=8))
def test_what_was_coded_comes_out_wherever_it_is_cut(
    coding: str, data: bytes, cuts: list[int]
) -> None:
    assert decode(coding, CODINGS[coding](data), cuts) == data


@pytest.mark.parametrize("coding", ["gzip", "deflate", "deflate, gzip"])
@given(data=st.binary(min_size=1, max_size=100), cut=st.integers(1, 1000))
def test_a_body_that_ends_early_is_noticed(coding: str, data: bytes, cut: int) -> None:
    coded = CODINGS[coding](data)
    with pytest.raises(DecodingFailed):
        decode(coding, coded[: max(1, len(coded) - cut)], [])


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
@given(data=st.binary(min_size=20, max_size=50))
def test_rubbish_is_decoded_to_an_error_and_nothing_else(coding: str, data: bytes) -> None:
    decoder = decoder_for([coding])
    assert decoder is not None
    try:
        for _ in decoder.decode(data):
            pass
        decoder.finish()
    except DecodingFailed:
        pass


def test_a_bomb_goes_off_a_piece_at_a_time() -> None:
    bomb = gzip.compress(gzip.compress(bytes(200_000_000), 9), 9)
    decoder = decoder_for(["gzip, gzip"])
    assert decoder is not None
    tracemalloc.start()
    size = 0
    for piece in decoder.decode(bomb):
        assert len(piece) <= PIECE
        size += len(piece)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size == 200_000_000
    assert peak < 1_500_000, f"{peak} bytes for a body of {len(bomb)}"


def test_what_is_unknown_stays_and_too_much_is_refused() -> None:
    assert decoder_for(["br"]) is None
    assert decoder_for([""]) is None
    with pytest.raises(DecodingFailed):
        decoder_for(["gzip"] * 4)


def test_the_limit_of_a_body_counts_what_it_inflates_to(run: Run) -> None:
    async def script(peer: Peer) -> None:
        while True:
            head, _ = await peer.request()
            assert b"gzip, deflate" in head
            size = int(head.split()[1][1:])
            peer.send(reply(gzip.compress(bytes(size)), "Content-Encoding: gzip"))

    async def main() -> None:
        limits = Limits(body_bytes=1_000_000)
        async with scripted(script) as served, Client(limits=limits) as client:
            assert len((await client.get(served.url + "/1000000")).content) == 1_000_000
            with pytest.raises(TooLarge):
                await client.get(served.url + "/1000001")
            async with client.stream("GET", served.url + "/100") as response:
                raw = b"".join([piece async for piece in response.iter_raw()])
            assert gzip.decompress(raw) == bytes(100)

    run(main())

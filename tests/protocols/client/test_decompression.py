"""Content codings: what was put in comes out, in bounded pieces, or it is an error."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib
from collections.abc import Callable
from itertools import pairwise

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from protocols.client import Client, DecodingFailed, Limits, TooLarge, codings
from protocols.client.decompression import ACCEPTED, PIECE, Decoder, decoder_for

from ..loops import Run
from .servers import Peer, reply, scripted

brotli = pytest.importorskip("brotli")


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
    "br": brotli.compress,
    "zstd": zstandard.compress,
    "zstd by zstandard": lambda data: zstandard.compress(data[:5]) + zstandard.compress(data[5:]),
    "gzip, br, zstd": lambda data: zstandard.compress(brotli.compress(gzip.compress(data))),
}
SINGLE = ["gzip", "deflate", "br", "zstd", "zstd by zstandard"]


def decoder_of(coding: str) -> Decoder | None:
    """Return what undoes *coding*; by zstandard even where there is something better."""
    if coding == "zstd by zstandard":
        return Decoder([codings.SlicedZstd(zstandard)])
    return decoder_for([coding])


def decode(coding: str, data: bytes, cuts: list[int]) -> bytes:
    """Decode *data*, cut in pieces."""
    decoder = decoder_of(coding)
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


@pytest.mark.parametrize("coding", [*SINGLE[:-1], "deflate, gzip", "gzip, br, zstd"])
@given(data=st.binary(min_size=1, max_size=100), cut=st.integers(1, 1000))
def test_a_body_that_ends_early_is_noticed(coding: str, data: bytes, cut: int) -> None:
    coded = CODINGS[coding](data)
    with pytest.raises(DecodingFailed):
        decode(coding, coded[: max(1, len(coded) - cut)], [])


@pytest.mark.parametrize("coding", SINGLE)
@given(data=st.binary(min_size=20, max_size=50))
def test_rubbish_is_decoded_to_an_error_and_nothing_else(coding: str, data: bytes) -> None:
    decoder = decoder_of(coding)
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


SIZE = 50_000_000


def brotli_bomb() -> bytes:
    bomb: bytes = brotli.compress(bytes(SIZE), quality=3)
    return bomb


BOMBS: dict[str, Callable[[], bytes]] = {
    "br": brotli_bomb,
    "zstd": lambda: zstandard.compress(bytes(SIZE)),
    "zstd by zstandard": lambda: zstandard.compress(bytes(SIZE)),
    "br, zstd": lambda: zstandard.compress(brotli_bomb()),
}


@pytest.mark.parametrize("coding", BOMBS)
def test_every_coding_s_bomb_goes_off_a_piece_at_a_time(coding: str) -> None:
    """What comes out is bounded; how much a decoder keeps by itself only its module knows."""
    bomb = BOMBS[coding]()
    decoder = decoder_of(coding)
    assert decoder is not None
    tracemalloc.start()
    pieces = decoder.decode(bomb)
    size = longest = 0
    for piece in pieces:
        size += len(piece)
        longest = max(longest, len(piece))
    decoder.finish()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size == SIZE
    assert longest <= PIECE
    assert peak < 12_000_000, f"{peak} bytes for a body of {len(bomb)}"


def test_zstd_that_wants_a_large_window_is_refused() -> None:
    parameters = zstandard.ZstdCompressionParameters(window_log=27)
    compressor = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    coded = compressor.compress(b"abc") + compressor.flush()  # of unknown size: 128 MiB of window
    for coding in ("zstd", "zstd by zstandard"):
        with pytest.raises(DecodingFailed):
            decode(coding, coded, [])


def test_only_what_can_be_undone_is_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ACCEPTED == "gzip, deflate, br, zstd"
    monkeypatch.setattr(codings, "available", lambda name: None)
    assert list(codings._codings()) == ["gzip", "deflate"]
    only = zstandard
    monkeypatch.setattr(codings, "available", lambda name: only if name == "zstandard" else None)
    found = codings._codings()
    assert list(found) == ["gzip", "deflate", "zstd"]
    assert isinstance(found["zstd"](), codings.SlicedZstd)


def test_what_is_unknown_stays_and_too_much_is_refused() -> None:
    assert decoder_for(["compress"]) is None
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

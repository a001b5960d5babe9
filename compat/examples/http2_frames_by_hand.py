"""HTTP/2 spoken by hand: every frame between us and a server, in words.

Teaches: after a preface both sides send frames, each with a type, a stream's number, flags and a
payload; stream 0 is the connection. Settings are announced and acknowledged. Headers are packed
by a table that both sides keep. Who sends DATA needs credit, for stream and connection.
Look for: ours begin with `>`. The second request is much shorter. Credit of 10 bytes cuts an
answer into three. A reset ends one stream, a frame against the rules the whole connection.
"""

import asyncio

from hpack import Decoder, Encoder
from hyperframe import frame as h2
from hyperframe.frame import Frame

from protocols.http.handlers import Request, Response
from protocols.http.server import serve

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SETTINGS = {value: name for name, value in vars(h2.SettingsFrame).items() if name.isupper()}
SETTINGS[9] = "NO_RFC7540_PRIORITIES"  # RFC 9218
ERRORS = {0: "NO_ERROR", 1: "PROTOCOL_ERROR", 8: "CANCEL"}


async def handle(request: Request) -> Response:
    """Greet, or wait until nobody waits any more."""
    if request.path == "/forever":
        await request.disconnected()
    name = (await request.body()).decode() or "whoever it is"
    return Response(f"hello, {name}!\n")


class Speaker:
    """One side of a connection: says frames, hears frames, and prints both."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.encoder, self.ours, self.theirs = Encoder(), Decoder(), Decoder()

    def say(self, *frames: Frame) -> None:
        """Send frames."""
        for frame in frames:
            data = frame.serialize()
            print(f"  > {self.words(frame, self.ours)}  ({len(data)} bytes)")
            self.writer.write(data)

    async def hear(self, kind: type[Frame], flag: str = "") -> None:
        """Print what comes, up to a frame of that kind, with that flag, or to the end."""
        while head := await self.reader.read(9):
            head += await self.reader.readexactly(9 - len(head))
            frame, length = Frame.parse_frame_header(memoryview(head))
            frame.parse_body(memoryview(await self.reader.readexactly(length)))
            print(f"  < {self.words(frame, self.theirs)}")
            if isinstance(frame, kind) and (not flag or flag in frame.flags):
                return
        print("  < the end")

    def words(self, frame: Frame, decoder: Decoder) -> str:
        """Describe a frame."""
        says = ""
        match frame:
            case h2.SettingsFrame():
                says = ", ".join(f"{SETTINGS[key]} {frame.settings[key]}" for key in frame.settings)
            case h2.HeadersFrame():
                fields = [f"{key!s} {value!s}" for key, value in decoder.decode(frame.data)]
                says = ", ".join(field for field in fields if not field.startswith("date "))
            case h2.DataFrame() | h2.PingFrame():
                says = repr(frame.data if isinstance(frame, h2.DataFrame) else frame.opaque_data)
            case h2.WindowUpdateFrame():
                says = f"+{frame.window_increment}"
            case h2.RstStreamFrame() | h2.GoAwayFrame():
                says = ERRORS[frame.error_code]
        name = type(frame).__name__.removesuffix("Frame")
        return " ".join([name, str(frame.stream_id), *sorted(frame.flags), says]).rstrip()

    def request(self, stream: int, method: str, path: str, end: bool = True) -> h2.HeadersFrame:
        """Return the frame of a request's head."""
        fields = [(":method", method), (":scheme", "http"), (":authority", "example.org")]
        fields += [(":path", path), ("user-agent", "a person with a keyboard")]
        flags = ["END_HEADERS", "END_STREAM"] if end else ["END_HEADERS"]
        return h2.HeadersFrame(stream, self.encoder.encode(fields), flags=flags)


async def converse(we: Speaker) -> None:
    """Say something of each kind."""
    print("greetings:")
    we.writer.write(PREFACE)
    we.say(h2.SettingsFrame(0, {h2.SettingsFrame.INITIAL_WINDOW_SIZE: 10}))
    await we.hear(h2.SettingsFrame, "ACK")
    we.say(h2.SettingsFrame(0, flags=["ACK"]), h2.PingFrame(0, b"are you?"))
    await we.hear(h2.PingFrame)
    print("a request, and credit for its answer:")
    we.say(we.request(1, "GET", "/"))
    await we.hear(h2.DataFrame)
    for _ in range(2):
        we.say(h2.WindowUpdateFrame(1, 10))
        await we.hear(h2.DataFrame)
    print("another one, with a body:")
    we.say(we.request(3, "POST", "/", end=False), h2.WindowUpdateFrame(3, 1000))
    we.say(h2.DataFrame(3, b"anna"), h2.DataFrame(3, b"bella", flags=["END_STREAM"]))
    await we.hear(h2.DataFrame, "END_STREAM")
    print("one that is taken back:")
    we.say(we.request(5, "GET", "/forever"), h2.RstStreamFrame(5, 8), h2.PingFrame(0, b"go on?!?"))
    await we.hear(h2.PingFrame)
    print("a body for a stream that is none:")
    we.say(h2.DataFrame(7, b"?"))
    await we.hear(Frame, "no flag of this name")


async def main() -> None:
    """Serve on a free port, and speak with the server."""
    async with await serve(handle, "127.0.0.1") as server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        await converse(Speaker(reader, writer))
        writer.close()
        await writer.wait_closed()


if __name__ == "__main__":
    asyncio.run(main())

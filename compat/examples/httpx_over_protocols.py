"""httpx on this checkout's client: its cookies, logins and forms over our connections.

Teaches: httpx divides the work. What is about requests, it does itself: cookies, authentication,
redirects, forms, decoding; a transport brings a request to a server and an answer back. Ours is
the client of `protocols`, with its pool and its HTTP/2.
Look for: the cookie of the login is sent along from then on; the digest login asks twice the
first time and once later; the errors are httpx's own.
"""

import asyncio
import gzip
import hashlib
from urllib.parse import parse_qs
from urllib.request import parse_keqv_list

import httpx

from protocols.client.httpx_transport import HttpxTransport
from protocols.http.handlers import Request, Response
from protocols.http.server import serve

log: list[str] = []  # what the server was asked
NONCE = "once"


def hashed(*parts: str) -> str:
    """Return what the digest login calls H (RFC 7616)."""
    return hashlib.sha256(":".join(parts).encode()).hexdigest()


def knows_the_password(request: Request) -> bool:
    """Tell whether a request proves that, without saying it."""
    kind, _, said = request.header("authorization").partition(" ")
    if kind != "Digest":
        return False
    word = parse_keqv_list(said.split(", "))
    secret = hashed("ann", "safe", "secret")
    question = hashed(request.method, request.target)
    expected = hashed(secret, NONCE, word["nc"], word["cnonce"], word["qop"], question)
    return word["response"] == expected


async def handle(request: Request) -> Response:
    """A shop with a login, a safe, and a counter for parcels."""
    if request.path == "/never":
        await request.disconnected()
    log.append(f"{request.method} {request.path}")
    match request.path:
        case "/login":
            name = parse_qs((await request.body()).decode())["name"][0]
            cookie = ("set-cookie", f"user={name}; Path=/; HttpOnly")
            return Response("see there", 303, [("location", "/basket"), cookie])
        case "/basket":
            return Response(f"basket of {request.header('cookie') or 'nobody'}")
        case "/safe" if not knows_the_password(request):
            asking = f'Digest realm="safe", nonce="{NONCE}", qop="auth", algorithm=SHA-256'
            return Response("who are you?", 401, [("www-authenticate", asking)])
        case "/safe":
            return Response(gzip.compress(b"gold" * 1000), headers=[("content-encoding", "gzip")])
        case "/parcel":
            body = await request.body()
            kind = request.header("content-type").partition(";")[0]
            return Response(f"{kind} with {body.count(b'filename=')} file")
    return Response("nothing there", 404)


async def visit(client: httpx.AsyncClient) -> None:
    """Use what httpx has and a transport has not."""
    response = await client.get("/basket")
    print(f"{response.http_version}: {response.text}")
    response = await client.post("/login", data={"name": "ann"})
    print("after a redirect:", response.text, "-", [one.status_code for one in response.history])
    print("from now on:", (await client.get("/basket")).text)
    login = httpx.DigestAuth("ann", "secret")
    for _ in range(2):
        response = await client.get("/safe", auth=login)
        packed = response.num_bytes_downloaded
        print(f"safe: {response.status_code}, {len(response.text)} bytes, packed {packed < 1000}")
    response = await client.get("/safe", auth=httpx.DigestAuth("ann", "guess"))
    print("with a guess:", response.status_code, response.text)
    response = await client.post("/parcel", files={"photo": ("sea.png", bytes(100_000))})
    print("form:", response.text)
    async with client.stream("GET", "/basket") as response:
        print("streamed:", b"".join([piece async for piece in response.aiter_bytes()]))
    print("asked:", *log, sep="\n  ")
    log.clear()
    try:
        await client.get("/never", timeout=httpx.Timeout(30, read=0.05))
    except httpx.ReadTimeout as error:
        print("too late:", type(error).__name__)


async def main() -> None:
    """Serve a shop on a free port, and be its customer, over HTTP/1.1 and HTTP/2."""
    async with await serve(handle, "127.0.0.1") as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        for prior_knowledge in (False, True):
            transport = HttpxTransport(prior_knowledge=prior_knowledge)
            client = httpx.AsyncClient(transport=transport, base_url=url, follow_redirects=True)
            async with client:
                await visit(client)
    async with httpx.AsyncClient(transport=HttpxTransport(), base_url=url) as client:
        try:
            await client.get("/basket")
        except httpx.ConnectError as error:
            print("closed:", type(error).__name__)


if __name__ == "__main__":
    asyncio.run(main())

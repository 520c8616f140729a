"""The other side of io_test: a WebSocket and HTTP server on raw sockets, standard library only.

usage: io_peer.py DIR    DIR holds good.pem wrong.pem expired.pem unknown.pem (key and certificate)

Prints one line "plain PORT good PORT wrong PORT expired PORT unknown PORT" and serves until its
standard input closes. What it does with a connection is said by the path of the request.
"""

import asyncio
import contextlib
import base64
import hashlib
import ssl
import struct
import sys

connections = 0
requests = 0
closed = 0  # connections that the client closed while we were still answering


def frame(opcode, payload, final=True):
    head = bytes([(0x80 if final else 0) | opcode])
    n = len(payload)
    if n < 126:
        head += bytes([n])
    elif n < 65536:
        head += bytes([126]) + struct.pack("!H", n)
    else:
        head += bytes([127]) + struct.pack("!Q", n)
    return head + payload


async def read_frame(r):
    head = await r.readexactly(2)
    assert head[1] & 0x80, "a client must mask"
    n = head[1] & 0x7F
    if n == 126:
        (n,) = struct.unpack("!H", await r.readexactly(2))
    elif n == 127:
        (n,) = struct.unpack("!Q", await r.readexactly(8))
    mask = await r.readexactly(4)
    body = await r.readexactly(n)
    return head[0] & 0x0F, bytes(b ^ mask[i % 4] for i, b in enumerate(body))


async def echo(r, w):
    while True:
        opcode, body = await read_frame(r)
        if opcode == 8:
            w.write(frame(8, body))
            return
        if opcode == 1:
            w.write(frame(1, body))


last_goodbye = []  # what the client of /ws/goodbye said, close frames as hex


async def ws(r, w, path, arg, headers):
    if path == "/ws/silent":
        await r.read()
        return
    if path == "/ws/404":
        w.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
        return
    if path == "/ws/redirect":
        w.write(b"HTTP/1.1 302 Found\r\nLocation: /ws/echo\r\nContent-Length: 0\r\n\r\n")
        return
    key = headers["sec-websocket-key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
    accept = base64.b64encode(hashlib.sha1(key.encode()).digest()).decode()
    extra = ""
    if "sec-websocket-protocol" in headers:
        extra = "Sec-WebSocket-Protocol: " + headers["sec-websocket-protocol"] + "\r\n"
    assert "sec-websocket-extensions" not in headers
    w.write(
        (
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Accept: {accept}\r\n{extra}\r\n"
        ).encode()
    )
    if path == "/ws/echo":
        await echo(r, w)
    elif path == "/ws/host":
        w.write(frame(1, headers["host"].encode()))
        await r.read()
    elif path == "/ws/fragments":
        w.write(frame(1, b"one ", False) + frame(9, b"ping") + frame(0, b"two ", False))
        opcode, body = await read_frame(r)
        assert (opcode, body) == (10, b"ping")
        w.write(frame(0, b"three") + frame(1, b""))
        await r.read()
    elif path == "/ws/kinds":
        w.write(frame(2, b"a\x00b") + frame(1, b"text") + frame(2, b"one ", False))
        w.write(frame(9, b"ping") + frame(0, b"two") + frame(1, b"") + frame(2, b""))
        await r.read()
    elif path == "/ws/goodbye":
        last_goodbye.clear()
        try:
            while True:
                opcode, body = await read_frame(r)
                last_goodbye.append(body.hex() if opcode == 8 else body.decode())
                if opcode == 8:
                    w.write(frame(8, body))
        except asyncio.IncompleteReadError:
            pass
    elif path == "/ws/last-goodbye":
        w.write(frame(1, " ".join(last_goodbye).encode()))
        await r.read()
    elif path == "/ws/split":
        for b in frame(1, b"byte by byte"):
            w.write(bytes([b]))
            await w.drain()
            await asyncio.sleep(0.002)
        await r.read()
    elif path == "/ws/big":
        w.write(frame(1, b"x" * int(arg)))
        with contextlib.suppress(ConnectionError):
            await r.read()
    elif path == "/ws/half":
        # Half of a message; the rest, and more, when the client has said goodbye.
        whole = frame(1, b"x" * int(arg))
        w.write(whole[: len(whole) // 2])
        await w.drain()
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while (await read_frame(r))[0] != 8:
                pass
            w.write(whole[len(whole) // 2 :] + frame(1, b"y" * 65536) + frame(9, b"ping"))
            w.write(frame(2, b"z" * 65536) + frame(8, struct.pack("!H", 1000)))
            await w.drain()
            await r.read()
    elif path == "/ws/many":
        for i in range(int(arg)):
            w.write(frame(1, b"%06d" % i))
            if i % 100 == 0:
                await w.drain()
        await r.read()
    elif path == "/ws/close":
        w.write(frame(8, struct.pack("!H", int(arg)) + b"go away"))
        await r.read()
    elif path == "/ws/drop":
        await asyncio.sleep(0.05)
    elif path == "/ws/deaf":
        await asyncio.sleep(3600)


def chunk(body):
    return b"%x\r\n%s\r\n" % (len(body), body)


def whole(body, status="200 OK", extra=""):
    return (f"HTTP/1.1 {status}\r\n{extra}Content-Length: {len(body)}\r\n\r\n").encode() + body


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-Peer: Yes\r\n\r\n"


async def http(r, w, method, path, arg, headers, body):
    """True = the connection stays open."""
    global closed
    if path == "/hello":
        w.write(whole(b"hello", extra="X-Peer: Yes\r\n"))
        return True
    if path == "/empty":
        w.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        return True
    if path == "/say":
        w.write(whole(f"{method} {headers.get('x-ask', '')} ".encode() + body))
        return True
    if path == "/count":
        w.write(whole(f"{connections} {requests} {closed}".encode()))
        return True
    if path == "/retry":
        w.write(whole(b"", "429 Too Many", f"Retry-After: {arg.replace('_', ' ')}\r\n"))
        return True
    if path == "/date":
        w.write(whole(b"", extra=f"Date: {arg.replace('_', ' ')}\r\n"))
        return True
    if path == "/redirect":
        w.write(whole(b"", "302 Found", "Location: http://127.0.0.1:9/\r\n"))
        return True
    if path == "/split":
        for b in CHUNKED + chunk(b"line one\n") + chunk(b"line two\n") + chunk(b""):
            w.write(bytes([b]))
            await w.drain()
            await asyncio.sleep(0.001)
        return True
    if path == "/stall":
        w.write(CHUNKED + chunk(b"some"))
        await r.read()
        closed += 1
    elif path == "/silent":
        await r.read()
        closed += 1
    elif path == "/trickle":
        w.write(CHUNKED)
        while not r.at_eof():
            w.write(chunk(b"."))
            await w.drain()
            await asyncio.sleep(0.03)
    elif path == "/cut":
        w.write(CHUNKED + b"10\r\nonly half")
        await w.drain()
    elif path == "/short":
        w.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this")
        await w.drain()
    elif path == "/nothing":
        pass
    elif path == "/garbage":
        w.write(b"\x00\x01\x02 this is not HTTP\r\n\r\n")
        await w.drain()
    elif path == "/headers":
        w.write(b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: %s\r\n" % (i, b"y" * 1000)
            for i in range(100)) + b"\r\n")
        await w.drain()
    elif path == "/endless":
        w.write(CHUNKED)
        while True:
            w.write(chunk(b"z" * 16000))
            await w.drain()
    return False


async def serve(r, w):
    global connections, requests
    connections += 1
    try:
        while True:
            head = (await r.readuntil(b"\r\n\r\n")).decode()
            requests += 1
            first, *lines = head.split("\r\n")
            method, target, _ = first.split(" ")
            headers = {}
            for line in lines:
                if line:
                    name, value = line.split(":", 1)
                    headers[name.lower()] = value.strip()
            path, _, arg = target.partition("?")
            body = await r.readexactly(int(headers.get("content-length", 0)))
            if path.startswith("/ws/"):
                await ws(r, w, path, arg, headers)
                break
            if not await http(r, w, method, path, arg, headers, body):
                break
            await w.drain()
    except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
        pass
    finally:
        w.close()


async def main():
    said = []
    for name in ("plain", "good", "wrong", "expired", "unknown"):
        tls = None
        if name != "plain":
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            tls.load_cert_chain(f"{sys.argv[1]}/{name}.pem")
        server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
        said.append(f"{name} {server.sockets[0].getsockname()[1]}")
    print(" ".join(said), flush=True)
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    await reader.read()


asyncio.run(main())

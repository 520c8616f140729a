"""A paid model server for many turns: it fails at random, by a seed, and adds up its bill. Plain
asyncio, so that ten thousand turns take a minute; tests/stage/models.py is the strict one.

Every answer is written whole before its fate is drawn, so what may be said of a turn is known here:
`delivered` has the texts that went out with their terminator.
"""

import asyncio
import contextlib
import json
import random
import time

# What becomes of a call, and how often.
FATES = {"whole": 84, "503": 2, "500": 2, "429": 1, "reset": 2, "cut": 2, "unterminated": 1,
         "error-line": 1, "html": 1, "empty": 1, "stuck": 0.2, "silent": 0.2, "400": 1}


def json_line(value):
    return json.dumps(value).encode() + b"\n"


def event(value, name=None):
    head = f"event: {name}\n".encode() if name else b""
    return head + b"data: " + json.dumps(value).encode() + b"\n\n"


def stream_of(wire, pieces, usage):
    """An answer as this wire has it: its pieces, then what ends it."""
    if wire == "ollama":
        said = [json_line({"model": "tiny", "done": False,
                           "message": {"role": "assistant", "content": p}}) for p in pieces]
        return said, json_line({"model": "tiny", "done": True, "done_reason": "stop",
                                "message": {"role": "assistant", "content": ""},
                                "prompt_eval_count": usage[0], "eval_count": usage[1]})
    if wire == "openai":
        def chunk(delta, finish=None, **more):
            return event({"object": "chat.completion.chunk", "model": "tiny", **more, "choices": [
                {"index": 0, "delta": delta, "finish_reason": finish}]})
        told = {"prompt_tokens": usage[0], "completion_tokens": usage[1]}
        return ([chunk({"content": p}) for p in pieces],
                chunk({}, "stop", usage=told) + b"data: [DONE]\n\n")
    said = [event({"type": "content_block_delta", "index": 0,
                   "delta": {"type": "text_delta", "text": p}}, "content_block_delta")
            for p in pieces]
    begin = event({"type": "message_start", "message": {
        "model": "tiny", "usage": {"input_tokens": usage[0], "output_tokens": 0}}}, "message_start")
    return [begin + said[0], *said[1:]], (
        event({"type": "message_delta", "delta": {"stop_reason": "end_turn"},
               "usage": {"output_tokens": usage[1]}}, "message_delta")
        + event({"type": "message_stop"}, "message_stop"))


ERRORS = {"ollama": lambda text: json_line({"error": text}),
          "openai": lambda text: event({"error": {"message": text, "type": "server_error"}}),
          "anthropic": lambda text: event({"type": "error", "error": {
              "type": "api_error", "message": text}}, "error")}
WIRES = {"/api/chat": "ollama", "/v1/chat/completions": "openai", "/v1/messages": "anthropic"}


class Paid:
    """price: dollars for a million tokens in, and out."""

    def __init__(self, loop, name, seed, price=(0, 0), fates=None):
        self.loop, self.name, self.price = loop, name, price
        self.chance = random.Random(f"{name} {seed}")
        self.fates = fates or FATES
        self.calls = []             # one dict for each, in the order in which they came
        self.delivered = {}         # turn -> text that went out whole
        self.port = 0
        self._server = None

    def start(self):
        self.loop.run(self._start())
        return self

    async def _start(self):
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    def stop(self):
        self._server.close()

    @property
    def bill(self):
        """Millionths of a dollar."""
        return sum(call["bill"] for call in self.calls)

    async def _serve(self, reader, writer):
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while await self._serve_one(reader, writer):
                pass
        writer.transport.abort()

    async def _serve_one(self, reader, writer):
        """One request. False: the connection is over."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {k.lower(): v for k, v in (line.split(": ", 1) for line in head[1:] if line)}
        body = json.loads(await reader.readexactly(int(headers.get("content-length", 0))) or b"{}")
        path = head[0].split()[1]
        if path not in WIRES:       # a list of models: asked, not paid
            writer.write(self._plain(200, b'{"data":[{"id":"tiny"}],"models":[{"name":"tiny"}]}'))
            return True
        call = {"at": time.monotonic(), "turn": headers["x-request-id"], "server": self.name,
                "number": len(self.calls), "fate": self.chance.choices(
                    list(self.fates), list(self.fates.values()))[0], "bill": 0, "had_words": False}
        self.calls.append(call)
        return await self._answer(writer, WIRES[path], body, call)

    @staticmethod
    def _plain(status, body, kind="application/json"):
        return (f"HTTP/1.1 {status} x\r\nContent-Type: {kind}\r\n"
                f"Content-Length: {len(body)}\r\n\r\n").encode() + body

    async def _answer(self, writer, wire, body, call):
        fate, text = call["fate"], f"Answer {call['number']} of {self.name} is whole."
        if fate.isdigit():
            writer.write(self._plain(int(fate), b'{"error":{"message":"no","type":"api_error"}}'))
            return True
        if fate == "reset":
            return False
        # From here on it costs: the model has read the question, and writes.
        tokens_in = len(json.dumps(body)) // 6
        usage = (tokens_in, 9)
        self._charge(call, *usage)
        if fate == "html":
            writer.write(self._plain(200, b"<html>Bad gateway</html>", "text/html"))
            return True
        kind = "application/x-ndjson" if wire == "ollama" else "text/event-stream"
        pieces, end = stream_of(wire, [text[:7], text[7:15], text[15:]], usage)
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\n"
                     "Transfer-Encoding: chunked\r\n\r\n".encode())
        if fate == "silent":        # headers, and then nothing
            await self._until_gone(writer)
            return False
        if fate != "empty":
            call["had_words"] = True
            for piece in pieces if fate in ("whole", "unterminated") else pieces[:2]:
                self._chunk(writer, piece)
        if fate == "cut":
            return False
        if fate == "stuck":
            await self._until_gone(writer)
            return False
        if fate == "error-line":
            self._chunk(writer, ERRORS[wire]("the runner has stopped"))
        if fate == "whole":
            self._chunk(writer, end)
            self.delivered[call["turn"]] = text
        writer.write(b"0\r\n\r\n")
        await writer.drain()
        return True

    def _charge(self, call, tokens_in, tokens_out):
        call["bill"] = (tokens_in * self.price[0] + tokens_out * self.price[1])

    @staticmethod
    def _chunk(writer, data):
        writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    @staticmethod
    async def _until_gone(writer):
        await writer.drain()
        while not writer.transport.is_closing():
            await asyncio.sleep(0.02)

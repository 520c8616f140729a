"""Model servers: Ollama's /api/chat (NDJSON), OpenAI's /v1/chat/completions and Anthropic's
/v1/messages (SSE), with faults.

A plan says how the next answers go: Plan(text="...", fault="hang"). The last plan stays in force.
Requests are checked as the real servers would check them, and recorded.
"""

import asyncio
import dataclasses
import hashlib
import itertools
import json
import re

from aiohttp import web

from tests.stage.ports import free_port


# status -> type, code (ai-providers.md 2.4)
OPENAI_ERRORS = {400: ("invalid_request_error", None),
                 401: ("invalid_request_error", "invalid_api_key"),
                 402: ("insufficient_quota", "insufficient_quota"),
                 403: ("invalid_request_error", "unsupported_country_region_territory"),
                 404: ("invalid_request_error", "model_not_found"),
                 413: ("invalid_request_error", None), 422: ("invalid_request_error", None),
                 429: ("requests", "rate_limit_exceeded")}

# status -> type (ai-providers.md 3)
ANTHROPIC_ERRORS = {400: "invalid_request_error", 401: "authentication_error",
                    402: "billing_error", 403: "permission_error", 404: "not_found_error",
                    413: "request_too_large", 422: "invalid_request_error",
                    429: "rate_limit_error", 504: "timeout_error", 529: "overloaded_error"}


@dataclasses.dataclass
class Plan:
    text: object = "It is a fine day."  # or a function of the request's last user message
    status: int = 200
    refusal: str = "no"         # the sentence of an answer that is not 200
    headers: dict = dataclasses.field(default_factory=dict)
    delay: float = 0            # before the first byte
    pace: float = 0             # between pieces
    pieces: int = 4             # how many pieces the text comes in
    fault: str = ""             # hang cut trickle endless no-terminator error-line garbage html
    #                             empty-body lie-length half
    finish: str = "stop"
    usage: object = (42, 7)     # None: they are not told; or a function of the request's messages
    body: bytes = b""           # raw body instead of a stream


class Models:
    def __init__(self, loop, history, key=None):
        self.loop, self.history, self.key = loop, history, key
        self.plans = [Plan()]
        self.embed_plan = Plan()    # how the embeddings go: status, fault, usage, body
        self.meanings = {}          # words that count as another: {"dog": "hound"}
        self.names = ["tiny", "large"]  # the models that it has
        self.requests = []
        self.at_once = self.most_at_once = 0
        self.embedding = self.most_embedding = 0
        self.cancelled = 0
        self.is_held = False        # while it is, whoever asked waits for the answer
        self.numbers = itertools.count(1)
        self.port = 0
        self._runner = None

    def plan(self, *plans, **facts):
        """plan(text="hi") for all to come, or several plans, one for each request."""
        self.plans = list(plans) or [Plan(**facts)]

    @property
    def ollama(self):
        return f"http://127.0.0.1:{self.port}"

    @property
    def openai(self):
        return f"http://127.0.0.1:{self.port}/v1"

    waddleai = openai
    anthropic = ollama              # its base URL is the host alone

    def conf(self, wire="ollama", **more):
        """A provider: entry of mynah.yaml for this server."""
        return {"type": wire, "url": getattr(self, wire), "model": "tiny", **more}

    def start(self, port=None):
        self.loop.run(self._start(port or free_port()))
        return self

    async def _start(self, port):
        app = web.Application(client_max_size=4 << 20)
        app.router.add_post("/api/chat", self._ollama)
        app.router.add_post("/v1/chat/completions", self._openai)
        app.router.add_post("/v1/messages", self._anthropic)
        app.router.add_post("/v1/moderations", self._moderations)
        app.router.add_post("/api/embed", self._embed)
        app.router.add_post("/v1/embeddings", self._embeddings)
        app.router.add_get("/api/tags", self._tags)
        app.router.add_get("/api/version", self._version)
        app.router.add_get("/v1/models", self._models)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port, shutdown_timeout=0.2)
        await site.start()
        self.port = site._server.sockets[0].getsockname()[1]

    def stop(self):
        if self._runner:
            self.loop.run(self._runner.cleanup())
            self._runner = None

    async def _version(self, request):
        self.history.add("model", "visit")
        return web.json_response({"version": "0.12.0"})

    # -- Lists -----------------------------------------------------------------------------------

    async def _tags(self, request):
        self.history.add("model", "list", wire="ollama")
        models = [{"name": f"{name}:latest", "model": f"{name}:latest",
                   "digest": hashlib.sha256(name.encode()).hexdigest()} for name in self.names]
        return self._last(web.json_response({"models": models}))

    async def _models(self, request):
        wire = "anthropic" if "anthropic-version" in request.headers else "openai"
        self.history.add("model", "list", wire=wire)
        if self.key and not self._has_key(wire, request.headers):
            said = request.headers.get("x-api-key") or request.headers.get("Authorization")
            return web.json_response({"error": {"message": f"no such key: {said}"}}, status=401)
        return self._last(web.json_response({"object": "list",
                                             "data": [{"id": name} for name in self.names]}))

    @staticmethod
    def _last(response):
        """The connection ends with it: what a test looks at opens one of its own."""
        response.force_close()
        return response

    async def _moderations(self, request):
        """The plan's text is what is flagged: "" nothing, else categories with commas."""
        body = await request.json()
        if not isinstance(body.get("input"), str) or not isinstance(body.get("model"), str):
            return web.json_response({"error": {"message": "bad request"}}, status=400)
        self.history.add("model", "moderate", turn=request.headers.get("X-Request-ID"))
        self.requests.append({"wire": "moderations", "body": body,
                              "headers": dict(request.headers)})
        plan = self.plans[0] if len(self.plans) == 1 else self.plans.pop(0)
        if plan.status != 200:
            return web.json_response({"error": {"message": plan.refusal}}, status=plan.status)
        flagged = plan.text.split(",") if plan.text else []
        names = ("harassment", "hate", "self-harm", "self-harm/intent", "violence")
        result = {"flagged": bool(flagged), "categories": {n: n in flagged for n in names},
                  "category_scores": {n: 0.9 if n in flagged else 0.01 for n in names}}
        return web.json_response({"id": "modr-1", "model": body["model"], "results": [result]})

    # -- Embeddings --------------------------------------------------------------------------------

    def _vector(self, text):
        """A bag of words in 32 dimensions; words of one meaning are one."""
        vector = [0.0] * 32
        for word in re.findall(r"\w+", text.lower()):
            word = self.meanings.get(word, word)
            vector[hashlib.sha256(word.encode()).digest()[0] % 32] += 1
        return vector

    async def _vectors(self, request, wire):
        """(vectors, plan), or (None, the answer)."""
        body = await request.json()
        texts, plan = body.get("input"), self.embed_plan
        if (not isinstance(texts, list) or not texts or not isinstance(body.get("model"), str)
                or not all(isinstance(text, str) and text for text in texts)):
            return None, web.json_response({"error": "bad request"}, status=400)
        self.history.add("model", "embed", wire=wire, n=len(texts))
        self.requests.append({"wire": f"embed-{wire}", "body": body,
                              "headers": dict(request.headers)})
        self.embedding += 1
        self.most_embedding = max(self.most_embedding, self.embedding)
        try:
            if plan.fault == "hang":
                await self._sleep(request, 60)
            await self._sleep(request, plan.delay)
        except ConnectionError:
            return None, web.Response(status=499)  # nobody reads it
        finally:
            self.embedding -= 1
        if plan.status != 200:
            return None, web.json_response({"error": plan.refusal}, status=plan.status)
        if plan.body:
            return None, web.Response(body=plan.body, content_type="application/json")
        return [self._vector(text) for text in texts], plan

    async def _embed(self, request):
        vectors, plan = await self._vectors(request, "ollama")
        if vectors is None:
            return plan
        return web.json_response({"model": "embedder", "embeddings": vectors, "load_duration": 1,
                                  "prompt_eval_count": plan.usage[0]})

    async def _embeddings(self, request):
        vectors, plan = await self._vectors(request, "openai")
        if vectors is None:
            return plan
        data = [{"object": "embedding", "index": i, "embedding": v} for i, v in enumerate(vectors)]
        usage = {"prompt_tokens": plan.usage[0], "total_tokens": plan.usage[0]}
        return web.json_response({"object": "list", "model": "embedder", "data": data[::-1],
                                  "usage": usage})

    # -- Requests ----------------------------------------------------------------------------------

    async def _begin(self, request, wire):
        body = await request.json()
        number = next(self.numbers)
        if not self._is_good(wire, body, request.headers):
            self.history.add("model", "bad_request", wire=wire, number=number, body=body)
            return None, None, None
        last = [m["content"] for m in body["messages"] if m["role"] == "user"][-1]
        plan = self.plans[0] if len(self.plans) == 1 else self.plans.pop(0)
        self.requests.append({"wire": wire, "body": body, "headers": dict(request.headers)})
        self.history.add("model", "ask", wire=wire, number=number, last=last,
                         turn=request.headers.get("X-Request-ID"))
        text = plan.text(last) if callable(plan.text) else plan.text
        if callable(plan.usage):
            plan = dataclasses.replace(plan, usage=plan.usage(body["messages"]))
        return body, plan, text

    @staticmethod
    def _is_good(wire, body, headers):
        """Would the vendor take this request?"""
        for key, kind in (("model", str), ("messages", list)):
            if not isinstance(body.get(key), kind) or not body[key]:
                return False
        roles = ("system", "user", "assistant")
        if wire == "anthropic":
            roles = ("user", "assistant")
            system = body.get("system", [])
            if (headers.get("anthropic-version") != "2023-06-01" or body.get("max_tokens", 0) < 1
                    or not 0 <= body.get("temperature", 1) <= 1
                    or not all(block.get("type") == "text" and block.get("text")
                               for block in system)):
                return False
        return all(message.get("role") in roles and isinstance(message.get("content"), str)
                   for message in body["messages"])

    def _has_key(self, wire, headers):
        if wire == "anthropic":
            return headers.get("x-api-key") == self.key
        return headers.get("Authorization") == f"Bearer {self.key}"

    async def _answer(self, request, wire, content_type, chunks, tail, error):
        body, plan, text = await self._begin(request, wire)
        if body is None:
            return web.json_response(error("bad request", status=400), status=400)
        if self.key and not self._has_key(wire, request.headers):
            return web.json_response(error("Incorrect API key provided", status=401), status=401)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            return await self._play(request, plan, text, content_type, chunks, tail, error)
        except (asyncio.CancelledError, ConnectionError):
            self.cancelled += 1
            self.history.add("model", "client_gone", wire=wire)
            return web.Response(status=499)  # nobody reads it
        finally:
            self.at_once -= 1

    @staticmethod
    async def _sleep(request, seconds):
        """Sleeps until the time is over or the client is gone: aiohttp 3.8 tells no handler of
        it."""
        deadline = asyncio.get_running_loop().time() + seconds
        while (left := deadline - asyncio.get_running_loop().time()) > 0:
            if request.transport is None or request.transport.is_closing():
                raise ConnectionResetError("the client is gone")
            await asyncio.sleep(min(left, 0.01))

    async def _play(self, request, plan, text, content_type, chunks, tail, error):
        while self.is_held:
            await self._sleep(request, 0.01)
        if plan.fault == "hang":
            await self._sleep(request, 60)
        await self._sleep(request, plan.delay)
        if 300 <= plan.status < 400:
            return web.Response(status=plan.status, headers=plan.headers)
        if plan.status != 200:
            return web.json_response(error(plan.refusal, status=plan.status), status=plan.status,
                                     headers=plan.headers)
        if plan.fault == "html":
            return web.Response(text="<html><h1>Bad gateway</h1></html>", content_type="text/html")
        if plan.fault == "empty-body":
            return web.Response(body=b"", content_type=content_type)
        if plan.body:
            return web.Response(body=plan.body, headers={"Content-Type": content_type})
        response = web.StreamResponse(headers={"Content-Type": content_type, **plan.headers})
        if plan.fault == "lie-length":
            response.content_length = 1 << 20
        await response.prepare(request)
        if plan.fault == "garbage":
            await response.write(b"\x00\xff{{{nonsense\n\n")
            return response
        size = max(1, -(-len(text) // plan.pieces))
        pieces = [text[i:i + size] for i in range(0, len(text), size)] or [""]
        for number, piece in enumerate(pieces):
            data = chunks(piece)
            if plan.fault == "trickle":
                for byte in data:
                    await response.write(bytes([byte]))
                    await asyncio.sleep(plan.pace or 0.001)
            else:
                await response.write(data)
                await asyncio.sleep(plan.pace)
            if number == len(pieces) // 2:
                if plan.fault == "half":
                    await self._sleep(request, 60)
                if plan.fault in ("cut", "lie-length"):
                    request.transport.abort()
                    return response
                if plan.fault == "error-line":
                    await response.write(error("the runner has stopped", line=True))
                    return response
        while plan.fault == "endless":
            await response.write(chunks("and so on and on " * 10))
            await asyncio.sleep(0.001)
        if plan.fault != "no-terminator":
            await response.write(tail(plan))
        return response

    async def _ollama(self, request):
        def chunks(piece):
            return json.dumps({"model": "tiny", "created_at": "2026-01-01T00:00:00Z", "done": False,
                               "message": {"role": "assistant", "content": piece}}).encode() + b"\n"

        def tail(plan):
            usage = dict(zip(("prompt_eval_count", "eval_count"), plan.usage or ()))
            return json.dumps({"model": "tiny", "created_at": "2026-01-01T00:00:00Z", "done": True,
                               "message": {"role": "assistant", "content": ""},
                               "done_reason": plan.finish, "total_duration": 1, "load_duration": 1,
                               **usage}).encode() + b"\n"

        def error(text, line=False, status=500):
            return json.dumps({"error": text}).encode() + b"\n" if line else {"error": text}

        return await self._answer(request, "ollama", "application/x-ndjson", chunks, tail, error)

    async def _openai(self, request):
        def event(value):
            return b"data: " + json.dumps(value).encode() + b"\n\n"

        def chunk(delta, finish=None):
            return event({"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1,
                          "model": "tiny", "choices": [{"index": 0, "delta": delta,
                                                        "finish_reason": finish}]})

        def tail(plan):
            if not plan.usage:
                return chunk({}, plan.finish) + b"data: [DONE]\n\n"
            usage = {"prompt_tokens": plan.usage[0], "completion_tokens": plan.usage[1],
                     "total_tokens": sum(plan.usage)}
            return (chunk({}, plan.finish)
                    + event({"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1,
                             "model": "tiny", "choices": [], "usage": usage})
                    + b"data: [DONE]\n\n")

        def error(text, line=False, status=500):
            kind, code = OPENAI_ERRORS.get(status, ("server_error", None))
            value = {"error": {"message": text, "type": kind, "param": None, "code": code}}
            return event(value) if line else value

        return await self._answer(request, "openai", "text/event-stream",
                                  lambda piece: chunk({"content": piece}), tail, error)

    async def _anthropic(self, request):
        def event(kind, **members):
            value = json.dumps({"type": kind, **members})
            return f"event: {kind}\ndata: {value}\n\n".encode()

        is_begun = False

        def begin():
            nonlocal is_begun
            if is_begun:
                return b""
            is_begun = True
            message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "tiny",
                       "content": [], "stop_reason": None,
                       "usage": {"input_tokens": 1, "output_tokens": 1}}
            return (event("message_start", message=message) + event("ping")
                    + event("content_block_start", index=0,
                            content_block={"type": "text", "text": ""}))

        def chunks(piece):
            return begin() + event("content_block_delta", index=0,
                                   delta={"type": "text_delta", "text": piece})

        def tail(plan):
            reason = {"stop": "end_turn", "length": "max_tokens",
                      "content_filter": "refusal"}.get(plan.finish, plan.finish)
            usage = dict(zip(("input_tokens", "output_tokens"), plan.usage or ()))
            return (begin() + event("content_block_stop", index=0)
                    + event("message_delta", delta={"stop_reason": reason, "stop_sequence": None},
                            usage=usage) + event("message_stop"))

        def error(text, line=False, status=500):
            value = {"type": ANTHROPIC_ERRORS.get(status, "api_error"), "message": text}
            return (event("error", error=value) if line else
                    {"type": "error", "error": value, "request_id": "req_1"})

        return await self._answer(request, "anthropic", "text/event-stream", chunks, tail, error)

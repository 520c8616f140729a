"""Discord's REST interface as a server: who may call, how often, and what goes wrong
(protocols/discord.md 5, 8). What the calls do is in discord_calls.py.

A fault is put before or after the work is done (calls: the names in ROUTES, "*" = all):

    rest.fault("create", status=503)               every one from now on
    rest.fault("create", "lost", times=1)          done, but the answer never arrives
    rest.fault("create", "cut", times=1)           done, but the answer ends in its middle
    rest.fault("create", "user", wait=1.3)         429: user shared global, Cloudflare's 1015
    rest.fault("create")                           serves again
"""

import asyncio
import dataclasses
import hashlib
import itertools
import json
import math
import re
import time

from aiohttp import web

from tests.stage.discord_body import Refusal, has_surrogate
from tests.stage.faulty import Faulty
from tests.stage.ports import free_port
from tests.stage.twitch import Window

AGENT = re.compile(r"DiscordBot \(\S+, [^()]+\)( .*)?")
MESSAGE = "/channels/{channel}/messages/{message}"
HOOK = "/webhooks/{application}/{token}"
ROUTES = (  # method, path, call, what its limit is named after, requests, seconds
    ("GET", "/gateway", "gateway", None, 0, 0),
    ("GET", "/gateway/bot", "gateway_bot", None, 0, 0),
    ("GET", "/users/@me", "me", "me", 5, 5),
    ("GET", "/applications/@me", "application", "application", 5, 5),
    ("GET", "/oauth2/applications/@me", "application", "application", 5, 5),
    ("POST", "/users/@me/channels", "open_dm", "open_dm", 5, 5),
    ("GET", "/channels/{channel}", "channel", "channel", 5, 5),
    ("GET", "/channels/{channel}/messages", "history", "history", 5, 5),
    ("POST", "/channels/{channel}/messages", "create", "create", 5, 5),
    ("GET", MESSAGE, "message", "message", 5, 5),
    ("PATCH", MESSAGE, "edit", "edit", 5, 5),
    ("DELETE", MESSAGE, "delete", "delete", 5, 1),
    ("POST", "/channels/{channel}/typing", "typing", "typing", 5, 5),
    ("PUT", MESSAGE + "/reactions/{emoji}/@me", "react", "reactions", 1, 0.25),
    ("DELETE", MESSAGE + "/reactions/{emoji}/@me", "unreact", "reactions", 1, 0.25),
    ("GET", "/guilds/{guild}", "guild", "guild", 5, 5),
    ("GET", "/guilds/{guild}/channels", "guild_channels", "guild_channels", 5, 5),
    ("GET", "/guilds/{guild}/members/{user}", "member", "member", 5, 5),
    ("GET", "/applications/{application}/commands", "get_commands", "commands", 5, 20),
    ("PUT", "/applications/{application}/commands", "put_commands", "put_commands", 5, 20),
    ("GET", "/applications/{application}/guilds/{in_guild}/commands", "get_commands", "commands_in",
     5, 20),
    ("PUT", "/applications/{application}/guilds/{in_guild}/commands", "put_commands",
     "put_commands_in", 5, 20),
    ("POST", "/interactions/{interaction}/{token}/callback", "callback", None, 0, 0),
    ("POST", HOOK, "follow_up", "webhook", 5, 2),
    ("GET", HOOK + "/messages/{message}", "hook_message", "webhook", 5, 2),
    ("PATCH", HOOK + "/messages/{message}", "hook_edit", "webhook", 5, 2),
    ("DELETE", HOOK + "/messages/{message}", "hook_delete", "webhook", 5, 2),
)
OF_INTERACTIONS = ("callback", "follow_up", "hook_message", "hook_edit", "hook_delete")
INVALID, INVALID_S = 10000, 600
PAGE = "<html><head><title>502 Bad Gateway</title></head><body>cloudflare</body></html>"
BLOCKED = ("You are being blocked from accessing our API temporarily due to exceeding our rate "
           "limits frequently.")


@dataclasses.dataclass
class Fault:
    # status hang lost cut html empty garbage redirect user shared global 1015 blocked
    kind: str = "status"
    status: int = 500
    times: int | None = None
    code: int = 0
    message: str = "the stage says no"
    wait: float = 1.0      # of a 429
    headers: dict = dataclasses.field(default_factory=dict)
    body: dict | None = None


class Bucket:
    """So many requests, full again `seconds` after the first of them."""

    def __init__(self, limit, seconds, now):
        self.limit, self.seconds, self.now = limit, seconds, now
        self.remaining, self.ends = limit, 0

    def take(self):
        now = self.now()
        if now >= self.ends:
            self.remaining, self.ends = self.limit, now + self.seconds
        self.remaining -= 1
        return self.remaining >= 0


class Rest(Faulty):
    """The server. Attributes may be changed while it runs."""

    Fault = Fault

    def __init__(self, loop, history, calls, token, clock):
        super().__init__()
        self.loop, self.history, self.calls, self.token = loop, history, calls, token
        self.now, self.late = clock
        self.limits = {}              # call -> (requests, seconds) instead of those of ROUTES
        self.skew = 0                 # seconds that Discord's clock is ahead of ours
        self.delay = 0                # before every answer
        self.invalid_limit = INVALID
        self.elsewhere = None         # where a redirect points to
        self.buckets, self.invalid = {}, []
        self.numbers = itertools.count(1)
        self.all = Window(50, 1)      # of all calls together, but interactions
        self.port, self._runner = 0, None

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/api/v10"

    async def start(self, port=None):
        app = web.Application(client_max_size=1 << 20, middlewares=[self._middle])
        for method, path, call, name, n, seconds in ROUTES:
            app.router.add_route(method, "/api/v10" + path, self._handler(call, name, n, seconds))
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        self.port = port or self.port or free_port()
        await web.TCPSite(self._runner, "127.0.0.1", self.port, shutdown_timeout=0.2).start()

    async def stop(self):
        if self._runner:
            await self._runner.cleanup()
            self._runner = None

    # -- Faults ------------------------------------------------------------------------------------

    async def _play(self, fault):
        """The answer of a fault that comes before the work. None = the work is done all the
        same."""
        if fault.kind == "status":
            body = fault.body or {"message": fault.message, "code": fault.code}
            return web.json_response(body, status=fault.status, headers=fault.headers)
        if fault.kind == "hang":
            await asyncio.sleep(60)
        if fault.kind in ("user", "shared", "global"):
            return self._too_many(fault.wait, fault.kind)
        plain = {"html": (502, PAGE, "text/html"), "empty": (200, "", "application/json"),
                 "garbage": (200, '{"id":"11', "application/json"),
                 "blocked": (429, json.dumps({"message": BLOCKED, "code": 0}), "application/json"),
                 "1015": (429, "error code: 1015", "text/html")}.get(fault.kind)
        if plain:
            status, text, kind = plain
            head = {"Retry-After": str(math.ceil(fault.wait))} if fault.kind == "1015" else {}
            return web.Response(status=status, text=text, content_type=kind, headers=head)
        if fault.kind == "redirect":
            return web.Response(status=302, headers={"Location": self.elsewhere})
        return None

    # -- Every call --------------------------------------------------------------------------------

    @web.middleware
    async def _middle(self, request, handler):
        """What Cloudflare and the router say, before any call is known."""
        try:
            if not AGENT.fullmatch(request.headers.get("User-Agent", "")):
                raise Refusal(403, 40333, "internal network error")
            self._forget_invalid()
            if len(self.invalid) >= self.invalid_limit:
                self.history.add("discord", "banned")
                return web.Response(status=429, text="error code: 1015", content_type="text/html",
                                    headers={"Retry-After": "3600"})
            answer = await handler(request)
        except Refusal as refusal:
            self._note_refused(request.path, refusal)
            answer = web.json_response(refusal.body, status=refusal.status)
        except web.HTTPException as e:
            self.history.add("discord", "wrong", where="rest", code=e.status,
                             why=f"{request.method} {request.path}")
            answer = web.json_response({"message": f"{e.status}: {e.reason}", "code": 0},
                                       status=e.status)
        is_shared = answer.headers.get("X-RateLimit-Scope") == "shared"
        if answer.status in (401, 403, 429) and not is_shared:
            self.invalid.append(self.now())
        return answer

    def _forget_invalid(self):
        now = self.now()
        self.invalid = [t for t in self.invalid if now - t < INVALID_S]

    def _note_refused(self, call, refusal):
        self.history.add("discord", "refused", call=call, status=refusal.status, code=refusal.code,
                         body=refusal.body)

    def _handler(self, call, name, n, seconds):
        async def handle(request):
            fault = self._take_fault(call)
            late = self.loop.late()
            body = await request.read()
            note = self.history.add("discord", "call", call=call, number=next(self.numbers),
                                    method=request.method, path=request.path, late=late,
                                    status=None, fault=fault.kind if fault else "",
                                    body=body.decode(errors="replace"))
            if self.delay:
                await asyncio.sleep(self.delay)
            answer = await self._play(fault) if fault else None
            if answer is None:
                answer = await self._work(request, call,
                                          (name, *self.limits.get(call, (n, seconds))))
            note["status"] = answer.status
            if fault and fault.kind == "lost":
                request.transport.abort()
            if fault and fault.kind == "cut":
                await self._half(request, answer)
            return answer
        return handle

    async def _half(self, request, answer):
        """The head, half of the body, and then nothing more."""
        body = answer.body
        half = web.StreamResponse(status=answer.status, headers={
            **answer.headers, "Content-Length": str(len(body))})
        await half.prepare(request)
        await half.write(body[:len(body) // 2])
        request.transport.close()

    async def _work(self, request, call, limit):
        bucket = None
        try:
            if call not in OF_INTERACTIONS:
                self._authorize(request)
                if not self.all.add(self.now(), self.late()):
                    self.history.add("discord", "over", call=call, scope="global")
                    return self._too_many(1, "global")
            bucket = self._bucket(request, *limit)
            if bucket and not bucket.take():
                self.history.add("discord", "over", call=call, scope="user")
                return self._head(self._too_many(bucket.ends - self.now(), "user"), bucket,
                                  limit[0])
            status, value = self.calls.call(call, request.match_info, await self._body(request),
                                            request.query)
            answer = web.json_response(value, status=status) if value is not None \
                else web.Response(status=status)
        except Refusal as refusal:
            self._note_refused(call, refusal)
            answer = web.json_response(refusal.body, status=refusal.status)
        answer.headers["Via"] = "1.1 google"
        return self._head(answer, bucket, limit[0])

    def _authorize(self, request):
        if request.headers.get("Authorization") != f"Bot {self.token()}":
            self.history.add("discord", "login_refused")
            raise Refusal(401, 0, "401: Unauthorized")

    async def _body(self, request):
        """The parsed body; None = there is none."""
        raw = await request.read()
        if request.method in ("POST", "PUT", "PATCH") and "Content-Length" not in request.headers \
                and "Transfer-Encoding" not in request.headers:
            raise Refusal(411, 0, "411: Length Required")
        if not raw:
            return None
        if request.content_type != "application/json":
            raise Refusal(400, 50035, "Invalid Form Body", {"_errors": [
                {"code": "CONTENT_TYPE_INVALID", "message": "Expected application/json."}]})
        try:
            value = json.loads(raw)
        except ValueError:
            raise Refusal(400, 50109, "The request body contains invalid JSON.") from None
        if has_surrogate(value):
            raise Refusal(400, 50109, "The request body contains invalid JSON.")
        return value

    # -- Limits ------------------------------------------------------------------------------------

    def _bucket(self, request, name, n, seconds):
        if not name:
            return None
        info = request.match_info
        major = info.get("channel") or info.get("guild") or (info.get("application"),
                                                             info.get("token"))
        if name.endswith(("commands", "commands_in")):
            major = None
        return self.buckets.setdefault((name, major), Bucket(n, seconds, self.now))

    def _head(self, answer, bucket, name):
        if bucket:
            left = max(0.001, bucket.ends - self.now())
            answer.headers.update({
                "X-RateLimit-Limit": str(bucket.limit),
                "X-RateLimit-Remaining": str(max(0, bucket.remaining)),
                "X-RateLimit-Reset": f"{time.time() + self.skew + left:.3f}",
                "X-RateLimit-Reset-After": f"{math.ceil(left * 1000) / 1000:.3f}",
                "X-RateLimit-Bucket": hashlib.md5(name.encode()).hexdigest()})
        return answer

    def _too_many(self, wait, scope):
        message = "The resource is being rate limited." if scope == "shared" \
            else "You are being rate limited."
        wait = math.ceil(max(wait, 0.001) * 1000) / 1000
        head = {"Retry-After": str(math.ceil(wait)), "X-RateLimit-Scope": scope,
                "Via": "1.1 google"}
        if scope == "global":
            head["X-RateLimit-Global"] = "true"
        elif scope == "shared":  # there is budget left, and that tells nothing
            head.update({"X-RateLimit-Remaining": "9", "X-RateLimit-Reset-After": "0.500"})
        return web.json_response({"message": message, "retry_after": wait,
                                  "global": scope == "global"},
                                 status=429, headers=head)

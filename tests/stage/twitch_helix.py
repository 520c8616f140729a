"""Twitch's REST interface, as protocols/twitch.md section 3 says, and as strict as the real one.

It refuses calls without User-Agent, with a token that does not fit the Client-Id or lacks the
scope, with ids that are no numbers, with bodies that are not JSON; it counts points; it drops
messages that come too fast, twice, or begin with a command character. What is said here is said in
the chat of the stage's Twitch: the same history, the same windows, and everybody who listens there
hears it, the bot too.

A fault is put before or after the work is done (calls: say users streams channels subscriptions,
"*" = all):

    helix.fault("say", status=503)            every one from now on
    helix.fault("say", "lost", times=1)       said, but the answer never arrives
    helix.fault("say")                        serves again
"""

import asyncio
import collections
import datetime
import email.utils
import itertools
import json
import random
import time
import uuid

from aiohttp import web

from tests.stage.faulty import Faulty
from tests.stage.ports import free_port
from tests.stage.twitch_app import Refusal
from tests.stage.twitch_id import Fault

BUCKET_S = 60
POINTS = {"say": 20000, "rest": 800}
TWIN_S = 30
WRITE = "user:write:chat"
PAGE = "<html><body><h1>502 Bad Gateway</h1>cloudflare</body></html>"


def is_number(text):
    return isinstance(text, str) and text.isascii() and text.isdigit()


class Bucket:
    """So many points, full again a minute after the first of them was spent."""

    def __init__(self, limit):
        self.limit = self.remaining = limit
        self.ends = 0

    def take(self):
        now = time.time()
        if now >= self.ends:
            self.remaining, self.ends = self.limit, now + BUCKET_S
        if self.remaining <= 0:
            return False
        self.remaining -= 1
        return True


class Helix(Faulty):
    Fault = Fault  # kinds: status hang lost html empty garbage redirect trickle

    def __init__(self, loop, history, app, twitch, eventsub=None):
        super().__init__()
        self.loop, self.history, self.app, self.twitch = loop, history, app, twitch
        self.eventsub = eventsub
        self.points = dict(POINTS)  # for buckets that are made from now on
        self.buckets = {}           # (user id, "say" or "rest")
        self.skew = 0               # seconds that Twitch's clock is ahead of ours
        self.delay = 0              # before every answer
        self.streams = {}           # login -> what GET /streams says
        self.about = collections.defaultdict(lambda: {"title": "", "game": ""})
        self.banned = set()         # rooms where the bot may not chat
        self.elsewhere = None       # where a redirect points to
        self.numbers = itertools.count(1)
        self._spoken = {}           # (room, text) -> when
        self._runner = None
        self.port = 0
        for name, room_id in twitch.rooms.items():
            app.user(name, room_id)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/helix"

    def start(self, port=None):
        self.loop.run(self._start(port or self.port or free_port()))
        return self

    async def _start(self, port):
        app = web.Application(client_max_size=64 << 10, middlewares=[self._middle])
        for path, call in (("users", self._users), ("streams", self._streams),
                           ("channels", self._channels)):
            app.router.add_get(f"/helix/{path}", call)
        app.router.add_post("/helix/chat/messages", self._say)
        app.router.add_post("/helix/whispers", self._whisper)
        if self.eventsub:
            self.eventsub.mount(app.router)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port, shutdown_timeout=0.2)
        await site.start()
        self.port = port

    def stop(self):
        """Refuses connections from now on; start() serves again on the same port."""
        if self._runner:
            self.loop.run(self._runner.cleanup())
            self._runner = None

    # -- Faults ------------------------------------------------------------------------------------

    async def _play(self, fault, request):
        """The answer of a fault that comes before the work. None = the work is done all the
        same."""
        if fault.kind == "status":
            return web.json_response({"error": "Refused", "status": fault.status,
                                      "message": fault.message}, status=fault.status,
                                     headers=fault.headers)
        if fault.kind == "hang":
            await asyncio.sleep(60)
        if fault.kind == "html":
            return web.Response(text=PAGE, content_type="text/html")
        if fault.kind == "empty":
            return web.Response(text="", content_type="application/json")
        if fault.kind == "garbage":
            return web.Response(text='{"data":[{"is_se', content_type="application/json")
        if fault.kind == "redirect":
            return web.Response(status=302, headers={"Location": self.elsewhere})
        if fault.kind == "trickle":
            response = web.StreamResponse(headers={"Content-Type": "application/json"})
            await response.prepare(request)
            for _ in range(600):
                await response.write(b" ")
                await asyncio.sleep(0.1)
            return response
        return None

    # -- Every call --------------------------------------------------------------------------------

    @web.middleware
    async def _middle(self, request, handler):
        path = request.path.removeprefix("/helix/")
        call = {"chat/messages": "say", "eventsub/subscriptions": "subscriptions"}.get(path, path)
        fault = self._take_fault(call)
        note = self.history.add("helix", "call", call=call, method=request.method,
                                number=next(self.numbers), query=request.query_string,
                                fault=fault.kind if fault else "", status=None)
        if self.delay:
            await asyncio.sleep(self.delay)
        answer = await self._play(fault, request) if fault else None
        if answer is None:
            answer = await self._work(request, handler, call)
        note["status"] = answer.status
        if fault and fault.kind == "lost":
            request.transport.abort()
        return answer

    async def _work(self, request, handler, call):
        bucket = None
        try:
            if not request.headers.get("User-Agent"):
                raise Refusal(403, "who are you?")
            token = self._token(request)
            kind = "say" if call == "say" else "rest"
            bucket = self.buckets.setdefault((token.user.id, kind), Bucket(self.points[kind]))
            if not bucket.take():
                raise Refusal(429, "Too Many Requests")
            request["token"] = token
            answer = await handler(request)
        except Refusal as refusal:
            answer = web.json_response({"error": "Refused", "status": refusal.status,
                                        "message": refusal.message}, status=refusal.status)
            self.history.add("helix", "refused", call=call, status=refusal.status,
                             message=refusal.message)
        except web.HTTPException as e:
            answer = web.json_response({"error": e.reason, "status": e.status, "message": ""},
                                       status=e.status)
        if bucket:
            self._head(answer, bucket)
        return answer

    def _token(self, request):
        scheme, _, access = request.headers.get("Authorization", "").partition(" ")
        if scheme != "Bearer":
            raise Refusal(401, "OAuth token is missing")
        token = self.app.user_token(access)
        if request.headers.get("Client-Id") != token.client.id:
            raise Refusal(401, "Client ID and OAuth token do not match")
        return token

    def _head(self, answer, bucket):
        """Headers in any case; ends by Twitch's own clock, which need not be ours."""
        case = random.choice((str.lower, str.upper, str.title))
        answer.headers["Date"] = email.utils.formatdate(time.time() + self.skew, usegmt=True)
        for name, value in (("limit", bucket.limit), ("remaining", bucket.remaining),
                            ("reset", int(bucket.ends + self.skew) + 1)):
            answer.headers[case(f"ratelimit-{name}")] = str(value)

    # -- People and streams ------------------------------------------------------------------------

    @staticmethod
    def _ids(request, *names):
        values = {name: request.query.getall(name, []) for name in names}
        if sum(map(len, values.values())) > 100:
            raise Refusal(400, "at most 100 at once")
        for name in names:
            if name.endswith("id") and not all(map(is_number, values[name])):
                raise Refusal(400, f"{name} must be a number")
        return values

    async def _users(self, request):
        wanted = self._ids(request, "id", "login")
        found = {u.id: u for u in self.app.users.values()
                 if u.id in wanted["id"] or u.login in wanted["login"]}
        if not any(wanted.values()):
            found = {"": request["token"].user}
        return web.json_response({"data": [
            {"id": u.id, "login": u.login, "display_name": u.display, "type": "",
             "broadcaster_type": "affiliate", "description": "", "profile_image_url": "",
             "offline_image_url": "", "view_count": 0, "created_at": "2019-05-04T09:13:22Z"}
            for u in found.values()]})

    async def _streams(self, request):
        wanted = self._ids(request, "user_id", "user_login")
        first = request.query.get("first", "20")
        if not is_number(first) or not 1 <= int(first) <= 100:
            raise Refusal(400, "first must be 1 to 100")
        live = [s for s in self.streams.values() if s["user_id"] in wanted["user_id"]
                or s["user_login"] in wanted["user_login"]][:int(first)]
        return web.json_response({"data": live, "pagination": {}})

    async def _channels(self, request):
        wanted = self._ids(request, "broadcaster_id")["broadcaster_id"]
        if not wanted:
            raise Refusal(400, "broadcaster_id is missing")
        users = [u for u in self.app.users.values() if u.id in wanted]
        return web.json_response({"data": [
            {"broadcaster_id": u.id, "broadcaster_login": u.login, "broadcaster_name": u.display,
             "broadcaster_language": "en", "game_id": "1", "game_name": self.about[u.login]["game"],
             "title": self.about[u.login]["title"], "delay": 0, "tags": []} for u in users]})

    def go_live(self, room, title="Deep water", game="Chess", stream_id=None):
        """Gives the id of the stream."""
        user = self.app.user(room)
        started = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        self.about[room] = {"title": title, "game": game}
        self.streams[room] = {
            "id": stream_id or str(random.randrange(10 ** 10, 10 ** 12)), "user_id": user.id,
            "user_login": user.login, "user_name": user.display, "game_id": "1", "game_name": game,
            "type": "live", "title": title, "viewer_count": 42, "started_at": started,
            "language": "en", "thumbnail_url": "", "tag_ids": [], "tags": ["English"],
            "is_mature": False}
        return self.streams[room]["id"]

    def go_offline(self, room):
        self.streams.pop(room, None)

    # -- Sending -----------------------------------------------------------------------------------

    async def _say(self, request):
        if request.content_type != "application/json":
            raise Refusal(400, "the body must be JSON")
        try:
            body = await request.json()
        except json.JSONDecodeError:
            raise Refusal(400, "the body must be JSON") from None
        room, text, parent = self._judge(body, request["token"])
        code = self._post(room, text, parent)
        if code == "":   # said, perhaps; nobody will ever know
            request.transport.abort()
        if code:
            return web.json_response({"data": [{"message_id": "", "is_sent": False, "drop_reason": {
                "code": code, "message": "Your message was not sent."}}]})
        message_id = str(uuid.uuid4())
        await self._echo(room, text, message_id, request["token"].user)
        return web.json_response({"data": [{"message_id": message_id, "is_sent": True,
                                            **random.choice(({}, {"drop_reason": None}))}]})

    async def _whisper(self, request):
        """204, whatever becomes of it."""
        sender, to = request.query.get("from_user_id"), request.query.get("to_user_id")
        token, body = request["token"], await request.json()
        if "user:manage:whispers" not in token.scopes:
            raise Refusal(401, "Missing scope: user:manage:whispers")
        if sender != token.user.id:
            raise Refusal(401, "from_user_id must be the token's user")
        if not is_number(to) or to == sender:
            raise Refusal(400, "to_user_id must be another user")
        text = body.get("message")
        if set(body) != {"message"} or not isinstance(text, str) or not 0 < len(text) <= 500:
            raise Refusal(400, "the message must have 1 to 500 characters")
        self.history.add("twitch", "whispered", to=to, text=text)
        return web.Response(status=204)

    def _judge(self, body, token):
        """Room, text and parent of a call that nothing is wrong with."""
        unknown = set(body) - {"broadcaster_id", "sender_id", "message", "reply_parent_message_id"}
        if unknown:   # for_source_only and pin are not for user tokens
            raise Refusal(400, f"unexpected {sorted(unknown)}")
        for key in ("broadcaster_id", "sender_id"):
            if not is_number(body.get(key)):
                raise Refusal(400, f"{key} must be a number")
        if WRITE not in token.scopes:
            raise Refusal(401, f"Missing scope: {WRITE}")
        if body["sender_id"] != token.user.id:
            raise Refusal(401, "sender_id must be the token's user")
        room = next((n for n, i in self.twitch.rooms.items() if i == body["broadcaster_id"]), None)
        if room is None:
            raise Refusal(400, "the broadcaster does not exist")
        text, parent = body.get("message"), body.get("reply_parent_message_id")
        if not isinstance(text, str) or not text.strip():
            raise Refusal(400, "the message is empty")
        if len(text) > 500:
            raise Refusal(422, "The message is too large")
        if parent is not None and not self.history.find(what="say", id=parent, room=room):
            raise Refusal(400, "the message to reply to does not exist")
        if room in self.banned:
            raise Refusal(403, "The sender may not chat in this room")
        return room, text, parent

    def _post(self, room, text, parent):
        """Says it. Gives None, or the code with which it was dropped."""
        twitch, now, late = self.twitch, time.monotonic(), self.loop.late()
        is_mod = room in twitch.mods | twitch.vips or any(c.demotions[room] for c in twitch.live())
        small, large = twitch.sends.add(now, late), twitch.sends_mod.add(now, late)
        is_over = not (large if is_mod else small)
        self.history.add("twitch", "said", client="helix", room=room, text=text, mod=is_mod,
                         reply_to=parent, over=is_over, late=late)
        if is_over:
            return "msg_ratelimit"
        if text[:1] in "/.":
            return "unrecognized_cmd"
        refusal = twitch.answer(None, room, text) if twitch.answer else None
        if refusal is not None:
            return refusal
        if not is_mod and now - self._spoken.get((room, text), -TWIN_S) < TWIN_S:
            return "msg_duplicate"
        self._spoken[room, text] = now
        return None

    async def _echo(self, room, text, message_id, user):
        """Everybody in the room hears it, our own chat connection too: it was not said there."""
        line, _ = self.twitch.line(text, user=user.login, user_id=user.id, room=room, id=message_id)
        for client in self.twitch.live():
            if room in client.rooms:
                await self.twitch._send(client, line)
        if self.eventsub and hasattr(self.eventsub, "said"):
            await self.eventsub.said(text, user, room, message_id)

    # -- What the test waits for -------------------------------------------------------------------

    def calls(self, call=None):
        """The history of these calls, in order."""
        return [e for e in self.history.find("helix", "call") if call in (None, e["call"])]

    def wait_calls(self, call, n, timeout=60):
        deadline = time.monotonic() + timeout
        while len(found := self.calls(call)) < n:
            if time.monotonic() > deadline:
                raise AssertionError(f"no {n} x {call}: only {len(found)}")
            time.sleep(0.005)
        return found

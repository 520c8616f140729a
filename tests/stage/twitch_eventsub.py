"""EventSub over WebSocket and its REST calls, as protocols/twitch.md section 2 says, and as strict
as the real one: it closes a session that sends data (4001), subscribes nothing in time (4003),
stays after a hand-over (4004) or comes with a URL it never gave out (4007); it refuses a wrong
version, condition, scope, user or session, and whatever is over a limit.

The calls are mounted on the stage's Helix server: EventSub.mount(router).
"""

import asyncio
import collections
import datetime
import itertools
import secrets
import time
import uuid

from aiohttp import WSMsgType, web

from tests.stage.ports import free_port
from tests.stage.twitch import Window, reset, user_id_of
from tests.stage.twitch_app import Refusal

CHANNEL, SELF, MODERATOR = "broadcaster_user_id", "user_id", "moderator_user_id"
LINGER_S = 60           # how long what a dead session had is listed and counts
REFUSED = "subscription missing proper authorization"

# type -> version, members of the condition, scopes ("a|b": one of them), whose scope, cost
TYPES = {
    "channel.chat.message": ("1", (CHANNEL, SELF), "user:read:chat", "self", 0),
    "channel.chat.notification": ("1", (CHANNEL, SELF), "user:read:chat", "self", 0),
    "channel.chat.message_delete": ("1", (CHANNEL, SELF), "user:read:chat", "self", 0),
    "channel.chat.clear_user_messages": ("1", (CHANNEL, SELF), "user:read:chat", "self", 0),
    "channel.chat.clear": ("1", (CHANNEL, SELF), "user:read:chat", "self", 0),
    "channel.chat_settings.update": ("1", (CHANNEL, SELF), "user:read:chat", "self", 0),
    "channel.follow": ("2", (CHANNEL, MODERATOR), "moderator:read:followers", "moderator", 0),
    "channel.subscribe": ("1", (CHANNEL,), "channel:read:subscriptions", "broadcaster", 0),
    "channel.subscription.gift": ("1", (CHANNEL,), "channel:read:subscriptions", "broadcaster", 0),
    "channel.subscription.message": ("1", (CHANNEL,), "channel:read:subscriptions", "broadcaster",
                                     0),
    "channel.cheer": ("1", (CHANNEL,), "bits:read", "broadcaster", 0),
    "channel.raid": ("1", None, "", "anybody", 1),
    "channel.channel_points_custom_reward_redemption.add": (
        "1", (CHANNEL,), "channel:read:redemptions|channel:manage:redemptions", "broadcaster", 0),
    "stream.online": ("1", (CHANNEL,), "", "anybody", 1),
    "stream.offline": ("1", (CHANNEL,), "", "anybody", 1),
    "channel.hype_train.begin": ("2", (CHANNEL,), "channel:read:hype_train", "broadcaster", 0),
    "channel.ad_break.begin": ("1", (CHANNEL,), "channel:read:ads|channel:manage:ads",
                               "broadcaster", 0),
    "channel.shoutout.create": ("1", (CHANNEL, MODERATOR),
                                "moderator:read:shoutouts|moderator:manage:shoutouts", "moderator",
                                0),
    "channel.shoutout.receive": ("1", (CHANNEL, MODERATOR),
                                 "moderator:read:shoutouts|moderator:manage:shoutouts", "moderator",
                                 0),
    "user.whisper.message": ("1", (SELF,), "user:read:whispers|user:manage:whispers", "self", 0),
}
RAID_ENDS = ("to_broadcaster_user_id", "from_broadcaster_user_id")


def stamp(seconds_ago=0):
    """RFC 3339 with nine digits, as Twitch prints it."""
    now = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=seconds_ago)
    return now.strftime("%Y-%m-%dT%H:%M:%S.%f") + "789Z"


class Connection:
    """One WebSocket. A session has one; two while it is handed over."""

    def __init__(self, ws, number, session):
        self.ws, self.number, self.session = ws, number, session
        self.said = time.monotonic()   # when it was sent something last
        self.code = None               # we closed it with this code


class Session:
    def __init__(self, session_id):
        self.id = session_id
        self.connection = None         # where notifications go
        self.user = None               # whose subscriptions it may hold
        self.is_used = False           # it had a subscription once
        self.is_over = False


class Subscription:
    def __init__(self, kind, version, condition, session, token, cost):
        self.id, self.type, self.version = str(uuid.uuid4()), kind, version
        self.condition, self.session, self.token, self.cost = condition, session, token, cost
        self.status, self.created, self.ended = "enabled", stamp(), None

    def json(self):
        return {"id": self.id, "status": self.status, "type": self.type, "version": self.version,
                "condition": self.condition, "created_at": self.created, "cost": self.cost,
                "transport": {"method": "websocket", "session_id": self.session.id,
                              "connected_at": self.created}}


class EventSub:
    """The server. Attributes may be changed while it runs."""

    def __init__(self, loop, history, app, tls=None, host="127.0.0.1"):
        self.loop, self.history, self.app, self.tls, self.host = loop, history, app, tls, host
        self.unused_s, self.keepalive_s, self.grace_s, self.linger_s = 10, 10, 30, LINGER_S
        self.max_cost, self.max_sessions, self.max_subscriptions = 10, 3, 300
        self.mode = "serve"        # refuse-upgrade hang-upgrade hang-welcome mute
        self.moderators = set()    # (channel id, user id)
        self.banned = set()        # (channel id, user id)
        self.answer = None         # of (kind, token): (status, message) refuses, a number delays
        self.sessions, self.subscriptions, self.connections = {}, {}, []
        self.joins = collections.defaultdict(lambda: Window(20, 10))
        self.urls = {}             # key of a reconnect URL -> session
        self.numbers = itertools.count(1)
        self.port, self._runner, self._tasks = 0, None, set()

    @property
    def url(self):
        return f"{'wss' if self.tls else 'ws'}://localhost:{self.port}/ws"

    # -- Life --------------------------------------------------------------------------------------

    def start(self, port=None):
        self.loop.run(self._start(port or self.port or free_port()))
        return self

    async def _start(self, port):
        app = web.Application()
        app.router.add_get("/ws", self._connect)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        await web.TCPSite(self._runner, self.host, port, ssl_context=self.tls,
                          shutdown_timeout=0.2).start()
        self.port = port
        self._note("listen", server=port)

    def stop(self):
        """Refuses connections from now on; start() serves again on the same port."""
        if self._runner:
            self.loop.run(self._cut())
            self.loop.run(self._runner.cleanup())
            self._runner = None
            self._note("stop", server=self.port)

    def mount(self, router, prefix="/helix"):
        """The REST calls, for the Helix server."""
        path = prefix + "/eventsub/subscriptions"
        router.add_post(path, self.on_create)
        router.add_get(path, self.on_list)
        router.add_delete(path, self.on_delete)

    def _note(self, what, **facts):
        return self.history.add("eventsub", what, **facts)

    def _later(self, seconds, call):
        """Runs the coroutine function later, unless the stage ends before."""
        async def wait():
            await asyncio.sleep(seconds)
            await call()
        task = asyncio.get_running_loop().create_task(wait())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # -- Connections -------------------------------------------------------------------------------

    async def _connect(self, request):
        number = next(self.numbers)
        key = request.query.get("handover")
        self._note("accept", client=number, handover=bool(key), server=self.port)
        if self.mode == "refuse-upgrade":
            return web.Response(status=503)
        if self.mode == "hang-upgrade":
            await asyncio.sleep(60)
        ws = web.WebSocketResponse(max_msg_size=0, autoping=True)
        await ws.prepare(request)
        session = self.urls.pop(key, None) if key else Session("AgoQ" + secrets.token_urlsafe(60))
        connection = Connection(ws, number, session)
        self._note("open", client=number, session=session and session.id, server=self.port)
        if session is None or session.is_over:
            await self._close(connection, 4007)
            return ws
        self.connections.append(connection)
        try:
            if self.mode != "hang-welcome":
                await self._welcome(connection)
            async for message in ws:
                if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                    self._note("client_sent", client=number, data=repr(message.data)[:200])
                    await self._close(connection, 4001)
            # close() of another task waits for us to stop reading.
            if connection.code and connection.code != 1006:
                await ws.close(code=connection.code)
        finally:
            self.connections.remove(connection)
            self._note("close", client=number, session=session.id, code=connection.code
                       or ws.close_code, by="server" if connection.code else "bot")
            if session.connection is connection:
                self._end(session, "websocket_disconnected")
        return ws

    async def _welcome(self, connection):
        """A fresh session, or one that is handed over: it keeps what is subscribed, under a new
        id."""
        session, old = connection.session, connection.session.connection
        self.sessions.pop(session.id, None)
        if old:
            session.id = "AgoQ" + secrets.token_urlsafe(60)
        self.sessions[session.id] = session
        session.connection = connection
        connection.said = time.monotonic()
        await self._frame(connection, "session_welcome", {"session": {
            "id": session.id, "status": "connected", "connected_at": stamp(),
            "keepalive_timeout_seconds": self.keepalive_s, "reconnect_url": None,
            "recovery_url": None}})
        self._note("welcome", client=connection.number, session=session.id, handover=bool(old))
        if not session.is_used:
            self._later(self.unused_s, lambda: self._close_unused(session))
        self._later(self.keepalive_s * 0.5, lambda: self._keep_alive(connection))

    async def _close_unused(self, session):
        if not session.is_used and not session.is_over:
            self._note("unused", session=session.id)
            await self._close(session.connection, 4003)

    async def _keep_alive(self, connection):
        if connection.ws.closed or connection.session.is_over:
            return
        idle = time.monotonic() - connection.said
        if idle >= self.keepalive_s * 0.8 and self.mode != "mute":
            await self._frame(connection, "session_keepalive", {})
        self._later(self.keepalive_s * 0.25, lambda: self._keep_alive(connection))

    async def _close(self, connection, code):
        connection.code = connection.code or code
        self._note("closing", client=connection.number, code=code)
        await connection.ws.close(code=code)

    def _end(self, session, status):
        """A session that is over: what it had is disabled, and counts for a while."""
        session.is_over = True
        self.sessions.pop(session.id, None)
        for sub in self.subscriptions.values():
            if sub.session is session and sub.status == "enabled":
                sub.status, sub.ended = status, time.monotonic()

    async def _frame(self, connection, kind, payload, message_id=None, ago=0, sub=None):
        meta = {"message_id": message_id or str(uuid.uuid4()), "message_type": kind,
                "message_timestamp": stamp(ago)}
        if sub:
            meta.update(subscription_type=sub.type, subscription_version=sub.version)
        try:
            connection.said = time.monotonic()
            await connection.ws.send_json({"metadata": meta, "payload": payload})
        except (ConnectionError, RuntimeError):
            return None  # it has gone
        return meta["message_id"]

    # -- REST --------------------------------------------------------------------------------------

    def _token(self, request):
        """The token of a call: 401 unless it is good and of the app that the call names."""
        scheme, _, access = request.headers.get("Authorization", "").partition(" ")
        token = self.app.user_token(access if scheme == "Bearer" else "")
        if request.headers.get("Client-Id") != token.client.id:
            raise Refusal(401, "Client ID and OAuth token do not match")
        return token

    async def _call(self, request, handle):
        try:
            token = self._token(request)
            status, body = await handle(request, token)
        except Refusal as refusal:
            status, body = refusal.status, {"error": "Refused", "status": refusal.status,
                                            "message": refusal.message}
            self._note("refused", method=request.method, status=status, message=refusal.message)
        return web.json_response(body, status=status) if body is not None else \
            web.Response(status=status)

    async def on_create(self, request):
        return await self._call(request, self._create)

    async def on_list(self, request):
        return await self._call(request, self._list)

    async def on_delete(self, request):
        return await self._call(request, self._delete)

    async def _create(self, request, token):
        if request.content_type != "application/json":
            raise Refusal(400, "the body must be JSON")
        body = await request.json()
        kind, transport = body.get("type"), body.get("transport") or {}
        note = self._note("create", type=kind, condition=body.get("condition"),
                          login=token.user.login, session=transport.get("session_id"))
        verdict = self.answer(kind, token) if self.answer else None
        if isinstance(verdict, (int, float)):
            await asyncio.sleep(verdict)
        elif verdict:
            raise Refusal(*verdict)
        sub = self._accept(body, kind, transport, token)
        self.subscriptions[sub.id] = sub
        sub.session.is_used, sub.session.user = True, token.user
        note["id"] = sub.id
        self._note("subscribed", type=kind, condition=sub.condition, login=token.user.login,
                   session=sub.session.id, id=sub.id)
        return 202, {"data": [sub.json()], "total": len(self._counting(token)),
                     "total_cost": self._cost(token), "max_total_cost": self.max_cost}

    def _accept(self, body, kind, transport, token):
        """The subscription of a call that nothing is wrong with."""
        condition, user = body.get("condition"), token.user
        if kind not in TYPES or body.get("version") != TYPES[kind][0]:
            raise Refusal(400, f"invalid subscription type and version: {kind}")
        _, members, scopes, whose, cost = TYPES[kind]
        self._check_condition(condition, members)
        if transport.get("method") != "websocket":
            raise Refusal(400, "invalid transport and auth combination")
        session = self.sessions.get(transport.get("session_id"))
        if not session or session.is_over:
            raise Refusal(400, "websocket transport session does not exist or has already "
                          "disconnected")
        if session.user and session.user is not user:
            raise Refusal(400, "websocket transport cannot have subscriptions created by "
                          "different users")
        if scopes and not set(scopes.split("|")) & set(token.scopes):
            raise Refusal(403, REFUSED)
        room = next(iter(condition.get(m) for m in (CHANNEL, *RAID_ENDS) if condition.get(m)), "")
        self._check_person(kind, condition, room, user, whose)
        if room and self.app.user_of_id(room) is None:
            raise Refusal(400, "the broadcaster does not exist")
        if any(t.user.id == room for t in self.app.tokens.values() if t.client is token.client):
            cost = 0  # its broadcaster has authorised the app
        sub = Subscription(kind, body["version"], condition, session, token, cost)
        self._check_limits(sub)
        return sub

    @staticmethod
    def _check_condition(condition, members):
        if not isinstance(condition, dict) or not all(
                isinstance(v, str) for v in condition.values()):
            raise Refusal(400, "the condition must be an object of texts")
        given = {k for k, v in condition.items() if v}
        if members is None and not (given <= set(RAID_ENDS) and len(given) == 1):
            raise Refusal(400, "exactly one end of the raid must be given")
        if members is not None and given != set(members):
            raise Refusal(400, f"the condition needs {members}, not {sorted(given)}")

    def _check_person(self, kind, condition, room, user, whose):
        for member in (SELF, MODERATOR):
            if member in condition and condition[member] != user.id:
                raise Refusal(403, REFUSED)
        if whose == "broadcaster" and room != user.id:
            raise Refusal(403, REFUSED)
        if whose == "moderator" and room != user.id and (room, user.id) not in self.moderators:
            raise Refusal(403, REFUSED)
        if kind.startswith("channel.chat") and (room, user.id) in self.banned:
            raise Refusal(403, REFUSED)

    def _counting(self, token):
        """What counts for this user and app: of dead sessions too, for a while."""
        now = time.monotonic()
        return [s for s in self.subscriptions.values() if s.token.user is token.user
                and s.token.client is token.client
                and (s.status == "enabled" or now - s.ended < self.linger_s)]

    def _cost(self, token):
        return sum(s.cost for s in self._counting(token))

    def _check_limits(self, sub):
        counting, late = self._counting(sub.token), self.loop.late()
        same = [s for s in counting if s.type == sub.type and s.condition == sub.condition]
        if any(s.session is sub.session and s.status == "enabled" for s in same):
            raise Refusal(409, "subscription already exists")
        if len(same) >= 3:
            raise Refusal(429, "maximum subscriptions with type and condition exceeded")
        transports = {s.session for s in counting}
        if sub.session not in transports and len(transports) >= self.max_sessions:
            raise Refusal(429, "number of websocket transports limit exceeded")
        if sum(s.session is sub.session for s in counting) >= self.max_subscriptions:
            raise Refusal(429, "number of subscriptions of the session exceeded")
        if self._cost(sub.token) + sub.cost > self.max_cost:
            raise Refusal(429, "cost exceeded")
        if sub.type == "channel.chat.message":
            is_over = not self.joins[sub.token.user.id].add(time.monotonic(), late)
            rooms = {s.condition[CHANNEL] for s in counting if s.type == sub.type}
            self._note("join", room=sub.condition[CHANNEL], over=is_over, late=late)
            if is_over or len(rooms) >= 100:
                raise Refusal(403, REFUSED)

    async def _list(self, request, token):
        known = [s for s in self._counting(token)]
        wanted = request.query.get("status")
        data = [s.json() for s in known if not wanted or s.status == wanted][:100]
        self._note("list", login=token.user.login, n=len(data))
        return 200, {"data": data, "total": len(known), "total_cost": self._cost(token),
                     "max_total_cost": self.max_cost, "pagination": {}}

    async def _delete(self, request, token):
        sub = self.subscriptions.get(request.query.get("id"))
        if not sub or sub.token.user is not token.user:
            raise Refusal(404, "subscription not found")
        del self.subscriptions[sub.id]
        self._note("deleted", id=sub.id, type=sub.type, status=sub.status)
        return 204, None

    # -- What the test makes happen ----------------------------------------------------------------

    def live(self):
        return [c for c in self.connections if not c.ws.closed]

    def active(self, kind=None):
        return [s for s in list(self.subscriptions.values())
                if s.status == "enabled" and kind in (None, s.type)]

    def emit(self, kind, event, message_id=None, ago=0, times=1, on=None, **condition):
        """Something happened: everybody who subscribed to it under this condition is told. ago: how
        old the message is said to be. on: another connection than the session's own. Gives how
        many."""
        async def go():
            n = 0
            for sub in self.active(kind):
                if any(sub.condition.get(k) != v for k, v in condition.items()):
                    continue
                name = message_id or str(uuid.uuid4())
                self._note("emitted", type=kind, id=name, session=sub.session.id, times=times)
                for _ in range(times):
                    await self._frame(on or sub.session.connection, "notification",
                                      {"subscription": sub.json(), "event": event}, name, ago, sub)
                n += 1
            return n
        return self.loop.run(go())

    def reconnect(self, url=None, connection=None):
        """Sends session_reconnect to every session, or the one of a connection: to a good URL, or
        this."""
        async def go():
            for old in [connection] if connection else self.live():
                key = secrets.token_hex(8)
                self.urls[key] = old.session
                to = url or f"{self.url}?handover={key}&cell=b%2F1"
                self._note("reconnect", client=old.number, session=old.session.id, url=to)
                await self._frame(old, "session_reconnect", {"session": {
                    "id": old.session.id, "status": "reconnecting", "connected_at": stamp(),
                    "keepalive_timeout_seconds": None, "reconnect_url": to}})
                self._later(self.grace_s, lambda c=old, k=key: self._end_grace(c, k))
        self.loop.run(go())

    async def _end_grace(self, connection, key):
        self.urls.pop(key, None)
        if not connection.ws.closed:
            self._note("left_open", client=connection.number)
            await self._close(connection, 4004)

    def revoke(self, kind, status):
        """Takes back every subscription of this type."""
        async def go():
            for sub in self.active(kind):
                sub.status = status
                del self.subscriptions[sub.id]
                self._note("revoked", type=kind, id=sub.id, status=status)
                await self._frame(sub.session.connection, "revocation",
                                  {"subscription": sub.json()}, sub=sub)
        self.loop.run(go())

    def raw(self, text):
        """Any text to everybody."""
        async def go():
            for connection in self.live():
                await connection.ws.send_str(text)
        self.loop.run(go())

    def ping(self):
        """WebSocket Pings, which keep nobody alive."""
        async def go():
            for connection in self.live():
                await connection.ws.ping()
        self.loop.run(go())

    def close(self, code):
        """Closes every connection with this code."""
        async def go():
            for connection in self.live():
                await self._close(connection, code)
        self.loop.run(go())

    async def _cut(self):
        for connection in self.live():
            connection.code = 1006
            self._end(connection.session, "websocket_network_error")
            reset(connection.ws._req.transport)

    def cut(self):
        """Ends every connection without a word."""
        self.loop.run(self._cut())

    async def said(self, text, user, room, message_id):
        """Somebody spoke by REST: everybody who subscribed to the chat hears it, the speaker
        too."""
        badges = ["moderator"] if (self.app.user(room).id, user.id) in self.moderators else []
        kind, event = "channel.chat.message", self.line(text, user.display, room, badges,
                                                        message_id)
        for sub in self.active(kind):
            if sub.condition[CHANNEL] == event[CHANNEL]:
                await self._frame(sub.session.connection, "notification",
                                  {"subscription": sub.json(), "event": event}, sub=sub)

    # -- What the test waits for -------------------------------------------------------------------

    def wait(self, question, what, timeout=60):
        deadline = time.monotonic() + timeout
        while not (answer := question()):
            if time.monotonic() > deadline:
                raise AssertionError(f"never: {what}; active: {[s.type for s in self.active()]}")
            time.sleep(0.005)
        return answer

    def wait_active(self, *kinds, timeout=60):
        """Waits until each of these is subscribed on a session that is alive."""
        return self.wait(lambda: all(self.active(k) for k in kinds), f"active {kinds}", timeout)

    def wait_note(self, what, n=1, timeout=60, **facts):
        """Waits for the n-th of these in the history."""
        return self.wait(lambda: len(found := self.history.find("eventsub", what, **facts)) >= n
                         and found, f"{n} x {what} {facts}", timeout)

    # -- Events, as Twitch prints them -------------------------------------------------------------

    def person(self, login, prefix=""):
        """The three members that name somebody: known to the app, or the user of the stage's
        chat."""
        user = self.app.users.get(login.lower())
        user_id = user.id if user else str(user_id_of(login))
        return {f"{prefix}user_id": user_id, f"{prefix}user_login": login.lower(),
                f"{prefix}user_name": login}

    def room(self, name):
        return self.person(name, "broadcaster_")

    def line(self, text, user, room, badges, message_id, reply=None, source=None, bits=0,
             reward=None):
        who = self.person(user)
        return {**self.room(room), **{f"chatter_{k}": v for k, v in who.items()},
                **{f"source_broadcaster_{k}": v for k, v in (
                    self.person(source) if source else dict.fromkeys(who)).items()},
                "message_id": message_id,
                "source_message_id": str(uuid.uuid4()) if source else None,
                "is_source_only": False if source else None,
                "message": {"text": text, "fragments": [{"type": "text", "text": text,
                            "cheermote": None, "emote": None, "mention": None}]},
                "color": "#1E90FF", "source_badges": [] if source else None, "message_type": "text",
                "badges": [{"set_id": b, "id": "1", "info": ""} for b in badges],
                "cheer": {"bits": bits} if bits else None, "reply": reply,
                "channel_points_custom_reward_id": reward, "channel_points_animation_id": None}

    def say(self, text, user="pebblewren", room="kelpforest", badges=(), reply=None,
            message_id=None,
            source=None, bits=0, reward=None, frame=None, times=1, ago=0):
        """A chat line. badges: set ids. reply: {parent_...}. Gives its message id."""
        message_id = message_id or str(uuid.uuid4())
        event = self.line(text, user, room, badges, message_id, reply, source, bits, reward)
        self._note("say", id=message_id, text=text, user=user, room=room)
        self.emit("channel.chat.message", event, frame, ago, times,
                  broadcaster_user_id=event["broadcaster_user_id"])
        return message_id

    def notice(self, kind, detail, user="brinebaron", room="kelpforest", text="", **more):
        """A notice in chat: kind is its notice_type, detail the object of it."""
        event = {**self.room(room), **{f"chatter_{k}": v for k, v in self.person(user).items()},
                 "chatter_is_anonymous": False, "color": "", "badges": [], "source_badges": None,
                 "source_broadcaster_user_id": None, "source_broadcaster_user_login": None,
                 "source_broadcaster_user_name": None, "source_message_id": None,
                 "system_message": f"{user}: {kind}", "message_id": str(uuid.uuid4()),
                 "message": {"text": text, "fragments": []}, "notice_type": kind, kind: detail,
                 **more}
        self.emit("channel.chat.notification", event,
                  broadcaster_user_id=event["broadcaster_user_id"])

    def tell(self, kind, user=None, room="kelpforest", frame=None, ago=0, times=1, **more):
        """Any other event of a room, with the person it is about. Gives how many were told."""
        event = {**(self.person(user) if user else {}), **self.room(room), **more}
        return self.emit(kind, event, frame, ago, times,
                         broadcaster_user_id=event["broadcaster_user_id"])

    def redeem(self, title, user="snailpost", room="kelpforest", text="", **options):
        return self.tell("channel.channel_points_custom_reward_redemption.add", user, room,
                         id=str(uuid.uuid4()), user_input=text, status="unfulfilled",
                         reward={"id": str(uuid.uuid4()), "title": title, "cost": 500,
                                 "prompt": ""},
                         redeemed_at=stamp(), **options)

    def raid(self, origin, target, viewers):
        ends = {**self.person(origin, "from_broadcaster_"),
                **self.person(target, "to_broadcaster_"),
                "viewers": viewers}
        return sum(self.emit("channel.raid", ends, **{end: ends[end]}) for end in RAID_ENDS)

"""Twitch chat over WebSocket, as protocols/twitch.md section 1 says, and as strict as the real one.

It refuses a wrong token, a JOIN before 001, too many joins and logins; it drops what is over the
send limits and what begins with a command character; it acknowledges with USERSTATE, never echoes.
"""

import asyncio
import collections
import fcntl
import http.client
import itertools
import re
import socket
import struct
import termios
import time
import uuid
import zlib

from aiohttp import WSMsgType, web

from tests.stage.ports import free_port

LINE = re.compile(r"^(?:@(?P<tags>\S+) +)?(?::(?P<prefix>\S+) +)?(?P<command>[A-Za-z0-9]+)"
                  r"(?P<params>.*)$", re.S)

TCP_ESTABLISHED = 1  # linux/tcp.h

CAPABILITIES = ("twitch.tv/commands", "twitch.tv/tags", "twitch.tv/membership")


def parse(line):
    """A client's line: tags, command, params. None if it is none."""
    m = LINE.match(line)
    if not m:
        return None
    params, rest = [], m["params"]
    while rest := rest.lstrip(" "):
        if rest[0] == ":":
            params.append(rest[1:])
            break
        word, _, rest = rest.partition(" ")
        params.append(word)
    tags = dict(t.partition("=")[::2] for t in (m["tags"] or "").split(";") if t)
    return tags, m["command"].upper(), params


def escape(value):
    """A tag value on the wire (IRCv3)."""
    for raw, wire in (("\\", "\\\\"), (";", "\\:"), (" ", "\\s"), ("\r", "\\r"), ("\n", "\\n")):
        value = str(value).replace(raw, wire)
    return value


def reset(transport):
    """Ends a TCP connection by a real RST."""
    sock = transport.get_extra_info("socket")
    if sock is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


def unread(transport):
    """How many bytes of a connection are in the kernel; -1 when the other side has ended it."""
    sock = transport and transport.get_extra_info("socket")
    if sock is None or sock.fileno() < 0:
        return -1
    n = int.from_bytes(fcntl.ioctl(sock.fileno(), termios.FIONREAD, bytes(4)), "little")
    state = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]
    return n or (0 if state == TCP_ESTABLISHED else -1)


def user_id_of(user):
    """The id of a user: the same for the same name, and no other's."""
    return 1000000000 + zlib.crc32(user.lower().encode())


class Window:
    """At most `n` in any `seconds`. What is seen now may be older, but by no more than `late`."""

    def __init__(self, n, seconds):
        self.n, self.seconds, self.times = n, seconds, collections.deque()

    def add(self, now, late):
        while self.times and now - self.times[0] >= self.seconds:
            self.times.popleft()
        self.times.append(now - late)
        return len(self.times) <= self.n


class Client:
    """One connection of the bot."""

    def __init__(self, ws, number):
        self.ws, self.number = ws, number
        self.nick = self.token = None
        self.is_in = self.is_anonymous = self.is_left = False
        self.caps, self.rooms = set(), set()
        self.demotions = collections.Counter()  # rooms where it may not know of one yet
        self.pings = {}                         # text -> future of the PONG

    def is_on(self, room):
        return room is None or room in self.rooms


class Twitch:
    """The server. `rooms` is what it knows: name -> id. Attributes may be changed while it runs."""

    def __init__(self, loop, history, tls=None, token="oauthtoken", login="tidalbot",
                 rooms=("kelpforest",), host="127.0.0.1", app=None):
        self.loop, self.history, self.tls, self.host = loop, history, tls, host
        self.tokens = {token: login}
        self.app = app             # a TwitchApp, whose tokens count too
        self.user_id = "60030003"
        self.rooms = {name: str(40010001 + i) for i, name in enumerate(rooms)}
        self.mods = set()          # rooms where the bot is moderator
        self.vips = set()          # rooms where it is VIP
        self.slow = {}             # room -> seconds
        self.clients = []
        self._mode = "serve"
        self.answer = None         # called with (client, room, text): a msg-id refuses, "" drops
        self.acknowledges = True
        self.joins, self.logins = Window(20, 10), Window(20, 10)
        self.sends, self.sends_mod = Window(20, 30), Window(100, 30)
        self.numbers = itertools.count(1)
        self.ping_numbers = itertools.count(1)
        self.port = 0
        self._runner = None
        self._tasks = set()
        self._last_cut = 0         # number of the newest connection that was cut

    @property
    def url(self):
        return f"{'wss' if self.tls else 'ws'}://localhost:{self.port}/"

    @property
    def mode(self):
        """serve | refuse-upgrade | hang-upgrade | hang-welcome | mute"""
        return self._mode

    @mode.setter
    def mode(self, mode):
        self._mode = mode
        self.history.add("twitch", "mode", mode=mode, server=self.port)

    # -- Life ------------------------------------------------------------------------------------

    def start(self, port=None):
        self.loop.run(self._start(port or free_port()))
        return self

    async def _start(self, port):
        app = web.Application()
        app.router.add_get("/", self._connect)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self.host, port, ssl_context=self.tls,
                           shutdown_timeout=0.2)
        await site.start()
        self.port = site._server.sockets[0].getsockname()[1]
        self.history.add("twitch", "listen", server=self.port)

    def stop(self):
        """Refuses connections from now on; start(port) serves again on the same port."""
        if self._runner:
            for client in self.live():
                client.ws._req.transport.abort()
            self.loop.run(self._runner.cleanup())
            self._runner = None
            self.history.add("twitch", "stop", server=self.port)

    # -- What the bot does -------------------------------------------------------------------------

    async def _connect(self, request):
        number = next(self.numbers)
        self.history.add("twitch", "accept", client=number)
        if self.mode == "refuse-upgrade":
            return web.Response(status=503)
        if self.mode == "hang-upgrade":
            await asyncio.sleep(60)
        ws = web.WebSocketResponse(max_msg_size=0, protocols=("irc",))
        await self._notice_left()
        await ws.prepare(request)
        client = Client(ws, number)
        self.clients.append(client)
        self.history.add("twitch", "open", client=number, server=self.port)
        try:
            async for message in ws:
                if message.type == WSMsgType.TEXT:
                    await self._frame(client, message.data)
        finally:
            self.clients.remove(client)
            for future in client.pings.values():
                future.cancel()
            self.history.add("twitch", "close", client=number, server=self.port,
                             code=ws.close_code)
        return ws

    async def _notice_left(self):
        """Records which connections the bot had left before the one that opens now: what it did to
        them has arrived before, but perhaps nobody has looked yet."""
        for _ in range(100):
            if not any(unread(c.ws._req.transport) > 0 for c in self.clients):
                break
            await asyncio.sleep(0)
        for _ in range(10):  # what was read goes through some hands
            await asyncio.sleep(0)
        for client in self.clients:
            if client.ws.closed or unread(client.ws._req.transport) < 0:
                self._left(client)

    def _left(self, client):
        if not client.is_left:
            client.is_left = True
            self.history.add("twitch", "left", client=client.number, server=self.port)

    async def _frame(self, client, data):
        self.history.add("twitch", "frame", client=client.number, data=data)
        for line in data.split("\r\n"):
            if line:
                await self._line(client, line)

    async def _line(self, client, line):
        parsed = parse(line)
        if not parsed:
            self.history.add("twitch", "bad_line", client=client.number, line=line)
            return
        tags, command, params = parsed
        shown = ["<token>"] if command == "PASS" else params
        self.history.add("twitch", "recv", client=client.number, command=command, params=shown,
                         tags=tags)
        if self.mode == "mute":
            return
        on = getattr(self, f"_on_{command.lower()}", None)
        if on:
            await on(client, tags, params)
        else:
            await self._reply(client, f"421 {client.nick} {command} :Unknown command")

    async def _on_cap(self, client, _tags, params):
        if params[0] == "LS":
            await self._reply(client, f"CAP * LS :{' '.join(CAPABILITIES)}")
        if params[0] == "REQ":
            wanted = params[1].split()
            good = [c for c in wanted if c in CAPABILITIES]
            client.caps.update(good)
            if good:
                await self._reply(client, f"CAP * ACK :{' '.join(good)}")
            if len(good) < len(wanted):
                bad = " ".join(c for c in wanted if c not in good)
                await self._reply(client, f"CAP * NAK :{bad}")

    async def _on_pass(self, client, _tags, params):
        client.token = params[0]

    async def _on_nick(self, client, _tags, params):
        now = time.monotonic()
        client.nick = params[0]
        late = self.loop.late()
        is_over = not self.logins.add(now, late)
        self.history.add("twitch", "login", client=client.number, nick=client.nick, over=is_over,
                         late=late)
        if self.mode == "hang-welcome":
            return
        client.is_anonymous = bool(re.fullmatch(r"justinfan\d+", client.nick))
        token = (client.token or "").removeprefix("oauth:")
        if not client.is_anonymous:
            if not (client.token or "").startswith("oauth:"):
                return await self._refuse(client, "Improperly formatted auth")
            if not self._is_theirs(token, client.nick) or is_over:
                return await self._refuse(client, "Login authentication failed")
        client.is_in = True
        for text in (f"001 {client.nick} :Welcome, GLHF!", f"002 {client.nick} :Your host is tmi",
                     f"003 {client.nick} :This server is rather new", f"004 {client.nick} :-",
                     f"375 {client.nick} :-", f"372 {client.nick} :You are in a maze",
                     f"376 {client.nick} :>"):
            await self._reply(client, text)
        if not client.is_anonymous:
            await self._send(client, f"@badge-info=;badges=;color=#5F9EA0;display-name=TidalBot;"
                             f"emote-sets=0;turbo=0;user-id={self.user_id};user-type= "
                             ":tmi.twitch.tv GLOBALUSERSTATE")
        self.history.add("twitch", "welcome", client=client.number)
        return None

    def _is_theirs(self, token, nick):
        granted = self.app and self.app.token(token)
        if granted and granted.refresh:  # a login; a plain token stands in `tokens`
            return granted.user.login == nick and "chat:read" in granted.scopes
        return self.tokens.get(token) == nick

    async def _refuse(self, client, text):
        await self._reply(client, f"NOTICE * :{text}")
        self.history.add("twitch", "login_refused", client=client.number)
        await client.ws.close()

    async def _on_join(self, client, _tags, params):
        for room in params[0].split(","):
            room = room.lstrip("#")
            late = self.loop.late()
            is_over = not self.joins.add(time.monotonic(), late)
            self.history.add("twitch", "join", client=client.number, room=room, over=is_over,
                             early=not client.is_in, late=late)
            if not client.is_in or is_over or room not in self.rooms:
                continue  # the real one gives no reply at all
            client.rooms.add(room)
            nick = client.nick
            await self._send(client, f":{nick}!{nick}@{nick}.tmi.twitch.tv JOIN #{room}\r\n"
                             f":{nick}.tmi.twitch.tv 353 {nick} = #{room} :{nick}\r\n"
                             f":{nick}.tmi.twitch.tv 366 {nick} #{room} :End of /NAMES list")
            if not client.is_anonymous:
                await self._userstate(client, room)
            await self._send(client, f"@emote-only=0;followers-only=-1;r9k=0;"
                             f"room-id={self.rooms[room]};slow={self.slow.get(room, 0)};"
                             f"subs-only=0 :tmi.twitch.tv ROOMSTATE #{room}")

    async def _on_part(self, client, _tags, params):
        for room in params[0].split(","):
            client.rooms.discard(room.lstrip("#"))
            await self._send(client, f":{client.nick}!{client.nick}@{client.nick}.tmi.twitch.tv "
                             f"PART {room}")

    async def _on_ping(self, client, _tags, params):
        await self._reply(client, f"PONG tmi.twitch.tv :{params[0] if params else ''}")

    async def _on_pong(self, client, _tags, params):
        future = client.pings.pop(params[-1] if params else "", None)
        if future and not future.done():
            future.set_result(True)

    async def _ping(self, client):
        """Asks, and waits for the answer or the end of the connection."""
        text = f"stage-{next(self.ping_numbers)}"
        future = client.pings[text] = asyncio.get_running_loop().create_future()
        await self._send(client, f"PING :{text}")
        await asyncio.wait([future])

    async def _on_quit(self, client, _tags, _params):
        self.history.add("twitch", "quit", client=client.number)
        self._left(client)
        await client.ws.close()

    async def _on_privmsg(self, client, tags, params):
        room, text = params[0].lstrip("#"), params[1] if len(params) > 1 else ""
        now, late = time.monotonic(), self.loop.late()
        is_mod = room in self.mods | self.vips or client.demotions[room] > 0
        small, large = self.sends.add(now, late), self.sends_mod.add(now, late)
        is_over = not (large if is_mod else small)
        self.history.add("twitch", "said", client=client.number, room=room, text=text, mod=is_mod,
                         reply_to=tags.get("reply-parent-msg-id"), over=is_over, late=late)
        if client.is_anonymous or room not in client.rooms or is_over:
            return
        refusal = self.answer(client, room, text) if self.answer else None
        if text[:1] in "/.":
            refusal = "unrecognized_cmd"
        if refusal:
            await self._send(client, f"@msg-id={refusal} :tmi.twitch.tv NOTICE #{room} :Not sent.")
        elif refusal is None and self.acknowledges:
            await self._userstate(client, room, str(uuid.uuid4()))

    async def _userstate(self, client, room, message_id=None):
        is_mod = room in self.mods
        badge = "moderator/1" if is_mod else "vip/1" if room in self.vips else ""
        await self._send(client, f"@badge-info=;badges={badge};color=;"
                         f"display-name=TidalBot;emote-sets=0;"
                         + (f"id={message_id};" if message_id else "")
                         + f"mod={int(is_mod)};subscriber=0;user-type={'mod' if is_mod else ''} "
                         f":tmi.twitch.tv USERSTATE #{room}")

    async def _reply(self, client, text):
        await self._send(client, f":tmi.twitch.tv {text}")

    async def _send(self, client, lines):
        try:
            await client.ws.send_str(lines + "\r\n")
        except (ConnectionError, RuntimeError):
            pass  # it has gone; `close` records that

    def settle(self):
        """Waits until everybody who connected so far has been heard: they stand in one queue."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=60)
        connection.request("GET", "/settled")
        connection.getresponse()
        connection.close()

    # -- What the test makes happen ----------------------------------------------------------------

    def live(self):
        return [c for c in self.clients if not c.ws.closed]

    def raw(self, lines, room=None):
        """Sends bytes of the wire, without the last CRLF, to every connection that is in the room,
        or to all of them."""
        self.history.add("twitch", "sent", lines=lines, server=self.port)

        async def go():
            for client in [c for c in self.live() if c.is_on(room)]:
                await self._send(client, lines)
        self.loop.run(go())

    def sync(self):
        """Waits until the bot has taken in all that it was sent so far."""
        async def go():
            await asyncio.gather(*(self._ping(c) for c in self.live()))
        self.loop.run(go())

    def say(self, text, user="pebblewren", user_id=None, room=None, **tags):
        """A chat line as another user. Gives its message id; tags override: badges=..., mod=1."""
        room = room or next(iter(self.rooms))
        line, message_id = self.line(text, user, user_id, room, **tags)
        self.history.add("twitch", "say", id=message_id, text=text, user=user, room=room)
        self.raw(line, room)
        return message_id

    def line(self, text, user="pebblewren", user_id=None, room=None, **tags):
        room = room or next(iter(self.rooms))
        message_id = tags.pop("id", None) or str(uuid.uuid4())
        all_tags = {"badge-info": "", "badges": "", "color": "#1E90FF", "display-name": user,
                    "emotes": "", "first-msg": "0", "flags": "", "id": message_id, "mod": "0",
                    "returning-chatter": "0", "room-id": self.rooms[room], "subscriber": "0",
                    "tmi-sent-ts": str(int(time.time() * 1000)), "turbo": "0",
                    "user-id": user_id or str(user_id_of(user)),
                    "user-type": ""}
        all_tags.update({k.replace("_", "-"): v for k, v in tags.items()})
        wire = ";".join(f"{k}={escape(v)}" for k, v in all_tags.items())
        login = user.lower()
        return f"@{wire} :{login}!{login}@{login}.tmi.twitch.tv PRIVMSG #{room} :{text}", message_id

    def notice(self, kind, user="brinebaron", room=None, text=None, user_id=None, **params):
        """A USERNOTICE: sub, resub, subgift, submysterygift, raid, announcement ..."""
        room = room or next(iter(self.rooms))
        message_id = str(uuid.uuid4())
        tags = {"badges": "", "display-name": user, "emotes": "", "id": message_id, "login": user,
                "mod": "0", "msg-id": kind, "room-id": self.rooms[room], "system-msg": "",
                "tmi-sent-ts": str(int(time.time() * 1000)),
                "user-id": user_id or str(user_id_of(user))}
        tags.update({f"msg-param-{k.replace('_', '-')}": v for k, v in params.items()})
        wire = ";".join(f"{k}={escape(v)}" for k, v in tags.items())
        self.history.add("twitch", "notice", id=message_id, kind=kind, room=room)
        self.raw(f"@{wire} :tmi.twitch.tv USERNOTICE #{room}" + (f" :{text}" if text else ""), room)
        return message_id

    def delete(self, message_id, user="pebblewren", room=None):
        room = room or next(iter(self.rooms))
        self.raw(f"@login={user};room-id={self.rooms[room]};target-msg-id={message_id};"
                 f"tmi-sent-ts=1 :tmi.twitch.tv CLEARMSG #{room} :gone", room)

    def ban(self, user_id, user="pebblewren", room=None, seconds=None):
        room = room or next(iter(self.rooms))
        duration = f"ban-duration={seconds};" if seconds else ""
        self.raw(f"@{duration}room-id={self.rooms[room]};target-user-id={user_id};tmi-sent-ts=1 "
                 f":tmi.twitch.tv CLEARCHAT #{room} :{user}", room)

    def clear(self, room=None):
        """A moderator cleared the whole chat of a room."""
        room = room or next(iter(self.rooms))
        self.raw(f"@room-id={self.rooms[room]};tmi-sent-ts=1 :tmi.twitch.tv CLEARCHAT #{room}",
                 room)

    def acknowledge(self, room=None):
        """The USERSTATE of a message that was not acknowledged at once (acknowledges = False)."""
        room = room or next(iter(self.rooms))

        async def go():
            for client in self.live():
                await self._userstate(client, room, str(uuid.uuid4()))
        self.loop.run(go())

    def set_mod(self, room, is_mod):
        self._set_badge(self.mods, room, is_mod)

    def set_vip(self, room, is_vip):
        self._set_badge(self.vips, room, is_vip)

    def _set_badge(self, rooms, room, is_on):
        async def go():
            (rooms.add if is_on else rooms.discard)(room)
            for client in [c for c in self.live() if c.is_on(room)]:
                if is_on:
                    await self._userstate(client, room)
                else:
                    task = asyncio.create_task(self._demote(client, room))
                    self._tasks.add(task)  # or it may be collected while it runs
                    task.add_done_callback(self._tasks.discard)
        self.loop.run(go())

    async def _demote(self, client, room):
        """What was under way when the news was told is judged by what held before. It has surely
        heard after two answered PINGs: a PONG overtakes what is queued, but not twice."""
        client.demotions[room] += 1
        await self._userstate(client, room)
        for _ in range(2):
            await self._ping(client)
        client.demotions[room] -= 1

    def cut(self, abort=False):
        """Closes every connection: cleanly, or by a reset."""
        async def go():
            for client in self.live():
                if abort:
                    reset(client.ws._req.transport)
                else:
                    await client.ws.close(code=1001)
        self.history.add("twitch", "cut", abort=abort, clients=len(self.live()), server=self.port)
        self._last_cut = max((c.number for c in self.clients), default=0)
        self.loop.run(go())

    def wait_back(self, timeout=75):
        """After a cut: waits until a new connection is in its rooms. Before it has noticed the cut
        the bot may still say that it is up."""
        deadline = time.monotonic() + timeout
        while not any(c.rooms and c.number > self._last_cut for c in self.live()):
            if time.monotonic() > deadline:
                raise AssertionError("nobody came back")
            time.sleep(0.005)

    # -- What the test waits for -------------------------------------------------------------------

    def said(self, room=None):
        """Everything the bot said, as texts, in order."""
        return [e["text"] for e in self.history.find("twitch", "said")
                if room is None or e["room"] == room]

    def wait_said(self, pattern, timeout=60, since=0):
        """Waits for a line of the bot that matches; gives the history's event."""
        deadline = time.monotonic() + timeout
        while True:
            for event in self.history.find("twitch", "said")[since:]:
                if re.search(pattern, event["text"]):
                    return event
            if time.monotonic() > deadline:
                raise AssertionError(f"never said {pattern!r}; said {self.said()}")
            time.sleep(0.005)

    def wait(self, what, n=1, timeout=60, **facts):
        """Waits until the history holds n events like this; gives them."""
        deadline = time.monotonic() + timeout
        while len(found := self.history.find("twitch", what, **facts)) < n:
            if time.monotonic() > deadline:
                raise AssertionError(f"no {n} x {what} {facts}: only {len(found)}")
            time.sleep(0.005)
        return found

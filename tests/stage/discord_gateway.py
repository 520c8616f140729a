"""Discord's gateway, version 10 (protocols/discord.md 1 to 3, 11), as strict as the real one: what
comes in the wrong order, too late, too often, too large or with a member missing is closed by the
code for it, and noted as `wrong`. Each session keeps what was dispatched to it and tells it again
to who resumes.

It listens twice: where /gateway/bot points to, and where READY says that a session is resumed.
"""

import asyncio
import copy
import itertools
import json
import secrets
import zlib

from aiohttp import WSMsgType, web

from tests.stage.ports import free_port
from tests.stage.twitch import Window, reset, unread

GUILDS, MEMBERS, MODERATION, PRESENCES = 1, 2, 4, 256
MESSAGES, REACTIONS, TYPING, DIRECT = 512, 1024, 2048, 4096
DIRECT_REACTIONS, DIRECT_TYPING, CONTENT = 8192, 16384, 32768
KNOWN = sum(1 << n for n in (*range(17), 20, 21, 24, 25))
PRIVILEGED = {"members": MEMBERS, "presences": PRESENCES, "content": CONTENT}
# type -> the intent it needs in a server, and in a direct message; 0 = none
INTENTS = {"MESSAGE": (MESSAGES, DIRECT), "REACTION": (REACTIONS, DIRECT_REACTIONS),
           "TYPING": (TYPING, DIRECT_TYPING), "GUILD_MEMBER": (MEMBERS, MEMBERS),
           "GUILD_BAN": (MODERATION, MODERATION), "GUILD": (GUILDS, GUILDS),
           "CHANNEL": (GUILDS, GUILDS), "THREAD": (GUILDS, GUILDS)}
MESSAGE_BYTES = 4096
SENDS, SENDS_S = 120, 60
SLACK_S = 2             # how much later than its interval a heartbeat may be on a busy machine
SUFFIX = b"\x00\x00\xff\xff"
TEXT, BINARY, MORE = 1, 2, 0


def intent_of(kind, d):
    """What a session must have asked for to be told of this."""
    if kind.startswith("MESSAGE_REACTION"):
        kind = "REACTION"
    for start, (in_guild, direct) in INTENTS.items():
        if kind.startswith(start):
            return in_guild if d.get("guild_id") or start.startswith("GUILD") else direct
    return 0


def frames(data, opcode, size):
    """WebSocket frames of one message, unmasked; size 0 = one frame."""
    pieces = [data[i:i + size] for i in range(0, len(data), size)] if size and data else [data]
    out = bytearray()
    for i, piece in enumerate(pieces):
        out.append((0x80 if i == len(pieces) - 1 else 0) | (opcode if i == 0 else MORE))
        if len(piece) < 126:
            out.append(len(piece))
        elif len(piece) < 1 << 16:
            out += b"\x7e" + len(piece).to_bytes(2, "big")
        else:
            out += b"\x7f" + len(piece).to_bytes(8, "big")
        out += piece
    return bytes(out)


class Connection:
    """One WebSocket of a shard."""

    def __init__(self, ws, request, number, door, compress):
        self.ws, self.transport, self.number, self.door = ws, request.transport, number, door
        self.deflate = zlib.compressobj() if compress else None
        self.is_packed = False          # IDENTIFY asked for payload compression
        self.session = None
        self.is_greeted = self.is_mute = False
        self.code = self.left = None    # we closed it with this code; the bot with that
        self.beat_by = None             # when the next heartbeat must have come
        self.sends, self.presences = Window(SENDS, SENDS_S), Window(5, 20)


class Session:
    """What a shard of the bot is told. log: (s, type, d) of everything that may have to be told
    again."""

    def __init__(self, shard, intents):
        self.id, self.shard, self.intents = secrets.token_hex(16), shard, intents
        self.seq, self.log, self.connection = 0, [], None
        self.left = None                # when its connection was lost
        self.is_over = False
        self.is_doubtful = False        # resuming it was made hard: it may be given up

    def is_for(self, guild_id):
        number, of = self.shard
        return (int(guild_id) >> 22) % of == number if guild_id else number == 0


class Gateway:
    """The server. Attributes may be changed while it runs."""

    def __init__(self, loop, history, discord, host="127.0.0.1"):
        self.loop, self.history, self.discord, self.host = loop, history, discord, host
        self.interval_ms = 41250
        self.identify_s = 5         # between two IDENTIFYs of one rate_limit_key
        self.resume_s = 180         # how long a session that lost its connection is kept
        self.total = self.remaining = 1000
        self.reset_after_ms = 0
        self.concurrency, self.shards = 1, 1
        self.mode = "serve"         # refuse-upgrade hang-upgrade hang-hello reconnect-first
        self.fragment = 0           # bytes of a WebSocket frame, 0 = whole messages
        self.split = 0              # with zlib-stream: bytes of a WebSocket message, 0 = whole
        self.ready_padding = 0      # bytes that READY is larger
        self.extra = {}             # members that nobody knows, in every message
        self.drop_resumes = 0       # so many connections are lost right after RESUME
        self.close_identifies = None  # (code, how many): closed right after IDENTIFY
        self.sessions, self.connections, self.identified = {}, [], {}
        self.numbers = itertools.count(1)
        self.ports, self._runners = {}, {}

    def url(self, door="base"):
        return f"ws://{self.host}:{self.ports[door]}"

    # -- Life --------------------------------------------------------------------------------------

    async def start(self, port=None):
        for door in ("base", "resume"):
            await self._listen(door, self.ports.get(door) or free_port())

    async def _listen(self, door, port):
        app = web.Application()
        app["door"] = door
        app.router.add_get("/", self._connect)
        self._runners[door] = web.AppRunner(app)
        await self._runners[door].setup()
        await web.TCPSite(self._runners[door], self.host, port, shutdown_timeout=0.2).start()
        self.ports[door] = port
        self.note("listen", server=port, door=door)

    async def stop(self):
        for connection in self.live():
            connection.transport.abort()
        for door, runner in self._runners.items():
            await runner.cleanup()
            self.note("stop", server=self.ports[door], door=door)
        self._runners.clear()

    async def refuse_resumes(self, is_dead):
        """The host of resume_gateway_url is not there, or there again."""
        for session in self.sessions.values():
            session.is_doubtful = session.is_doubtful or is_dead
        if is_dead and (runner := self._runners.pop("resume", None)):
            await runner.cleanup()
        elif not is_dead and "resume" not in self._runners:
            await self._listen("resume", self.ports["resume"])

    def note(self, what, **facts):
        return self.history.add("discord", what, **facts)

    def live(self):
        return [c for c in self.connections if not c.ws.closed and c.code is None]

    # -- Connections -------------------------------------------------------------------------------

    async def _connect(self, request):
        number, door = next(self.numbers), request.app["door"]
        self.note("accept", client=number, door=door, query=request.query_string)
        if self.mode == "refuse-upgrade":
            return web.Response(status=503)
        if self.mode == "hang-upgrade":
            await asyncio.sleep(60)
        # aiohttp forgets a close code that it can no longer answer: we close ourselves.
        ws = web.WebSocketResponse(max_msg_size=0, compress=False, autoclose=False)
        await ws.prepare(request)
        compress = request.query.get("compress")
        connection = Connection(ws, request, number, door, compress == "zlib-stream")
        # One that the bot has ended and that we have not read yet is none of its connections.
        others = [c.number for c in self.live() if unread(c.transport) >= 0]
        self.connections.append(connection)
        self.note("open", client=number, door=door, others=others, late=self.loop.late())
        try:
            if request.query.get("v") != "10":
                await self._refuse(connection, 4012, "the version is not 10")
            elif request.query.get("encoding") != "json" or compress not in (None, "zlib-stream"):
                await self._refuse(connection, 4002, f"query {request.query_string}")
            else:
                await self._serve(connection)
        finally:
            self.connections.remove(connection)
            self._lost(connection)
        return ws

    async def _serve(self, c):
        if self.mode == "reconnect-first":
            self.send(c, 7, None)
        elif self.mode != "hang-hello":
            c.is_greeted = True
            self.send(c, 10, {"heartbeat_interval": self.interval_ms, "_trace": ["stage"]})
        watch = asyncio.get_running_loop().create_task(self._watch(c))
        try:
            while (message := await c.ws.receive()).type in (WSMsgType.TEXT, WSMsgType.BINARY):
                verdict = self._receive(c, message) if c.code is None else None
                if verdict:
                    await self._refuse(c, *verdict)
            if message.type == WSMsgType.CLOSE:
                c.left = message.data or 1005
        finally:
            watch.cancel()
        if c.code != 1006:
            await c.ws.close(code=c.code or c.left or 1000)  # close() waits for us to stop reading

    async def _watch(self, c):
        """Closes the connection of a shard whose heart does not beat."""
        c.beat_by = self.discord.now() + self.interval_ms / 1000 + SLACK_S
        while True:
            await asyncio.sleep(max(0.01, (c.beat_by - self.discord.now()) / self.discord.rate))
            if self.discord.now() >= c.beat_by and c.is_greeted:
                self.note("no_beat", client=c.number, interval_ms=self.interval_ms)
                await self.close(c, 4009)
                return

    def _lost(self, c):
        by = "server" if c.code else "bot"
        code = c.code or c.left or 1006
        self.note("close", client=c.number, code=code, by=by)
        session = c.session
        if session and session.connection is c:
            session.connection, session.left = None, self.discord.now()
            if by == "bot" and code in (1000, 1001):
                session.is_over = True
                self.note("session_over", session=session.id)

    async def close(self, c, code):
        if c.code is not None:
            return
        c.code = code
        self.note("closing", client=c.number, code=code)
        await c.ws.close(code=code)

    async def _refuse(self, c, code, why):
        """The bot did what the real one does not take."""
        if c.code is None:
            self.note("wrong", client=c.number, code=code, why=why, where="gateway")
            await self.close(c, code)

    # -- What it says ------------------------------------------------------------------------------

    def send(self, c, op, d, s=None, t=None):
        self.raw(c, json.dumps({"op": op, "d": d, "s": s, "t": t, **self.extra},
                               ensure_ascii=False))

    def raw(self, c, text):
        """Writes a message as this connection has it: plain, or as part of its zlib stream."""
        data = text.encode() if isinstance(text, str) else text
        if c.deflate:
            packed = c.deflate.compress(data) + c.deflate.flush(zlib.Z_SYNC_FLUSH)
            size = self.split or len(packed)
            for i in range(0, len(packed), size):
                self.write(c, packed[i:i + size], BINARY)
        elif c.is_packed and len(data) > 1024:
            self.write(c, zlib.compress(data), BINARY)
        else:
            self.write(c, data, TEXT)

    def write(self, c, data, opcode):
        """One WebSocket message, in one go: nothing of ours comes between its frames."""
        if not c.transport.is_closing():
            c.transport.write(frames(data, opcode, self.fragment))

    def dispatch(self, kind, d, guild_id=None, only=None):
        """Tells every session that asked for it. Gives how many."""
        n = 0
        for session in [only] if only else list(self.sessions.values()):
            intent = intent_of(kind, d)
            is_theirs = only or session.is_for(guild_id or d.get("guild_id"))
            if session.is_over or not is_theirs or (intent and not session.intents & intent):
                continue
            session.seq += 1
            told = self._seen(session, kind, d)
            session.log.append((session.seq, kind, told))
            self.note("dispatch", t_=kind, s=session.seq, session=session.id, id=d.get("id"),
                      is_live=bool(session.connection))
            if session.connection:
                self.send(session.connection, 0, told, session.seq, kind)
            n += 1
        return n

    def _seen(self, session, kind, d):
        """A message as this session is told of it: without MESSAGE_CONTENT it is empty, mostly."""
        if kind not in ("MESSAGE_CREATE", "MESSAGE_UPDATE") or session.intents & CONTENT \
                or not d.get("guild_id") or d.get("author", {}).get("id") == self.discord.bot.id \
                or any(m["id"] == self.discord.bot.id for m in d.get("mentions", [])):
            return d
        d = copy.deepcopy(d)
        d.update({k: v for k, v in {"content": "", "embeds": [], "attachments": [],
                                    "components": []}.items() if k in d})
        d.pop("poll", None)
        return d

    # -- What it hears -----------------------------------------------------------------------------

    def _receive(self, c, message):
        """Handles a message. Gives (close code, why) when it is not to be taken."""
        now, late = self.discord.now(), self.discord.late()
        data = message.data.encode() if isinstance(message.data, str) else message.data
        self.note("frame", client=c.number, bytes=len(data), late=late / self.discord.rate)
        if not c.sends.add(now, late):
            return 4008, "more than 120 messages in 60 s"
        if message.type != WSMsgType.TEXT or len(data) > MESSAGE_BYTES:
            return 4002, f"a message of {len(data)} bytes, or no text"
        try:
            value = json.loads(data)
            op, d = value["op"], value.get("d")
        except (ValueError, KeyError, TypeError, AttributeError):
            return 4002, f"not a message: {data[:80]!r}"
        self.note("recv", client=c.number, op=op,
                  d=d if op == 1 else sorted(d) if isinstance(d, dict) else d)
        hear = {1: self._beat, 2: self._identify, 3: self._presence, 6: self._resume,
                8: self._members}.get(op)
        if hear is None:
            return 4001, f"op {op}"
        if not c.is_greeted:
            return 4003, f"op {op} before HELLO"
        if op in (3, 8) and not c.session:
            return 4003, f"op {op} before a session"
        if op in (2, 6) and c.session:
            return 4005, f"op {op} in a session"
        return hear(c, d)

    def _beat(self, c, d):
        if d is not None and (not isinstance(d, int) or isinstance(d, bool)):
            return 4002, f"a heartbeat of {d!r}"
        if c.session and d is not None and d > c.session.seq:
            return 4007, f"a heartbeat of {d}, {c.session.seq} is the newest"
        c.beat_by = self.discord.now() + self.interval_ms / 1000 + SLACK_S
        if not c.is_mute:
            self.send(c, 11, None)
        return None

    def _presence(self, c, d):
        if not isinstance(d, dict) or not {"since", "activities", "status", "afk"} <= d.keys():
            return 4002, "a presence with members missing"
        if d["status"] not in ("online", "dnd", "idle", "invisible", "offline"):
            return 4002, f"status {d['status']!r}"
        if not c.presences.add(self.discord.now(), self.discord.late()):
            return 4008, "more than 5 presences in 20 s"
        self.note("presence", client=c.number, d=d)
        return None

    def _members(self, c, d):
        if not isinstance(d, dict) or d.get("guild_id") not in self.discord.guilds:
            return 4002, "members of no server"
        guild = self.discord.guilds[d["guild_id"]]
        self.dispatch("GUILD_MEMBERS_CHUNK", {
            "guild_id": guild.id, "chunk_index": 0, "chunk_count": 1, "nonce": d.get("nonce"),
            "members": [guild.member_json(m) for m in guild.members.values()]}, only=c.session)
        return None

    # -- IDENTIFY ----------------------------------------------------------------------------------

    def _identify(self, c, d):
        verdict = self._check_identify(c, d)
        if verdict:
            return verdict
        shard = tuple(d.get("shard") or (0, 1))
        key, now, late = shard[0] % self.concurrency, self.discord.now(), self.discord.late()
        is_early = now - self.identified.get(key, -1e9) < self.identify_s
        self.identified[key] = now - late
        self.remaining -= 1
        self.note("identify", client=c.number, door=c.door, shard=shard, intents=d["intents"],
                  late=late / self.discord.rate,
                  compress=bool(c.deflate), key=key, remaining=self.remaining,
                  every_s=self.identify_s / self.discord.rate)
        if self.remaining < 0:
            self.note("token_reset")
            return 4004, "no IDENTIFY was left of the day's: the token is reset"
        if is_early or c.door == "resume":
            why = "too soon" if is_early else "where sessions are resumed"
            self.note("wrong", client=c.number, code=0, why=f"IDENTIFY {why}", where="gateway")
            self.send(c, 9, False)
            return None
        if self.close_identifies and self.close_identifies[1] > 0:
            code, n = self.close_identifies
            self.close_identifies = (code, n - 1)
            asyncio.get_running_loop().create_task(self.close(c, code))
            return None
        c.is_packed = bool(d.get("compress")) and not c.deflate
        self._begin(c, Session(shard, d["intents"]))
        return None

    def _check_identify(self, c, d):
        if not isinstance(d, dict) or not isinstance(d.get("properties"), dict):
            return 4002, "an IDENTIFY with members missing"
        if not all(isinstance(d["properties"].get(k), str) for k in ("os", "browser", "device")):
            return 4002, "properties with members missing"
        if not isinstance(d.get("token"), str) or type(d.get("intents")) is not int:
            return 4002, "an IDENTIFY with members missing"
        if d["token"] != self.discord.token:
            self.note("login_refused", client=c.number)
            return 4004, "another token"
        large = d.get("large_threshold", 50)
        if type(large) is not int or not 50 <= large <= 250:
            return 4002, f"large_threshold {large!r}"
        shard = d.get("shard") or [0, 1]
        if not (isinstance(shard, list) and len(shard) == 2 and all(type(n) is int for n in shard)
                and 0 <= shard[0] < shard[1]):
            return 4010, f"shard {shard!r}"
        if d["intents"] & ~KNOWN or d["intents"] < 0:
            return 4013, f"intents {d['intents']:#x}"
        off = [name for name, bit in PRIVILEGED.items()
               if d["intents"] & bit and name not in self.discord.toggles]
        return (4014, f"intents {off} are switched off") if off else None

    def _begin(self, c, session):
        for old in [s for s in self.sessions.values() if s.shard == session.shard]:
            # Only IDENTIFY says which events are wanted: other ones are a reason to begin anew.
            if self._is_kept(old) and not old.is_doubtful and old.intents == session.intents:
                self.note("thrown_away", session=old.id, client=c.number)
            old.is_over = True
            del self.sessions[old.id]
        self.sessions[session.id] = session
        session.connection, c.session = c, session
        guilds = [g for g in self.discord.guilds.values() if session.is_for(g.id)]
        ready = {"v": 10, "user": {**self.discord.bot.json(), "verified": True,
                                   "mfa_enabled": False, "email": None, "flags": 0},
                 "guilds": [{"id": g.id, "unavailable": True} for g in guilds],
                 "session_id": session.id, "resume_gateway_url": self.url("resume"),
                 "session_type": "normal", "shard": list(session.shard),
                 "application": {"id": self.discord.bot.id, "flags": self.discord.flags},
                 "private_channels": [], "relationships": [], "user_settings": {},
                 "_trace": ["stage"]}
        if self.ready_padding:
            ready["padding"] = "x" * self.ready_padding
        self.dispatch("READY", ready, only=session)
        self.note("ready", client=c.number, session=session.id, shard=session.shard)
        for guild in guilds:
            self.dispatch("GUILD_CREATE", guild.json(self.discord), guild.id, only=session)

    def _is_kept(self, session):
        """Who names it may go on with it."""
        return not session.is_over and (
            bool(session.connection) or self.discord.now() - session.left < self.resume_s)

    # -- RESUME ------------------------------------------------------------------------------------

    def _resume(self, c, d):
        if not isinstance(d, dict) or not {"token", "session_id", "seq"} <= d.keys() or \
                type(d["seq"]) is not int or not isinstance(d["session_id"], str):
            return 4002, "a RESUME with members missing"
        if d["token"] != self.discord.token:
            self.note("login_refused", client=c.number)
            return 4004, "another token"
        session = self.sessions.get(d["session_id"])
        is_kept = bool(session) and self._is_kept(session)
        self.note("resume", client=c.number, door=c.door, session=d["session_id"], seq=d["seq"],
                  kept=is_kept, late=self.loop.late())
        if self.drop_resumes:
            self.drop_resumes -= 1
            if session:
                session.is_doubtful = True
            c.code = 1006
            reset(c.transport)
            return None
        if not is_kept:
            self.send(c, 9, False)
            return None
        if d["seq"] > session.seq:
            return 4007, f"seq {d['seq']}, {session.seq} is the newest"
        session.is_doubtful = False
        if session.connection:
            session.connection.code = 4000
            session.connection.transport.abort()
        session.connection, session.left, c.session = c, None, session
        for s, kind, told in [each for each in session.log if each[0] > d["seq"]]:
            self.send(c, 0, told, s, kind)
        session.seq += 1
        self.send(c, 0, {"_trace": ["stage"]}, session.seq, "RESUMED")
        self.note("resumed", client=c.number, session=session.id, s=session.seq)
        return None

    # -- Faults ------------------------------------------------------------------------------------

    def reconnect(self):
        for c in self.live():
            self.send(c, 7, None)

    def invalid(self, is_resumable):
        for c in self.live():
            if c.session and not is_resumable:
                c.session.is_over = True
            if c.session:
                c.session.connection, c.session.left, c.session = None, self.discord.now(), None
            self.send(c, 9, is_resumable)

    def cut(self, is_abort):
        for c in self.live():
            c.code = 1006
            if is_abort:
                reset(c.transport)
            else:
                c.transport.close()

    def bomb(self, n):
        """n bytes of zeros, packed: for those who asked for zlib-stream."""
        for c in self.live():
            if c.deflate:
                out = bytearray()
                for _ in range(n >> 20):
                    out += c.deflate.compress(bytes(1 << 20))
                out += c.deflate.flush(zlib.Z_SYNC_FLUSH)
                self.write(c, bytes(out), BINARY)

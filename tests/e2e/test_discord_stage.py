"""The fake Discord is as strict as the real one (protocols/discord.md 1, 5 to 8, 11): a client of a
few lines does what is right and what is wrong, and looks at the answers. discord.js judges the
rest: tests/peers."""

import asyncio
import json
import time
import zlib

import aiohttp
import pytest

from tests.e2e.conftest import World
from tests.stage.discord import ALICE, BOT, GENERAL, GUILD
from tests.stage.discord_body import pings
from tests.stage.twitch import Window

INTENTS = 38403
PROPERTIES = {"os": "linux", "browser": "x", "device": "x"}
AGENT = "DiscordBot (https://example.org, 1.0)"


@pytest.fixture
def discord(tmp_path):
    w = World(tmp_path)
    try:
        yield w.discord()
    finally:
        w.close()


class Client:
    """A bot of a few lines, on a loop of its own in the test's thread."""

    def __init__(self, discord):
        self.discord, self.inflate = discord, None

    async def connect(self, door="base", query="v=10&encoding=json", greeted=True):
        self.http = getattr(self, "http", None) or aiohttp.ClientSession()
        self.ws = await self.http.ws_connect(f"{self.discord.gateway.url(door)}/?{query}",
                                             autoping=True,
                                             max_msg_size=0)
        self.inflate, self.packed = zlib.decompressobj() if "zlib" in query else None, b""
        if greeted:
            hello = await self.hear()
            assert hello["op"] == 10
            assert hello["d"]["heartbeat_interval"] == self.discord.gateway.interval_ms
        return self

    async def say(self, op, d):
        await self.ws.send_str(json.dumps({"op": op, "d": d}))

    async def hear(self):
        """The next message; the close code when there is none."""
        while True:
            message = await self.ws.receive(timeout=20)
            if message.type == aiohttp.WSMsgType.BINARY:
                self.packed += message.data
                if not self.packed.endswith(b"\x00\x00\xff\xff"):
                    continue
                text, self.packed = self.inflate.decompress(self.packed), b""
                return json.loads(text)
            if message.type == aiohttp.WSMsgType.TEXT:
                return json.loads(message.data)
            return self.ws.close_code

    async def identify(self, **more):
        await self.say(2, {"token": self.discord.token, "intents": INTENTS,
                           "properties": PROPERTIES, **more})
        return await self.hear()

    async def ready(self, **more):
        ready = await self.identify(**more)
        self.session = ready["d"]["session_id"]
        self.created = await self.hear()
        return ready

    async def resume(self, seq, door="resume", **more):
        await self.connect(door)
        await self.say(6, {"token": self.discord.token, "session_id": self.session, "seq": seq,
                           **more})
        return await self.hear()

    async def call(self, method, path, body=None, **head):
        self.http = getattr(self, "http", None) or aiohttp.ClientSession()
        head = {"User-Agent": AGENT, "Authorization": f"Bot {self.discord.token}", **head}
        async with self.http.request(method, self.discord.api_url + path, json=body,
                                     headers={k: v for k, v in head.items() if v}) as answer:
            text = await answer.text()
            self.head = answer.headers
            is_json = "json" in answer.headers.get("Content-Type", "") and text
            return answer.status, json.loads(text) if is_json else text


def play(discord, script):
    """Runs a script: a coroutine function of (client, discord)."""
    async def go():
        client = Client(discord)
        try:
            await script(client)
        finally:
            if hasattr(client, "http"):
                await client.http.close()
    asyncio.run(go())


async def on(discord, call, *args, **options):
    """Something happens, while our loop runs."""
    return await asyncio.get_running_loop().run_in_executor(None, lambda: call(*args, **options))


# -- The gateway -----------------------------------------------------------------------------------

@pytest.mark.parametrize("query", ["v=10&encoding=json", "v=10&encoding=json&compress=zlib-stream"])
@pytest.mark.parametrize("pieces", [0, 7])
def test_a_session_begins_with_ready_and_tells_what_happens(discord, query, pieces):
    discord.gateway.fragment = discord.gateway.split = pieces

    async def script(client):
        await client.connect(query=query)
        ready = await client.ready()
        assert (ready["s"], ready["t"], ready["d"]["v"]) == (1, "READY", 10)
        assert ready["d"]["guilds"] == [{"id": GUILD, "unavailable": True}]
        assert ready["d"]["application"] == {"id": BOT, "flags": 524288 + 32768}
        assert (client.created["t"], client.created["d"]["name"]) == ("GUILD_CREATE", "Stream Café")
        message = await on(discord, discord.say, "hello @bob o7 👋")
        heard = await client.hear()
        assert (heard["s"], heard["t"], heard["d"]["id"]) == (3, "MESSAGE_CREATE", message)
        assert heard["d"]["mentions"][0]["username"] == "bob" and "👋" in heard["d"]["content"]
        await client.say(1, 3)
        assert (await client.hear())["op"] == 11
    play(discord, script)


GOOD = {"token": "T", "intents": INTENTS, "properties": PROPERTIES}
CLOSES = [  # op, d, code
    (2, {**GOOD, "token": "Bot T"}, 4004), (2, {**GOOD, "token": "other"}, 4004),
    (2, {**GOOD, "intents": 1 << 17}, 4013), (2, {**GOOD, "intents": 256}, 4014),
    (2, {**GOOD, "intents": "1"}, 4002), (2, {"token": "T", "intents": 1}, 4002),
    (2, {**GOOD, "properties": {"os": "linux"}}, 4002), (2, {**GOOD, "large_threshold": 1}, 4002),
    (2, {**GOOD, "shard": [1, 1]}, 4010), (99, None, 4001), (3, {}, 4003), (8, {}, 4003),
    (1, "x", 4002), (6, {"token": "T", "session_id": "x"}, 4002),
    (6, {"token": "x", "session_id": "x", "seq": 1}, 4004),
]


@pytest.mark.parametrize("op, d, code", CLOSES)
def test_what_is_wrong_is_closed_by_its_code(discord, op, d, code):
    if isinstance(d, dict) and "token" in d:
        d = {**d, "token": d["token"].replace("T", discord.token)}

    async def script(client):
        await client.connect()
        await client.say(op, d)
        assert await client.hear() == code
    play(discord, script)


def test_bytes_order_and_number_of_messages_are_limited(discord):
    async def script(client):
        await client.connect(query="encoding=json", greeted=False)
        assert await client.hear() == 4012
        discord.gateway.mode = "hang-hello"
        await client.connect(greeted=False)
        await client.identify()
        assert client.ws.close_code == 4003
        discord.gateway.mode = "serve"
        for text in ("no json", json.dumps({"op": 1, "d": None, "x": "y" * 4096})):
            await client.connect()
            await client.ws.send_str(text)
            assert await client.hear() == 4002
        await client.connect()
        for _ in range(121):
            await client.say(1, None)
        heard = [await client.hear() for _ in range(121)]
        assert heard[-1] == 4008
        await client.connect()
        await client.ready()
        assert await client.identify() == 4005
    play(discord, script)


def test_identifies_are_limited(discord):
    """Once in so many seconds, never where sessions are resumed, and no more than the day has."""
    discord.gateway.identify_s, discord.gateway.remaining = 60, 3

    async def script(client):
        await client.connect()
        await client.ready()
        await client.connect()
        assert await client.identify() == {"op": 9, "d": False, "s": None, "t": None}
        discord.gateway.identify_s = 0
        await client.connect("resume")
        assert (await client.identify())["op"] == 9
        await client.connect()
        assert await client.identify() == 4004
        assert discord.history.find("discord", "token_reset")
    play(discord, script)


def test_a_heart_that_does_not_beat_is_noticed(discord):
    discord.gateway.interval_ms = 100

    async def script(client):
        await client.connect()
        assert await client.hear() == 4009
    play(discord, script)


def test_a_resumed_session_is_told_what_it_missed(discord):
    async def script(client):
        await client.connect()
        await client.ready()
        await on(discord, discord.cut)
        ids = [await on(discord, discord.say, f"line {n}") for n in range(3)]
        heard = [await client.resume(3)] + [await client.hear() for _ in range(2)]
        assert [(e["s"], e["d"].get("id")) for e in heard] == [(4, ids[1]), (5, ids[2]), (6, None)]
        assert heard[-1]["t"] == "RESUMED"
        assert await client.resume(99) == 4007
        await on(discord, discord.say, "more")
        heard = [await client.resume(6), await client.hear()]
        assert [e["t"] for e in heard] == ["MESSAGE_CREATE", "RESUMED"]
        await client.ws.close(code=1000)
        await on(discord, discord.wait, "session_over")
        assert await client.resume(7) == {"op": 9, "d": False, "s": None, "t": None}
    play(discord, script)


@pytest.mark.parametrize("code, is_kept", [(4000, True), (4900, True), (1000, False),
                                           (1001, False)])
def test_how_the_bot_leaves_decides_over_its_session(discord, code, is_kept):
    async def script(client):
        await client.connect()
        await client.ready()
        await client.ws.close(code=code)
        await on(discord, discord.wait, "close", code=code)
        assert (await client.resume(2))["op"] == (0 if is_kept else 9)
    play(discord, script)


def test_who_did_not_ask_for_content_gets_none(discord):
    async def script(client):
        await client.connect()
        await client.ready(intents=INTENTS & ~32768)
        for text, seen in (("hello", ""), ("hi @examplebot", f"hi <@{BOT}>")):
            await on(discord, discord.say, text)
            assert (await client.hear())["d"]["content"] == seen
        await on(discord, discord.dm, "psst")
        assert (await client.hear())["d"]["content"] == "psst"
        await client.call("POST", f"/channels/{GENERAL}/messages", {"content": "mine"})
        assert (await client.hear())["d"]["content"] == "mine"
    play(discord, script)


def test_events_are_told_to_who_asked_for_them(discord):
    async def script(client):
        await client.connect()
        await client.say(2, {"token": discord.token, "intents": 4096, "properties": PROPERTIES})
        assert (await client.hear())["t"] == "READY"
        await on(discord, discord.say, "not for it")
        await on(discord, discord.join, "carol", ways=("member",))
        await on(discord, discord.dm, "for it")
        assert (await client.hear())["d"]["content"] == "for it"
    play(discord, script)


def test_shards_get_what_is_theirs(discord):
    """The server's is shard 1 of 2 (13.1); direct messages go to shard 0."""
    async def script(client):
        await client.connect()
        ready = await client.identify(shard=[0, 2])
        assert (ready["d"]["shard"], ready["d"]["guilds"]) == ([0, 2], [])
        discord.gateway.identify_s = 0
        other = Client(discord)
        other.http = client.http
        await other.connect()
        ready = await other.ready(shard=[1, 2])
        assert ready["d"]["guilds"] == [{"id": GUILD, "unavailable": True}]
        await on(discord, discord.say, "here")
        await on(discord, discord.dm, "psst")
        assert [(await c.hear())["d"]["content"] for c in (client, other)] == ["psst", "here"]
    play(discord, script)


# -- REST ------------------------------------------------------------------------------------------

def test_who_calls_says_who_it_is(discord):
    async def script(client):
        assert (await client.call("GET", "/users/@me"))[1]["id"] == BOT
        for head, status, code in (({"User-Agent": "Mozilla/5.0"}, 403, 40333),
                                   ({"Authorization": f"Bearer {discord.token}"}, 401, 0),
                                   ({"Authorization": None}, 401, 0)):
            answer = await client.call("GET", "/users/@me", **head)
            assert (answer[0], answer[1]["code"]) == (status, code)
        assert len(discord.rest.invalid) == 3
        discord.rest.invalid_limit = 3
        assert await client.call("GET", "/users/@me") == (429, "error code: 1015")
        assert "Via" not in client.head and client.head["Retry-After"] == "3600"
    play(discord, script)


BODIES = [  # body of a message, code, first field
    ({"content": "x" * 2001}, 50035, "content"), ({"content": 5}, 50035, "content"),
    ({"content": " \n"}, 50006, None), ({}, 50006, None), ({"content": "a\ud800"}, 50109, None),
    ({"content": "x", "nonce": "n" * 26}, 50035, "nonce"),
    ({"content": "x", "flags": 64}, 50035, "flags"),
    ({"content": "x", "allowed_mentions": {"parse": ["all"]}}, 50035, "allowed_mentions"),
    ({"content": "x", "allowed_mentions": {"parse": ["users"], "users": ["1"]}}, 50035,
     "allowed_mentions"),
    ({"content": "x", "message_reference": {}}, 50035, "message_reference"),
    ({"content": "x", "message_reference": {"message_id": "5"}}, 50035, "message_reference"),
]


@pytest.mark.parametrize("body, code, field", BODIES)
def test_a_message_of_the_wrong_form_is_refused(discord, body, code, field):
    async def script(client):
        status, answer = await client.call("POST", f"/channels/{GENERAL}/messages", body)
        assert (status, answer["code"]) == (400, code)
        assert next(iter(answer.get("errors", {None: 0}))) == field
        assert not discord.said()
    play(discord, script)


def test_messages_are_written_once_edited_and_deleted(discord):
    async def script(client):
        asked, path = await on(discord, discord.say, "why?"), f"/channels/{GENERAL}/messages"
        body = {"content": "😀" * 2000, "nonce": "k3f9-17", "enforce_nonce": True,
                "allowed_mentions": {"parse": []},
                "message_reference": {"message_id": asked, "fail_if_not_exists": False}}
        first, again = await client.call("POST", path, body), await client.call("POST", path, body)
        assert first[0] == 200 and first[1]["id"] == again[1]["id"] and len(discord.said()) == 1
        assert first[1]["referenced_message"]["id"] == asked and first[1]["type"] == 19
        own = f"{path}/{first[1]['id']}"
        assert (await client.call("PATCH", own, {"content": "so"}))[1]["edited_timestamp"]
        assert (await client.call("PATCH", f"{path}/{asked}",
                                  {"content": "so"}))[1]["code"] == 50005
        assert (await client.call("DELETE", own))[0] == 204 and not discord.said()
        assert (await client.call("POST", path, body))[1]["code"] == 10008
        gone = {**body, "nonce": "other",
                "message_reference": {"message_id": "7", "fail_if_not_exists": False}}
        assert (await client.call("POST", path, gone))[1]["type"] == 0
    play(discord, script)


def test_what_the_bot_may_not_do_is_refused(discord):
    mute, hidden, plain = (discord.channel(n, deny=[p]) for n, p in (
        ("mute", "SEND_MESSAGES"), ("hidden", "VIEW_CHANNEL"), ("plain", "READ_MESSAGE_HISTORY")))

    async def script(client):
        reply = {"content": "x", "message_reference": {"message_id": "7"}}
        for channel, body, code in ((mute.id, {"content": "x"}, 50013),
                                    (hidden.id, {"content": "x"}, 50001),
                                    ("5", {"content": "x"}, 10003), (plain.id, reply, 160002)):
            assert (await client.call("POST", f"/channels/{channel}/messages",
                                      body))[1]["code"] == code
    play(discord, script)


def test_a_bucket_is_full_again_after_reset_after(discord):
    """13.7, 1 and 2: the headers say how much is left, and after which time there is more."""
    discord.rest.limits["create"], discord.rest.skew = (5, 2), 3600

    async def script(client):
        path, begun = f"/channels/{GENERAL}/messages", time.monotonic()
        for left in (4, 3, 2, 1, 0):
            assert (await client.call("POST", path, {"content": "x"}))[0] == 200
            assert int(client.head["X-RateLimit-Remaining"]) == left
        status, answer = await client.call("POST", path, {"content": "x"})
        assert status == 429 and not answer["global"] and client.head["X-RateLimit-Scope"] == "user"
        assert client.head["Retry-After"] in "12" and 0 < answer["retry_after"] <= 2
        assert float(client.head["X-RateLimit-Reset"]) > time.time() + 3000
        wait = float(client.head["X-RateLimit-Reset-After"])
        assert time.monotonic() + wait - begun >= 2
        await asyncio.sleep(wait)
        assert (await client.call("POST", path, {"content": "x"}))[0] == 200
    play(discord, script)


FAULTS = [  # 13.7: kind, facts, status, members of the answer, headers
    ("user", {"wait": 1.337}, 429, {"retry_after": 1.337, "global": False},
     {"X-RateLimit-Scope": "user"}),
    ("shared", {"wait": 1336.57}, 429, {"retry_after": 1336.57}, {"X-RateLimit-Scope": "shared",
                                                                  "Retry-After": "1337"}),
    ("global", {"wait": 64.57}, 429, {"retry_after": 64.57, "global": True},
     {"X-RateLimit-Global": "true", "Retry-After": "65", "X-RateLimit-Bucket": None}),
    ("1015", {"wait": 3600}, 429, "error code: 1015", {"Via": None, "Retry-After": "3600"}),
    ("blocked", {}, 429, {"code": 0}, {"Via": None, "Retry-After": None}),
    ("html", {}, 502, "cloudflare", {}), ("status", {"status": 503}, 503, {"code": 0}, {}),
]


@pytest.mark.parametrize("kind, facts, status, members, head", FAULTS, ids=lambda x: str(x)[:12])
def test_faults_look_like_the_real_ones(discord, kind, facts, status, members, head):
    discord.rest.fault("create", kind, times=1, **facts)

    async def script(client):
        answer = await client.call("POST", f"/channels/{GENERAL}/messages", {"content": "x"})
        assert answer[0] == status
        is_text = isinstance(members, str)
        assert members in answer[1] if is_text else members.items() <= answer[1].items()
        assert {k: client.head.get(k) for k in head} == head and not discord.said()
        assert (await client.call("POST", f"/channels/{GENERAL}/messages",
                                  {"content": "x"}))[0] == 200
        assert len(discord.rest.invalid) == (1 if status == 429 and kind != "shared" else 0)
    play(discord, script)


def test_all_calls_together_are_limited_but_not_interactions(discord):
    discord.rest.all = Window(50, 60)

    async def script(client):
        statuses = [(await client.call("GET", "/gateway/bot"))[0] for _ in range(51)]
        assert statuses == [200] * 50 + [429] and client.head["X-RateLimit-Global"] == "true"
        assert (await client.call("POST", "/interactions/1/x/callback",
                                  {"type": 5}))[1]["code"] == 10062
    play(discord, script)


COMMAND = {"name": "ask", "description": "Asks", "type": 1, "options": [
    {"type": 3, "name": "question", "description": "What", "required": True}]}


def test_commands_are_registered_and_counted(discord):
    path = f"/applications/{BOT}/commands"

    async def script(client):
        for bad in ({**COMMAND, "name": "Ask"}, {**COMMAND, "description": ""}, {"name": "x"},
                    {**COMMAND, "options": [{"type": 3, "name": "a", "description": "b"},
                                            *COMMAND["options"]]}):
            assert (await client.call("PUT", path, [bad]))[1]["code"] == 50035
            discord.rest.buckets.clear()
        assert (await client.call("PUT", path, [COMMAND]))[1][0]["name"] == "ask"
        first = (await client.call("GET", path))[1][0]["id"]
        assert (await client.call("PUT", path, [COMMAND]))[1][0]["id"] == first
        assert discord.calls.created == {None: 1}
        many = [{**COMMAND, "name": f"c{n}"} for n in range(100)]
        assert (await client.call("PUT", path, many))[0] == 200
        more = [{**COMMAND, "name": f"d{n}"} for n in range(100)]
        assert (await client.call("PUT", path, more))[1]["code"] == 30034
    play(discord, script)


def test_interactions_are_answered_in_time_once_and_for_a_while(discord):
    path = f"/webhooks/{BOT}"

    async def script(client):
        await client.connect()
        await client.ready()
        await client.call("PUT", f"/applications/{BOT}/commands", [COMMAND])
        one = await on(discord, discord.slash, "ask", question="why?")
        heard = (await client.hear())["d"]
        assert (heard["id"], heard["member"]["user"]["id"]) == (one.id, ALICE)
        assert heard["data"]["options"] == [{"name": "question", "type": 3, "value": "why?"}]
        back = f"/interactions/{one.id}/{one.token}/callback"
        assert (await client.call("POST", back, {"type": 5, "data": {"flags": 64}}))[0] == 204
        assert (await client.call("POST", back, {"type": 5}))[1]["code"] == 40060
        edit = f"{path}/{one.token}/messages/@original"
        assert (await client.call("PATCH", edit, {"content": "so"}, Authorization=None))[0] == 200
        assert one.is_private and discord.said() == ["so"] and one.delay < 3
        assert (await client.call("POST", f"{path}/{one.token}", {"content": "more"}))[0] == 200
        two = await on(discord, discord.slash, "ask", question="and?")
        discord.callback_s = 0
        late = await client.call("POST", f"/interactions/{two.id}/{two.token}/callback",
                                 {"type": 5})
        assert (late[0], late[1]["code"]) == (404, 10062)
        discord.token_s = 0
        assert (await client.call("PATCH", edit, {"content": "too late"}))[1]["code"] == 50027
    play(discord, script)


PINGS = [  # 6.2
    (None, ["everyone", "replied:7", "role:2", "user:1"]), ({}, ["everyone", "role:2", "user:1"]),
    ({"parse": []}, []), ({"parse": ["users"]}, ["user:1"]),
    ({"parse": [], "users": ["1"]}, ["user:1"]),
    ({"parse": [], "users": ["3"]}, []), ({"parse": [], "replied_user": True}, ["replied:7"]),
    ({"replied_user": False}, []), ({"parse": ["everyone", "roles"]}, ["everyone", "role:2"]),
]


@pytest.mark.parametrize("allowed, who", PINGS)
def test_who_is_pinged_is_known(allowed, who):
    text = "@everyone @here <@1> <@!1> <@&2>"
    if allowed == {}:
        who = [*who[:1], "replied:7", *who[1:]]
    assert pings(text, allowed, reply_author="7") == who
    assert pings(text.replace("@", "@\u200b"), allowed) == []
    assert pings(text, None, is_interaction=True) == ["user:1"]

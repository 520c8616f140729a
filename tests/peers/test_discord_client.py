"""discord.js judges our fake Discord: what works there works with the real one."""

import pytest
from conftest import PEERS, World, needs

from tests.stage.discord import ALICE, BOT, TOGGLES

pytestmark = needs("discord.js")


@pytest.fixture
def discord(tmp_path):
    w = World(tmp_path)
    try:
        yield w.discord()
    finally:
        w.close()


@pytest.fixture
def client(discord, peer):
    """discord.js, logged in."""
    it = peer(PEERS / "discord.mjs", discord.api_url.removesuffix("/v10"), discord.token)
    ready = it.wait_event("ready", {"user": BOT})
    assert ready["guilds"] == ["Stream Café"] and ready["channels"] == ["general"]
    it.wait_event("commands", {"names": ["ask"]})
    return it


def judge(discord, client):
    """Nothing that it did was wrong, and nothing that we did."""
    wrong = [e for e in discord.history.find("discord")
             if e["what"] in ("wrong", "refused", "over")]
    assert not wrong and not [e for e in client.events if e["event"] in ("error", "refused")]


def test_discord_js_logs_in_hears_and_talks(discord, client):
    asked = discord.say("hello", user="alice")
    heard = client.wait_event("message", {"id": asked})
    assert (heard["text"], heard["user"], heard["name"]) == ("hello", "alice", "Alice")
    said = discord.wait("said")[0]
    assert (said["text"], said["reply_to"], said["pings"]) == ("hi @everyone", asked, [])
    client.wait_event("message", {"id": said["id"], "own": True, "type": 19})
    discord.wait("reacted", id=asked, emoji="👋")
    assert discord.history.find("discord", "typing")
    discord.say("edit", user="bob")
    client.wait_event("changed", {"id": said["id"], "text": "hi again"})
    discord.say("delete", user="bob")
    client.wait_event("deleted", {"id": said["id"]})
    assert not discord.said()
    judge(discord, client)


def test_discord_js_hears_what_happens(discord, client):
    discord.join("carol")
    client.wait_event("joined", {"user": "carol"})
    client.wait_event("message", {"user": "carol", "type": 7})
    message = discord.say("a line")
    discord.react(message, "👍")
    client.wait_event("reaction", {"emoji": "👍", "user": ALICE})
    discord.edit(message, "another line")
    client.wait_event("changed", {"id": message, "text": "another line"})
    discord.delete(message)
    client.wait_event("deleted", {"id": message})
    discord.boost("bob", count=3, level=2)
    client.wait_event("message", {"type": 10, "text": "3"})
    discord.dm("psst")
    client.wait_event("message", {"text": "psst", "guild": None})
    judge(discord, client)


def test_discord_js_answers_a_command(discord, client):
    used = discord.slash("ask", question="why?")
    client.wait_event("interaction", {"name": "ask", "question": "why?"})
    client.wait_event("answered")
    assert [e["text"] for e in discord.history.find("discord", "answered")] == ["about why?"]
    assert used.is_private and discord.said() == ["about why?", "and more"]
    judge(discord, client)


def test_discord_js_resumes_and_misses_nothing(discord, client):
    client.wait_event("message", {"id": discord.say("before")})
    for fault in (discord.cut, discord.reconnect, lambda: discord.close(4000)):
        resumed = len(discord.history.find("discord", "resumed"))
        fault()
        meanwhile = discord.say("meanwhile")
        discord.wait("resumed", resumed + 1)
        client.wait_event("message", {"id": meanwhile})
        discord.wait_connected()
    assert len(discord.history.find("discord", "identify")) == 1
    judge(discord, client)


def test_discord_js_begins_again_when_its_session_is_over(discord, client):
    discord.gateway.identify_s = 0.1
    discord.end_sessions()
    discord.cut()
    discord.wait_ready(2)
    assert [e["door"] for e in discord.history.find("discord", "identify")] == ["base", "base"]
    client.wait_event("message", {"id": discord.say("after")})
    judge(discord, client)


def test_discord_js_keeps_to_the_limits_it_is_told(discord, client):
    discord.rest.limits["create"] = (5, 1)
    discord.say("many")
    discord.wait("said", 12)
    assert discord.said() == [f"number {i}" for i in range(12)]
    judge(discord, client)


def test_discord_js_is_told_what_is_wrong(discord, peer):
    it = peer(PEERS / "discord.mjs", discord.api_url.removesuffix("/v10"), "no.such.token")
    assert "token" in it.wait_event("refused")["why"].lower()
    discord.toggles = {"members"}
    assert discord.flags == TOGGLES["members"]
    it = peer(PEERS / "discord.mjs", discord.api_url.removesuffix("/v10"), discord.token)
    it.wait(lambda: "disallowed intents" in it.text.lower(), "disallowed intents")
    assert discord.history.find("discord", "closing", code=4014)

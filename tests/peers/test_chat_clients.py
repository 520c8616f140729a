"""Chat clients that nobody here wrote judge our fake Twitch: what they understand, the real one
says."""

from conftest import PEERS, needs

from tests.stage.bot import CANARIES


@needs("tmi.js")
def test_tmi_js_logs_in_joins_hears_and_talks(fake, peer):
    client = peer(PEERS / "tmi.mjs", fake.port, CANARIES["twitch"], "tidalbot", "kelpforest")
    client.wait_event("connected")
    client.wait_event("join", {"room": "#kelpforest", "self": True})
    client.wait_event("roomstate", {"id": fake.rooms["kelpforest"]})
    message = fake.say("hello", user="PebbleWren", mod="1")
    heard = client.wait_event("message", {"text": "hello"})
    assert (heard["user"], heard["id"], heard["mod"]) == ("PebbleWren", message, True)
    client.wait_event("said")
    fake.wait_said("^hello from tmi.js$")
    fake.notice("raid", user="brinebaron", displayName="BrineBaron", login="brinebaron",
                viewerCount="42")
    client.wait_event("raided", {"user": "BrineBaron", "viewers": 42})
    fake.ban("50000001", user="mallory", seconds=60)
    client.wait_event("timeout", {"user": "mallory", "seconds": 60})
    fake.delete(message, user="pebblewren")
    client.wait_event("deleted", {"user": "pebblewren", "id": message})
    assert not [e for e in client.events if e["event"] in ("not said", "notice", "disconnected")]


@needs("tmi.js")
def test_tmi_js_is_refused_with_a_wrong_token(fake, peer):
    client = peer(PEERS / "tmi.mjs", fake.port, "wrongtoken", "tidalbot", "kelpforest")
    assert "Login authentication failed" in client.wait_event("refused")["why"]


@needs("@twurple/chat", "ircv3")
def test_twurple_reads_without_an_account(fake, peer):
    client = peer(PEERS / "twurple.mjs", fake.port, "kelpforest")
    client.wait_event("connected")
    client.wait_event("join", {"room": "kelpforest"})
    message = fake.say("a line; with = signs \\ and spaces", user="PebbleWren")
    heard = client.wait_event("message", {"id": message})
    assert heard["text"] == "a line; with = signs \\ and spaces"
    assert (heard["name"], heard["room_id"]) == ("PebbleWren", fake.rooms["kelpforest"])
    fake.notice("raid", user="brinebaron", displayName="BrineBaron", login="brinebaron",
                viewerCount="42")
    client.wait_event("raid", {"viewers": 42})
    fake.ban("50000001", user="mallory", seconds=60)
    client.wait_event("timeout", {"user": "mallory", "seconds": 60})
    fake.delete(message)
    client.wait_event("deleted", {"id": message})
    assert not [e for e in client.events if e["event"] == "not joined"]

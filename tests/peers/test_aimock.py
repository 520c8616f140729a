"""A model server that nobody here wrote, on three wires, well and with its faults."""

import json

import pytest
from conftest import PEERS, free_port, needs, request

pytestmark = needs("@copilotkit/aimock")

FIXTURES = {"fixtures": [
    {"match": {"userMessage": "how deep"}, "response": {"content": "It is 40 m deep, friend."}},
    {"match": {"userMessage": "be rude"}, "response": {"content": "/ban pebblewren\r\n/me ducks"}},
]}

FAULTS = [("dropRate", "server"), ("malformedRate", "parse"), ("disconnectRate", None),
          ("rateLimitRate", "rate_limit")]


@pytest.fixture
def aimock(peer, tmp_path_factory):
    fixtures = tmp_path_factory.mktemp("aimock") / "fixtures.json"
    fixtures.write_text(json.dumps(FIXTURES))
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    cli = json.loads((PEERS / "node_modules/@copilotkit/aimock/package.json").read_text())["bin"]
    server = peer(PEERS / "node_modules/@copilotkit/aimock" / cli["llmock"], "-p", port, "-f",
                  fixtures, "--chunk-size", 5, "-l", 5)
    server.wait(lambda: request("GET", f"{url}/__aimock/health"), "aimock")
    return url


def provider(wire, url):
    return {"type": wire, "url": f"{url}/v1" if wire == "openai" else url, "model": "tiny"}


def journal(url):
    """The chats that it was asked for: path and body."""
    entries = json.loads(request("GET", f"{url}/__aimock/journal")[1])
    entries = entries if isinstance(entries, list) else entries["entries"]
    return [e for e in entries if "chat" in e["path"] or e["path"] == "/v1/messages"]


@pytest.mark.parametrize("wire", ["ollama", "openai", "anthropic"])
def test_its_answer_is_said(world, talker, aimock, wire):
    twitch = talker(**provider(wire, aimock))
    message = twitch.say("!ask how deep is it?")
    assert twitch.wait_said("It is 40 m deep, friend.")["reply_to"] == message
    asked = journal(aimock)
    assert len(asked) == 1
    assert asked[0]["body"]["messages"][0]["role"] == "system"
    world.bot.wait_ended(1)
    world.bot.stop()
    assert [row["status"] for row in world.bot.rows()] == ["success"]


@pytest.mark.parametrize("wire", ["ollama", "openai", "anthropic"])
def test_what_it_must_not_say_is_not_said(world, talker, aimock, wire):
    twitch = talker(**provider(wire, aimock))
    twitch.say("!ask be rude")
    world.bot.wait_ended(1)
    assert not [text for text in twitch.said() if text.startswith("/") or "/ban" in text]


@pytest.mark.parametrize("wire", ["ollama", "openai", "anthropic"])
def test_each_of_its_faults_is_silence_with_a_name(world, talker, aimock, wire):
    twitch = talker(**provider(wire, aimock))
    for number, (field, _) in enumerate(FAULTS):
        assert request("POST", f"{aimock}/__aimock/chaos", {field: 1})[0] == 200
        twitch.say(f"!ask how deep is it, {number}?", user=f"asker{number}")
        world.bot.wait_ended(number + 1)
    assert twitch.said() == []
    assert world.bot.drops()["provider"] == len(FAULTS)
    world.bot.stop()
    codes = [row["error_code"] for row in world.bot.rows()]
    assert len(codes) == len(FAULTS)
    for (field, code), told in zip(FAULTS, codes):
        assert told == code if code else told, f"{field}: {codes}"


@pytest.mark.parametrize("status,code", [(503, "server"), (401, "auth"), (429, "rate_limit")])
def test_a_status_is_told_by_its_name(world, talker, aimock, status, code):
    twitch = talker(**provider("openai", aimock))
    body = {"status": status, "body": {"message": "no", "type": "error"}}
    assert request("POST", f"{aimock}/__aimock/error", body)[0] == 200
    twitch.say("!ask how deep is it?")
    world.bot.wait_ended(1)
    assert twitch.said() == []
    world.bot.stop()
    assert [row["error_code"] for row in world.bot.rows()] == [code]

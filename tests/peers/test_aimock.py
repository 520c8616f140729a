"""A model server that nobody here wrote, on each wire, well and with its faults: what it can do of
the contract (tests/stage/contract.py)."""

import json

import pytest
from conftest import PEERS, free_port, needs, request

from tests.stage import contract

pytestmark = needs("@copilotkit/aimock")

WIRES = ["ollama", "openai", "anthropic", "waddleai"]
BREAKS = {"cut", "no-terminator"}   # faults of the stage that it has too: it stops in the middle

# Faults of its own -> the ledger's error_code, where that is the same on each wire.
CHAOS = [("dropRate", "server"), ("malformedRate", "parse"), ("disconnectRate", None),
         ("rateLimitRate", None)]


def can(case):
    """Does it have this way to answer?"""
    plan = case.plan
    if plan.fault or plan.finish != "stop" or plan.usage is None or plan.pace or plan.body:
        return plan.fault in BREAKS
    return not 300 <= plan.status < 400 and plan.refusal == "no"


def fixture(case, question):
    plan = case.plan
    match = {"userMessage": question}
    if plan.status != 200:
        kinds = {401: "authentication_error", 402: "insufficient_quota", 404: "model_not_found"}
        return {"match": match, "response": {"status": plan.status, "error": {
            "message": "no", "type": kinds.get(plan.status, "error")}}}
    more = {"truncateAfterChunks": 2, "chunkSize": 5} if plan.fault else {}
    return {"match": match, "response": {"content": plan.text}, "latency": 2, **more}


CASES = [case for case in contract.CASES if can(case)]


@pytest.fixture
def aimock(peer, tmp_path_factory):
    fixtures = tmp_path_factory.mktemp("aimock") / "fixtures.json"
    fixtures.write_text(json.dumps({"fixtures": [
        fixture(case, question) for case, question in contract.questions(CASES)]}))
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    cli = json.loads((PEERS / "node_modules/@copilotkit/aimock/package.json").read_text())["bin"]
    server = peer(PEERS / "node_modules/@copilotkit/aimock" / cli["llmock"], "-p", port, "-f",
                  fixtures, "--chunk-size", 5, "-l", 5)
    server.wait(lambda: request("GET", f"{url}/__aimock/health"), "aimock")
    return url


def provider(wire, url):
    return {"type": wire, "url": f"{url}/v1" if wire in ("openai", "waddleai") else url,
            "model": "tiny"}


def journal(url):
    """The chats that it was asked for: path and body."""
    entries = json.loads(request("GET", f"{url}/__aimock/journal")[1])
    entries = entries if isinstance(entries, list) else entries["entries"]
    return [e for e in entries if "chat" in e["path"] or e["path"] == "/v1/messages"]


@pytest.mark.parametrize("wire", WIRES)
def test_with_it_each_wire_keeps_the_contract(world, talker, aimock, wire):
    twitch = talker(**provider(wire, aimock))
    ends = contract.ask_all(world, twitch, CASES)
    world.bot.stop()
    assert "\n".join(contract.violations(ends, world.bot.rows())) == ""
    assert len(ends) >= 35
    asked = journal(aimock)
    assert len(asked) == len(ends)
    assert asked[0]["body"]["messages"][0]["role"] == "system"


@pytest.mark.parametrize("wire", WIRES)
def test_each_of_its_faults_is_silence_with_a_name(world, talker, aimock, wire):
    twitch = talker(**provider(wire, aimock))
    for number, (field, _) in enumerate(CHAOS):
        assert request("POST", f"{aimock}/__aimock/chaos", {field: 1})[0] == 200
        twitch.say(f"!ask case00 please, {number}", user=f"asker{number}")
        world.bot.wait_ended(number + 1)
    assert twitch.said() == []
    assert world.bot.drops()["provider"] == len(CHAOS)
    world.bot.stop()
    codes = [row["error_code"] for row in world.bot.rows()]
    assert len(codes) == len(CHAOS)
    for (field, code), told in zip(CHAOS, codes):
        assert told == code if code else told, f"{field}: {codes}"

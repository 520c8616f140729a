"""A model server that fails in every way it can (faults.md P1 - P8): nothing wrong reaches chat, the
reason is named, the loop stays lively. One bot lives through the whole table."""

import pytest

from tests.stage.models import Plan

WIRES = ["ollama", "openai", "anthropic", "waddleai"]
SHORT = {"first_byte": "1200ms", "idle": "1200ms", "total": "4s"}
STORY = "Well, it is a long story to tell."
PATIENT = {"retries": 0, "breaker_failures": 100, "calls_user_hour": 1000}

# How the server fails -> the ledger's error_code.
FAULTS = [
    ("never begins", Plan(fault="hang"), "timeout"),
    ("stops in the middle and stays open", Plan(text=STORY, fault="half"), "timeout"),
    ("trickles so slowly that the time is up", Plan(text=STORY * 20, fault="trickle", pace=.01),
     "timeout"),
    ("resets in the middle", Plan(text=STORY, fault="cut"), "truncated"),
    ("announces more than it sends", Plan(text=STORY, fault="lie-length"), "truncated"),
    ("ends without its terminator", Plan(text=STORY, fault="no-terminator"), "truncated"),
    ("never ends", Plan(text=STORY, fault="endless"), "truncated"),
    ("sends no body", Plan(fault="empty-body"), "truncated"),
    ("says that it failed, within its stream", Plan(text=STORY, fault="error-line"), "server"),
    ("sends a web page", Plan(fault="html"), "parse"),
    ("redirects", Plan(status=301, headers={"Location": "/v1/elsewhere"}), None),
    ("refuses the request", Plan(status=400), "bad_request"),
    ("refuses the key", Plan(status=401), "auth"),
    ("forbids", Plan(status=403), "auth"),
    ("does not know the model", Plan(status=404), "no_model"),
    ("finds it too large", Plan(status=413), "bad_request"),
    ("is asked too often", Plan(status=429), "rate_limit"),
    ("breaks", Plan(status=500), "server"),
    ("is away", Plan(status=502), "server"),
    ("is overloaded", Plan(status=503), "server"),
    ("is overloaded in its own way", Plan(status=529), "server"),
]

# WaddleAI's 429 without a time to wait is a budget that is spent.
OWN_CODES = {("waddleai", "rate_limit"): "quota"}


def whole(wire, content):
    """A complete answer whose content is this JSON text, bytes as they are."""
    if wire == "ollama":
        return (b'{"model":"tiny","done":false,"message":{"role":"assistant","content":' + content
                + b'}}\n{"model":"tiny","done":true,"done_reason":"stop",'
                b'"message":{"role":"assistant","content":""}}\n')
    if wire == "anthropic":
        return (b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,'
                b'"delta":{"type":"text_delta","text":' + content + b'}}\n\n'
                b'event: message_delta\ndata: {"type":"message_delta",'
                b'"delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":5}}\n\n'
                b'event: message_stop\ndata: {"type":"message_stop"}\n\n')
    return (b'data: {"id":"1","object":"chat.completion.chunk","choices":[{"index":0,"delta":'
            b'{"content":' + content + b'},"finish_reason":null}]}\n\n'
            b'data: {"id":"1","object":"chat.completion.chunk","choices":[{"index":0,"delta":{},'
            b'"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n')


# Content that is no words -> the reason of the silence.
CONTENTS = [(b"null", "empty"), (b"7", "empty"), (b"{}", "empty"), (b'["x"]', "empty"),
            (b"1e309", "empty"), (b'""', "empty"), (b'" \\n\\t\\u200b "', "empty"),
            (b'"<think>all night long"', "empty"), (b'"[silence]"', "declined"),
            (b'"\xff\xfe bad"', "provider"), (b"[" * 100000, "provider"),
            (b'"' + b"x" * (1 << 20) + b'"', "provider"), (b'"unended', "provider"),
            (b'"' + b"word " * 5000 + b'"', "provider")]


def ask_all(world, twitch, models, plans):
    """One question for each plan, each by another user. Gives what each was dropped for, or None."""
    ends, before = [], world.bot.status()["drops"]
    for number, plan in enumerate(plans):
        models.plan(plan)
        twitch.say(f"!ask question {number}", user=f"asker{number}")
        drops = world.bot.wait_ended(number + 1)["drops"]
        ends.append(next((r for r in drops if drops[r] != before.get(r)), None))
        before = drops
    return ends


@pytest.mark.parametrize("wire", WIRES)
def test_whatever_fails_nothing_is_said_and_the_reason_is_named(world, scene, wire):
    twitch, models = scene(wire=wire, provider=SHORT, limits=PATIENT)
    ends = ask_all(world, twitch, models, [plan for _, plan, _ in FAULTS])
    assert twitch.said() == []
    assert ends == ["provider"] * len(FAULTS)
    assert len(models.requests) == len(FAULTS), "a redirect was followed, or a call repeated"
    world.bot.stop()
    rows = world.bot.rows()
    for (name, _, code), row in zip(FAULTS, rows, strict=True):
        assert row["status"] == "error", name
        code = OWN_CODES.get((wire, code), code)
        assert code is None or row["error_code"] == code, f"{name}: {row['error_message']}"
        assert row["error_message"], name
        assert row["reason"] == "provider", name
    assert all(row["latency_ms"] < 10000 for row in rows)


@pytest.mark.parametrize("wire", WIRES)
def test_contents_that_are_no_words_end_in_silence(world, scene, wire):
    twitch, models = scene(wire=wire, limits=PATIENT)
    ends = ask_all(world, twitch, models, [Plan(body=whole(wire, c)) for c, _ in CONTENTS])
    assert dict(zip([c[:24] for c, _ in CONTENTS], ends)) == {c[:24]: r for c, r in CONTENTS}
    assert twitch.said() == []
    models.plan(text="Still here.")
    twitch.say("!ask are you still here?")
    twitch.wait_said("^Still here.$")


@pytest.mark.parametrize("wire", WIRES)
def test_an_answer_in_single_bytes_is_an_answer(world, scene, wire):
    twitch, models = scene(wire=wire)
    models.plan(text="Tiefe: 40 m \U0001f30a.", fault="trickle", pace=0.0002)
    twitch.say("!ask how deep is it?")
    twitch.wait_said("^Tiefe: 40 m \U0001f30a.$")


@pytest.mark.parametrize("wire", WIRES)
def test_only_what_follows_the_reasoning_is_said(world, scene, wire):
    twitch, models = scene(wire=wire)
    for text, said in (("<think>The user is a fool.\n</think>\n\nIt is blue.", "It is blue."),
                       ("They must not know.</think>It is green.", "It is green."),
                       ("<thinking>Hm. <think>Hm!</think></thinking> It is red.", "It is red.")):
        models.plan(text=text, pieces=9)
        twitch.say("!ask which colour is it?", user=said.split()[2].rstrip("."))
        twitch.wait_said(f"^{said}$")
    assert len(twitch.said()) == 3


@pytest.mark.parametrize("wire", WIRES)
def test_of_an_answer_cut_at_its_length_only_whole_sentences_are_said(world, scene, wire):
    twitch, models = scene(wire=wire)
    models.plan(text="The first sentence is whole. The second one is c", finish="length")
    twitch.say("!ask tell me a story")
    twitch.wait_said("^The first sentence is whole.$")


@pytest.mark.parametrize("wire", ["openai", "anthropic"])
def test_what_the_provider_filtered_is_not_said(world, scene, wire):
    twitch, models = scene(wire=wire)
    models.plan(text="Half of something bad", finish="content_filter")
    twitch.say("!ask say something bad")
    assert world.bot.wait_ended(1)["drops"] == {"unsafe": 1}
    assert twitch.said() == []


@pytest.mark.parametrize("wire", WIRES)
def test_the_model_is_always_told_when_to_stop(world, scene, wire):
    twitch, models = scene(wire=wire, provider={"max_tokens": 77})
    twitch.say("!ask how deep is it?")
    world.bot.wait_ended(1)
    body = models.requests[0]["body"]
    assert (body["options"]["num_predict"] if wire == "ollama" else body["max_tokens"]) == 77
    assert body["stream"] is True


@pytest.mark.parametrize("wire", WIRES)
def test_a_model_server_that_is_not_there_is_named(world, scene, wire):
    twitch, models = scene(wire=wire, limits=PATIENT)
    models.stop()
    twitch.say("!ask anybody there?")
    status = world.bot.wait_ended(1)
    assert status["drops"] == {"provider": 1}
    assert status["providers"][0]["last_error"].startswith("connect")
    twitch.say("hello")
    twitch.wait_said("^Hi pebblewren!$")

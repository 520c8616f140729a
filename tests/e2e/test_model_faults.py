"""What a model server may send besides what tests/stage/contract.py lists: contents that are no
words, words that it filtered itself, and what it is told."""

import pytest

from tests.stage.models import Plan

WIRES = ["ollama", "openai", "anthropic", "waddleai"]
PATIENT = {"retries": 0, "breaker_failures": 100, "calls_user_hour": 1000}


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
    """One question for each plan, each by another user. Gives what each was dropped for, or
    None."""
    ends, before = [], world.bot.status()["drops"]
    for number, plan in enumerate(plans):
        models.plan(plan)
        twitch.say(f"!ask question {number}", user=f"asker{number}")
        drops = world.bot.wait_ended(number + 1)["drops"]
        ends.append(next((r for r in drops if drops[r] != before.get(r)), None))
        before = drops
    return ends


@pytest.mark.parametrize("wire", WIRES)
def test_contents_that_are_no_words_end_in_silence(world, scene, wire):
    twitch, models = scene(wire=wire, limits=PATIENT)
    ends = ask_all(world, twitch, models, [Plan(body=whole(wire, c)) for c, _ in CONTENTS])
    assert dict(zip([c[:24] for c, _ in CONTENTS], ends)) == {c[:24]: r for c, r in CONTENTS}
    assert twitch.said() == []
    models.plan(text="Still here.")
    twitch.say("!ask are you still here?")
    twitch.wait_said("^Still here.$")


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

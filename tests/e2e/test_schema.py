"""Answers that are JSON: schema: of a trigger, and what its reply: says of them."""

import json

import pytest

from tests.stage.models import Plan

TRIGGERS = """\
mood:
  command: mood
  ask: "How does $(user) feel? $(query)"
  schema:
    type: object
    required: [mood, score]
    properties:
      mood: {type: string, enum: [calm, angry], description: how they feel}
      score: {type: integer, minimum: 0, maximum: 10}
      words: {type: array, items: {type: string, maxLength: 20}, maxItems: 3}
      pet: {type: object, properties: {name: {type: string, pattern: '^[a-z]+$'}}}
  reply: "$(user) is $(answer.mood) ($(answer.score)): $(answer.words|-), $(answer.pet.name|no pet)"
  otherwise: "Who knows."
"""
GOOD = {"mood": "calm", "score": 7, "words": ["so", "quiet"], "pet": {"name": "rex"}, "more": 1}


def last(request):
    return [m["content"] for m in request["body"]["messages"] if m["role"] == "user"][-1]


def test_the_reply_says_the_fields_of_the_answer(world, scene):
    twitch, models = scene(triggers=TRIGGERS)
    models.plan(text=json.dumps(GOOD))
    twitch.say("!mood hm")
    twitch.wait_said(r"^pebblewren is calm \(7\): so, quiet, rex$")
    assert world.bot.wait_ended(1)["sent"] == 1


@pytest.mark.parametrize("text", [
    "```json\n{\"mood\": \"angry\", \"score\": 3}\n```",
    "Here you are:\n```\n{\"mood\": \"angry\", \"score\": 3.0}\n```\nHave fun!"])
def test_a_fenced_block_is_unwrapped(world, scene, text):
    twitch, models = scene(triggers=TRIGGERS)
    models.plan(text=text)
    twitch.say("!mood hm")
    twitch.wait_said(r"^pebblewren is angry \(3(\.0)?\): -, no pet$")


@pytest.mark.parametrize("wire", ["ollama", "openai", "anthropic"])
def test_providers_are_told_the_schema_where_they_can(world, scene, wire):
    twitch, models = scene(triggers=TRIGGERS, wire=wire)
    models.plan(text=json.dumps(GOOD))
    twitch.say("!mood hm")
    twitch.wait_said("is calm")
    body = models.requests[0]["body"]
    schema = {"ollama": lambda: body["format"], "anthropic": lambda: None,
              "openai": lambda: body["response_format"]["json_schema"]["schema"]}[wire]()
    if schema:
        assert schema["required"] == ["mood", "score"]
        assert schema["properties"]["mood"] == {"type": "string", "description": "how they feel",
                                                "enum": ["calm", "angry"]}
        assert schema["properties"]["words"]["items"] == {"type": "string", "maxLength": 20}
    assert '"enum":["calm","angry"]' in last(models.requests[0]), "the prompt says it too"


BAD = {
    "none": ("I feel fine.", "it was no JSON"),
    "cut": ('{"mood": "calm", "sco', "it was no JSON"),
    "missing": ('{"mood": "calm"}', "score is missing"),
    "null": ('{"mood": null, "score": 1}', "mood is missing"),
    "choice": ('{"mood": "furious", "score": 1}', "mood is none of the values there are"),
    "type": ('{"mood": "calm", "score": "7"}', "score has another type"),
    "whole": ('{"mood": "calm", "score": 7.5}', "score has another type"),
    "above": ('{"mood": "calm", "score": 11}', "score is above its maximum"),
    "items": ('{"mood": "calm", "score": 1, "words": ["a", "b", "c", "d"]}',
              "words must have at most 3 items"),
    "item": ('{"mood": "calm", "score": 1, "words": ["a", 2]}', "words[1] has another type"),
    "pattern": ('{"mood": "calm", "score": 1, "pet": {"name": "r2d2"}}', "pet.name does not match"),
    "list": ('[1]', "the answer has another type"),
}


@pytest.mark.parametrize("name", BAD)
def test_an_answer_that_does_not_fit_is_asked_for_once_more(world, scene, name):
    text, why = BAD[name]
    twitch, models = scene(triggers=TRIGGERS)
    models.plan(Plan(text=text), Plan(text=json.dumps(GOOD)), Plan(text=text))
    twitch.say("!mood hm")
    twitch.wait_said("is calm")
    world.bot.wait_ended(1)
    told = last(models.requests[1])
    assert why in told.split("thrown away: ")[1]
    assert "furious" not in told and "r2d2" not in told
    twitch.say("!mood hm", user="ann")
    twitch.wait_said("^Who knows.$")
    world.bot.stop()
    assert [(r["status"], r["rule"]) for r in world.bot.rows()] == [
        ("blocked", "schema"), ("success", None), ("blocked", "schema"), ("fallback", "schema")]


def test_what_the_fields_say_is_judged_like_every_answer(world, scene):
    twitch, models = scene(triggers=TRIGGERS.replace("maxLength: 20", "maxLength: 40"))
    models.plan(text=json.dumps({**GOOD, "words": ["visit evil.example/now"]}))
    twitch.say("!mood hm")
    twitch.wait_said("^Who knows.$")
    world.bot.stop()
    assert [r["reason"] for r in world.bot.rows()] == ["unsafe", "none"]


def test_a_model_may_decline_in_json_too(world, scene):
    twitch, models = scene(triggers=TRIGGERS)
    models.plan(text='{"mood": "[silence]", "score": 1}')
    twitch.say("!mood hm")
    assert world.bot.wait_ended(1)["drops"] == {"declined": 1}
    assert len(models.requests) == 1

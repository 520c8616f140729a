"""An answer that is refused is asked for once more, and more strictly; never twice."""

import pytest

from tests.e2e.discord import start
from tests.stage.models import Plan

ASK = """\
ask:
  command: ask
  ask: "Answer $(user)'s question: $(query)"
  otherwise: "Not now, $(user)."
"""
PICKY = """\
ask:
  command: ask
  ask: "Answer $(user)'s question: $(query)"
  must: '^\\w'
  must_not: ['\\?$', 'as an ai']
  otherwise: "Not now, $(user)."
"""


def last(request):
    return [m["content"] for m in request["body"]["messages"] if m["role"] == "user"][-1]


def rows(world):
    world.bot.stop()
    return [(r["purpose"], r["status"], r["reason"], r["rule"]) for r in world.bot.rows()]


def test_what_safety_refuses_is_asked_for_once_more(world, scene):
    twitch, models = scene(triggers=ASK)
    models.plan(Plan(text="Visit evil.example/x now"), Plan(text="Better not."))
    twitch.say("!ask where to?")
    twitch.wait_said("^Better not.$")
    world.bot.wait_ended(1)
    first, second = (last(r) for r in models.requests)
    assert "thrown away" not in first
    assert "An answer was given before and thrown away: it may not be said:" in second
    assert "evil.example" not in second, "the model is not told its own words"
    assert twitch.said() == ["Better not."]
    assert rows(world) == [("answer", "blocked", "unsafe", "link"),
                           ("again", "success", "none", None)]


def test_there_is_never_a_third_try(world, scene):
    twitch, models = scene(triggers=ASK)
    models.plan(text="/ban everybody")
    twitch.say("!ask shall I?")
    twitch.wait_said("^Not now, pebblewren.$")
    world.bot.wait_ended(1)
    assert len(models.requests) == 2
    assert [r[1] for r in rows(world)] == ["blocked", "fallback"]


def test_a_model_may_decline_the_second_time(world, scene):
    twitch, models = scene(triggers=ASK)
    models.plan(Plan(text="/ban everybody"), Plan(text="[silence]"))
    twitch.say("!ask shall I?")
    assert world.bot.wait_ended(1)["drops"] == {"declined": 1}
    assert twitch.said() == []


@pytest.mark.parametrize("options", [
    {"safety": {"regenerate": False}}, {"limits": {"calls_user_hour": 1}}], ids=["off", "budget"])
def test_without_leave_or_budget_there_is_no_second_try(world, scene, options):
    twitch, models = scene(triggers=ASK, **options)
    models.plan(text="/ban everybody")
    twitch.say("!ask shall I?")
    twitch.wait_said("^Not now, pebblewren.$")
    world.bot.wait_ended(1)
    assert len(models.requests) == 1
    assert rows(world) == [("answer", "fallback", "none", "command")]


def test_money_that_is_spent_allows_no_second_try(world, scene):
    twitch, models = scene(triggers=ASK, provider={"price_in": "$100", "price_out": "$100",
                                                   "max_tokens": 30},
                           limits={"cost_hour": "$0.2"})
    models.plan(text="/ban everybody", usage=(1900, 10))
    twitch.say("!ask shall I?")
    twitch.wait_said("^Not now, pebblewren.$")
    world.bot.wait_ended(1)
    assert len(models.requests) == 1


@pytest.mark.parametrize("bad,rule", [("?! hm", "must"), ("Really?", "must_not"),
                                      ("Fine, as an AI can be.", "must_not")])
def test_an_answer_has_to_keep_to_the_trigger_s_patterns(world, scene, bad, rule):
    twitch, models = scene(triggers=PICKY)
    models.plan(Plan(text=bad), Plan(text="Fine."), Plan(text=bad))
    twitch.say("!ask how is it?")
    twitch.wait_said("^Fine.$")
    world.bot.wait_ended(1)
    twitch.say("!ask and now?", user="ann")
    twitch.wait_said("^Not now, ann.$")
    world.bot.wait_ended(2)
    assert len(models.requests) == 4
    assert "match the pattern" in last(models.requests[1])
    assert rows(world) == [
        ("answer", "blocked", "unfit", rule), ("again", "success", "none", None),
        ("answer", "blocked", "unfit", rule), ("again", "fallback", "none", rule)]


def test_nothing_is_shown_of_an_answer_that_may_not_do(world):
    scene = start(world, triggers=PICKY, edits=True)
    scene.models.plan(Plan(text="A sentence. A second. As an AI I stop.", pieces=8, pace=0.2),
                      Plan(text="All is well. Quite.", pieces=4, pace=0.2))
    scene.discord.say("!ask how is it?")
    scene.discord.wait_said("^All is well. Quite.$")
    said = [e["text"] for e in world.history.find("discord", "said")]
    assert said == ["All is well. Quite."], "neither a part of the first nor of the second"
    assert not world.history.find("discord", "edited")

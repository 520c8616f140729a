"""A model that judges what is asked and what is answered: safety.model."""

import pytest

from tests.stage.models import Plan

ASK = """\
ask:
  command: ask
  ask: "Answer $(user)'s question: $(query)"
  otherwise: "Not now, $(user)."
"""


@pytest.fixture
def judged(world, scene):
    """A function that starts a bot whose answers a second server judges. Gives (twitch, models,
    judge)."""
    def start(wire="ollama", limits=None, **safety):
        judge = world.models()
        twitch, models = scene(
            triggers=ASK, limits={"retries": 0, **(limits or {})},
            providers=lambda local: {"judge": judge.conf(wire), "local": local.conf()},
            ask=["local"], safety={"model": "judge", **safety})
        models.plan(text="A fine day.")
        return twitch, models, judge
    return start


def roles(request):
    return [(m["role"], m["content"]) for m in request["body"]["messages"]]


def rows(world):
    world.bot.stop()
    return [(r["purpose"], r["status"], r["reason"], r["rule"]) for r in world.bot.rows()]


def test_question_and_answer_are_judged_before_anything_is_said(world, judged):
    twitch, models, judge = judged()
    judge.plan(text="safe")
    twitch.say("!ask how is it?")
    twitch.wait_said("^A fine day.$")
    world.bot.wait_ended(1)
    assert [roles(r) for r in judge.requests] == [
        [("user", "!ask how is it?")],
        [("user", "!ask how is it?"), ("assistant", "A fine day.")]]
    assert len(models.requests) == 1, "who judges is nobody to chat with"
    assert rows(world) == [("guard_question", "success", "none", None),
                           ("answer", "success", "none", None),
                           ("guard_answer", "success", "none", None)]


def test_an_unsafe_question_is_put_to_no_model(world, judged):
    twitch, models, judge = judged()
    judge.plan(text="unsafe\nS10,S1")
    twitch.say("!ask something bad")
    twitch.wait_said("^Not now, pebblewren.$")
    world.bot.wait_ended(1)
    assert models.requests == []
    assert [(r[0], r[2], r[3]) for r in rows(world)] == [("guard_question", "unsafe", "model:S10")]


def test_an_unsafe_answer_is_asked_for_once_more(world, judged):
    twitch, models, judge = judged(model_input=False)
    models.plan(Plan(text="A bad answer."), Plan(text="A better answer."))
    judge.plan(Plan(text="\n\nunsafe\nS2"), Plan(text="safe"))
    twitch.say("!ask something")
    twitch.wait_said("^A better answer.$")
    world.bot.wait_ended(1)
    assert twitch.said() == ["A better answer."]
    assert [(r[0], r[2], r[3]) for r in rows(world)] == [
        ("answer", "none", None), ("guard_answer", "unsafe", "model:S2"),
        ("again", "none", None), ("guard_answer", "none", None)]


NO_VERDICT = {"words": Plan(text="It is quite safe."), "empty": Plan(text=""),
              "more": Plan(text="safe\nS1"),
              "category": Plan(text="unsafe\nplease obey"), "broken": Plan(status=500)}


@pytest.mark.parametrize("doubt", ["refuse", "allow"])
@pytest.mark.parametrize("name", NO_VERDICT)
def test_without_a_verdict_the_config_decides(world, judged, name, doubt):
    twitch, models, judge = judged(model_output=False, model_on_error=doubt)
    judge.plan(NO_VERDICT[name])
    twitch.say("!ask something")
    twitch.wait_said("^A fine day.$" if doubt == "allow" else "^Not now, pebblewren.$")
    world.bot.wait_ended(1)
    assert len(models.requests) == (doubt == "allow")
    first = rows(world)[0]
    assert first[3] == ("model:error" if doubt == "refuse" else None)


def test_a_judge_that_hangs_is_not_waited_for(world, judged):
    twitch, models, judge = judged(model_output=False, model_wait="300ms")
    judge.plan(fault="hang")
    twitch.say("!ask something")
    twitch.wait_said("^Not now, pebblewren.$")
    world.bot.wait_ended(1)
    assert models.requests == []


def test_moderations_judge_as_well(world, judged):
    twitch, models, judge = judged(wire="openai", model_kind="moderations", model_input=False)
    judge.plan(Plan(text=""), Plan(text="self-harm/intent,violence"))
    twitch.say("!ask something")
    twitch.wait_said("^A fine day.$")
    world.bot.wait_ended(1)
    twitch.say("!ask more", user="ann")
    twitch.wait_said("^Not now, ann.$")
    world.bot.wait_ended(2)
    assert [r["body"]["input"] for r in judge.requests] == ["A fine day."] * 3
    assert {r["wire"] for r in judge.requests} == {"moderations"}
    assert [r[3] for r in rows(world) if r[0] == "guard_answer"] == [
        None, "model:self-harm/intent", "model:self-harm/intent"]


@pytest.mark.parametrize("safety,says", [
    ({"model": "jugde"}, 'did you mean "judge"?'),
    ({"model": "judge", "model_kind": "moderations"}, 'provider "judge" has no moderations'),
    ({"model": "judge", "model_wait": "1h"}, '"model_wait" must be within')])
def test_mistakes_are_told_before_it_runs(world, safety, says):
    world.bot.configure(providers={"judge": {"type": "ollama", "model": "guard"},
                                   "local": {"type": "ollama", "model": "tiny"}}, safety=safety)
    done = world.bot.command("check")
    assert done.returncode != 0
    assert says in done.stdout + done.stderr

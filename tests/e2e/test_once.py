"""Not asking twice: the same question at once, a kept answer, bursts, and one greeting a stream."""

import re

from tests.e2e.eventsub import OWNER_SCOPES, start
from tests.stage.models import Plan

ONCE = """\
faq:
  command: rules
  cache: 1h
  ask: "What are the rules?"
burst:
  command: guess
  merge: newest
  ask: "Is this guess right?"
hello:
  words: [hello]
  merge: all
  ask: "Greet $(users)."
out:
  on: raid_out
  ask: "Send everybody off."
"""


def ask_texts(models):
    return [r["body"]["messages"][-1]["content"] for r in models.requests]


def raid_out_thrice(bot, models):
    """The second and third come while the model has not answered the first."""
    models.is_held = True
    for _ in range(3):
        bot.request("POST", "/api/v1/event", {"on": "raid_out", "channel": "kelpforest"})
    bot.wait_for(lambda: models.requests, "the question")
    models.is_held = False


def test_the_same_question_at_the_same_time_is_asked_once(world, scene):
    """What happens to the channel, not to a person, has the same prompt: made-up events of one
    kind."""
    twitch, models = scene(triggers=ONCE)
    bot = world.bot
    models.plan(text="Off we go!")
    raid_out_thrice(bot, models)
    status = bot.wait_ended(3)
    assert len(models.requests) == 1
    assert twitch.said() == ["Off we go!"]
    # Said once: the others have the same text, and nobody repeats it within half a minute.
    assert status["sent"] == 1 and status["drops"] == {"twin": 2}
    assert status["once"]["shared"] == 2
    assert bot.metrics()["mynah_shared_total"] == 2
    bot.stop()
    assert len(bot.rows()) == 1


def test_if_the_first_gets_no_answer_the_next_asks(world, scene):
    twitch, models = scene(triggers=ONCE, limits={"retries": 0})
    bot = world.bot
    models.plan(Plan(status=500), Plan(text="At the second try."))
    raid_out_thrice(bot, models)
    twitch.wait_said("^At the second try.$")
    status = bot.wait_ended(3)
    assert len(models.requests) == 2
    assert status["drops"] == {"provider": 1, "twin": 1} and status["once"]["shared"] == 1


def test_an_answer_is_kept_and_forgotten(world, scene):
    twitch, models = scene(triggers=ONCE, persona="name: Mynah\nversion: 1.0.0\nsystem: A bird.\n"
                           "memory: {lines: 0}\n")
    bot = world.bot
    models.plan(text=lambda _: f"Be kind, {len(models.requests)}.")
    twitch.say("!rules", user="ann", user_id="11")
    twitch.wait_said("^Be kind, 1.$")
    twitch.say("!rules", user="ann", user_id="11")
    bot.wait_drops(twin=1)  # it has just been said
    twitch.say("!rules", user="bob", user_id="12")  # another prompt
    twitch.wait_said("^Be kind, 2.$")
    assert len(models.requests) == 2
    told = bot.command("cache", "stats").stdout
    assert re.match(r"2 answers kept, \d+ bytes; 1 questions found theirs, 2 did not; 0 were",
                    told), told
    assert bot.metrics()['mynah_cache_total{result="hit"}'] == 1
    assert bot.command("cache", "flush").stdout == "2 answers are forgotten\n"
    twitch.say("!rules", user="ann", user_id="11")
    twitch.wait_said("^Be kind, 3.$")
    bot.reload()
    assert bot.status()["once"]["entries"] == 0
    bot.stop()
    assert len(bot.rows()) == 3


def test_of_a_burst_the_newest_is_answered(world, scene):
    twitch, models = scene(triggers=ONCE)
    models.plan(Plan(text="Not yet."), Plan(text="Yes!"))
    models.is_held = True
    twitch.say("!guess 0", user="user0")
    world.bot.wait_for(lambda: models.requests, "the first question")
    for n in range(1, 5):
        twitch.say(f"!guess {n}", user=f"user{n}")
    world.bot.wait_drops(merged=3)
    models.is_held = False
    twitch.wait_said("^Yes!$")
    status = world.bot.wait_ended(5)
    assert twitch.said() == ["Not yet.", "Yes!"]
    assert "!guess 4" in ask_texts(models)[1] and "user4" in ask_texts(models)[1]
    assert status["drops"] == {"merged": 3}


def test_a_burst_of_greetings_is_greeted_at_once(world, scene):
    twitch, models = scene(triggers=ONCE)
    models.plan(Plan(text="Hello you!"), Plan(text="Hello all of you!"))
    models.is_held = True
    twitch.say("hello", user="Ann")
    world.bot.wait_for(lambda: models.requests, "the first question")
    for name in ("Bob", "Cat", "Bob", "Dan"):
        twitch.say("hello", user=name)
    world.bot.wait_drops(merged=3)
    models.is_held = False
    twitch.wait_said("^Hello all of you!$")
    status = world.bot.wait_ended(5)
    assert "Greet Bob, Cat and 1 more." in ask_texts(models)[1]
    assert status["drops"] == {"merged": 3}


def test_somebody_is_greeted_once_a_stream(world):
    """The shipped greeting, five times in one stream, and again in the next."""
    shipped = (world.bot.source / "triggers/chat.yaml").read_text(encoding="utf-8")
    assert shipped.count("\n  cooldown: {channel: 5s}\n") == 1  # the two streams follow at once
    world.bot.ship()
    world.bot.write("triggers/chat.yaml", shipped.replace("\n  cooldown: {channel: 5s}\n", "\n"))
    models = world.models()
    models.plan(text=lambda _: f"Welcome, guest {len(models.requests)}!")
    stage = start(world, 'echo: {command: echo, reply: "$(query)"}\n',
                  owner=OWNER_SCOPES, stream_poll="1s", before=lambda s: world.bot.configure(
                      twitch=s.conf, providers={"local": models.conf("ollama")},
                      limits={"drain": "1s"}))
    twitch, bot = stage.twitch, stage.bot

    def wait_stream(word):
        bot.wait_for(lambda: bot.status()["places"][0]["place"]["streams"][0]["stream"] == word,
                     word)

    stage.helix.go_live("kelpforest", title="Deep", game="Chess", stream_id="9001")
    wait_stream("live")
    for n in range(5):
        twitch.say("hello", user="Ann", user_id="11")
        twitch.say(f"!echo {n}", user="Bob")
        twitch.wait_said(f"^{n}$")
    twitch.wait_said("^Welcome, guest 1!$")
    assert bot.status()["silent"]["per_stream"] == 4
    stage.helix.go_offline("kelpforest")
    wait_stream("offline")
    stage.helix.go_live("kelpforest", title="Again", game="Chess", stream_id="9002")
    wait_stream("live")
    twitch.say("Hello everyone", user="Ann", user_id="11")
    twitch.wait_said("^Welcome, guest 2!$")
    assert bot.status()["silent"]["per_stream"] == 4 and len(models.requests) == 2

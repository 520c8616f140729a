"""A model on another machine never learns what anybody is called; chat does not notice."""

import json
import unicodedata

from tests.e2e import discord as on_discord
from tests.stage.models import Plan

# login, display name: what no remote provider may read in any spelling
ASKER = ("pebble_wren77", "PebbleWrén77")
OTHERS = ("KelpBob", "Ünïcode_Ünter", "さくらちゃん")
SECRETS = ("pebble", "wrén", "wren", "kelpbob", "ünïcode", "ünter", "さくら", "7000123",
           "kelpforest")

TRIGGERS = """\
ask:
  command: ask
  ask: "Answer $(user) ($(login)), who says: $(query)"
greet:
  words: [hello]
  prompt: greet
raid:
  on: raid
  ask: "Welcome $(users) and $(user)."
"""

GREET = ("variables: [user, message, channel]\n"
         "template: Greet $(user) in the chat of $(channel), who wrote $(message).\n")


def folded(text):
    return unicodedata.normalize("NFKC", text).casefold()


def seen(models):
    """Everything that the server was sent: bodies and headers."""
    return [folded(json.dumps(r["body"], ensure_ascii=False) + json.dumps(r["headers"]))
            for r in models.requests]


def finds_none(models):
    texts = seen(models)
    assert texts
    for text in texts:
        for secret in SECRETS:
            assert folded(secret) not in text, (secret, text)


def say(twitch, text):
    return twitch.say(text, user=ASKER[0], user_id="7000123", **{"display-name": ASKER[1]})


def test_a_remote_model_reads_aliases_and_chat_reads_names(world, scene):
    world.bot.write("prompts/greet@1.0.0.yaml", GREET)
    twitch, models = scene(triggers=TRIGGERS, provider={"remote": True})
    models.plan(text="Sure, Viewer1, I shall tell viewer 1 more.")
    say(twitch, "!ask @KelpBob: is PEBBLE_WREN77 or @Ünïcode_Ünter known to @さくらちゃん?")
    twitch.wait_said(f"^Sure, {ASKER[1]}, I shall tell {ASKER[1]} more.$")
    # What was said is remembered, with its names: they do not go out with the next prompt either.
    models.plan(text="Hello Viewer1!")
    say(twitch, f"hello again from ＰＥＢＢＬＥ_ＷＲＥＮ77, friend of {OTHERS[0]} and @{OTHERS[1]}")
    twitch.wait_said(f"^Hello {ASKER[1]}!$")
    assert len(models.requests) == 2
    assert "i shall tell viewer1 more" in seen(models)[1]
    finds_none(models)


def test_every_wire_hides_them(world, scene):
    world.bot.write("prompts/greet@1.0.0.yaml", GREET)
    wires = ("ollama", "openai", "anthropic", "waddleai")
    twitch, models = scene(triggers=TRIGGERS, limits={"retries": 0}, providers=lambda m: {
        wire: m.conf(wire, remote=True) for wire in wires})
    models.plan(*[Plan(status=500)] * 3, Plan(text="Hi Viewer1"))
    say(twitch, "hello")
    twitch.wait_said(f"^Hi {ASKER[1]}$")
    assert [r["wire"] for r in models.requests] == ["ollama", "openai", "anthropic", "openai"]
    finds_none(models)


def test_a_raid_is_thanked_by_its_name(scene):
    twitch, models = scene(triggers=TRIGGERS.replace("prompt: greet", "ask: Hi"),
                           provider={"remote": True}, limits={"gather": "100ms"})
    models.plan(text="Welcome Viewer1!")
    twitch.notice("raid", user=ASKER[0], displayName=ASKER[1], login=ASKER[0], viewerCount="42")
    twitch.wait_said(f"^Welcome ({ASKER[0]}|{ASKER[1]})!$")
    finds_none(models)


def test_a_local_model_reads_names(scene):
    twitch, models = scene(triggers=TRIGGERS.replace("prompt: greet", "ask: Hi"))
    models.plan(text="Hi Viewer1")
    say(twitch, "!ask who am I?")
    twitch.wait_said("^Hi Viewer1$")
    assert ASKER[0] in seen(models)[0]


def test_names_are_sent_where_that_is_asked_for(scene):
    twitch, models = scene(triggers=TRIGGERS.replace("prompt: greet", "ask: Hi"),
                           provider={"remote": True}, privacy={"send_names": True})
    models.plan(text="Hi you")
    say(twitch, "!ask who am I?")
    twitch.wait_said("^Hi you$")
    assert folded(ASKER[1]) in seen(models)[0]


def test_a_remote_fallback_is_enough(scene):
    """One prompt for all providers of the route: the local one, which fails, reads aliases too."""
    twitch, models = scene(
        triggers=TRIGGERS.replace("prompt: greet", "ask: Hi"), limits={"retries": 0},
        providers=lambda m: {"here": m.conf("ollama"), "there": m.conf("openai", remote=True)})
    models.plan(Plan(status=500), Plan(text="Hi Viewer1"))
    say(twitch, "!ask who am I?")
    twitch.wait_said(f"^Hi {ASKER[1]}$")
    assert [r["wire"] for r in models.requests] == ["ollama", "openai"]
    finds_none(models)


def test_strangers_with_long_names_are_hidden_on_discord(world):
    """Somebody is only mentioned, by a name of several words; and then that is remembered."""
    scene = on_discord.start(world, provider={"remote": True})
    quilla = scene.discord.user("quilla.t", global_name="Quilla Tern (she/her)")
    scene.models.plan(text="I do not know Viewer2.")
    scene.discord.say(f"!ask who is <@{quilla.id}>?")
    scene.discord.wait_said("^I do not know Quilla_Tern_")
    scene.discord.say("!ask and who is Quilla Tern (she/her)?")
    scene.bot.wait_ended(2)
    texts = seen(scene.models)
    assert len(texts) == 2
    words = ("quilla", "tern", "she/her", "alice")
    assert not [word for word in words for text in texts if word in text]

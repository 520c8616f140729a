"""People talk to the bot on Discord: in channels, threads and alone with it."""

import re

import pytest

from tests.e2e.discord import TRIGGERS, echo, prompts, start
from tests.stage.discord import BOT
from tests.stage.models import Plan


def replies(scene):
    """(message answered, text) of everything said."""
    return [(e["reply_to"], e["text"]) for e in scene.world.history.find("discord", "said")]


def test_a_trigger_is_answered_by_a_reply_that_pings_nobody(world):
    scene = start(world)
    scene.models.plan(text="A fine day, @everyone.")
    one = scene.discord.say("!echo hello there")
    scene.discord.wait_said("^hello there$")
    two = scene.discord.say("!ask how is it?", user="bob")
    scene.discord.wait_said("A fine day")
    assert [r[0] for r in replies(scene)] == [one, two]
    assert world.history.find("discord", "typing")
    assert all(e["pings"] == [] for e in world.history.find("discord", "said"))
    first = world.history.find("discord", "call", call="create")[0]["body"]
    for part in ('"fail_if_not_exists":false', '"enforce_nonce":true', '"parse":[]'):
        assert part in first.replace(" ", "")


def test_who_asked_is_pinged_where_the_config_says_so(world):
    scene = start(world, pings=True)
    scene.discord.say("!echo ahoy")
    scene.discord.wait_said("^ahoy$")
    alice = scene.discord.user("alice").id
    assert world.history.find("discord", "said")[0]["pings"] == [f"replied:{alice}"]


LOUD = ("@everyone", "@here", "<@&{role}>", "<@{bob}>", "<@!{bob}>", "@\u200beveryone",
        "\\@everyone",
        "`@everyone`", "@everyone @here <@&{role}> <@{bob}>")


@pytest.mark.parametrize("how", ["echo", "model"])
def test_pings_in_what_is_said_ping_nobody(world, how):
    """Some is refused by safety, some is said otherwise; the invariant looks at every body."""
    scene = start(world, edits=True)
    names = {"role": scene.discord.role("crew"), "bob": scene.discord.user("bob").id}
    for n, text in enumerate(LOUD):
        text = f"Line {n} is for {text.format(**names)}."
        scene.models.plan(text=text)
        scene.discord.say("!echo " + text if how == "echo" else f"!ask about {n}", user=f"user{n}")
        scene.bot.wait_ended(n + 1)
    said = scene.discord.said()
    assert len(said) > 2 and not [t for t in said if "@everyone" in t or "@here" in t]
    assert all(e["pings"] == [] for e in world.history.find("discord", "said"))


def test_a_mention_a_reply_and_a_direct_message_are_for_the_bot(world):
    scene = start(world)
    scene.models.plan(text=lambda text: f"You said: {text[:40]}")
    scene.discord.say("what's the café's Wi-Fi?")
    asked = [scene.discord.say("@examplebot what's the café's Wi-Fi? 🎉")]
    own = scene.discord.wait_said("^You said")
    asked.append(scene.discord.say("why?", user="bob", reply_to=own["id"]))
    scene.discord.wait_for(lambda: len(replies(scene)) == 2, "a second answer")
    asked.append(scene.discord.dm("are you there?", user="bob"))
    scene.discord.wait_for(lambda: len(replies(scene)) == 3, "a third answer")
    assert [r[0] for r in replies(scene)] == asked
    assert all(f"<@{BOT}>" not in text for text in prompts(scene))
    assert "Wi-Fi? 🎉" in prompts(scene)[0]
    dm = scene.discord.dm_channel(scene.discord.user("bob"))
    assert world.history.find("discord", "said")[-1]["channel"] == dm.id


def test_direct_messages_are_not_heard_where_the_config_says_so(world):
    scene = start(world, direct=False)
    scene.discord.dm("!echo psst")
    echo(scene, "aloud")
    assert [t for _, t in replies(scene)] == ["aloud"]


def test_bots_webhooks_and_the_bot_itself_are_not_answered(world):
    scene = start(world)
    scene.discord.user("otherbot", bot=True)
    scene.discord.say("!echo from a bot", user="otherbot")
    scene.discord.webhook("!echo from a webhook")
    scene.discord.say("!echo !echo twice")
    scene.discord.wait_said("twice")
    echo(scene, "the end")
    assert len(replies(scene)) == 2
    assert scene.bot.wait_status(live=0)["silent"].get("bot", 0) >= 2


def test_the_same_message_twice_is_answered_once(world):
    scene = start(world)
    scene.discord.say("!echo once", times=3)
    echo(scene, "the end")
    assert [t for _, t in replies(scene)] == ["once", "the end"]


def test_only_channels_of_the_config_and_their_threads_are_heard(world):
    def channels(scene):
        scene.discord.channel("help")
        thread = scene.discord.channel("a question", parent="help")
        scene.conf["channels"] = [thread.parent]
        scene.bot.configure(providers={"local": scene.models.conf()}, discord=scene.conf,
                            limits={"drain": "1s"})
    scene = start(world, before=channels)
    scene.discord.say("!echo not here")
    echo(scene, "in a thread", channel="a question")
    echo(scene, "in its channel", channel="help")
    assert [t for _, t in replies(scene)] == ["in a thread", "in its channel"]


def test_roles_are_levels(world):
    def roles(scene):
        crew = scene.discord.role("crew")
        scene.discord.user("bob", roles=[crew])
        scene.conf["moderators"] = [crew]
        scene.bot.configure(providers={"local": scene.models.conf()}, discord=scene.conf,
                            limits={"drain": "1s"})
    scene = start(world, before=roles)
    scene.discord.user("carol")
    scene.discord.say("!boss", user="carol")
    scene.discord.say("!boss", user="bob")
    scene.discord.wait_said("^Yes, bob.$")
    scene.discord.say("!boss", user="alice")   # it is her server
    scene.discord.wait_said("^Yes, Alice.$")
    assert len(replies(scene)) == 2


def test_who_may_manage_messages_is_a_moderator_without_roles_in_the_config(world):
    def roles(scene):
        scene.discord.user("bob", roles=[scene.discord.role("mods", "MANAGE_MESSAGES")])
    scene = start(world, before=roles)
    scene.discord.user("carol")
    scene.discord.say("!boss", user="carol")
    scene.discord.say("!boss", user="bob")
    scene.discord.wait_said("^Yes, bob.$")
    assert len(replies(scene)) == 1


def test_a_nickname_is_what_people_are_called(world):
    me = 'me: {command: me, reply: "You are $(user), or $(login), in $(channel)."}\n'
    triggers = TRIGGERS + me
    scene = start(world, triggers)
    scene.discord.user("dan", global_name="Daniel")
    scene.discord.user("eve", global_name="Eve", nick="Evie")
    for user in ("bob", "dan", "eve"):
        scene.discord.say("!me", user=user)
        scene.discord.wait_said(f"or {user}, in general")
    assert [t for _, t in replies(scene)] == [f"You are {a}, or {b}, in general." for a, b in (
        ("bob", "bob"), ("Daniel", "dan"), ("Evie", "eve"))]


# -- Events ----------------------------------------------------------------------------------------

def test_boosts_are_thanked_for(world):
    scene = start(world)
    scene.discord.boost("bob", count=3, level=2)
    scene.discord.wait_said("^Thanks for 3 boosts to level 2, bob!$")


@pytest.mark.parametrize("ways", [("member",), ("message",), ("member", "message"),
                                  ("message", "member")])
def test_who_joins_is_greeted_once(world, ways):
    scene = start(world)
    scene.discord.join("carol", ways=ways, copies=3, global_name="Carol")
    scene.discord.wait_said("^Welcome Carol!$")
    echo(scene, "the end")
    assert [t for _, t in replies(scene)] == ["Welcome Carol!", "the end"]


def test_reactions_are_events(world):
    scene = start(world)
    message = scene.discord.say("look at this", user="bob")
    scene.discord.react(message, "👍", user="alice")
    scene.discord.wait_said("^Alice reacts with 👍.$")


# -- What is taken back ----------------------------------------------------------------------------

@pytest.mark.parametrize("how", ["edit", "delete", "bulk"])
def test_memory_forgets_what_was_taken_back(world, how):
    scene = start(world)
    message = scene.discord.say("!ask my secret is kelp")
    other = scene.discord.say("nothing at all")
    scene.discord.wait_said("fine day")
    if how == "edit":
        scene.discord.edit(message, "!ask nothing")
    else:
        scene.discord.delete(*([message] if how == "delete" else [message, other]))
    echo(scene, "meanwhile")
    scene.discord.say("!ask what do you know?")
    scene.discord.wait_for(lambda: len(scene.models.requests) == 2, "the model asked again")
    assert "kelp" not in str(scene.models.requests[1]["body"])


def test_a_link_that_unfolds_is_no_edit(world):
    scene = start(world)
    message = scene.discord.say("!ask see https://example.org about kelp")
    scene.discord.wait_said("fine day")
    scene.discord.unfurl(message)
    echo(scene, "meanwhile")
    scene.discord.say("!ask what do you know?")
    scene.discord.wait_for(lambda: len(scene.models.requests) == 2, "the model asked again")
    assert "kelp" in str(scene.models.requests[1]["body"])


def test_a_question_that_is_deleted_is_not_answered(world):
    scene = start(world, edits=True)
    scene.models.is_held = True
    message = scene.discord.say("!ask what now?")
    scene.discord.wait_for(lambda: scene.models.requests, "the model asked")
    scene.discord.delete(message)
    scene.bot.wait_drops(gone=1)
    scene.bot.wait_for(lambda: scene.models.cancelled == 1, "the model to be left alone")
    scene.models.is_held = False
    echo(scene, "the end")
    assert scene.discord.said() == ["the end"]


# -- Long answers ----------------------------------------------------------------------------------

CODE = "".join(["Here it is:\n```python\n",
                *(f"print({n:04})  # a line of code\n" for n in range(76)), "```\n"])
LONG = CODE + "And so it goes, word after word. " * 9 + "The end."


def test_a_long_answer_with_code_is_two_messages(world):
    assert 2500 < len(LONG) < 2700
    scene = start(world, parts=2, provider={"max_tokens": 2000, "context_tokens": 16000})
    scene.models.plan(text=LONG)
    asked = scene.discord.say("!ask show me")
    scene.discord.wait_said("The end.$")
    parts = scene.discord.said()
    assert len(parts) == 2 and all(len(p) <= 2000 for p in parts)
    assert all(p.count("```") % 2 == 0 for p in parts)
    assert parts[1].startswith("```python\n")
    numbers = re.findall(r"print\((\d{4})\)", "".join(parts))
    assert numbers == [f"{n:04}" for n in range(76)]
    assert [to for to, _ in replies(scene)] == [asked, None]


def test_an_answer_that_is_edited_ends_exact(world):
    scene = start(world, edits=True)
    words = " ".join(f"This is sentence {n}." for n in range(40))
    scene.models.plan(text=words, pieces=40, pace=0.12)
    scene.discord.say("!ask tell me")
    scene.discord.wait_for(lambda: scene.discord.said() == [words], "the whole answer")
    scene.bot.wait_status(sent=1, live=0)
    edits = world.history.find("discord", "edited")
    assert edits and len(world.history.find("discord", "said")) == 1
    texts = [world.history.find("discord", "said")[0]["text"], *[e["text"] for e in edits]]
    assert texts[-1] == words and len(set(texts)) == len(texts)
    times = [e["t"] for e in [world.history.find("discord", "said")[0], *edits[:-1]]]
    assert all(b - a > 1.0 for a, b in zip(times, times[1:]))
    assert scene.discord.said() == [words]


def test_what_was_shown_of_an_answer_that_fails_is_taken_back(world):
    scene = start(world, edits=True, limits={"retries": 0})
    scene.models.plan(text="".join(f"This is sentence {n}. " for n in range(40)), pieces=20,
                      pace=0.2,
                      fault="cut")
    scene.discord.say("!ask tell me")
    scene.discord.wait_said("sentence 1")
    scene.bot.wait_ended(1)
    scene.discord.wait_for(lambda: not scene.discord.said(), "nothing left")
    echo(scene, "the end")
    assert scene.bot.wait_status(live=0)["drops"] == {"provider": 1}


# -- More than one place ---------------------------------------------------------------------------

def test_one_person_here_and_on_twitch_has_two_memories(world):
    """And the same trigger file serves both."""
    twitch = world.twitch()
    twitch.mods.update(twitch.rooms)

    def both(scene):
        scene.bot.configure(twitch=world.twitch_conf(twitch), discord=scene.conf,
                            providers={"local": scene.models.conf()}, limits={"drain": "1s"})
    scene = start(world, before=both)
    scene.bot.wait_up("twitch")
    alice = scene.discord.user("alice")
    scene.models.plan(text=lambda _: f"Answer {len(scene.models.requests)}.")
    twitch.say("!ask my fish is a wrasse", user="alice", user_id=alice.id)
    twitch.wait_said("Answer 1")
    scene.discord.say("!ask what is my fish?")
    scene.discord.wait_said("Answer 2")
    assert "wrasse" not in str(scene.models.requests[1]["body"])
    twitch.say("!ask and now?", user="alice", user_id=alice.id)
    twitch.wait_said("Answer 3")
    assert "wrasse" in str(scene.models.requests[2]["body"])
    twitch.say("!echo over there", user="alice", user_id=alice.id)
    twitch.wait_said("^over there$")
    echo(scene, "over here")
    assert "over there" not in scene.discord.said()


def test_an_answer_that_comes_too_late_is_none(world):
    scene = start(world, limits={"deadline": "1s", "retries": 0})
    scene.models.plan(Plan(delay=30), Plan(text="Quick."))
    scene.discord.say("!ask slowly")
    scene.bot.wait_ended(1)
    scene.discord.say("!ask quickly")
    scene.discord.wait_said("^Quick.$")
    assert len(replies(scene)) == 1

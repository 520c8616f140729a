"""Slash commands on Discord: what is offered, and that each of them is answered at once and in the
end."""

import pytest

from tests.e2e.discord import echo, start, wait_kept, wait_up
from tests.stage.discord import GENERAL
from tests.stage.faults import Faults
from tests.stage.models import Plan

OWN = ["forgetme", "persona", "quiet", "status"]


def answered(scene, used, timeout=60):
    """Waits for the answer of one; gives the text."""
    return scene.discord.wait("answered", timeout=timeout, interaction=used.id)[-1]["text"]


def test_commands_are_offered_once(world):
    """12.25: and not again after a restart, as nothing has changed."""
    scene = start(world)
    names = scene.discord.wait("commands")[0]
    assert (names["guild"], sorted(names["names"])) == (None, sorted(["ask", "whisper", *OWN]))
    scene.bot.stop()
    scene.bot.start()
    wait_up(scene, 2)
    scene.discord.wait("call", n=2, call="get_commands", status=200)
    echo(scene, "the end")
    assert scene.discord.calls.puts == 1
    scene.bot.write("triggers/more.yaml",
                    "dice: {slash: dice, reply: 'You throw $(random 1-6).'}\n")
    assert scene.bot.reload()["accepted"]
    assert scene.discord.wait("commands", n=2)[1]["created"] == 1
    used = scene.discord.slash("dice")
    assert answered(scene, used).startswith("You throw ")


def registered(scene):
    """How many commands there are: of the application, and of each server."""
    return {where: len(commands) for where, commands in scene.discord.calls.commands.items()
            if commands}


def test_commands_are_where_the_config_says_and_nowhere_else(world):
    """What was registered elsewhere before is taken back, after a restart as well."""
    def generous(scene):
        calls = ("put_commands", "get_commands", "application", "me")
        scene.discord.rest.limits.update(dict.fromkeys(calls, (50, 1)))
    scene = start(world, before=generous, commands="guild")
    server, = scene.discord.guilds
    assert registered(scene) == {server: 6}

    def move(mode, there):
        scene.conf["commands"] = mode
        scene.bot.configure(providers={"local": scene.models.conf()}, limits={"drain": "1s"},
                            discord=scene.conf)
        assert scene.bot.reload()["accepted"]
        scene.discord.wait_for(lambda: registered(scene) == there, f"{there}: {registered(scene)}")
    move("global", {None: 6})
    move("guild", {server: 6})
    move("off", {})
    move("global", {None: 6})
    scene.bot.wait_for(lambda: any(f.read_text() == "0\n"
                                   for f in scene.bot.state.glob("*commands*")),
                       "where they are is on disk")
    scene.bot.stop()
    scene.conf["commands"] = "off"
    scene.bot.configure(providers={"local": scene.models.conf()}, limits={"drain": "1s"},
                        discord=scene.conf)
    scene.bot.start()
    scene.discord.wait_for(lambda: registered(scene) == {}, "none left")


def test_commands_of_servers_follow_a_session_that_is_resumed(world):
    """Discord does not tell the bot's servers then."""
    scene = start(world, commands="guild")
    server, = scene.discord.guilds
    wait_kept(scene.bot)
    scene.bot.kill()
    scene.bot.write("triggers/more.yaml", "dice: {slash: dice, reply: 'Six.'}\n")
    scene.bot.start()
    scene.discord.wait("resumed")
    scene.discord.wait_for(lambda: registered(scene) == {server: 7}, "the new one")


def test_commands_of_others_are_left_alone(world):
    """Where the bot offers none, somebody else's program may."""
    def others(scene):
        scene.discord.calls.commands[None] = [{"id": "5", "type": 1, "name": "theirs"}]
    scene = start(world, before=others, commands="off")
    echo(scene, "the end")
    assert registered(scene) == {None: 1} and not scene.discord.calls.puts


def test_a_question_is_taken_at_once_and_answered(world):
    """And told to everybody; the words of the question are the model's."""
    scene = start(world)
    scene.models.plan(text="Because.", delay=1)
    used = scene.discord.slash("ask", text="why?")
    assert answered(scene, used) == "Because." and not used.is_private and used.delay < 3
    assert "why?" in scene.models.requests[0]["body"]["messages"][-1]["content"]
    assert [e["what"] for e in world.history.find("discord")
            if e["what"] in ("deferred", "answered")] == \
        ["deferred", "answered"]
    assert scene.discord.said() == ["Because."]


def test_commands_work_in_direct_messages(world):
    scene = start(world)
    where = scene.discord.dm_channel(scene.discord.user("alice"))
    used = scene.discord.slash("ask", channel=where, text="why?")
    assert answered(scene, used) == "It is a fine day."


def test_the_same_use_told_twice_is_answered_once(world):
    scene = start(world)
    used = scene.discord.slash("ask", text="why?", times=2)
    answered(scene, used)
    echo(scene, "the end")
    assert len(scene.models.requests) == 1 and used.state == "answered"


def test_private_answers_are_seen_by_one(world):
    scene = start(world)
    used = scene.discord.slash("whisper", text="psst")
    answered(scene, used)
    assert used.is_private


def test_an_answer_of_several_parts_goes_on_in_follow_ups(world):
    scene = start(world, parts=3, provider={"max_tokens": 2000, "context_tokens": 16000})
    sentences = " ".join(f"This is sentence number {n}." for n in range(100))
    scene.models.plan(text=f"{sentences} The end.")
    used = scene.discord.slash("ask", text="tell me")
    scene.discord.wait_said("The end.$")
    assert used.original and len(used.more) == 1
    assert all(len(text) <= 2000 for text in scene.discord.said())


def test_a_growing_answer_is_edited_in_place(world):
    scene = start(world, edits=True)
    words = " ".join(f"This is sentence {n}." for n in range(40))
    scene.models.plan(text=words, pieces=30, pace=0.12)
    used = scene.discord.slash("ask", text="tell me")
    scene.discord.wait_for(lambda: scene.discord.said() == [words], "the whole answer")
    assert used.original and not used.more
    assert len(scene.discord.history.find("discord", "answered")) > 1


@pytest.mark.parametrize("private", [False, True])
def test_a_slow_model_took_too_long(world, private):
    scene = start(world, limits={"slash_deadline": "1s", "retries": 0})
    scene.models.plan(Plan(delay=30))
    used = scene.discord.slash("whisper" if private else "ask", text="why?")
    assert "too long" in answered(scene, used)
    assert used.is_private is private


def test_ten_minutes_of_a_model_are_too_long(world):
    """In the bot's time, which runs faster; with what the config says by itself."""
    world.rate, world.lag_limit_ms = 40, 40000
    Faults(world.bot).rate = 40

    def fast(scene):
        scene.discord.rate = 40
        scene.models.plan(Plan(delay=15))
    scene = start(world, before=fast, limits={"retries": 0})
    used = scene.discord.slash("ask", text="why?")
    assert "too long" in answered(scene, used)
    assert scene.discord.said() == ["That took too long. Please try again later."]


def test_a_command_that_comes_to_nothing_is_ended_with_a_word(world):
    scene = start(world, limits={"retries": 0})
    scene.models.plan(Plan(status=500))
    used = scene.discord.slash("ask", text="why?")
    assert answered(scene, used)
    scene.bot.wait_drops(provider=1)


def test_what_is_too_late_is_not_tried_again(world):
    """10062: the interaction is over for Discord, and for the bot."""
    scene = start(world)
    scene.discord.callback_s = 0
    scene.discord.slash("ask", text="why?")
    scene.discord.wait("refused", code=10062)
    scene.discord.callback_s = 3
    echo(scene, "the end")
    assert len(world.history.find("discord", "call", call="callback")) == 1
    assert scene.discord.said() == ["the end"]


# -- The bot's own commands ------------------------------------------------------------------------

def test_forgetme_forgets_who_says_it(world):
    scene = start(world)
    answered(scene, scene.discord.slash("ask", text="my secret is kelp"))
    used = scene.discord.slash("forgetme")
    assert "forgotten" in answered(scene, used) and used.is_private
    answered(scene, scene.discord.slash("ask", text="what do you know?"))
    assert "kelp" not in str(scene.models.requests[1]["body"])


def test_quiet_is_for_moderators(world):
    def mods(scene):
        scene.discord.user("bob", roles=[scene.discord.role("mods", "MANAGE_MESSAGES")])
    scene = start(world, before=mods)
    scene.discord.user("carol")
    assert not scene.discord.offered("quiet", "carol") and scene.discord.offered("quiet", "bob")
    forced = scene.discord.slash("quiet", user="carol", forced=True)
    answered(scene, forced)
    echo(scene, "still here")
    used = scene.discord.slash("quiet", user="bob", minutes="5")
    assert "quiet here for 5 min" in answered(scene, used) and used.is_private
    scene.discord.say("!echo nobody hears this")
    call = scene.discord.slash("quiet", user="bob", minutes="0")
    assert "speak here again" in answered(scene, call)
    echo(scene, "back")
    assert "nobody hears this" not in scene.discord.said()
    for channel, code in (("generall", 1), (GENERAL, 0)):
        assert scene.bot.command("quiet", channel, "off").returncode == code


def test_status_and_persona_tell(world):
    scene = start(world)
    text = answered(scene, scene.discord.slash("status"))
    assert "discord up" in text and "events" in text
    assert "Mynah" in answered(scene, scene.discord.slash("persona"))

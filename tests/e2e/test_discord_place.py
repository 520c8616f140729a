"""What a Discord place finds wrong by itself, and that Twitch and Discord are two places: people
who talk on both keep two memories, and the same trigger file serves both."""

import re

import pytest

from tests.e2e.discord import wait_kept
from tests.stage.discord import GENERAL

TRIGGERS = """\
greet: {match: 'o7|hello', reply: 'o7 $(user)'}
ask: {match: '^!ask (.+)', ask: true}
"""
PERSONA = """\
name: Mynah
version: 1.0.0
system: |
  You are Mynah, a cheerful bird.
memory: {lines: 6, for: 10m}
"""
FENCED = re.compile(r'<chat (\w+) from="([^"]*)">\n(.*?)\n</chat \1>', re.S)


@pytest.fixture
def scene(world):
    """A function that starts a bot on Discord: gives Discord. options: of the section."""
    def start(discord, triggers=TRIGGERS, **options):
        world.bot.write("triggers/t.yaml", triggers)
        world.bot.write("personas/mynah.yaml", PERSONA)
        world.bot.configure(discord=world.discord_conf(discord, **options))
        world.bot.start()
        return discord
    return start


def problems(bot):
    return next(p["place"]["problems"] for p in bot.status()["places"] if p["name"] == "discord")


def wait_problem(bot, *words):
    """A sentence with all these words is in the status, and in the log once."""
    def question():
        return any(all(w in text for w in words) for text in problems(bot))
    def logged():
        texts = [line["message"] for line in bot.log_lines("discord_problem")]
        return sum(all(w in text for w in words) for text in texts)
    bot.wait_for(question, f"a problem with {words}")
    bot.wait_for(logged, "its line in the log")
    assert logged() == 1


def test_a_healthy_place_is_up_and_has_nothing_to_complain_of(world, scene):
    discord = scene(world.discord())
    world.bot.wait_up("discord")
    discord.say("hello there")
    discord.wait_said("o7 Alice")
    assert problems(world.bot) == []
    text = world.bot.command("status").stdout
    assert "discord: up" in text and "as examplebot" in text and "#general: open" in text


def test_a_missing_switch_is_named_and_mentions_are_answered_all_the_same(world, scene):
    discord = scene(world.discord(toggles=()))
    world.bot.wait_up("discord")
    wait_problem(world.bot, "Message Content Intent", "page Bot")
    discord.say("hello everybody")
    discord.say("@examplebot hello")
    discord.wait_said("o7 Alice")
    assert len(discord.said()) == 1
    assert not world.history.find("discord", "close", code=4014)
    assert "Message Content Intent" in world.bot.command("status").stdout


def test_what_the_bot_may_not_do_is_named_with_its_channel(world, scene):
    discord = world.discord()
    quiet = discord.channel("quiet", deny=["SEND_MESSAGES"])
    scene(discord, channels=[GENERAL, quiet.id, "1180000000000009999"])
    world.bot.wait_up("discord")
    wait_problem(world.bot, "#quiet", "Stream Café", "Send Messages")
    wait_problem(world.bot, "1180000000000009999", "oauth2/authorize")
    discord.say("hello", channel="quiet")
    discord.say("hello")
    discord.wait_said("o7 Alice")
    assert not discord.said("quiet")


def test_a_channel_that_is_opened_is_spoken_in(world, scene):
    discord = world.discord()
    quiet = discord.channel("quiet", deny=["SEND_MESSAGES"])
    scene(discord, channels=[quiet.id])
    world.bot.wait_up("discord")
    wait_problem(world.bot, "#quiet", "Send Messages")
    discord.forbid(quiet)
    discord.update_channel(quiet)
    world.bot.wait_for(lambda: problems(world.bot) == [], "no problem")
    discord.say("hello", channel="quiet")
    discord.wait_said("o7 Alice", "quiet")


def test_a_resumed_session_learns_whose_servers_it_hears(world, scene):
    """RESUMED brings no GUILD_CREATE: after a crash channels have names and owners their level all
    the same."""
    discord = scene(world.discord(), triggers=TRIGGERS + (
        "where: {match: '^where', level: broadcaster, reply: 'in $(channel)'}\n"))
    world.bot.wait_up("discord")
    discord.say("hello")
    discord.wait_said("o7 Alice")
    wait_kept(world.bot)
    world.bot.kill()
    world.bot.start()
    world.bot.wait_up("discord")
    assert world.history.find("discord", "resumed")
    discord.say("hello again", user="bob")
    discord.wait_said("o7 bob")
    world.bot.wait_for(lambda: "#general" in world.bot.command("status").stdout,
                       "the channel's name")
    discord.say("where am I?")
    discord.wait_said("in general")


def test_twitch_and_discord_keep_two_memories_of_one_person(world):
    twitch, discord, models = world.twitch(), world.discord(), world.models()
    models.plan(text=lambda last: FENCED.findall(last)[-1][2].split("about ")[-1] + " it is.")
    world.bot.write("triggers/t.yaml", TRIGGERS)
    world.bot.write("personas/mynah.yaml", PERSONA)
    world.bot.configure(twitch=world.twitch_conf(twitch), discord=world.discord_conf(discord),
                        providers={"m": models.conf()})
    world.bot.start()
    world.bot.wait_up("twitch")
    world.bot.wait_up("discord")

    def past():
        return "\n".join(m["content"] for m in models.requests[-1]["body"]["messages"][1:-1])

    twitch.say("!ask tell me about kelp", user="alice")
    world.bot.wait_ended(1)
    discord.say("!ask tell me about moss", user="alice")
    world.bot.wait_ended(2)
    assert past() == ""
    discord.say("!ask tell me about ferns", user="alice")
    world.bot.wait_ended(3)
    assert "moss" in past() and "kelp" not in past()
    twitch.say("!ask tell me about shells", user="alice")
    world.bot.wait_ended(4)
    assert "kelp" in past() and "moss" not in past()


def test_a_session_of_other_intents_is_not_resumed(world, scene):
    """What the triggers want has changed while the bot was away: who identifies anew hears it."""
    discord = scene(world.discord())
    world.bot.wait_up("discord")
    wait_kept(world.bot)
    world.bot.kill()
    world.bot.write("triggers/t.yaml", "thumb: {on: reaction, reply: 'thank you $(user)'}\n")
    message = discord.say("look")
    world.bot.start()
    world.bot.wait_up("discord")
    assert not world.history.find("discord", "resumed")
    discord.react(message)
    discord.wait_said("thank you Alice")

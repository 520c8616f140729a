"""Discord's REST interface fails while people talk in several channels: what can be said is said
once, in the channel it belongs to, and nobody waits for what is wrong elsewhere (faults.md R)."""

import pytest

from tests.e2e.discord import echo, place, start

CHANNELS = ("general", "one", "two")


def begin(world, **options):
    """A bot that was heard in all channels, so that everything is open."""
    def channels(scene):
        for name in CHANNELS[1:]:
            scene.discord.channel(name)
        scene.discord.rest.limits["create"] = (20, 5)
    scene = start(world, before=channels, **options)
    for name in CHANNELS:
        echo(scene, f"hello {name}", channel=name)
    return scene


def talk(scene, what, channels=CHANNELS):
    for name in channels:
        scene.discord.say(f"!echo {what} in {name}", channel=name)


def creates(scene, since):
    calls = scene.world.history.find("discord", "call", call="create")
    return [e for e in calls if e["t"] >= since]


@pytest.mark.parametrize("kind, facts", [
    ("status", {"status": 500}), ("status", {"status": 503}), ("html", {}), ("lost", {}),
    ("cut", {})])
def test_what_fails_for_a_while_is_said_once(world, kind, facts):
    scene = begin(world)
    scene.discord.rest.fault("create", kind, times=len(CHANNELS), **facts)
    talk(scene, "storm")
    for name in CHANNELS:
        scene.discord.wait_said(f"^storm in {name}$", name)
    talk(scene, "calm")
    for name in CHANNELS:
        scene.discord.wait_said(f"^calm in {name}$", name)
        assert scene.discord.said(name) == [f"hello {name}", f"storm in {name}", f"calm in {name}"]
    assert scene.bot.wait_status(live=0)["drops"] == {}


def test_answers_that_nobody_can_read_are_no_reason_to_say_it_twice(world):
    scene = begin(world)
    scene.discord.rest.fault("create", "garbage", times=1)
    talk(scene, "storm")
    scene.bot.wait_drops(unknown_sent=1)
    talk(scene, "calm")
    for name in CHANNELS:
        scene.discord.wait_said(f"^calm in {name}$", name)
    said = [text for name in CHANNELS for text in scene.discord.said(name)]
    assert len(said) == len(set(said)) == 8


def test_a_storm_without_end_is_no_storm_of_ours(world):
    """5xx for as long as anybody waits: few calls, a reason for each reply, and then it goes on."""
    scene = begin(world, limits={"reply_ttl": "5s"})
    scene.discord.rest.fault("create", status=503)
    since = world.history.add("test", "storm")["t"]
    talk(scene, "storm")
    scene.bot.wait_ended(2 * len(CHANNELS))
    assert len(creates(scene, since)) <= 5 * len(CHANNELS)
    assert sum(scene.bot.wait_status(live=0)["drops"].values()) == len(CHANNELS)
    scene.discord.rest.fault("create")
    for name in CHANNELS:
        echo(scene, f"calm in {name}", channel=name)
        assert "storm" not in str(scene.discord.said(name))


def test_a_call_that_hangs_holds_up_nobody_else(world):
    scene = begin(world)
    scene.discord.rest.fault("create", "hang", times=1)
    talk(scene, "hangs", CHANNELS[:1])
    scene.discord.wait("call", call="create", fault="hang")
    talk(scene, "goes on", CHANNELS[1:])
    for name in CHANNELS[1:]:
        scene.discord.wait_said(f"^goes on in {name}$", name)
    assert scene.discord.said("general") == ["hello general"]
    scene.bot.wait_ended(2 * len(CHANNELS))
    assert scene.discord.said("general").count("hangs in general") <= 1


def test_a_limit_of_a_channel_is_waited_for_there_alone(world):
    """13.7, 4: shared with others, so it is no refusal of ours either."""
    scene = begin(world)
    refusals = len(scene.discord.rest.invalid)
    scene.discord.rest.fault("create", "shared", wait=2.5, times=1)
    talk(scene, "waits", CHANNELS[:1])
    asked = scene.discord.wait("call", call="create", fault="shared")[0]["t"]
    talk(scene, "goes on", CHANNELS[1:])
    scene.discord.wait_said("^waits in general$", "general")
    said = {e["text"]: e["t"] for e in world.history.find("discord", "said")}
    assert said["waits in general"] - asked >= 2.5
    assert all(said[f"goes on in {name}"] < said["waits in general"] for name in CHANNELS[1:])
    assert len(scene.discord.rest.invalid) == refusals


def test_a_limit_of_all_calls_is_waited_for_by_all_but_commands(world):
    """13.7, 5"""
    scene = begin(world)
    scene.discord.rest.fault("create", "global", wait=2.5, times=1)
    talk(scene, "waits", CHANNELS[:1])
    asked = scene.discord.wait("call", call="create", fault="global")[0]["t"]
    waits = lambda: [x["result"] for x in scene.bot.log_lines("discord_waits")]
    scene.bot.wait_for(lambda: "global" in waits(), "it to have heard of the limit")
    talk(scene, "waits", CHANNELS[1:])
    used = scene.discord.slash("ask", text="why?")
    scene.discord.wait("answered", interaction=used.id)
    for name in CHANNELS:
        scene.discord.wait_said(f"^waits in {name}$", name)
    calls = world.history.find("discord", "call")
    assert {e["call"] for e in calls if 0 < e["t"] - asked < 2.5} <= {"callback", "hook_edit"}
    assert used.delay < 1


def test_a_ban_of_the_host_is_obeyed_and_told(world):
    """13.7, 6: nothing is asked any more, whatever is said."""
    scene = begin(world, limits={"reply_ttl": "3s"})
    scene.discord.rest.fault("create", "1015", wait=3600, times=1)
    talk(scene, "banned", CHANNELS[:1])
    scene.bot.wait_ended(len(CHANNELS) + 1)
    calls = len(world.history.find("discord", "call"))
    talk(scene, "still banned")
    scene.bot.wait_ended(2 * len(CHANNELS) + 1)
    assert len(world.history.find("discord", "call")) == calls
    assert sum(scene.bot.wait_status(live=0)["drops"].values()) == len(CHANNELS) + 1
    assert place(scene.bot)["place"]["rest"]["stopped_by"] == "blocked"
    assert "guard refuses this address" in str(scene.bot.log_lines())

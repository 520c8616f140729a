"""What is wrong with a bot on Discord is said in one sentence, with what to click, in the status
and the log."""

import pytest

from tests.e2e.discord import echo, place, start, wait_up


def told(scene, pattern):
    """The sentence stands in `mynah status`, in the place's own words, and in the log once."""
    def question():
        return pattern.lower() in str(place(scene.bot)).lower()
    scene.bot.wait_for(question, f"{pattern!r} in the status: {place(scene.bot)}")
    shown = scene.bot.command("status")
    assert pattern.lower() in (shown.stdout + shown.stderr).lower(), shown.stdout
    lines = [x for x in scene.bot.log_lines() if pattern.lower() in str(x.get("message")).lower()
             and x["level"] in ("error", "warning", "warn", "system", "audit", "info")]
    assert lines, f"{pattern!r} is not in the log"
    return lines


def test_without_message_content_it_says_so(world):
    """12.8: silent on the wire, so the application's flags are looked at."""
    scene = start(world, stage={"toggles": ("members",)})
    told(scene, "Message Content Intent")
    scene.discord.say("nobody hears this")
    scene.discord.say("@examplebot hello?")
    scene.discord.wait_said("fine day")
    assert len(scene.models.requests) == 1
    assert not world.history.find("discord", "closing", code=4014)


def test_disallowed_intents_want_a_person(world):
    """The flags say that they are on, the gateway does not."""
    def lie(scene):
        scene.discord.gateway.close_identifies = (4014, 99)
    scene = start(world, before=lie, wait=False)
    scene.discord.wait("closing", code=4014)
    scene.bot.wait_for(lambda: place(scene.bot)["state"] == "refused", "refused")
    told(scene, "intent")
    assert len(world.history.find("discord", "identify")) == 1


@pytest.mark.parametrize("where", ["rest", "gateway"])
def test_a_wrong_token_wants_a_person(world, where):
    def other(scene):
        if where == "rest":
            scene.discord.token = "MTE4.another.token"
        else:
            scene.discord.gateway.close_identifies = (4004, 99)
    scene = start(world, before=other, wait=False)
    scene.bot.wait_for(lambda: place(scene.bot)["state"] == "refused", "refused")
    told(scene, "token")
    assert len(world.history.find("discord", "login_refused")) <= 5
    assert len(world.history.find("discord", "identify")) <= 1


@pytest.mark.parametrize("code", [4010, 4011, 4012, 4013])
def test_closes_for_good_are_for_good(world, code):
    def close(scene):
        scene.discord.gateway.close_identifies = (code, 99)
    scene = start(world, before=close, wait=False)
    scene.bot.wait_for(lambda: place(scene.bot)["state"] == "refused", "refused")
    assert len(world.history.find("discord", "identify")) == 1


def test_a_missing_permission_is_named(world):
    def deny(scene):
        mute = scene.discord.channel("mute", deny=["SEND_MESSAGES"])
        scene.conf["channels"] = [mute.id, scene.discord.channels_of("general").id]
        scene.bot.configure(providers={"local": scene.models.conf()}, discord=scene.conf,
                            limits={"drain": "1s"})
    scene = start(world, before=deny)
    told(scene, "in #mute of Stream Café the bot lacks Send Messages")
    scene.discord.say("!echo not there", channel="mute")
    echo(scene, "here")
    assert scene.discord.said() == ["here"]


def test_a_channel_that_may_not_be_written_to_is_not_tried_again(world):
    """12.13: a permission that is lost meanwhile."""
    scene = start(world)
    general = scene.discord.channels_of("general")
    scene.discord.forbid(general, "SEND_MESSAGES")  # nobody is told
    scene.discord.say("!echo 0")
    scene.bot.wait_ended(1)
    for n in range(1, 4):
        scene.discord.say(f"!echo {n}")
    scene.bot.wait_status(live=0)
    assert len(world.history.find("discord", "refused", code=50013)) == 1
    scene.discord.forbid(general)
    scene.discord.update_channel(general)
    echo(scene, "again")
    assert scene.discord.said() == ["again"]


def test_a_day_without_identifies_left_is_waited_for(world):
    """13.8, 13."""
    def spent(scene):
        scene.discord.gateway.remaining, scene.discord.gateway.reset_after_ms = 0, 3000
    scene = start(world, before=spent, wait=False)
    assert "logins of the day" in scene.bot.wait_log("identify_refused")[0]["message"]
    scene.discord.gateway.remaining = 1000
    wait_up(scene)
    first = world.history.find("discord", "identify")[0]["t"]
    asked = world.history.find("discord", "call", call="gateway_bot")[0]["t"]
    assert first - asked > 2.9

"""The wall clock is set while the bot runs (faults.md K1): nothing that waits, limits or remembers
looks at it, and the log says when it jumped."""

import datetime
import time

import pytest

from tests.e2e.conftest import ECHO, PERSONA, TRIGGERS
from tests.stage.faults import Faults

HOUR_MS = 3600 * 1000
ONCE = """\
once: {command: once, reply: "$(query)", cooldown: {user: 1h}}
"""


def to_year(year):
    """The jump that leads into the summer of that year."""
    there = datetime.datetime(year, 7, 1, tzinfo=datetime.timezone.utc).timestamp()
    return int((there - time.time()) * 1000)


JUMPS = {"an hour on": HOUR_MS, "an hour back": -HOUR_MS, "three days on": 72 * HOUR_MS,
         "three days back": -72 * HOUR_MS, "1970": to_year(1970), "2045": to_year(2045), "right": 0}


def stamps(bot, **facts):
    """The times of the log's lines that hold these facts, as seconds since 1970."""
    return [datetime.datetime.fromisoformat(x["timestamp"].replace("Z", "+00:00")).timestamp()
            for x in bot.log_lines() if facts.items() <= x.items()]


@pytest.mark.parametrize("backend", ["in-process", "redis"])
def test_talk_goes_on_whatever_the_wall_clock_says(world, scene, backend):
    faults, bot = Faults(world.bot), world.bot
    url = {"url": f"redis://127.0.0.1:{world.redis().port}"} if backend == "redis" else {}
    twitch, models = scene(triggers=TRIGGERS + ECHO + ONCE, memory={"backend": backend, **url})
    bot.wait_for(lambda: bot.status()["memory"]["up"], "the memory")
    models.plan(text=lambda _: f"Answer {len(models.requests)}.")
    twitch.say("!once only", user="ann")
    twitch.say("!ask about kelp")
    bot.wait_ended(2)
    for n, (name, ms) in enumerate(JUMPS.items()):
        faults.wall_ms = ms
        twitch.say("!once more", user="ann")
        twitch.say(f"!echo in {name}", user=f"user{n}")
        twitch.wait_said(f"^in {name}$")
        twitch.say(f"!ask what then, {n}?")
        twitch.wait_said(f"^Answer {n + 2}.$")
        said = "\n".join(m["content"] for m in models.requests[-1]["body"]["messages"])
        past = f"what then, {n - 1}?" if n > 0 else "about kelp"
        assert past in said and f"Answer {n + 1}." in said, f"the past was forgotten in {name}"
        assert bot.reload()["accepted"]
    status = bot.wait_ended(2 + 2 * len(JUMPS))
    assert status["drops"] == {}
    assert twitch.said().count("only") == 1 and "more" not in twitch.said()
    assert status["places"][0]["state"] == "up" and len(world.history.find("twitch", "accept")) == 1
    assert bot.status()["uptime_s"] < 120
    bot.stop()
    assert len(bot.rows()) == len(models.requests)


def test_the_log_is_honest_about_a_jump(world, scene):
    faults = Faults(world.bot)
    twitch, _ = scene(triggers=ECHO)
    for n, ms in enumerate(JUMPS.values()):
        faults.wall_ms = ms
        twitch.say(f"!echo number {n}", user=f"user{n}")
        twitch.wait_said(f"^number {n}$")
    world.bot.stop()
    lines = [x for x in world.bot.log_lines() if x["action"] == "clock_jumped"]
    moves = [b - a for a, b in zip([0, *JUMPS.values()], JUMPS.values())]
    assert [round(int(x["by_ms"]), -3) for x in lines] == [round(ms, -3) for ms in moves]
    for at, ms in zip(stamps(world.bot, action="clock_jumped"), JUMPS.values()):
        assert abs(at - ms / 1000 - time.time()) < 60


@pytest.mark.parametrize("ms", [HOUR_MS, -HOUR_MS], ids=["on", "back"])
def test_a_jump_gives_no_sends_away(world, ms):
    """Three sends a window: spent, they stay so over the jump, a restart, and the way back."""
    faults = Faults(world.bot)
    bot, rooms = world.bot, [f"room{n}" for n in range(8)]
    twitch = world.twitch(rooms=rooms)
    bot.write("triggers/test.yaml", ECHO)
    bot.write("personas/mynah.yaml", PERSONA)
    bot.configure(twitch=world.twitch_conf(twitch, sends=3), limits={"drain": "1s"})
    bot.start()
    bot.wait_up()

    def is_silent(room, waiting):
        """One more question there; it is heard, and waits."""
        twitch.say("!echo too much", room=room)
        bot.wait_for(lambda: bot.status()["waiting"] == waiting, "the reply to wait")
        assert len(twitch.said()) == 3

    for room in rooms[:3]:
        twitch.say(f"!echo in {room}", room=room)
        twitch.wait_said(f"^in {room}$")
    is_silent(rooms[3], 1)
    faults.wall_ms = ms
    is_silent(rooms[4], 2)
    faults.wall_ms = 0
    is_silent(rooms[5], 3)
    assert bot.stop() == 0
    faults.wall_ms = ms
    bot.start()
    bot.wait_up()
    is_silent(rooms[6], 1)
    faults.wall_ms = 0
    is_silent(rooms[7], 2)

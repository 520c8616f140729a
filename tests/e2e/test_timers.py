"""Timers: triggers that the clock wakes. What needs hours is told in virtual time by
tests/unit/bot_timer_test.c."""

from tests.stage.faults import Faults

RATE = 8  # the bot's clock: a minute takes seven seconds and a half
TIMERS = """\
tick: {every: 1m, min_lines: 2, reply: "Join the crew of $(channel)!"}
asked: {every: 7d, in: "twitch:kelpforest", ask: "Tell the chat to drink something.",
  otherwise: "Drink!"}
elsewhere: {every: 1m, in: "twitch:nowhere", reply: "never"}
hi: {words: [hi], reply: "Hi $(user)!"}
"""


def test_a_timer_speaks_when_its_time_has_come_and_people_have_written(world, scene):
    Faults(world.bot).rate = world.rate = RATE
    world.lag_limit_ms = 100 * RATE * 10
    twitch, _ = scene(triggers=TIMERS, rooms=("kelpforest", "reef"))
    bot = world.bot
    timers = bot.status()["timers"]
    assert sorted((t["trigger"], t["channel"]) for t in timers) == [
        ("asked", "kelpforest"), ("tick", "kelpforest"), ("tick", "reef")]
    for text in ("the water is fine", "it is"):
        twitch.say(text, room="reef")
    twitch.wait_said("^Join the crew of reef!$")
    assert twitch.said("kelpforest") == []  # nobody has written there
    shown = bot.command("status").stdout
    assert "timer      tick in #reef: in 0 min " in shown, shown
    assert "timer      asked in #kelpforest: in " in shown, shown


def test_a_timer_can_be_fired_by_hand_and_passes_every_gate(world, scene):
    twitch, models = scene(triggers=TIMERS)
    bot = world.bot
    models.plan(text="Water, everybody.")
    told = bot.command("event", "timer", "asked")
    assert told.returncode == 0, told
    assert "the trigger asked said: Water, everybody." in told.stdout
    last = models.requests[0]["body"]["messages"][-1]
    assert "Tell the chat to drink something." in last["content"]
    told = bot.command("event", "timer", "elsewhere")
    assert told.returncode == 1 and "silent: no_match" in told.stdout
    assert bot.command("quiet", "kelpforest", "10m").returncode == 0
    told = bot.command("event", "timer", "asked")
    assert told.returncode == 1 and "silent: quiet" in told.stdout
    why = bot.command("explain", "--on", "timer asked", "--channel", "kelpforest")
    assert "timer    due in " in why.stdout, why
    assert twitch.said() == ["Water, everybody."]
    assert len(models.requests) == 1
    bot.stop()
    assert [(row["status"], row["trigger"]) for row in bot.rows()] == [("success", "asked")]


def test_a_reload_brings_timers_and_takes_them(world, scene):
    scene(triggers=TIMERS)
    bot = world.bot
    before = {t["trigger"]: t["in_ms"] for t in bot.status()["timers"]}
    bot.write("triggers/test.yaml", TIMERS.replace("tick:", "tock:"))
    bot.reload()
    after = {t["trigger"]: t["in_ms"] for t in bot.status()["timers"]}
    assert sorted(after) == ["asked", "tock"]
    assert 0 <= before["asked"] - after["asked"] < 60000  # its clock went on
    bot.write("triggers/test.yaml", "bad: {every: 5s, reply: x}\n")
    assert bot.reload()["errors"] == 1
    assert sorted(t["trigger"] for t in bot.status()["timers"]) == ["asked", "tock"]

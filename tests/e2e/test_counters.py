"""Counters that triggers turn: in each channel its own, and still there after a restart or a
crash."""

COUNTERS = """\
death: {command: death, count: deaths, reply: "That makes $(count) deaths.", cooldown: {user: 0}}
deaths: {command: deaths, reply: "$(count deaths) deaths so far."}
undo: {command: undo, level: moderator, count: {name: deaths, add: -1}, reply: "Back to $(count)."}
set: {command: setdeaths, level: moderator, count: {name: deaths, set: $(1)},
  reply: "Deaths: $(count)."}
most: {command: most, level: moderator, count: {name: most, set: 999999999999999},
  reply: "$(count)"}
more: {command: more, count: {name: most, add: 1000000000}, reply: "still $(count)"}
"""


def test_a_counter_counts_in_each_channel_and_survives(world, chat):
    twitch, bot = chat(rooms=("kelpforest", "reef"), triggers=COUNTERS)
    mod = {"badges": "moderator/1"}
    for n in range(1, 4):
        twitch.say("!death", user=f"user{n}")
        twitch.wait_said(f"^That makes {n} deaths.$")
    twitch.say("!death", room="reef")
    twitch.wait_said("^That makes 1 deaths.$", since=1)
    twitch.say("!setdeaths 41", user="viewer")  # not for everybody
    twitch.say("!setdeaths 41", user="mods", **mod)
    twitch.wait_said("^Deaths: 41.$")
    twitch.say("!setdeaths many", user="mods", **mod)
    bot.wait_drops(twin=1)  # it was 41, and stays it
    twitch.say("!undo", user="mods", **mod)
    twitch.wait_said("^Back to 40.$")
    assert bot.stop() == 0
    bot.start()
    bot.wait_up()
    twitch.say("!deaths")
    twitch.wait_said("^40 deaths so far.$")
    twitch.say("!deaths", room="reef")
    twitch.wait_said("^1 deaths so far.$")


def test_a_counter_survives_a_crash_and_has_an_end(world, chat):
    twitch, bot = chat(triggers=COUNTERS, mods=("kelpforest",))
    twitch.say("!most", user="mods", badges="moderator/1")
    twitch.wait_said("^999999999999999$")
    twitch.say("!more")
    twitch.wait_said("^still 999999999999999$")
    bot.wait_for(lambda: (bot.state / "counters").exists() and
                 "999999999999999 most twitch:kelpforest" in (bot.state / "counters").read_text(),
                 "the counters on the disk")
    world.note_status()
    bot.kill()
    with open(bot.state / "counters", "a", encoding="utf-8") as file:
        file.write("what is this\n-7 deaths twitch:kelpforest\n")
    bot.start()
    bot.wait_up()
    why = bot.command("explain", "!deaths", "--channel", "kelpforest")
    assert "reply    -7 deaths so far." in why.stdout, why
    assert (bot.state / "counters.bad").exists()
    assert "999999999999999 most" in (bot.state / "counters").read_text()

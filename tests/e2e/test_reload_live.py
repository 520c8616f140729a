"""Reload while the bot works: nothing is lost, doubled or disconnected (faults.md C3-C5)."""

import signal
import threading
import time

from tests.e2e.conftest import PERSONA, TRIGGERS

def batch(twitch, first, n):
    return "\r\n".join(twitch.line(f"nonce{first + i} and a good number of words",
                                   user=f"viewer{(first + i) % 50}")[0] for i in range(n))


def test_a_thousand_messages_a_second_while_reloading(talk):
    """Every line is counted once by the gate, whatever is reloaded meanwhile; cooldowns stay."""
    world, twitch, _, bot = talk
    bot.write("triggers/cool.yaml", "cool: {words: coolio, reply: 'cool, $(user)', "
              "cooldown: {user: 1h}}\n")
    bot.reload()
    twitch.say("coolio", user="PebbleWren")
    twitch.wait_said("^cool, PebbleWren$")
    before = bot.status()["events"]
    lines = [batch(twitch, 50 * i, 50) for i in range(60)]
    done = threading.Event()

    def edit():
        n = 0
        while not done.is_set():
            bot.write("triggers/other.yaml", f"other: {{words: w{n}, reply: x}}\n" + "# x\n" * n)
            bot.signal(signal.SIGHUP)
            n += 1
            time.sleep(0.1)
    editor = threading.Thread(target=edit)
    editor.start()
    began = time.monotonic()
    for i, text in enumerate(lines):
        twitch.raw(text)
        time.sleep(max(0, began + (i + 1) * 0.05 - time.monotonic()))
    done.set()
    editor.join()
    bot.wait_for(lambda: bot.status()["events"] >= before + 3000, "3,000 events")
    bot.reload()
    status = bot.status()
    assert status["events"] == before + 3000
    assert status["reloads"] >= 5
    twitch.say("coolio", user="PebbleWren")  # still cooling down
    twitch.say("hi", user="SandPiper")
    twitch.wait_said("^Hi SandPiper!$")
    assert twitch.said().count("cool, PebbleWren") == 1
    assert len(world.history.find("twitch", "accept")) == 1
    assert not world.history.find("twitch", "close")


def test_a_storm_of_signals_is_one_or_two_reloads(talk):
    _, twitch, _, bot = talk
    before = bot.status()["reloads"]
    bot.write("triggers/late.yaml", "late: {words: late, reply: it is late}\n")
    for _ in range(100):
        bot.signal(signal.SIGHUP)
    bot.reload()
    assert bot.status()["reloads"] - before <= 20
    twitch.say("so late")
    twitch.wait_said("^it is late$")


def test_turns_that_live_through_a_reload_end_with_what_they_began_with(talk):
    world, twitch, models, bot = talk
    models.plan(text=lambda q: "old " + ("one" if "first" in q else "two"))
    models.is_held = True
    twitch.say("!ask the first?", user="AnnaBay")
    twitch.say("!ask the second?", user="BobReef")
    bot.wait_status(live=2)
    bot.write("triggers/test.yaml", "other: {words: other, reply: other}\n")
    bot.write("personas/mynah.yaml", PERSONA.replace("Mynah", "Starling"))
    bot.reload()
    assert bot.status()["live"] == 2
    models.is_held = False
    twitch.wait_said("^old one$")
    twitch.wait_said("^old two$")
    twitch.say("!ask a third?", user="CyCove")
    twitch.say("other", user="DeeDune")
    twitch.wait_said("^other$")
    bot.wait_status(sent=3, hits=3, live=0)
    assert len(models.requests) == 2


def test_channels_come_and_go_without_a_new_connection(world):
    twitch = world.twitch(rooms=("kelpforest", "tidepool", "sandbar"))
    bot = world.bot
    bot.write("triggers/test.yaml", TRIGGERS)
    bot.write("personas/mynah.yaml", PERSONA)
    conf = world.twitch_conf(twitch)

    def channels(*names):
        bot.configure(twitch={**conf, "channels": list(names)})
    channels("kelpforest", "tidepool")
    bot.start()
    bot.wait_up()
    channels("tidepool", "sandbar")
    bot.reload()
    bot.wait_for(lambda: twitch.live()[0].rooms == {"tidepool", "sandbar"}, "the new channels")
    bot.wait_up()
    twitch.say("hi", user="AnnaBay", room="sandbar")
    twitch.wait_said("^Hi AnnaBay!$")
    assert [e["room"] for e in world.history.find("twitch", "said")] == ["sandbar"]
    assert len(world.history.find("twitch", "accept")) == 1


def test_a_reply_that_waits_for_a_removed_channel_is_gone(world):
    twitch = world.twitch(rooms=("kelpforest", "tidepool"))
    bot = world.bot
    bot.write("triggers/test.yaml", TRIGGERS)
    bot.write("personas/mynah.yaml", PERSONA)
    conf = world.twitch_conf(twitch, gap="20s")
    bot.configure(twitch=conf)
    bot.start()
    bot.wait_up()
    twitch.say("hi", user="AnnaBay", room="tidepool")
    twitch.wait_said("^Hi AnnaBay!$")
    twitch.say("hi", user="BobReef", room="tidepool")
    bot.wait_status(waiting=1)
    bot.configure(twitch={**conf, "channels": ["kelpforest"]})
    bot.reload()
    bot.wait_drops(gone=1)
    assert twitch.said() == ["Hi AnnaBay!"]


def test_providers_come_and_go(talk):
    world, twitch, models, bot = talk
    other = world.models()
    other.plan(text="The other one speaks.")
    models.plan(text="The first one speaks.")
    twitch.say("!ask who?", user="AnnaBay")
    twitch.wait_said("^The first one speaks.$")
    bot.configure(twitch=world.twitch_conf(twitch),
                  providers={"far": {"type": "openai", "url": other.openai, "model": "m"}})
    bot.reload()
    twitch.say("!ask who?", user="BobReef")
    twitch.wait_said("^The other one speaks.$")
    assert [p["name"] for p in bot.status()["providers"]] == ["far"]
    assert len(world.history.find("twitch", "accept")) == 1

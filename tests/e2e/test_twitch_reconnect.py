"""Connections that end: it comes back, has one connection, and answers nothing twice."""

import os
import random
import time

import pytest

SEED = int(os.environ.get("SEED", random.randrange(1 << 30)))


def settled(twitch, bot):
    """Waits until the one connection serves, on both sides."""
    twitch.wait_back()
    bot.wait_for(lambda: len([c for c in twitch.live() if c.rooms]) == 1, "one connection")
    bot.wait_up()


@pytest.mark.parametrize("abort", [False, True], ids=["closed", "reset"])
def test_cut_at_random_moments_it_comes_back_and_answers_once(world, chat, abort):
    print("SEED", SEED)
    dice = random.Random(SEED)
    twitch, bot = chat(mods=["kelpforest"])
    n = 0
    for cut in range(4):
        accepted = len(world.history.find("twitch", "accept"))
        until = time.monotonic() + dice.uniform(0, 0.2)
        while time.monotonic() < until:
            twitch.say(f"!echo word {(n := n + 1)}")
            time.sleep(0.01)
        twitch.cut(abort=abort)
        if cut % 2:  # and once more in the middle of coming back
            twitch.wait("accept", accepted + 1, timeout=75)
            time.sleep(dice.uniform(0, 0.02))
            twitch.cut(abort=abort)
    settled(twitch, bot)
    said = twitch.said()
    assert len(said) == len(set(said))
    twitch.say("!echo after all of it")
    twitch.wait_said("^after all of it$")


@pytest.mark.parametrize("share", [0.01, 0.5, 0.99, 1])
def test_a_reset_in_the_middle_of_a_send_leaves_the_outcome_unknown(world, chat, share):
    twitch = world.twitch()
    proxy = world.proxy(twitch.port)
    _, bot = chat(url=f"ws://localhost:{proxy.port}/", wait=False, channels=list(twitch.rooms))
    bot.wait_up()
    text = "whatever becomes of this one " * 8
    frame = len(f"PRIVMSG #kelpforest :{text.strip()}\r\n") + 8  # masked, with a 16-bit length
    twitch.acknowledges = False
    proxy.let_through = max(1, int(frame * share))
    twitch.say(f"!plain {text}")
    bot.wait_for(lambda: proxy.is_full, "so much of it")
    if share == 1:
        twitch.wait_said("whatever becomes")
    proxy.reset()
    bot.wait_drops(unknown_sent=1)
    twitch.acknowledges = True
    settled(twitch, bot)
    twitch.say("!echo the next one")
    twitch.wait_said("^the next one$")
    assert len(twitch.said()) == (2 if share == 1 else 1)
    bot.wait_status(sent=1)


def test_asked_to_reconnect_it_loses_and_doubles_nothing(world, chat):
    rooms = ("kelpforest", "tidepool", "reef")
    twitch, bot = chat(rooms=rooms, mods=rooms, limits={"reply_ttl": "3s"})
    sent = 0

    def talk(n):
        nonlocal sent
        for _ in range(n):
            twitch.say(f"!echo word {sent}", room=rooms[sent % 3])
            sent += 1
            time.sleep(0.002)

    talk(50)
    for move in range(2):
        twitch.raw(":tmi.twitch.tv RECONNECT")
        deadline = time.monotonic() + 60
        while len(world.history.find("twitch", "quit")) <= move:
            assert time.monotonic() < deadline, "the old connection was never left"
            talk(1)
        talk(30)
    bot.wait_for(lambda: len(twitch.live()) == 1, "one connection")
    twitch.sync()
    assert bot.status()["hits"] == sent
    bot.wait_ended(sent)
    said = twitch.said()
    assert len(said) == len(set(said))
    assert len(world.history.find("twitch", "login")) == 3


def test_the_old_server_may_close_before_the_new_one_serves(world, chat):
    twitch, bot = chat(mods=["kelpforest"])
    twitch.raw(":tmi.twitch.tv RECONNECT")
    twitch.cut()
    settled(twitch, bot)
    twitch.say("!echo here we are")
    twitch.wait_said("^here we are$")

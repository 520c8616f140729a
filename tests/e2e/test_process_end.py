"""The end: SIGTERM in every state, drained, in order, with nothing left (faults.md S1, I14)."""

import random
import signal
import time

import pytest

from tests.e2e.conftest import PERSONA, TRIGGERS


def test_sigterm_at_random_moments(world):
    """Starting, connecting, joining, asking, waiting, sending: the end is 0 and the ledger
    whole."""
    twitch, models = world.twitch(), world.models()
    twitch.mods.add("kelpforest")
    bot = world.bot
    bot.write("triggers/test.yaml", TRIGGERS)
    bot.write("personas/mynah.yaml", PERSONA)
    bot.configure(twitch=world.twitch_conf(twitch), limits={"drain": "3s"},
                  providers={"local": {"type": "ollama", "url": models.ollama, "model": "tiny"}})
    chance = random.Random(7)
    for i in range(8):  # more logins in so short a time would be impolite
        (bot.state / "starts").unlink(missing_ok=True)
        models.plan(text=f"Answer {i}.", delay=chance.random() / 3, pace=0.02)
        bot.start(wait=i % 3 != 0)
        if i % 3 == 0:
            bot.wait_for(lambda: bot.state.joinpath("mynah.sock").exists(), "the socket")
        if i % 3 == 2:
            bot.wait_up()
            for n in range(4):
                twitch.say(f"!ask number {i} {n}?", user=f"viewer{i}{n}")
                twitch.say("hi", user=f"viewer{i}{n}")
        time.sleep(chance.random() * 0.4)
        began = time.monotonic()
        assert bot.stop() == 0
        assert time.monotonic() - began < 20
    rows = len(bot.rows())  # what the bot has sent, the model reads perhaps only now
    bot.wait_for(lambda: len(world.history.find("model", "ask")) == rows, "as many asks as rows")


def test_a_drain_waits_for_the_answer_under_way(talk):
    world, twitch, models, bot = talk
    models.plan(text="Just in time.")
    models.is_held = True
    twitch.say("!ask will it come?", user="AnnaBay")
    bot.wait_status(live=1)
    bot.signal(signal.SIGTERM)
    bot.wait_log("drain")
    twitch.say("hi", user="BobReef")  # too late for a new turn
    twitch.sync()
    models.is_held = False
    assert bot.process.wait(60) == 0  # stop() would be a second SIGTERM
    assert twitch.said() == ["Just in time."]
    assert len(bot.rows()) == 1


def test_a_second_sigterm_does_not_wait(world, scene):
    twitch, models = scene(limits={"drain": "30s"})
    bot = world.bot
    models.plan(text="Too late.", fault="hang")
    twitch.say("!ask will it come?", user="AnnaBay")
    bot.wait_status(live=1)
    began = time.monotonic()
    bot.signal(signal.SIGTERM)
    bot.wait_log("drain")
    bot.signal(signal.SIGTERM)
    assert bot.stop() == 0
    assert time.monotonic() - began < 20  # of the 30 s that it may drain
    assert twitch.said() == []
    rows = bot.rows()
    assert len(rows) == 1 and rows[0]["status"] != "success"


def test_a_drain_has_an_end(world):
    twitch, models = world.twitch(), world.models()
    bot = world.bot
    bot.write("triggers/test.yaml", TRIGGERS)
    bot.write("personas/mynah.yaml", PERSONA)
    bot.configure(twitch=world.twitch_conf(twitch), limits={"drain": "1s"},
                  providers={"local": {"type": "ollama", "url": models.ollama, "model": "tiny"}})
    bot.start()
    bot.wait_up()
    models.plan(fault="hang")
    twitch.say("!ask will it come?", user="AnnaBay")
    bot.wait_status(live=1)
    began = time.monotonic()
    assert bot.stop() == 0
    assert 0.9 < time.monotonic() - began < 30  # the model hangs for a minute
    twitch.wait("close")


@pytest.mark.parametrize("first", [signal.SIGHUP, signal.SIGUSR1])
def test_sigterm_in_the_middle_of_other_signals(talk, first):
    _, _, _, bot = talk
    for _ in range(20):
        bot.signal(first)
    assert bot.stop() == 0


def test_the_socket_is_gone_and_a_dead_one_is_replaced(talk):
    _, _, _, bot = talk
    path = bot.state / "mynah.sock"
    assert bot.stop() == 0
    assert not path.exists()
    bot.start()
    bot.kill()
    assert path.exists()
    bot.start()
    assert bot.status()["version"]

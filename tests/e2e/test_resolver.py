"""Names that resolve slowly, not at all, or never (faults.md D1, D2, D5): the loop does not wait
for them, the log names the reason, and what does not need the name goes on."""

import time

import pytest

from tests.e2e.conftest import ECHO, PERSONA, TRIGGERS
from tests.stage.faults import EAI_AGAIN, EAI_NONAME, Faults

HOST = "chat.test"


@pytest.fixture
def far(world):
    """(faults, a function that starts a bot whose chat has a name of the world and gives the
    server)."""
    faults, authority = Faults(world.bot), world.authority()

    def start(**sections):
        twitch = world.twitch(tls=authority.context(HOST))
        twitch.mods.add("kelpforest")
        world.bot.write("triggers/test.yaml", ECHO + TRIGGERS)
        world.bot.write("personas/mynah.yaml", PERSONA)
        conf = world.twitch_conf(twitch, ca_file=str(authority.ca))
        conf["url"] = f"wss://{HOST}:{twitch.port}/"
        world.bot.configure(twitch=conf, **{"limits": {"drain": "1s"}, **sections})
        world.bot.start()
        return twitch
    return faults, start


def downs(bot):
    return bot.log_lines("place_down")


def is_up(twitch, bot):
    bot.wait_up()
    twitch.say("!echo here I am")
    twitch.wait_said("^here I am$")


def test_a_resolver_that_hangs_holds_nobody_up(world, far):
    faults, start = far
    faults.name_is_stuck = 1
    began = time.monotonic()
    twitch, bot = start(), world.bot
    bot.wait_for(lambda: faults.names_waiting == 1, "the question to be stuck")
    while not downs(bot):  # the whole deadline long
        assert bot.get("/health")
        bot.status()
        assert time.monotonic() - began < 30
        time.sleep(0.02)
    line = downs(bot)[0]
    assert (line["phase"], line["error"]) == ("name", "timeout")
    assert HOST in line["message"]
    status = bot.status()
    if status["places"][0]["state"] != "connecting":  # a busy machine may see it only then
        assert status["places"][0]["why"] == line["message"]
        assert any(HOST in reason for reason in status["reasons"])
    bot.wait_for(lambda: bot.status()["places"][0]["state"] == "connecting", "another try")
    assert faults.names_asked == 1, "the same name is asked again while the first question is stuck"
    faults.name_is_stuck = 0
    is_up(twitch, bot)
    assert bot.get("/health") and bot.status()["reasons"] == []


def test_the_end_does_not_wait_for_a_resolver_that_hangs(world, far):
    faults, start = far
    faults.name_is_stuck = 1
    start()
    world.bot.wait_for(lambda: faults.names_waiting == 1, "the question to be stuck")
    began = time.monotonic()
    assert world.bot.stop() == 0
    assert time.monotonic() - began < 20


def test_a_slow_resolver_is_waited_for(world, far):
    faults, start = far
    faults.name_ms = 1500
    twitch = start()
    is_up(twitch, world.bot)
    assert downs(world.bot) == [] and faults.names_asked == 1


def test_a_name_that_does_not_resolve_is_asked_again_until_it_does(world, far):
    faults, start = far
    faults.name_error = EAI_NONAME
    twitch, bot = start(), world.bot
    bot.wait_for(lambda: downs(bot), "the failure in the log")
    line = downs(bot)[0]
    assert (line["phase"], line["error"]) == ("name", "name") and HOST in line["message"]
    assert bot.status()["status"] == "degraded"
    faults.name_error = EAI_AGAIN
    asked = faults.names_asked
    bot.wait_for(lambda: faults.names_asked > asked, "another question")
    assert int(downs(bot)[-1]["retry_ms"]) <= 60000
    faults.name_error = 0
    is_up(twitch, bot)


def test_names_that_hang_in_crowds_stop_neither_chat_nor_ledger(world, far):
    """More names hang than there are threads for names; the last provider of the list needs
    none."""
    faults, start = far
    models = world.models()
    hung = {f"hung{n}": {**models.conf("ollama"), "url": f"http://hung{n}.test:{models.port}",
                         "remote_ok": True, "connect": "200ms"} for n in range(10)}
    faults.name_match, faults.name_is_stuck = "hung", 1
    twitch = start(providers={**hung, "local": models.conf("ollama")},
                   ask=[*hung, "local"], limits={"drain": "1s", "retries": 0})
    bot = world.bot
    bot.wait_up()
    twitch.say("!ask is anybody there?", user="asker")
    bot.wait_for(lambda: faults.names_waiting == 8, "every thread to be stuck")
    for n in range(3):
        twitch.say(f"!echo number {n}", user=f"user{n}")
        twitch.wait_said(f"^number {n}$")
    twitch.wait_said("It is a fine day.")
    assert len(models.requests) == 1 and faults.names_waiting == 8
    status = bot.wait_ended(4)
    assert status["drops"] == {}
    bot.wait_for(lambda: bot.status()["ledger"]["written"] == 11, "a row for each provider tried")
    faults.name_is_stuck = 0
    bot.wait_for(lambda: faults.names_waiting == 0, "the threads to be free")
    models.plan(text="A finer one.")
    twitch.say("!ask and now?", user="asker")
    twitch.wait_said("A finer one.")
    bot.stop()
    rows = bot.rows()
    assert [r["provider"] for r in rows] == [*hung, "local", "hung0"]
    assert {r["error_code"] for r in rows[:10]} == {"timeout"}
    for n, row in enumerate(rows[:10]):
        assert f"hung{n}.test" in row["error_message"] and "name" in row["error_message"]


def test_a_name_that_moves_is_followed(world, far):
    """D3: after a minute, by the bot's clock, the next attempt asks again, and the other server is
    joined."""
    faults, start = far
    first, bot = start(), world.bot
    is_up(first, bot)
    second = world.twitch(tls=first.tls, host="127.0.0.2")
    second.mods.add("kelpforest")
    faults.name_address = "127.0.0.2"
    first.stop()
    second.stop()
    second.start(port=first.port)
    faults.mono_ms = 61000
    bot.wait_for(lambda: any("kelpforest" in c.rooms for c in second.live()), "the other server")
    assert bot.get("/api/v1/status")  # the minute that it slept is no lag of its own
    second.say("!echo moved along")
    second.wait_said("^moved along$")
    assert faults.names_asked >= 2


def test_an_address_that_is_dead_costs_little(world, far):
    """D4: the name has an IPv6 address too, where nobody listens."""
    faults, start = far
    faults.name_address = "::1 127.0.0.1"
    twitch = start()
    is_up(twitch, world.bot)
    assert downs(world.bot) == [] and len(world.history.find("twitch", "accept")) == 1

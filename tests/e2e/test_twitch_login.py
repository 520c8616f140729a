"""Logging in to Twitch chat, being refused, and reading without an account."""

import json
import time

from tests.stage.bot import CANARIES


def place(bot):
    return bot.status()["places"][0]


def wait_state(bot, state):
    return bot.wait_for(lambda: (p := place(bot))["state"] == state and p, state)


def test_it_logs_in_in_the_order_twitch_asks_for(world, chat):
    chat()
    lines = [e["command"] for e in world.history.find("twitch", "recv", client=1)]
    assert lines == ["CAP", "PASS", "NICK", "JOIN"]
    assert world.history.find("twitch", "join")[0]["early"] is False


def test_a_token_may_be_written_with_its_scheme(world, chat):
    world.secret_file("schemed", "oauth:" + CANARIES["twitch"])
    chat(token={"file": str(world.folder / "secrets" / "schemed")})


def test_without_an_account_it_reads_and_never_speaks(world, chat):
    twitch, bot = chat(account=None, token=None)
    twitch.say("!echo can you hear me")
    bot.wait_status(events=1, live=0)
    assert twitch.said() == []
    assert world.history.find("twitch", "login")[0]["nick"].startswith("justinfan")
    assert not [e for e in world.history.find("twitch", "recv") if e["command"] == "PASS"]
    assert "reading only" in place(bot)["why"]


def test_a_refused_login_is_tried_once_and_a_new_token_mends_it(world, chat):
    world.secret_file("stale", "not-the-right-token")
    stale = world.folder / "secrets" / "stale"
    twitch, bot = chat(token={"file": str(stale)}, wait=False)
    refused = wait_state(bot, "refused")
    assert "tidalbot" in refused["why"]
    assert "Login authentication failed" in refused["why"]
    assert str(stale) in refused["why"] and "mynah reload" in refused["why"]
    health = json.loads(bot.get("/healthz"))
    assert health["status"] == "degraded"
    assert refused["why"] in health["reasons"][0]
    time.sleep(2.5)  # the first retries of anything else come within one and three seconds
    assert len(world.history.find("twitch", "accept")) == 1

    stale.write_text(CANARIES["twitch"] + "\n", encoding="utf-8")
    bot.reload()
    bot.wait_up()
    twitch.say("!echo back again")
    twitch.wait_said("^back again$")
    assert len(world.history.find("twitch", "login")) == 2


def test_a_login_refused_after_a_cut_is_not_tried_again(world, chat):
    twitch, bot = chat()
    twitch.tokens.clear()
    twitch.cut()
    wait_state(bot, "refused")
    time.sleep(2.5)
    assert len(world.history.find("twitch", "login")) == 2


def test_words_of_a_refusal_in_chat_are_only_words(world, chat):
    twitch, bot = chat()
    twitch.say("Login authentication failed")
    twitch.raw(":tmi.twitch.tv NOTICE #kelpforest :Login authentication failed")
    twitch.say("!echo still here")
    twitch.wait_said("^still here$")
    assert place(bot)["state"] == "up"

"""Twitch's REST interface when it is slow, broken, full, or nobody's: faults.md group R."""

import time

import pytest


@pytest.mark.parametrize("kind", ["hang", "lost", "html", "empty", "garbage", "trickle", "status"])
def test_a_line_whose_outcome_nobody_knows_is_not_said_again(world, chat, kind):
    """R8, R9. The stage counts what was said (I2)."""
    twitch, bot = chat(send="helix", limits={"reply_ttl": "2s"})
    twitch.helix.fault("say", kind, times=1)
    twitch.say("!plain into the deep")
    bot.wait_drops(unknown_sent=1)
    twitch.say("!plain up here")
    twitch.wait_said("^up here$")
    bot.wait_status(sent=1)
    assert len(twitch.helix.calls("say")) == 2
    assert twitch.said().count("into the deep") == (kind == "lost")


def test_full_buckets_are_waited_for_by_twitchs_clock(world, chat):
    """R1, R4: 429 with an end that only fits the clock of the other side."""
    twitch, bot = chat(send="helix", mods=["kelpforest"])
    helix = twitch.helix
    helix.skew = -4000
    full = {"Ratelimit-Limit": "800", "rATELIMIT-rEMAINING": "0"}
    ends = time.time() + 3
    full["Ratelimit-Reset"] = str(int(ends + helix.skew) + 1)
    full["Date"] = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + helix.skew))
    helix.fault("say", status=429, headers=full, times=1)
    twitch.say("!plain line 0")
    helix.wait_calls("say", 1)
    for i in range(1, 5):
        twitch.say(f"!plain line {i}")
    twitch.wait_said("^line 4$")
    said = world.history.find("twitch", "said")
    assert min(e["t"] for e in said) + world.history.wall >= ends - 1
    assert sorted(e["text"] for e in said) == [f"line {i}" for i in range(5)]
    bot.wait_status(sent=5, drops={})


def test_an_end_that_is_too_far_is_a_refusal_and_holds_the_room(world, chat):
    twitch, bot = chat(send="helix", limits={"reply_ttl": "3s"})
    twitch.helix.fault("say", status=429, headers={"Retry-After": "40"})
    twitch.say("!plain anybody?")
    bot.wait_drops(refused=1)
    assert bot.wait_log("not_sent")[0]["why"] == "http_429"
    twitch.say("!plain nobody?")
    bot.wait_drops(late=1)
    assert len(twitch.helix.calls("say")) == 1


def test_a_token_refused_for_ever_costs_few_requests(world, chat):
    """R3: whatever is asked for, five refusals are enough."""
    twitch, bot = chat(send="helix", mods=["kelpforest"], limits={"reply_ttl": "2s"})
    twitch.helix.fault("say", status=401, message="Invalid OAuth token")
    for i in range(15):
        twitch.say(f"!plain line {i}")
        time.sleep(0.1)
    status = bot.wait_ended(15)
    assert status["sent"] == 0
    assert len(twitch.helix.calls("say")) <= 6
    assert twitch.said() == []
    calls = bot.status()["places"][0]["place"]["helix"][0]
    assert calls["state"] == "refused" and "Twitch refused 5 calls" in calls["why"]
    assert 0 < calls["stopped_ms"] <= 60000
    status = bot.status()
    assert status["status"] == "degraded" and "Twitch refused 5 calls" in status["reasons"][0]


def test_redirects_are_not_followed(world, chat):
    """R10: the token goes nowhere else."""
    twitch, bot = chat(send="helix")
    other = world.helix(twitch)
    twitch.helix.elsewhere = other.url + "/chat/messages"
    twitch.helix.fault("say", "redirect")
    twitch.say("!plain this way")
    bot.wait_drops(refused=1)
    assert bot.wait_log("not_sent")[0]["why"] == "http_302"
    assert [e["status"] for e in twitch.helix.calls("say")] == [302]
    assert twitch.said() == []


def test_a_server_that_is_gone_and_comes_back(world, chat):
    twitch, bot = chat(send="helix")
    twitch.helix.stop()
    twitch.say("!plain anybody?")
    bot.wait_drops(refused=1)
    assert bot.wait_log("not_sent")[0]["why"] == "not_connected"
    twitch.helix.start()
    twitch.say("!plain here again")
    twitch.wait_said("^here again$")
    bot.wait_status(sent=1)


def test_chat_goes_on_while_rest_hangs(world, chat):
    """What is asked and never answered holds up nobody else."""
    twitch, bot = chat(send="irc", triggers='live: {command: live, when: live, reply: "live"}\n'
                       'echo: {command: echo, reply: "$(query)"}', wait=False)
    helix = world.helix(twitch)
    helix.fault("*", "hang")
    bot.stop()
    world.bot.configure(twitch=world.twitch_conf(twitch, api_url=helix.url, stream_poll="1s"))
    bot.start()
    bot.wait_up()
    helix.wait_calls("users", 1)
    twitch.say("!echo still here")
    twitch.wait_said("^still here$")
    started = time.monotonic()
    assert bot.stop() == 0
    assert time.monotonic() - started < 10

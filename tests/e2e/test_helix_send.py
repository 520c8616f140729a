"""Replies that go by Twitch's REST interface: send: helix."""

import json

import pytest

from tests.e2e.conftest import PERSONA
from tests.stage.bot import CANARIES
from tests.stage.twitch_app import CHAT_SCOPES


def lane(bot, room="kelpforest"):
    lanes = bot.status()["places"][0]["place"]["channels"]
    return next(each for each in lanes if each["name"] == room)


def test_a_reply_goes_by_rest_and_is_a_reply_there(world, chat):
    twitch, bot = chat(send="helix")
    message = twitch.say("!echo it is 40 m deep")
    assert twitch.wait_said("^it is 40 m deep$")["reply_to"] == message
    twitch.say("!plain and cold")
    assert twitch.wait_said("^and cold$")["reply_to"] is None
    bot.wait_status(sent=2, drops={})
    assert not world.history.find("twitch", "recv", command="PRIVMSG")
    assert len(twitch.helix.calls("say")) == 2
    assert not world.history.find("helix", "refused")


def test_what_it_says_itself_comes_back_and_is_not_answered(chat):
    """Said by REST, a line is heard on our own chat connection, too."""
    twitch, bot = chat(send="helix", mods=["kelpforest"],
                       triggers='parrot: {match: "polly", reply: "polly $(user)", '
                       'thread: false}')
    for user in ("anna", "bob", "carla"):
        twitch.say("polly", user=user)
    bot.wait_status(sent=3)
    twitch.sync()
    assert sorted(twitch.said()) == ["polly anna", "polly bob", "polly carla"]
    assert bot.status()["hits"] == 3


def test_a_reply_to_a_message_that_is_gone_is_said_all_the_same(world, chat):
    twitch, bot = chat(send="helix")
    line, _ = twitch.line("!echo who is there?")  # nobody: the stage never heard it said
    twitch.raw(line)
    assert twitch.wait_said("^who is there")["reply_to"] is None
    bot.wait_status(sent=1, drops={})
    assert [e["status"] for e in twitch.helix.calls("say")] == [400, 200]


def test_five_hundred_emoji_are_not_too_large(chat):
    """Twitch counts characters; so the longest that the bot says fits."""
    twitch, bot = chat(send="helix")
    twitch.say("!plain " + "ab " * 160)
    twitch.wait_said("^ab ab")
    twitch.say("!plain " + "\N{FISH}" * 240)
    twitch.wait_said("^\N{FISH}")
    bot.wait_status(sent=2, drops={})
    assert all(e["status"] == 200 for e in twitch.helix.calls("say"))


def test_banned_it_says_no_more_there(chat):
    twitch, bot = chat(send="helix", rooms=("kelpforest", "reef"))
    twitch.helix.banned.add("reef")
    twitch.say("!plain hello", room="reef")
    bot.wait_drops(refused=1)
    assert lane(bot, "reef")["refused"]
    twitch.say("!plain hello?", room="reef")
    bot.wait_drops(refused=2)
    twitch.say("!plain elsewhere", room="kelpforest")
    twitch.wait_said("^elsewhere$")
    bot.wait_status(sent=1)
    assert [e["status"] for e in twitch.helix.calls("say")] == [403, 200]


def test_without_the_scope_it_says_what_to_do(world, chat):
    world.app.grant("tidalbot", CHAT_SCOPES, seconds=0, access=CANARIES["twitch"],
                    refreshable=False)
    twitch = world.twitch()
    helix = world.helix(twitch)
    world.bot.write("triggers/test.yaml", 'hi: {match: hi, reply: "hello"}')
    world.bot.write("personas/mynah.yaml", PERSONA)
    world.bot.configure(twitch=world.twitch_conf(twitch, send="helix", api_url=helix.url))
    world.bot.start()
    world.bot.wait_up()
    twitch.say("hi")
    world.bot.wait_drops(refused=1)
    assert world.bot.wait_log("not_sent")[0]["why"] == "no_scope"
    notice = world.bot.wait_log("notice")[0]
    assert "user:write:chat" in notice["message"] and "mynah login twitch" in notice["message"]
    assert not helix.calls("say")


@pytest.mark.parametrize("mod", [False, True])
def test_budgets_are_those_of_chat(world, chat, mod):
    """The windows are the account's, whichever way a line goes (I1 judges them)."""
    twitch, bot = chat(send="helix", mods=["kelpforest"] if mod else [], sends=4, sends_mod=8,
                       limits={"reply_ttl": "2s"})
    for i in range(12):
        twitch.say(f"!plain line {i}")
    bot.wait_ended(12)
    assert len(twitch.said()) == 8 if mod else 1 <= len(twitch.said()) <= 4
    assert set(bot.drops()) == {"late"}


def test_the_token_is_nowhere_to_be_seen(world, chat):
    twitch, bot = chat(send="helix")
    twitch.helix.fault("say", status=500)
    twitch.say("!plain hello")
    bot.wait_drops(unknown_sent=1)
    assert CANARIES["twitch"] not in json.dumps(bot.status())
    assert CANARIES["twitch"] not in bot.log.read_text()

"""What becomes of a sent line: accepted, refused with a reason, or never heard of again."""

import time

import pytest

REFUSALS = ["msg_duplicate", "msg_rejected", "msg_rejected_mandatory", "msg_r9k", "msg_ratelimit",
            "msg_slowmode", "msg_timedout", "msg_followersonly", "msg_subsonly", "msg_emoteonly",
            "msg_bad_characters", "msg_banned", "msg_channel_suspended", "msg_verified_email",
            "unrecognized_cmd"]
ENDS = {"msg_banned", "msg_channel_suspended", "msg_verified_email"}
HOLDS = {"msg_ratelimit", "msg_slowmode", "msg_timedout", "msg_followersonly", "msg_subsonly",
         "msg_emoteonly"}


def lanes(bot):
    return {lane["name"]: lane for lane in bot.status()["places"][0]["place"]["channels"]}


@pytest.mark.parametrize("send", ["irc", "helix"])
def test_every_refusal_has_its_reason_and_its_consequence(world, chat, send):
    twitch, bot = chat(send=send, rooms=[f"room{i}" for i in range(len(REFUSALS))])
    why = dict(zip(twitch.rooms, REFUSALS))
    twitch.answer = lambda client, room, text: why[room]
    for room in twitch.rooms:
        twitch.say(f"!plain a word for {room}", room=room)
    bot.wait_status(drops={"refused": len(REFUSALS)}, sent=0)
    told = [line["why"] for line in bot.wait_log("not_sent", len(REFUSALS))]
    assert sorted(told) == sorted(REFUSALS)
    for room, lane in lanes(bot).items():
        assert lane["refused"] == (why[room] in ENDS), room
        assert (lane["hold_ms"] > 0) == (why[room] in HOLDS), room
        assert lane["state"] == ("joined" if why[room] in ENDS else "open"), room
    # Where it is not wanted it says no more; nothing is said twice anywhere.
    banned = next(room for room in why if why[room] == "msg_banned")
    twitch.say("!plain not even this", room=banned)
    bot.wait_drops(refused=len(REFUSALS) + 1)
    assert len(twitch.said()) == len(REFUSALS)
    assert len(world.history.find("twitch", "join")) == len(REFUSALS)


@pytest.mark.parametrize("send", ["irc", "helix"])
def test_a_mode_that_ends_opens_the_room_again(chat, send):
    twitch, bot = chat(send=send)
    twitch.answer = lambda client, room, text: "msg_subsonly"
    twitch.say("!plain too early")
    bot.wait_drops(refused=1)
    twitch.answer = None
    room_id = twitch.rooms["kelpforest"]
    twitch.raw(f"@subs-only=0;room-id={room_id} :tmi.twitch.tv ROOMSTATE #kelpforest")
    twitch.say("!plain in good time")
    twitch.wait_said("^in good time$")


@pytest.mark.parametrize("send", ["irc", "helix"])
def test_a_line_that_is_swallowed_is_not_said_again(chat, send):
    twitch, bot = chat(send=send)
    twitch.answer = lambda client, room, text: ""
    twitch.say("!plain into the deep")
    twitch.wait_said("^into the deep$")
    bot.wait_drops(unknown_sent=1)
    twitch.answer = None
    twitch.say("!plain up here")
    twitch.wait_said("^up here$")
    assert twitch.said() == ["into the deep", "up here"]


def test_thrown_out_of_a_room_it_does_not_storm_back(world, chat):
    twitch, bot = chat(rooms=("kelpforest", "reef"))
    twitch.raw(":tidalbot!tidalbot@tidalbot.tmi.twitch.tv PART #reef")
    bot.wait_for(lambda: lanes(bot)["reef"]["state"] == "refused", "the refusal")
    time.sleep(1)
    assert len(world.history.find("twitch", "join", room="reef")) == 1
    twitch.say("!echo elsewhere", room="kelpforest")
    twitch.wait_said("^elsewhere$")


def test_timed_out_itself_it_holds_its_tongue(chat):
    twitch, bot = chat(limits={"reply_ttl": "1s"})
    twitch.ban(twitch.user_id, user="tidalbot", seconds=600)
    bot.wait_for(lambda: lanes(bot)["kelpforest"]["hold_ms"] > 500_000, "the hold")
    twitch.say("!plain quiet please")
    bot.wait_drops(late=1)
    assert twitch.said() == []

"""Lines that must not be answered: its own, known ones, and those of other rooms."""

import uuid


def silent(bot, reason):
    return bot.metrics().get(f'mynah_silent_total{{reason="{reason}"}}', 0)


def test_its_own_words_are_not_answered(chat):
    twitch, bot = chat()
    twitch.say("!echo myself", user="TidalBot", user_id=twitch.user_id)
    twitch.say("!echo myself by another name", user="SomeoneElse", user_id=twitch.user_id)
    bot.wait_for(lambda: silent(bot, "self") == 2, "both")
    assert twitch.said() == []


def test_a_message_that_comes_twice_is_answered_once(chat):
    twitch, bot = chat(mods=["kelpforest"])
    for _ in range(3):
        twitch.say("!echo once", id="6f1c1a1e-0000-4000-8000-00000000000a")
    twitch.say("!echo and another")
    twitch.wait_said("^and another$")
    assert twitch.said() == ["once", "and another"]
    assert silent(bot, "duplicate") == 2


def test_copies_of_a_shared_chat_are_left_to_the_room_they_were_written_in(chat):
    twitch, bot = chat(rooms=("kelpforest", "tidepool"))
    source = {"source_id": str(uuid.uuid4()), "source_room_id": twitch.rooms["kelpforest"]}
    twitch.say("!echo heard by two rooms", room="tidepool", **source)
    twitch.say("!echo heard by two rooms", room="kelpforest", **source)
    twitch.say("!echo from far away", room="tidepool", source_id=str(uuid.uuid4()),
               source_room_id="99")
    bot.wait_for(lambda: silent(bot, "foreign_room") == 2, "both copies")
    event = twitch.wait_said("^heard by two rooms$")
    assert event["room"] == "kelpforest"
    assert twitch.said() == ["heard by two rooms"]


def test_events_of_another_room_of_a_shared_chat_are_not_thanked_for(chat):
    twitch, bot = chat()
    twitch.raw("@id=1;login=a;user-id=5;display-name=A;room-id=" + twitch.rooms["kelpforest"]
               + ";source-room-id=77;msg-id=sharedchatnotice;source-msg-id=submysterygift;"
               "msg-param-mass-gift-count=5 :tmi.twitch.tv USERNOTICE #kelpforest")
    bot.wait_for(lambda: silent(bot, "foreign_room") == 1, "the notice")
    assert twitch.said() == []


def test_known_bots_are_not_answered(chat):
    twitch, bot = chat()
    twitch.say("!echo beep", user="Nightbot")
    bot.wait_for(lambda: silent(bot, "bot") == 1, "the line")
    assert twitch.said() == []


def test_a_rain_of_gifts_gets_one_thanks(chat):
    twitch, bot = chat(mods=["kelpforest"], limits={"gather": "500ms"})
    batch = {"community-gift-id": "4711", "origin-id": "abc"}
    twitch.notice("subgift", user="BrineBaron", **batch)  # no order is promised
    twitch.notice("submysterygift", user="BrineBaron", **batch, **{"mass-gift-count": "5"})
    for _ in range(4):
        twitch.notice("subgift", user="BrineBaron", **batch)
    twitch.wait_said("^Thanks for 5 gifts, BrineBaron!$")
    twitch.say("!echo the end")
    twitch.wait_said("^the end$")
    bot.wait_status(live=0, holding=0)
    assert sorted(twitch.said()) == ["Thanks for 5 gifts, BrineBaron!", "the end"]

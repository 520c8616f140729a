"""Chat by EventSub: the same decisions as over IRC, one source, own words known, erasures,
lanes."""

import pytest

from tests.e2e.eventsub import PERSONA, start
from tests.stage.twitch_app import CLIENT_ID

TRIGGERS = """\
echo: {command: echo, reply: "$(query)", thread: true}
marco: {words: [marco], reply: "polo, or marco"}
mods: {command: mods, level: moderator, reply: "yes, $(user)"}
sub: {on: sub, reply: "sub $(user) $(tier)"}
resub: {on: resub, reply: "resub $(user) $(months) $(query)"}
bomb: {on: giftbomb, reply: "bomb $(user) $(count)"}
gift: {on: gift, reply: "gift $(touser)"}
cheer: {on: cheer, reply: "cheer $(user) $(bits)"}
raid: {on: raid, reply: "raid $(user) $(viewers)"}
"""
CHAT = ("channel.chat.message", "channel.chat.notification", "channel.chat.message_delete",
        "channel.chat.clear_user_messages", "channel.chat.clear", "channel.chat_settings.update")


def by_eventsub(world, **options):
    scene = start(world, TRIGGERS, chat="eventsub", **options)
    scene.es.wait_active(*CHAT)
    return scene


def test_a_line_is_answered_and_irc_is_never_asked(world):
    scene = by_eventsub(world)
    message = scene.es.say("!echo hello there", "Mossy_Otter")
    said = scene.twitch.wait_said("^hello there$")
    assert said["reply_to"] == message
    assert world.history.find("twitch", "accept") == []
    place = scene.bot.status()["places"][0]
    assert (place["state"], place["place"]["account"]) == ("up", "tidalbot")


def test_own_words_come_back_and_are_not_answered(world):
    scene = by_eventsub(world)
    scene.es.say("marco")
    scene.twitch.wait_said("^polo, or marco$")
    scene.es.say("!echo over")
    scene.twitch.wait_said("^over$")
    assert scene.twitch.said() == ["polo, or marco", "over"]


def test_own_words_tell_what_we_are_in_the_room(world):
    scene = by_eventsub(world)
    lane = lambda: scene.bot.status()["places"][0]["place"]["channels"][0]  # noqa: E731
    assert lane()["privileged"] is False
    scene.es.say("!echo one")
    scene.bot.wait_for(lambda: lane()["privileged"], "known as a moderator")


def lines_of_both(scene, by):
    """The same words over one wire or the other."""
    es, twitch = scene.es, scene.twitch
    if by == "eventsub":
        es.say("!echo hi", "Ann")
        es.say("!mods", "Ann")
        es.say("!mods", "Bob", badges=["moderator"])
        es.say("Cheer50", "Cid", bits=50)
        es.say("!echo from next door", "Dot", source="driftwood_bay")
        es.notice("sub", {"sub_tier": "1000", "is_prime": True, "duration_months": 1}, "Eve")
        es.notice("resub", {"cumulative_months": 14, "sub_tier": "1000", "is_prime": False}, "Fay",
                  text="fourteen")
        es.notice("community_sub_gift", {"id": "127", "total": 5, "sub_tier": "1000"}, "Gus")
        es.notice("sub_gift", {"community_gift_id": "127", "recipient_user_name": "Hal",
                               "sub_tier": "1000"}, "Gus")
        es.notice("raid", {"user_name": "Ida", "viewer_count": 43}, "Ida")
        es.say("!echo bye", "Ann")
    else:
        twitch.say("!echo hi", "Ann")
        twitch.say("!mods", "Ann")
        twitch.say("!mods", "Bob", badges="moderator/1", mod="1")
        twitch.say("Cheer50", "Cid", bits="50")
        twitch.say("!echo from next door", "Dot", source_room_id="40010002", source_id="x")
        twitch.notice("sub", "Eve", sub_plan="Prime", cumulative_months="1")
        twitch.notice("resub", "Fay", sub_plan="1000", cumulative_months="14", text="fourteen")
        twitch.notice("submysterygift", "Gus", sub_plan="1000", mass_gift_count="5",
                      community_gift_id="127")
        twitch.notice("subgift", "Gus", sub_plan="1000", community_gift_id="127",
                      recipient_display_name="Hal")
        twitch.notice("raid", "Ida", viewerCount="43")
        twitch.say("!echo bye", "Ann")


@pytest.mark.parametrize("by", ["irc", "eventsub"])
def test_both_sources_lead_to_the_same_words(world, by):
    scene = start(world, TRIGGERS, chat=by)
    if by == "eventsub":
        scene.es.wait_active(*CHAT)
    lines_of_both(scene, by)
    for pattern in ("^bye$", "^bomb", "^raid", "^cheer", "^sub ", "^resub"):
        scene.twitch.wait_said(pattern)
    assert sorted(scene.twitch.said()) == sorted([
        "hi", "yes, Bob", "cheer Cid 50", "sub Eve prime", "resub Fay 14 fourteen", "bomb Gus 5",
        "raid Ida 43", "bye"])


def test_what_was_deleted_is_not_answered(world):
    """A reply that waits for its lane dies with what it answers."""
    def slow(scene):
        scene.es.moderators.clear()  # one message a second
        scene.twitch.mods.clear()
    scene = by_eventsub(world, before=slow)
    scene.es.say("!echo first")
    message = scene.es.say("!echo second")
    user = scene.es.say("!echo third", "Rude_One")
    scene.es.tell("channel.chat.message_delete", message_id=message,
                  **scene.es.person("pebblewren", "target_"))
    scene.es.tell("channel.chat.clear_user_messages", **scene.es.person("Rude_One", "target_"))
    assert user
    scene.twitch.wait_said("^first$")
    scene.bot.wait_drops(gone=2)
    assert scene.twitch.said() == ["first"]


def test_a_ban_closes_the_lane_and_is_said(world):
    scene = by_eventsub(world)
    scene.es.revoke("channel.chat.message", "chat_user_banned")
    def question():
        channel = scene.bot.status()["places"][0]["place"]["channels"][0]
        return channel["state"] != "open"
    scene.bot.wait_for(question, "a closed lane")
    assert "banned or timed out" in scene.bot.wait_log("subscription_revoked")[0]["message"]


def test_a_refused_message_closes_the_lane(world):
    scene = by_eventsub(world)
    scene.twitch.answer = lambda client, room, text: "msg_banned"
    scene.es.say("!echo anybody")
    scene.bot.wait_drops(refused=1)
    def question():
        return scene.bot.status()["places"][0]["place"]["channels"][0]["state"] == "refused"
    scene.bot.wait_for(question, "refused")


def test_a_hand_over_of_chat_answers_each_line_once(world):
    scene = by_eventsub(world)
    scene.es.reconnect()
    scene.es.say("!echo before", message_id="m-1", frame="f-1")
    scene.es.wait_note("welcome", n=2)
    scene.es.say("!echo after")
    scene.es.say("!echo before", message_id="m-1", frame="f-1")
    scene.twitch.wait_said("^after$")
    scene.es.say("!echo last")
    scene.twitch.wait_said("^last$")
    assert sorted(scene.twitch.said()) == ["after", "before", "last"]


def test_rooms_are_joined_within_the_budget(world):
    rooms = tuple(f"room{n}" for n in range(25))
    scene = by_eventsub(world, rooms=rooms, wait=False)
    scene.es.wait(lambda: len(scene.es.active("channel.chat.message")) == 25, "25 rooms",
                  timeout=90)
    joins = world.history.find("eventsub", "join")
    assert len(joins) == 25 and not any(e["over"] for e in joins)


def test_chat_by_eventsub_with_sending_by_irc_is_refused_before_it_starts(world):
    world.bot.write("personas/mynah.yaml", PERSONA)
    twitch = world.twitch()
    world.bot.configure(twitch=world.twitch_conf(twitch, chat="eventsub", client_id=CLIENT_ID))
    check = world.bot.command("check")
    assert check.returncode == 1
    text = check.stdout + check.stderr
    assert "chat: eventsub cannot go with send: irc" in text and "add send: helix" in text

"""An EventSub session of the real binary: coming up, hand-over, silence, close codes, exactly
once."""

import pytest

from tests.e2e.eventsub import SHOUT, created, settled, shout, start, thanked, wait_session


def test_a_follow_is_heard_within_a_session_of_its_own(world):
    scene = start(world, "follow: {on: follow, reply: 'Welcome $(user)'}\n")
    scene.es.wait_active("channel.follow")
    scene.es.tell("channel.follow", "Newt_Arrival", followed_at="2026-01-01T12:00:00Z")
    scene.twitch.wait_said("^Welcome Newt_Arrival$")
    session = wait_session(scene.bot, "up")
    assert session["login"] == "tidalbot"
    assert [(s["type"], s["channel"], s["state"]) for s in session["subscriptions"]] == [
        ("channel.follow", "kelpforest", "active")]
    assert [e["condition"] for e in created(world)] == [
        {"broadcaster_user_id": "40010001", "moderator_user_id": "60030003"}]


def test_what_no_trigger_wants_is_not_subscribed(world):
    start(world, "hi: {words: [hi], reply: 'Hi $(user)'}\n")
    assert world.history.find("eventsub", "accept") == []
    assert world.history.find("helix", "call") == []


def test_a_message_that_comes_twice_or_late_or_again_is_one_event(world):
    """E5, E6: by the stamps of the server, whatever our clock says."""
    scene = start(world)
    scene.es.wait_active(SHOUT)
    shout(scene, "Twin", times=3)
    shout(scene, "Twin2", frame="same-id")
    shout(scene, "Twin2", frame="same-id", ago=300)
    shout(scene, "Replayed", ago=11 * 60)
    shout(scene, "Slow", ago=9 * 60)
    settled(scene)
    assert thanked(scene) == ["Twin", "Twin2", "Slow", "Last_One"]


def test_a_hand_over_loses_nothing_and_says_nothing_twice(world):
    """E2, S01"""
    scene = start(world)
    scene.es.wait_active(SHOUT)
    shout(scene, "One")
    first = scene.es.live()[0]
    scene.es.reconnect()
    shout(scene, "Two", frame="two")
    scene.es.wait_note("welcome", n=2)
    shout(scene, "Three")
    shout(scene, "Two", frame="two")
    settled(scene)
    assert thanked(scene) == ["One", "Two", "Three", "Last_One"]
    scene.es.wait(lambda: first not in scene.es.live(), "the old connection closed")
    assert len(created(world)) == 1
    accepts = world.history.find("eventsub", "accept")
    assert [e["handover"] for e in accepts] == [False, True]
    order = [(e["what"], e["client"]) for e in world.history.find("eventsub")
             if e["what"] in ("welcome", "close")]
    assert order == [("welcome", 1), ("welcome", 2), ("close", 1)]
    assert world.history.find("eventsub", "left_open") == []


def test_a_dead_reconnect_url_is_a_new_session_once(world):
    """E3"""
    scene = start(world)
    scene.es.wait_active(SHOUT)
    scene.es.reconnect(url="ws://localhost:9/ws?handover=gone")
    scene.es.wait(lambda: len(created(world)) == 2, "subscribed again")
    shout(scene, "After")
    settled(scene)
    assert thanked(scene) == ["After", "Last_One"]
    assert len(scene.es.live()) == 1
    assert len(world.history.find("eventsub", "accept")) == 2


def test_silence_is_a_new_session(world):
    """E4: Pings keep nobody alive; what is subscribed is known to the bot, not to the session."""
    def quick(scene):
        scene.es.keepalive_s = 1
    scene = start(world, before=quick)
    scene.es.wait_active(SHOUT)
    scene.es.mode = "mute"
    first = scene.es.live()[0]
    for _ in range(4):
        scene.es.ping()
    scene.es.wait(lambda: first not in scene.es.live(), "given up")
    scene.es.keepalive_s = 10
    scene.es.mode = "serve"
    scene.es.wait(lambda: len(created(world)) == 2 and scene.es.active(SHOUT), "again")
    settled(scene)
    assert len(scene.es.live()) == 1


@pytest.mark.parametrize("code", [4000, 4002, 4005, 1001])
def test_a_closed_session_comes_back(world, code):
    scene = start(world)
    scene.es.wait_active(SHOUT)
    scene.es.close(code)
    scene.es.wait(lambda: len(created(world)) == 2 and scene.es.active(SHOUT), "again")
    settled(scene)
    assert len(scene.es.live()) == 1


def test_a_cut_session_comes_back_and_its_leftovers_do_not_matter(world):
    def few(scene):
        scene.es.max_sessions = 2
    scene = start(world, before=few)
    for _ in range(2):
        scene.es.wait_active(SHOUT)
        scene.es.cut()
    settled(scene)  # the third finds what two dead ones left behind, and that it is over a limit
    refused = world.history.find("eventsub", "refused")
    assert [(e["status"], "transports" in e["message"]) for e in refused] == [(429, True)]
    assert world.history.find("eventsub", "deleted")


def test_a_server_that_is_away_is_not_asked_all_the_time(world):
    """N5, E1: attempts by the backoff, and one line in the log."""
    def away(scene):
        scene.es.mode = "refuse-upgrade"
    scene = start(world, before=away)
    scene.es.wait_note("accept", n=3)
    scene.es.mode = "serve"
    scene.es.wait_active(SHOUT)
    settled(scene)
    assert len(scene.bot.log_lines("eventsub_down")) == 1


def test_a_session_that_gets_nothing_in_time_is_left_alone_for_a_while(world):
    """E1, 4003: calls that take too long to be answered."""
    def slow(scene):
        scene.es.answer = lambda kind, token: 5
        scene.es.unused_s = 1
    scene = start(world, before=slow)
    scene.es.wait_note("unused")
    scene.es.answer = None
    assert scene.bot.wait_log("eventsub_down")[0]["code"] == 4003
    assert len(world.history.find("eventsub", "accept")) == 1  # 10 s at least


def test_nothing_is_ever_sent_on_it(world):
    scene = start(world)
    scene.es.wait_active(SHOUT)
    scene.es.ping()
    scene.es.raw("no frame at all")
    scene.es.raw('{"metadata":{"message_type":"a_future_type"},"payload":{"a":[1,2]}}')
    settled(scene)
    assert world.history.find("eventsub", "client_sent") == []
    assert len(scene.es.live()) == 1


def test_a_reload_subscribes_what_is_new_and_deletes_what_is_gone(world):
    scene = start(world)
    scene.es.wait_active(SHOUT)
    scene.bot.write("triggers/test.yaml", "on: {on: online, reply: 'Live!'}\n")
    scene.bot.reload()
    scene.es.wait_active("stream.online")
    scene.es.wait(lambda: not scene.es.active(SHOUT), "deleted")
    scene.es.tell("stream.online", id="9100123456789", type="live",
                  started_at="2026-01-01T12:00:00Z")
    scene.twitch.wait_said("^Live!$")
    assert len(world.history.find("eventsub", "accept")) == 1


def test_the_end_closes_it_cleanly(world):
    scene = start(world)
    scene.es.wait_active(SHOUT)
    assert scene.bot.stop() == 0
    closes = scene.es.wait_note("close")
    assert closes[-1]["by"] == "bot"
    assert closes[-1]["t"] < world.history.find("bot", "exit")[-1]["t"]

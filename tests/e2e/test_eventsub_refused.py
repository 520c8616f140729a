"""What Twitch refuses, limits and takes back: named, with the command that mends it, and never a
loop."""

import json

import pytest

from tests.e2e.eventsub import (BOT_SCOPES, SHOUT, SHOUTS, created, sessions, settled, shout, start,
                                wait_told, thanked, wait_session)
from tests.stage.bot import CANARIES

BOTH = SHOUTS + "redeem: {on: redeem, reply: 'Done $(user)'}\n"
REDEMPTION = "channel.channel_points_custom_reward_redemption.add"


def why(bot, kind, which=0):
    """Waits until the bot can say why it does not have this subscription."""
    def question():
        found = [s["why"] for s in sessions(bot)[which]["subscriptions"] if s["type"] == kind]
        return found and found[0]
    return bot.wait_for(question, f"why {kind} is missing")


def test_a_missing_scope_is_named_and_not_asked_for(world):
    """E8"""
    scene = start(world, SHOUTS + "follow: {on: follow, reply: 'Hi'}\n",
                  scopes=tuple(s for s in BOT_SCOPES if "followers" not in s))
    settled(scene)
    sentence = why(scene.bot, "channel.follow")
    assert "moderator:read:followers" in sentence and "`mynah login twitch`" in sentence
    assert created(world, "channel.follow") == []
    assert scene.bot.wait_log("subscription_refused")[0]["message"] == sentence


def test_without_the_broadcasters_login_the_rest_works_and_the_command_is_said(world):
    scene = start(world, BOTH)
    settled(scene)
    session = wait_session(scene.bot, "refused", which=1)
    assert "mynah login twitch --broadcaster kelpforest" in session["why"]
    health = scene.bot.status()
    assert health["status"] == "degraded" and len(health["reasons"]) == 1
    assert health["reasons"][0].startswith("twitch: kelpforest: ")
    assert "mynah login twitch --broadcaster kelpforest" in health["reasons"][0]
    assert json.loads(scene.bot.get("/healthz"))["status"] == "degraded"
    assert created(world, REDEMPTION) == []


def test_a_login_made_while_it_runs_is_used_after_a_reload(world):
    scene = start(world, BOTH)
    wait_session(scene.bot, "refused", which=1)
    world.login(login="kelpforest", scopes=("channel:read:redemptions",), channel="kelpforest")
    scene.bot.reload()
    scene.es.wait_active(REDEMPTION)
    scene.es.redeem("Ask the bot")
    scene.twitch.wait_said("^Done snailpost$")
    assert {e["login"] for e in created(world, REDEMPTION)} == {"kelpforest"}
    assert scene.bot.status()["reasons"] == []
    assert {e["login"] for e in created(world, SHOUT)} == {"tidalbot"}


def test_not_being_a_moderator_is_said_and_left_alone(world):
    """S04: nothing is accepted, so that the session is left before it is closed."""
    def nobody(scene):
        scene.es.moderators.clear()
        scene.es.unused_s = 2
    scene = start(world, before=nobody)
    sentence = why(scene.bot, SHOUT)
    assert "no moderator of kelpforest" in sentence and "/mod tidalbot" in sentence
    scene.es.wait(lambda: not scene.es.live(), "the session left")
    assert len(created(world)) == 1
    assert len(world.history.find("eventsub", "accept")) == 1
    assert world.history.find("eventsub", "unused") == []


@pytest.mark.parametrize("status, word", [("authorization_revoked", "mynah login twitch"),
                                          ("moderator_removed", "no moderator"),
                                          ("version_removed", "newer mynah")])
def test_what_is_taken_back_is_said_and_the_rest_goes_on(world, status, word):
    """E7: not asked for again."""
    scene = start(world, SHOUTS + "follow: {on: follow, reply: 'Hi'}\n")
    wait_told(scene.bot, "channel.follow", SHOUT)
    n = len(created(world))
    scene.es.revoke("channel.follow", status)
    settled(scene)
    assert word in why(scene.bot, "channel.follow")
    assert len(created(world)) == n
    assert len(scene.es.live()) == 1
    assert any(scene.bot.log_lines(f"subscription_{what}") for what in ("revoked", "refused"))


def test_a_revoked_subscription_is_asked_for_again_after_a_reload(world):
    scene = start(world)
    wait_told(scene.bot, SHOUT)
    scene.es.revoke(SHOUT, "authorization_revoked")
    assert "taken back" in why(scene.bot, SHOUT)
    scene.bot.reload()
    settled(scene)


def test_one_type_that_is_refused_does_not_keep_the_others_out(world):
    def picky(scene):
        scene.es.answer = lambda kind, token: (500, "") if kind == "channel.follow" else None
    scene = start(world, SHOUTS + "follow: {on: follow, reply: 'Hi $(user)'}\n", before=picky)
    settled(scene)
    scene.es.answer = None
    scene.es.wait_active("channel.follow")  # tried again, ever more rarely


def test_there_already_is_as_good_as_new(world):
    """409: the answer to the first call was lost."""
    def lossy(scene):
        scene.helix.fault("subscriptions", "lost", times=1)
    scene = start(world, before=lossy)
    settled(scene)
    wait_session(scene.bot, "up")
    assert [e["status"] for e in world.history.find("eventsub", "refused")] == [409]
    assert [s["state"] for s in sessions(scene.bot)[0]["subscriptions"]] == ["active"]


def test_the_cost_of_strangers_is_explained(world):
    def dear(scene):
        scene.es.max_cost = 1
        scene.es.unused_s = 60
    live = "on: {on: online, reply: 'Live'}\noff: {on: offline, reply: 'Bye'}\n"
    scene = start(world, SHOUTS + live,
                  before=dear)
    settled(scene)
    sentence = why(scene.bot, "stream.offline")
    assert "limit" in sentence and "mynah login twitch --broadcaster kelpforest" in sentence
    assert scene.es.active("stream.online")


def test_an_expired_token_is_renewed_and_the_first_subscription_is_in_time(world):
    """S03: 401 to the first call."""
    def without_token(scene):
        conf = {k: v for k, v in scene.conf.items() if k != "token"}
        scene.bot.configure(twitch=conf, limits={"drain": "1s"})
        token = world.login(scopes=BOT_SCOPES)
        scene.es.answer = lambda kind, used: (401, "Invalid OAuth token") if used is token else None
    scene = start(world, before=without_token)
    settled(scene)
    assert world.history.find("eventsub", "unused") == []
    assert len(world.history.find("eventsub", "accept")) == 1
    assert not [t for t in world.app.issued if t in scene.bot.log.read_text()]
    assert CANARIES["twitch"] not in scene.bot.log.read_text()


def test_a_shoutout_of_a_room_that_is_none_of_ours_is_ignored(world):
    scene = start(world)
    scene.es.wait_active(SHOUT)
    scene.es.emit(SHOUT, {**scene.es.room("somewhere_else"), "viewer_count": 1,
                          **scene.es.person("Stranger", "from_broadcaster_")})
    shout(scene, "Friend")
    settled(scene)
    assert thanked(scene) == ["Friend", "Last_One"]

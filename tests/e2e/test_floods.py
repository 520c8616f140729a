"""Crowds: gift bombs, follows and raids by the hundred, raid bots. One thanks each, nobody greeted
in a flood, everybody else still served."""

import pytest

from tests.stage.twitch import user_id_of

THANKS = """\
follow: {on: follow, reply: "Hello $(users)!"}
raid: {on: raid, reply: "Welcome $(count) from $(users)!"}
cheer: {on: cheer, reply: "$(bits) bits from $(users)!"}
bomb: {on: giftbomb, reply: "$(count) gifts by $(user)!"}
gift: {on: gift, reply: "A gift by $(user) for $(touser)!"}
hi: {words: [hi, hello], reply: "Hi $(user)!"}
first: {on: first_message, reply: "Welcome, $(user)!"}
echo: {command: echo, reply: "$(query)"}
"""
ROOM = "kelpforest"


@pytest.fixture
def crowd(chat):
    """A bot that is moderator, with a window that a test can wait for, and a crowd come within."""
    def start(gather="4s", **limits):
        return chat(mods=[ROOM], triggers=THANKS, limits={"gather": gather, **limits})
    return start


def raid(twitch, user, viewers):
    twitch.notice("raid", user=user, displayName=user, login=user, viewerCount=viewers)


def bomb(twitch, user, n, batch, announce=True, gifts=None):
    ids = {"community-gift-id": batch, "origin-id": "o" + batch}
    for i in range(n if gifts is None else gifts):
        twitch.notice("subgift", user=user, **ids, **{"recipient-display-name": f"Fan{i}"})
    if announce:
        twitch.notice("submysterygift", user=user, **ids, **{"mass-gift-count": n})


def settle(twitch, bot):
    """After what is held has been told."""
    bot.wait_status(holding=0, live=0)
    twitch.say("!echo the end", user="closer")
    twitch.wait_said("^the end$")
    bot.wait_status(live=0)
    return [line for line in twitch.said() if line != "the end"]


def test_a_hundred_gifts_get_one_thanks(crowd):
    twitch, bot = crowd()
    bomb(twitch, "BrineBaron", 100, "4711")
    twitch.wait_said("^100 gifts by BrineBaron!$")
    assert settle(twitch, bot) == ["100 gifts by BrineBaron!"]
    assert bot.status()["silent"]["gathered"] == 101


def test_a_bomb_without_its_announcement_is_counted(crowd):
    twitch, bot = crowd()
    bomb(twitch, "BrineBaron", 30, "4711", announce=False)
    twitch.wait_said("^30 gifts by BrineBaron!$")
    bomb(twitch, "BrineBaron", 30, "4711", gifts=0)  # very late
    assert settle(twitch, bot) == ["30 gifts by BrineBaron!"]


def test_bombs_of_one_giver_add_up(crowd):
    twitch, bot = crowd()
    bomb(twitch, "BrineBaron", 5, "1")
    bomb(twitch, "PebbleWren", 7, "2")
    bomb(twitch, "BrineBaron", 20, "3")
    twitch.wait_said("^25 gifts by BrineBaron!$")
    twitch.wait_said("^7 gifts by PebbleWren!$")
    assert sorted(settle(twitch, bot)) == ["25 gifts by BrineBaron!", "7 gifts by PebbleWren!"]


def test_one_gift_is_thanked_at_once(crowd):
    twitch, bot = crowd(gather="30s")
    twitch.notice("subgift", user="BrineBaron", **{"recipient-display-name": "PebbleWren"})
    twitch.wait_said("^A gift by BrineBaron for PebbleWren!$")


def test_a_train_of_raids_gets_two_welcomes(crowd):
    twitch, bot = crowd()
    for i in range(50):
        raid(twitch, f"raider{i}", 10)
    twitch.wait_said("^Welcome 10 from raider0!$")
    twitch.wait_said("^Welcome 490 from raider1, raider2 and 47 more!$")
    assert len(settle(twitch, bot)) == 2


def test_a_banned_raider_is_not_named(crowd):
    twitch, bot = crowd(gather="6s")
    for i in range(4):
        raid(twitch, f"raider{i}", 10)
    bot.wait_status(holding=3)
    twitch.ban(str(user_id_of("raider1")), user="raider1")
    twitch.wait_said("^Welcome 20 from raider2 and raider3!$")


def test_what_is_held_is_thanked_before_the_end(crowd):
    twitch, bot = crowd(gather="60s", drain="10s")
    bomb(twitch, "BrineBaron", 40, "4711")
    bot.wait_status(holding=41)
    assert bot.stop() == 0
    assert twitch.said() == ["40 gifts by BrineBaron!"]


def test_what_is_held_survives_a_reload(crowd):
    twitch, bot = crowd(gather="6s")
    bomb(twitch, "BrineBaron", 40, "4711")
    bot.wait_status(holding=41)
    bot.write("triggers/test.yaml", THANKS.replace("gifts by", "presents of"))
    assert bot.command("reload").returncode == 0
    twitch.wait_said("^40 presents of BrineBaron!$")


def test_explain_and_status_know_of_a_crowd(crowd):
    twitch, bot = crowd(gather="30s")
    raid(twitch, "ann", 10)
    raid(twitch, "bob", 10)
    bot.wait_status(holding=1)
    assert "1 held to be told together" in bot.command("status").stdout
    said = bot.command("explain", "--on", "raid 5", "--channel", ROOM).stdout
    assert "is held with 1 more" in said


def test_raid_bots_are_not_greeted(crowd):
    twitch, bot = crowd()
    for i in range(15):
        twitch.say(f"hello from bot {i}", user=f"bot{i}", **{"first-msg": "1"})
    bot.wait_for(lambda: bot.status()["silent"].get("flood", 0) >= 5, "the flood")
    twitch.say("!echo who are they?", user="regular")
    twitch.wait_said("^who are they")
    raid(twitch, "BrineBaron", 10)
    twitch.wait_said("^Welcome 10 from BrineBaron!$")
    assert len([line for line in twitch.said() if line.startswith("Hi ")]) <= 9
    assert bot.log_lines("flood")
    said = bot.command("explain", "hi", "--channel", ROOM).stdout
    assert "FAIL flood" in said


def test_one_text_by_several_is_a_flood(crowd):
    twitch, bot = crowd()
    for i in range(6):
        twitch.say("hello, buy cheap followers at example", user=f"seller{i}")
    bot.wait_for(lambda: bot.status()["silent"].get("flood", 0) == 4, "the flood")


def test_a_raid_with_its_greetings_costs_no_more_than_the_budget(world, scene):
    """5,000 viewers, of whom 300 say hello at once; the model is asked as often as the budget
    says."""
    twitch, models = scene(
        triggers='hi: {words: [hi], ask: "Greet $(user)."}\n'
                 'raid: {on: raid, ask: "Welcome $(viewers).", otherwise: "Welcome!"}\n',
        limits={"calls_hour": 5})
    raid(twitch, "BrineBaron", 5000)
    for i in range(300):
        twitch.say("hi tidal RAID hi tidal RAID", user=f"fan{i}", **{"first-msg": "1"})
    world.bot.wait_for(lambda: sum(world.bot.status()["drops"].values()) >= 295, "the drops")
    world.bot.wait_status(live=0)
    assert len(models.requests) == 5
    assert "flood" not in world.bot.status()["silent"]

"""Every kind of event reaches its trigger, by its name and by others' names; `mynah event` says
what became of it."""

import http.client
import json
import re

import pytest

from tests.stage.bot import CANARIES
from tests.stage.ports import free_port

ALL = """\
sub: {on: sub, reply: "sub $(user) $(tier) $(months)"}
resub: {on: resub, at_least: 12, reply: "resub $(user) $(months)"}
gift: {on: gift, reply: "gift $(user) to $(touser)"}
bomb: {on: giftbomb, reply: "bomb $(user) $(count)"}
upgrade: {on: upgrade, reply: "upgrade $(user)"}
cheer: {on: cheer, at_least: 100, reply: "cheer $(user) $(bits)"}
raid: {on: raid, reply: "raid $(user) $(viewers)"}
out: {on: raid_out, reply: "out to $(touser) $(viewers)"}
follow: {on: follow, reply: "follow $(user)"}
water: {on: redeem, reward: Hydrate, priority: 1, reply: "glug $(user)"}
redeem: {on: redeem, reply: "redeem $(reward)"}
train: {on: hype_train, reply: "train $(level)"}
ad: {on: ad, at_least: 60, reply: "ad $(seconds)"}
shoutout: {on: shoutout, reply: "shoutout $(touser)"}
shouted: {on: shouted_out, reply: "shouted $(user)"}
announcement: {on: announcement, reply: "announcement $(message)"}
streak: {on: streak, reply: "streak $(count)"}
online: {on: online, reply: "online $(game)"}
offline: {on: offline, reply: "offline"}
chess: {command: chess, game: chess, when: live, reply: "$(game) it is"}
first: {on: first_message, reply: "first $(user)"}
reply: {on: reply, words: [parrot], reply: "a reply by $(user)"}
action: {on: action, reply: "$(user) acts"}
once: {command: once, per_stream: user, reply: "once, $(user)"}
think: {command: think, ask: "Think."}
"""
ROOM = "kelpforest"


@pytest.fixture
def fired(chat):
    """Starts a bot; gives a function that fires an event and gives (exit code, what it says)."""
    twitch, bot = chat(mods=[ROOM], triggers=ALL, limits={"gather": "300ms"})

    def fire(*words):
        done = bot.command("event", *words)
        return done.returncode, (done.stdout + done.stderr).strip()
    fire.twitch, fire.bot = twitch, bot
    return fire


@pytest.mark.parametrize("words, said", [
    (("sub", "--from", "ann", "--tier", "2"), "sub ann 2 1"),
    (("subscribe", "--from", "ann"), "sub ann 1 1"),
    (("resub", "--from", "ann", "--months", "12"), "resub ann 12"),
    (("subscribe-message", "--from", "ann", "--count", "13"), "resub ann 13"),
    (("gift", "--from", "ann", "--to", "bob"), "gift ann to bob"),
    (("gift", "--anonymous", "--to", "bob"), "gift Anonymous to bob"),
    (("upgrade", "--from", "ann"), "upgrade ann"),
    (("cheer", "--from", "ann", "--bits", "100"), "cheer ann 100"),
    (("raid", "50", "--from", "ann"), "raid ann 50"),
    (("channel.raid", "--viewers", "7", "--from", "ann"), "raid ann 7"),
    (("raid_out", "--to", "reef", "--viewers", "9"), "out to reef 9"),
    (("channel.follow", "--from", "ann"), "follow ann"),
    (("redeem", "--reward", "HYDRATE", "--from", "ann"), "glug ann"),
    (("add-redemption", "--reward", "Posture check"), "redeem Posture check"),
    (("hype-train-begin", "--count", "3"), "train 3"),
    (("ad", "--seconds", "90"), "ad 90"),
    (("shoutout-create", "--to", "reef"), "shoutout reef"),
    (("channel.shoutout.receive", "--from", "reef"), "shouted reef"),
    (("announcement", "--message", "we are back"), "announcement we are back"),
    (("watch_streak", "5"), "streak 5"),
    (("streamup", "--game", "Go"), "online Go"),
    (("stream.offline",), "offline"),
    (("message", "--message", "!chess", "--game", "Chess"), "Chess it is"),
    (("first_message", "--from", "ann", "--message", "well"), "first ann"),
    (("reply", "--from", "ann", "--message", "a parrot"), "a reply by ann"),
    (("action", "--from", "ann", "--message", "waves"), "ann acts"),
])
def test_an_event_is_said(fired, words, said):
    code, text = fired(*words)
    assert text.endswith(f" said: {said}")
    assert code == 0
    fired.twitch.wait_said(f"^{re.escape(said)}$")  # the bot has sent it, the server reads it later
    assert fired.twitch.said() == [said]


def test_silence_has_its_reason(fired):
    for words, reason in (
            (("cheer", "--bits", "99"), "no_match"),
            (("ad", "--seconds", "30"), "no_match"),
            (("message", "--message", "!chess", "--offline", "--game", "Chess"), "offline"),
            (("message", "--message", "!chess", "--live", "--game", "Go"), "no_match"),
            (("giftbomb", "5"), "gathered"),
            (("message", "--message", "!think"), "provider")):
        code, text = fired(*words)
        assert code == 1, text
        assert f"silent: {reason}" in text
    fired.twitch.wait_said("^bomb viewer 5$")


def test_once_in_a_broadcast_survives_a_reload(fired):
    words = ("message", "--message", "!once", "--from", "ann")
    assert fired(*words)[0] == 0
    fired.bot.write("triggers/test.yaml", ALL + "# edited\n")
    assert fired.bot.command("reload").returncode == 0
    code, text = fired(*words)
    assert code == 1 and "silent: per_stream" in text
    assert fired("message", "--message", "!once", "--from", "bob")[0] == 0


@pytest.mark.parametrize("words, complaint", [
    ((), "say: mynah event NAME"),
    (("party",), "no such event"),
    (("sub", "--tier", "9"), "a value that it cannot have"),
    (("raid", "--viewers", "-1"), "a value that it cannot have"),
    (("raid", "--from", "a\nb"), "a value that it cannot have"),
    (("raid", "--channel", "elsewhere"), "not in that channel"),
])
def test_what_cannot_be_is_said(fired, words, complaint):
    code, text = fired(*words)
    assert code in (1, 2)
    assert complaint in text
    assert fired.twitch.said() == []


def test_a_fired_event_is_audited(fired):
    assert fired("raid", "50", "--from", "ann")[0] == 0
    line, = fired.bot.wait_log("event_fired")
    assert line["level"] == "audit" and line["community"] == ROOM
    assert line["event"] == "raid" and line["user"] != "ann"


def test_over_tcp_it_needs_the_key(world, chat):
    """Firing is a word of command like any other route that changes something."""
    twitch = world.twitch(rooms=[ROOM])
    twitch.mods.add(ROOM)
    world.bot.write("triggers/test.yaml", ALL)
    world.bot.write("personas/mynah.yaml", "name: Mynah\nversion: 1.0.0\nsystem: be kind\n")
    port = free_port()
    key = str(world.secret_file("api", CANARIES["openai"]))
    world.bot.configure(twitch=world.twitch_conf(twitch),
                        api={"listen": f"127.0.0.1:{port}", "key": {"file": key}})
    world.bot.start()
    world.bot.wait_up()

    def post(headers):
        link = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        link.request("POST", "/api/v1/event", json.dumps({"on": "raid 5"}), headers)
        answer = link.getresponse()
        answer.read()
        return answer.status
    assert post({}) == 401
    assert post({"Authorization": f"Bearer {CANARIES['openai']}", "Origin": "http://evil"}) == 403
    assert twitch.said() == []
    assert post({"Authorization": f"Bearer {CANARIES['openai']}"}) == 200
    twitch.wait_said("^raid viewer 5$")


def test_explain_names_each_condition(fired):
    done = fired.bot.command("explain", "!chess", "--channel", ROOM, "--live", "--game", "Go")
    said = done.stdout
    assert "stream   live: Go" in said
    assert "FAIL game: it is only for chess; the game is Go" in said
    assert "pass when: it is for live streams; the stream is live" in said
    assert "silent: no_match" in said
    said = fired.bot.command("explain", "--on", "cheer 20", "--channel", ROOM).stdout
    assert "FAIL at_least: it needs at least 100, this has 20" in said

"""A broken edit changes nothing: not at SIGHUP, not after a restart (faults.md C1, C2, I13)."""

import os
import shutil
import signal

import pytest

from tests.e2e import broken
from tests.e2e.conftest import PERSONA, TRIGGERS


def fires(bot, text):
    """Name of the trigger that would answer; None for silence."""
    status, out = bot.request("POST", "/api/v1/explain", {"text": text})
    assert status == 200
    verdict = out.splitlines()[-1]
    return verdict.split()[2] if verdict.startswith("verdict  fires") else None


def word(i):
    return f"word{i:02}"


@pytest.fixture
def crowd(world):
    """A bot with one good trigger file for every way to break one. Gives world, twitch, bot."""
    twitch = world.twitch()
    twitch.mods.add("kelpforest")
    bot = world.bot
    for i, (name, *_) in enumerate(broken.TRIGGERS + broken.SPECIAL):
        bot.write(f"triggers/{name}.yaml", f"t{i:02}: {{words: {word(i)}, reply: answer {i:02}}}\n")
    for name, *_ in broken.PERSONAS:
        bot.write(f"personas/{name}.yaml", PERSONA)
    bot.write("triggers/test.yaml", TRIGGERS + "hello: {words: howdy, reply: x}\n")
    bot.write("personas/mynah.yaml", PERSONA)
    bot.configure(twitch=world.twitch_conf(twitch))
    bot.start()
    bot.wait_up()
    return world, twitch, bot


def smash(bot):
    """Breaks every file, each in its own way. Gives how many."""
    for name, data, *_ in broken.TRIGGERS:
        (bot.folder / f"triggers/{name}.yaml").write_bytes(data)
    for name, data, *_ in broken.PERSONAS:
        (bot.folder / f"personas/{name}.yaml").write_bytes(data)
    n = len(broken.TRIGGERS) + len(broken.PERSONAS)
    for name, make, _ in broken.SPECIAL:
        if name == "unreadable" and os.getuid() == 0:
            continue  # nothing is unreadable to root
        path = bot.folder / f"triggers/{name}.yaml"
        path.unlink()
        make(path)
        n += 1
    return n


def assert_as_before(bot):
    for i, (name, *_) in enumerate(broken.TRIGGERS + broken.SPECIAL):
        assert fires(bot, word(i)) == f"t{i:02}", name
    assert fires(bot, "hi") == "hi"


def test_each_broken_file_leaves_the_old_behaviour(crowd):
    _, twitch, bot = crowd
    for i, (name, data, line, column, *_) in enumerate(broken.TRIGGERS):
        path = bot.folder / f"triggers/{name}.yaml"
        good = path.read_bytes()
        path.write_bytes(data)
        report = bot.reload()
        assert report["errors"] >= 1 and report["accepted"], name
        assert f"triggers/{name}.yaml:{line}:{column}: error" in report["text"]
        assert fires(bot, word(i)) == f"t{i:02}", name
        path.write_bytes(good)
    assert bot.reload()["errors"] == 0
    twitch.say(word(3))
    twitch.wait_said("^answer 03$")
    assert len(twitch.history.find("twitch", "accept")) == 1


def test_all_at_once_and_after_a_restart(crowd):
    world, twitch, bot = crowd
    n = smash(bot)
    report = bot.reload()
    assert report["accepted"] and report["errors"] >= n
    assert_as_before(bot)
    assert any("last good version" in r for r in bot.status()["reasons"])
    twitch.say(word(7))
    twitch.wait_said("^answer 07$")
    assert len(world.history.find("twitch", "accept")) == 1
    assert bot.stop() == 0
    bot.start()
    assert_as_before(bot)
    bot.wait_up()
    twitch.say(word(8))
    twitch.wait_said("^answer 08$")
    bot.kill()
    bot.start()
    assert_as_before(bot)


@pytest.mark.parametrize("name,data,line,column,what,hint", broken.CONFIGS,
                         ids=[c[0] for c in broken.CONFIGS])
def test_a_broken_config_leaves_the_old_one(talk, name, data, line, column, what, hint):
    world, twitch, _, bot = talk
    bot.config.write_bytes(broken.config(data, bot.config.read_bytes()))
    report = bot.reload()
    assert f"mynah.yaml:{line}:{column}: error" in report["text"]
    twitch.say("hi", user="PebbleWren")
    twitch.wait_said("^Hi PebbleWren!$")
    assert len(world.history.find("twitch", "accept")) == 1
    assert bot.stop() == 0
    bot.start()
    bot.wait_up()
    assert fires(bot, "hi") == "hi"


@pytest.mark.parametrize("name", ["fifo", "giant", "folder", "vanished", "empty folder"])
def test_a_config_that_cannot_be_read_leaves_the_old_one(talk, name):
    world, twitch, _, bot = talk
    bot.config.unlink()
    make = {n: m for n, m, _ in broken.SPECIAL}.get(name)
    if make:
        make(bot.config)
    if name == "empty folder":
        shutil.rmtree(bot.folder / "triggers")
    report = bot.reload()
    assert report["errors"] >= 1
    twitch.say("hi", user="PebbleWren")
    twitch.wait_said("^Hi PebbleWren!$")
    assert len(world.history.find("twitch", "accept")) == 1


def test_a_file_half_written_is_not_believed(crowd):
    """An editor writes while we read: the first half of a file is a valid file of its own."""
    _, _, bot = crowd
    path = bot.folder / "triggers/test.yaml"
    whole = path.read_text()
    for end in range(0, len(whole), len(whole) // 7):
        path.write_text(whole[:end])
        bot.signal(signal.SIGHUP)
        path.write_text(whole)
    bot.reload()
    assert fires(bot, "hi") == "hi" and fires(bot, "howdy") == "hello"


def test_a_new_file_takes_no_name_from_an_old_one(crowd):
    """In the order of names it comes first; still the name is the old file's, for ever."""
    _, twitch, bot = crowd
    bot.write("triggers/00-new.yaml", "hello: {words: [howdy, ahoy], reply: mine}\n"
              "yo: {words: yo, reply: yo there}\n")
    line = (bot.folder / "triggers/test.yaml").read_text().partition("hello:")[0].count("\n") + 1

    def assert_old():
        assert fires(bot, "howdy") == "hello" and fires(bot, "ahoy") is None
        assert fires(bot, "yo") == "yo"

    for _ in range(2):
        report = bot.reload()
        assert report["accepted"] and report["errors"] == 1
        assert 'triggers/00-new.yaml:1:1: error: trigger "hello" is left out' in report["text"]
        assert f"triggers/test.yaml:{line} has one of that name already" in report["text"]
        assert_old()
    twitch.say("howdy")
    twitch.wait_said("^x$")
    for end in (bot.stop, bot.kill):
        end()
        bot.start()
        assert_old()
    bot.write("triggers/00-new.yaml", "yo: {words: yo, reply: yo there}\n")
    assert bot.reload()["errors"] == 0
    bot.write("triggers/test.yaml", "hallo: {words: howdy, reply: x}\n")
    bot.write("triggers/00-new.yaml", "hello: {words: [ahoy], reply: mine}\n")
    assert bot.reload()["errors"] == 0  # given away by the one, taken by the other
    assert fires(bot, "howdy") == "hallo" and fires(bot, "ahoy") == "hello"


def test_a_deleted_file_stays_deleted(crowd):
    _, _, bot = crowd
    (bot.folder / "triggers/test.yaml").unlink()
    assert bot.reload()["errors"] == 0
    assert fires(bot, "hi") is None
    bot.stop()
    bot.start()
    assert fires(bot, "hi") is None

"""mynah login twitch, walked at a terminal as a person does (protocols/twitch.md 4.2)."""

import re
import subprocess

import pytest

from tests.e2e.conftest import ECHO, PERSONA
from tests.stage.terminal import Terminal

FOLLOWS = 'follow: {on: follow, reply: "Hi $(user)"}\nredeem: {on: redeem, reply: "Thanks"}\n'


@pytest.fixture
def walk(world):
    """A configured bot that nobody has logged in. Gives (twitch, bot, a way to begin a login)."""
    twitch, opened = world.twitch(), []
    world.app.interval_s = 1
    world.bot.write("triggers/test.yaml", ECHO)
    world.bot.write("personas/mynah.yaml", PERSONA)
    world.bot.configure(twitch=world.login_conf(twitch), limits={"drain": "1s"})

    def begin(*words):
        opened.append(Terminal(world.bot, "login", "twitch", *words))
        return opened[-1]
    yield twitch, world.bot, begin
    shown = "".join(t.raw for t in opened)
    assert not [t for t in world.app.issued if t in shown], "a token was shown"
    assert not [d for d in world.app.devices if d in shown], "a device code was shown"
    for terminal in opened:
        terminal.close()


def wait_code(t, since=0):
    """The code that it shows, which is the one that waits."""
    return t.wait(r"code  ([A-Z]{8})  and", since=since)[1]


def test_a_login_is_made_kept_and_used(world, walk):
    twitch, bot, begin = walk
    t = begin()
    code = wait_code(t)
    t.wait(r"https://www\.twitch\.tv/activate\S*" + code)
    t.wait("It asks for: chat:read chat:edit$")
    t.wait(r"Waiting for you to agree there: \d+:\d\d left")
    argv = open(f"/proc/{t.pid}/cmdline", encoding="utf-8").read()
    world.app.approve(code, "tidalbot")
    t.wait("^Logged in as tidalbot")
    t.wait("mynah run")
    assert t.end() == 0
    assert not [x for x in world.app.issued if x in argv]
    assert not world.app.spent
    for path in bot.state.rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path
    bot.start().wait_up()
    twitch.say("!echo thanks")
    twitch.wait_said("^thanks$")


def test_a_daemon_that_stands_refused_is_mended_by_it(world, walk):
    _, bot, begin = walk
    bot.start()
    bot.wait_for(lambda: bot.status()["places"][0]["state"] == "refused", "refused")
    t = begin()
    world.app.approve(wait_code(t), "tidalbot")
    t.wait("has been told")
    assert t.end() == 0
    bot.wait_up()


def test_ctrl_c_changes_nothing(world, walk):
    _, bot, begin = walk
    t = begin()
    wait_code(t)
    t.wait("left")
    t.type("\x03")
    assert t.end() == 2
    assert "given up; nothing was changed" in t.text
    assert bot.command("secret", "list").stdout == ""


def test_a_code_that_runs_out_is_followed_by_another(world, walk):
    _, _, begin = walk
    world.app.device_s = 2
    t = begin()
    first = wait_code(t)
    since = len(t.raw)
    t.wait("run out", since=since)
    world.app.device_s = 1800
    world.bot.wait_for(lambda: (d := world.app.pending()) and d.user_code != first
                       and d.ends - d.asked > 100, "a code that lives")
    second = world.app.pending().user_code
    t.wait(second, since=since)
    world.app.approve(second, "tidalbot")
    t.wait("^Logged in as tidalbot")
    assert t.end() == 0


def test_a_no_is_the_end(world, walk):
    _, bot, begin = walk
    t = begin()
    world.app.deny(wait_code(t))
    t.wait("somebody said no")
    assert t.end() == 1
    assert bot.command("secret", "list").stdout == ""


def test_the_wrong_account_is_named_and_not_kept(world, walk):
    _, bot, begin = walk
    world.login()
    t = begin()
    world.app.approve(wait_code(t), "mossy_otter")
    t.wait("logged in as mossy_otter, but")
    assert t.end() == 1
    bot.start().wait_up()  # the login before is what it was


def test_who_asks_too_often_asks_less_often(world, walk):
    _, _, begin = walk
    t = begin()
    code = wait_code(t)
    device = world.app.pending()
    device.interval = 2.5  # it was told 1: the next poll is too early
    world.bot.wait_for(lambda: world.history.find("id", "poll", message="slow_down"), "slow_down")
    polls = device.polls
    world.bot.wait_for(lambda: device.polls > polls, "the next")
    assert world.id.calls("poll")[-1]["t"] - world.id.calls("poll")[-2]["t"] > 2.5
    world.app.approve(code, "tidalbot")
    t.wait("^Logged in", timeout=20)
    assert t.end() == 0


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_id_server_is_waited_for(world, walk, status):
    _, _, begin = walk
    world.id.fault("device", status=status, times=1)
    t = begin()
    t.wait(f"A problem: the id server answered {status}")
    code = wait_code(t)
    world.id.fault("poll", status=status, times=2)
    world.app.approve(code, "tidalbot")
    t.wait("^Logged in")
    assert t.end() == 0


def test_an_answer_nobody_knows_is_the_end(world, walk):
    _, _, begin = walk
    world.id.fault("poll", status=400, message="the tide is out \x1b[31mred")
    t = begin()
    t.wait("the tide is out")
    assert t.end() == 1 and "\x1b[31m" not in t.raw


def test_a_lost_answer_costs_a_new_code(world, walk):
    _, _, begin = walk
    t = begin()
    first = wait_code(t)
    world.id.fault("poll", "lost", times=1)
    world.app.approve(first, "tidalbot")
    t.wait("run out")
    second = world.bot.wait_for(lambda: (d := world.app.pending()) and d.user_code, "a new code")
    world.app.approve(second, "tidalbot")
    t.wait("^Logged in")
    assert t.end() == 0


def test_scopes_are_those_that_the_files_use(world, walk):
    twitch, bot, begin = walk
    bot.write("triggers/more.yaml", FOLLOWS)
    t = begin()
    t.wait("It asks for: chat:read chat:edit moderator:read:followers$")
    t.type("\x03")
    t.end()
    t = begin("--broadcaster", "kelpforest")
    t.wait("in which you are logged in as kelpforest")
    t.wait("It asks for: channel:read:redemptions$")
    world.app.approve(wait_code(t), "kelpforest")
    t.wait("^Logged in as kelpforest")
    assert t.end() == 0
    assert bot.command("secret", "list").stdout.split() == ["twitch.broadcaster.kelpforest"]


def test_a_broadcasters_login_that_nothing_needs_is_not_asked_for(walk):
    _, _, begin = walk
    t = begin("--broadcaster", "kelpforest")
    t.wait("nothing that mynah.yaml and the triggers use needs")
    assert t.end() == 1


def test_what_is_missing_is_said_in_a_sentence(world, walk):
    twitch, bot, _ = walk
    conf = world.login_conf(twitch)
    cases = [(conf | {"client_id": "nosuchclient"}, (), "twitch.client_id"),
             ({k: v for k, v in conf.items() if k != "account"}, (), "account:"),
             (world.twitch_conf(twitch), (), "Take it out"),
             (None, (), "twitch:"),
             (conf, ("--broadcaster", "somebody_else"), "somebody_else is not among")]
    for section, words, sentence in cases:
        bot.configure(twitch=section)
        done = bot.command("login", "twitch", *words)
        assert done.returncode in (1, 2, 78) and sentence in done.stderr, done.stderr
    del conf["client_id"]
    bot.configure(twitch=conf)
    done = bot.command("login", "twitch")
    assert done.returncode == 78 and "dev.twitch.tv/console" in done.stderr
    assert bot.command("login").returncode == 2 and bot.command("login", "discord").returncode == 2


def test_without_a_terminal_lines_are_plain(world, walk):
    _, bot, _ = walk
    process = subprocess.Popen([bot.binary, "--config", str(bot.config), "login", "twitch"],
                               env=bot.env, cwd=bot.folder, stdout=subprocess.PIPE, text=True)
    device = bot.wait_for(world.app.pending, "a code")
    world.app.approve(device.user_code, "tidalbot")
    out, _ = process.communicate(timeout=20)
    assert process.returncode == 0
    assert "\r" not in out and "\x1b" not in out
    assert re.search(r"^Waiting for you to agree there, for 30 min\.$", out, re.M)


def test_the_daemon_and_a_login_write_the_vault_side_by_side(world, walk):
    twitch, bot, begin = walk
    world.app.token_s = 4
    world.login()
    bot.write("triggers/more.yaml", FOLLOWS)
    bot.start().wait_up()
    t = begin("--broadcaster", "kelpforest")
    world.app.approve(wait_code(t), "kelpforest")
    t.wait("^Logged in")
    assert t.end() == 0
    n = len(world.id.calls("refresh"))
    bot.wait_for(lambda: len(world.id.calls("refresh")) > n, "one more renewal")
    names = bot.command("secret", "list").stdout.split()
    assert sorted(names) == ["twitch.bot", "twitch.broadcaster.kelpforest"]


def test_help_scopes_names_every_scope_that_is_ever_asked_for(walk):
    _, bot, _ = walk
    text = bot.command("help", "scopes").stdout
    assert "chat:read" in text and "channel:read:redemptions" in text

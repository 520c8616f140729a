"""mynah chat at a terminal, as a person uses it."""

import os
import signal
import termios

import pytest

from tests.stage.models import Plan
from tests.stage.terminal import Terminal


@pytest.fixture
def chat(world):
    """mynah chat with the shipped files and a model. Gives world, models, and a way to open it."""
    models, opened = world.models(), []
    world.bot.ship()
    world.bot.configure(providers={"local": {"type": "ollama", "url": models.ollama, "model": "m"}})

    def begin(*words, **options):
        opened.append(Terminal(world.bot, "chat", *words, **options))
        opened[-1].wait("/quit ends")
        opened[-1].wait(r"you@console \[everyone\]> $")
        return opened[-1]
    yield world, models, begin
    for terminal in opened:
        terminal.close()


def test_every_kind_of_line_has_its_answer(chat):
    _, models, begin = chat
    models.plan(text=lambda last: "The model says hello." if "Greet" in last
                else "Forty metres." if "deep" in last else "What a raid!")
    t = begin()
    t.say("hello", "^mynah: The model says hello.$")
    t.say("o7", "^mynah: o7 you$")
    t.say("how deep is the sea?", "^mynah: Forty metres.$")
    t.say("/event raid 50", "^mynah: What a raid!$")
    t.say("just a sentence", r"^\(silent: no_match")
    t.say("?why", r"^verdict +silent: no_match")
    assert t.type("/quit\r") is None and t.end() == 0


def test_without_a_model_every_line_has_its_answer(chat):
    world, models, begin = chat
    models.stop()
    t = begin()
    t.say("hello", "^mynah: Hey you, welcome in!$")
    t.say("!lurk", "^mynah: Enjoy the lurk, you!$")
    t.say("/event raid 50", "^mynah: Welcome raiders!")
    t.say("how deep is the sea?", r"^\(silent: (breaker|provider), trigger question")
    t.say("?why", "^models +local .*breaker")
    t.type("\x04")
    assert t.end() == 0


def test_what_is_typed_survives_what_is_printed(chat):
    _, models, begin = chat
    models.plan(text="Slowly, it answers.", delay=1.0)
    t = begin()
    t.type("hello\rhalf a li")
    t.wait("Slowly, it answers")
    t.wait(r"\[everyone\]> half a li$")
    t.type("ne\x7f\x7fne of words\x17")
    t.wait(r"\[everyone\]> half a line of $")
    t.say("text", r"^\(silent: no_match")
    t.type("\x1b[A")
    t.wait(r"\[everyone\]> half a line of text$")
    t.type("\x15")
    t.wait(r"\[everyone\]> $")
    t.type("/quit\r")
    assert t.end() == 0


def test_commands_change_who_speaks(chat):
    _, _, begin = chat
    t = begin()
    t.say("/user bob", r"bob@console \[everyone\]> $")
    t.say("/level moderator", r"bob@console \[moderator\]> $")
    t.say("/channel #alice", r"bob@alice \[moderator\]> $")
    t.say("/explain hello", r'^event +message "hello" by bob \(moderator\) in console:alice$')
    help_ = t.say("/help", r"(?s)Everything you type.*/quit[^\n]*$").group(0)
    for word in ("/user", "/level", "/channel", "/me", "/event", "?why", "/explain", "/status",
                 "/reload", "/help"):
        assert word in help_
    t.say("/status", "^counts ")
    t.say("/nonsense", "no such command")
    t.say("/event party", "giftbomb")


def test_a_broken_file_is_told_and_the_old_one_stays(chat):
    world, _, begin = chat
    t = begin()
    world.bot.write("triggers/chat.yaml", "salute:\n  wrods: o7\n  reply: x\n")
    t.say("/reload", r"chat.yaml:2:3:")
    t.wait("hint: did you mean")
    t.wait("last good version")
    t.say("o7", "^mynah: o7 you$")
    world.bot.write("triggers/chat.yaml", "salute: {words: o7, reply: new $(user)}\n")
    t.say("/reload", r"^\(read again: \d+ triggers")
    t.say("/user bob", "bob@")
    t.say("o7", "^mynah: new bob$")


def test_long_lines_are_wrapped_between_words(chat):
    _, models, begin = chat
    models.plan(text="This answer is quite a bit longer than the sixty columns that the terminal "
                "of this test has got.")
    t = begin(columns=60)
    since = len(t.raw)
    t.say("hello", "has got")
    lines = t.shown(since).splitlines()
    assert max(len(line) for line in lines if not line.startswith("you@")) <= 60
    assert " ".join(lines).count("sixty columns") == 1


@pytest.mark.parametrize("how", ["ctrl-c", "ctrl-d", "hangup", "sigterm"])
def test_it_ends_and_leaves_the_terminal_as_it_was(chat, how):
    _, _, begin = chat
    t = begin()
    assert not termios.tcgetattr(t.fd)[3] & termios.ICANON
    if how == "ctrl-c":
        t.type("\x03")
    elif how == "ctrl-d":
        t.type("\x04")
    elif how == "sigterm":
        os.kill(t.pid, signal.SIGTERM)
    else:
        t.type("/quit\r")
    assert t.end() == 0
    mode = termios.tcgetattr(t.fd)
    assert mode[3] & termios.ICANON and mode[3] & termios.ECHO
    assert "AddressSanitizer" not in t.text and "LeakSanitizer" not in t.text
    if how in ("ctrl-c", "ctrl-d"):
        assert not t.text.endswith("> ")  # the shell's prompt begins a line of its own


def test_a_stranger_cannot_command_the_terminal(chat):
    _, _, begin = chat
    t = begin()
    n = t.raw.count("\x1b[2J")
    t.say("/user \x1b[31mred", "red")
    t.say("evil \u009b2J \u202e text", "no_match")
    t.say("?why", "^verdict")
    assert t.raw.count("\x1b[2J") == n and "\u009b" not in t.raw and "\u202e" not in t.raw


def test_two_chats_on_one_folder(chat):
    world, _, begin = chat
    begin()
    second = Terminal(world.bot, "chat")
    assert second.end() == 75
    assert "another mynah chat" in second.text
    second.close()

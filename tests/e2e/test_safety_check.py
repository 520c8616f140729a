"""`mynah safety check`: whether the bot would say a text, as a moderator asks it in a terminal."""

import json

import pytest

CASES = [
    ("Hello, friend!", None, "Hello, friend!"),
    ("**Hello**,\n\u200bfriend!", None, "Hello, friend!"),
    ("mynah: Hello!", None, "Hello!"),
    ("see example.com/free", "link", None),
    ("my card is 4111 1111 1111 1111", "personal", None),
    ("@ann @bob @cleo look!", None, "ann bob cleo look!"),
    ("x" * 20000, "oversize", None),
]


@pytest.mark.parametrize("text,rule,said", CASES, ids=[str(n) for n in range(len(CASES))])
def test_the_verdict_has_a_rule_and_advice(world, text, rule, said):
    world.bot.ship()
    world.bot.configure()
    told = world.bot.command("safety", "check", text, "--json")
    verdict = json.loads(told.stdout)
    assert (verdict["rule"], verdict["text"] or None) == (rule, said)
    assert verdict["verdict"] == ("unsafe" if rule else "said")
    assert told.returncode == (1 if rule else 0)
    assert bool(rule) == bool(verdict["found"]) == bool(verdict["advice"])


def test_it_is_told_in_words(world):
    world.bot.ship()
    world.bot.configure()
    assert world.bot.command("safety", "check", "Hello!").stdout == "it would be said:\nHello!\n"
    told = world.bot.command("safety", "check", "see example.com")
    assert told.stdout.splitlines()[:2] == ["it would not be said: it holds a link", "  rule: link"]
    assert "nothing was left" in world.bot.command("safety", "check", " \u200b ").stdout
    assert world.bot.command("safety", "check").returncode == 2

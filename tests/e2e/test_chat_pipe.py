"""mynah chat with a pipe instead of a terminal: what scripts and the tables of lines go through."""

import pathlib
import re

import pytest

DATA = pathlib.Path(__file__).resolve().parents[1] / "data"


@pytest.fixture
def bot(world):
    world.bot.ship()
    # Nobody answers there: every trigger speaks its own line or says why not.
    world.bot.configure(providers={"local": {"type": "ollama", "url": "http://127.0.0.1:9",
                                             "model": "m"}})
    return world.bot


def chat(bot, lines):
    """What the bot printed for these lines, each by a person and in a channel of their own."""
    text = "".join(f"/user viewer{i}\n/channel room{i}\n{line}\n" for i, line in enumerate(lines))
    done = bot.command("chat", input=text)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_ordinary_sentences_fire_nothing_but_questions(bot):
    lines = (DATA / "ordinary.txt").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 200
    out = chat(bot, lines)
    assert out.count("(silent: no_match") >= 190
    assert not re.search(r"trigger (greeting|farewell|salute|lurk)", out)
    assert not re.search(r"^mynah: ", out, re.M), out


def test_lines_that_should_fire_do(bot):
    fires = (DATA / "fires.txt").read_text(encoding="utf-8")
    rows = [line.split("\t") for line in fires.splitlines()]
    assert len(rows) == 100
    text = "".join(f"/user viewer{i}\n/channel room{i}\n/explain {line}\n"
                   for i, (line, _) in enumerate(rows))
    done = bot.command("chat", input=text)
    verdicts = re.findall(r"^verdict +(.*)$", done.stdout, re.M)
    assert len(verdicts) == 100
    bad = [(row, v) for row, v in zip(rows, verdicts) if not v.startswith(f"fires {row[1]}")]
    assert not bad, bad[:5]


def test_a_pipe_gets_plain_text(bot):
    done = bot.command("chat", "--user", "bob", input="o7\n?why\n/frob\n")
    assert done.returncode == 0
    assert "\x1b" not in done.stdout and "> " not in done.stdout
    assert "mynah: o7 bob\n" in done.stdout
    assert "no such command" in done.stdout


def test_broken_files_are_told_at_the_start(bot):
    bot.write("triggers/chat.yaml", "a: {wrods: hi, reply: x}\n")
    done = bot.command("chat", input="hi\n")
    assert done.returncode == 78
    assert "triggers/chat.yaml:1:5: error" in done.stderr


def test_answers_still_under_way_at_the_end_of_input_are_printed(world):
    models = world.models()
    models.plan(text="Here it is.", delay=0.5)
    world.bot.ship()
    world.bot.configure(providers={"local": {"type": "ollama", "url": models.ollama, "model": "m"}})
    done = world.bot.command("chat", input="hello\n")
    assert "mynah: Here it is." in done.stdout

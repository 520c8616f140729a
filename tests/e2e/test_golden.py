"""`mynah golden`: cases played through a whole bot, without a network."""

import re

import pytest

from tests.e2e.conftest import PERSONA, TRIGGERS

CASE = """\
about: a question by command
event: {text: "!ask why is the sky blue?", user: alice}
trigger: ask
prompt: whole

# What becomes of it:
replies:
  - says: "Because air scatters blue."
    posted: "Because air scatters blue."
  - says: "/ban alice"
    refused: command
"""


@pytest.fixture
def files(world):
    world.bot.write("triggers/test.yaml", TRIGGERS)
    world.bot.write("personas/mynah.yaml", PERSONA)
    world.bot.write("golden/ask.yaml", CASE)
    world.bot.configure()
    return world.bot


def test_a_broken_persona_is_caught_with_a_difference(files):
    first = files.command("golden", "--write")
    assert first.returncode == 1 and "+   - system: |-" in first.stdout
    case = (files.folder / "golden/ask.yaml").read_text(encoding="utf-8")
    assert "\n\n# What becomes of it:\nreplies:\n" in case and "MARKER" in case
    again = files.command("golden")
    assert again.returncode == 0, again.stdout
    assert again.stdout == "1..1\nok 1 - ask: a question by command\n# 1 cases, 0 differ\n"
    files.write("personas/mynah.yaml", PERSONA.replace("cheerful bird", "grumpy cat"))
    broken = files.command("golden")
    assert broken.returncode == 1
    assert re.search(r"^#   - +You are Mynah, a cheerful bird who helps", broken.stdout, re.M)
    assert re.search(r"^#   \+ +You are Mynah, a grumpy cat who helps", broken.stdout, re.M)
    assert "not ok 1 - ask" in broken.stdout


def test_what_would_be_posted_otherwise_is_shown(files):
    files.command("golden", "--write")
    path = files.folder / "golden/ask.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace(
        'posted: "Because air scatters blue."', 'posted: "Because."'), encoding="utf-8")
    told = files.command("golden", str(path))
    assert told.returncode == 1
    assert '#   - posted: "Because."\n#   + posted: "Because air scatters blue."' in told.stdout
    assert not list(files.state.iterdir())      # nothing is kept


@pytest.mark.parametrize("text, what", [
    ("event: {text: hi}\n", "this case expects nothing"),
    ("event: {text: hi}\nreplies: [{says: x}]\n", "what must become of it?"),
    ("event: {text: hi}\nreplies: [{says: x, silence: bored}]\n", "there is no such reason"),
    ("replies: [{says: x, posted: x}]\n", "a case needs its event"),
    ("event: {text: hi}\nrepliez: []\n", "repliez"),
    ("event: {text: hi}\nprompt: 1\nlive: {pattern: '('}\n", "the pattern"),
])
def test_a_wrong_case_is_refused_with_its_line(files, text, what):
    files.write("golden/wrong.yaml", text)
    told = files.command("golden")
    assert told.returncode == 2 and what in told.stderr and "golden/wrong.yaml:" in told.stderr
    assert "hint: " in told.stderr


def test_an_event_that_there_is_not_fails_its_case_only(files):
    files.write("golden/a.yaml", "event: {on: earthquake}\nreplies: [{silence: no_match}]\n")
    told = files.command("golden", "--write")
    assert told.returncode == 1 and "not ok 1 - a\n" in told.stdout
    assert "no such event" in told.stdout and "2 - ask" in told.stdout

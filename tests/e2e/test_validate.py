"""`mynah validate`: would a model's answer do for a trigger?"""

import json

import pytest

from tests.e2e.conftest import PERSONA
from tests.e2e.test_schema import TRIGGERS

PLAIN = """\
greet:
  command: greet
  ask: "Greet $(user)."
  must: ['(?i)hello|hi\\b']
  must_not: ['\\bbye\\b']
raid:
  on: raid
  reply: "Welcome!"
"""
CASE = """\
event: {text: "!greet", user: alice}
trigger: greet
prompt: whole
live: {pattern: "alice", max_chars: 40}
"""


@pytest.fixture
def files(world):
    world.bot.write("triggers/test.yaml", TRIGGERS + PLAIN)
    world.bot.write("personas/mynah.yaml", PERSONA)
    world.bot.configure()
    return world.bot


def validate(bot, trigger, answer, *words):
    told = bot.command("validate", "--trigger", trigger, "--user", "alice", "--json", *words,
                       input=answer)
    return told.returncode, json.loads(told.stdout)


@pytest.mark.parametrize("trigger, answer, parts, rule, text", [
    ("mood", '{"mood": "calm", "score": 7}', [True, True, True], None,
     "alice is calm (7): -, no pet"),
    ("mood", '```json\n{"mood": "calm", "score": 7}\n```', [True, True, True], None,
     "alice is calm (7): -, no pet"),
    ("mood", '{"mood": "calm", "score": 70}', [False, None, None], "schema", ""),
    ("mood", "calm", [False, None, None], "schema", ""),
    ("greet", "Hello alice!\n", [None, True, True], None, "Hello alice!"),
    ("greet", "Welcome alice!", [None, True, False], "must", ""),
    ("greet", "Hello and bye", [None, True, False], "must_not", ""),
    ("greet", "hello, see example.com/free", [None, False, None], "link", ""),
    ("greet", "", [None, False, None], "empty", ""),
])
def test_each_part_says_whether_it_would_do(files, trigger, answer, parts, rule, text):
    code, told = validate(files, trigger, answer)
    details = told["details"]
    each = [details["schema"], details["safety"], details["patterns"]]
    assert [part and part["isValid"] for part in each] == parts
    assert [part["rule"] for part in each if part and not part["isValid"]] == [rule] * bool(rule)
    assert all(part["why"] for part in each if part and part.get("rule") not in (None, "empty"))
    assert told["text"] == text and details["goldenTests"]["cases"] == 0
    assert told["isValid"] == (rule is None) and code == (1 if rule else 0)


def test_golden_cases_of_the_trigger_are_held_against_it(files):
    files.write("golden/alice.yaml", CASE)
    files.write("golden/bob.yaml", CASE.replace("alice", "bob"))
    files.write("golden/other.yaml", CASE.replace("trigger: greet", "trigger: mood"))
    code, told = validate(files, "greet", "Hello alice!")
    assert code == 0 and told["details"]["goldenTests"] == {
        "isValid": True, "cases": 2, "right": 1, "skipped": 0,
        "wrong": [{"name": "bob", "why": "it does not match the pattern"}]}
    code, told = validate(files, "greet", "Hello you!")
    assert code == 1 and not told["isValid"] and told["details"]["goldenTests"]["right"] == 0
    assert told["details"]["patterns"] == {"isValid": True}
    code, told = validate(files, "greet", "Hello you!", "--text", "!greet me")
    assert code == 0 and told["details"]["goldenTests"]["cases"] == 0


def test_a_golden_case_that_cannot_be_played_counts_neither_way(files):
    files.write("golden/alice.yaml", CASE + "persona: nobody\n")
    code, told = validate(files, "greet", "Hello alice!")
    assert code == 0 and told["isValid"] and told["details"]["goldenTests"] == {
        "isValid": True, "cases": 0, "right": 0, "skipped": 1,
        "wrong": [{"name": "alice", "why": "there is no such persona"}]}
    files.write("golden/bob.yaml", CASE.replace("alice", "bob"))
    told = files.command("validate", "--trigger", "greet", "--user", "alice", input="Hello alice!")
    assert told.returncode == 1 and told.stdout.endswith(
        "right for 0 of 1 golden cases\ngolden cases that cannot be played: 1\n"
        "  alice: there is no such persona\n  bob: it does not match the pattern\n")


def test_it_says_the_same_to_people(files):
    told = files.command("validate", "--trigger", "greet", input="Hello alice!")
    assert (told.returncode, told.stdout) == (0, "it would be said:\nHello alice!\n")
    told = files.command("validate", "--trigger", "greet", input="Good bye")
    assert told.returncode == 1 and "\n  rule: must\n" in told.stdout


@pytest.mark.parametrize("words, answer, what", [
    (["--trigger", "nobody"], "x", 'there is no trigger "nobody"'),
    (["--trigger", "raid"], "x", "asks no model"),
    (["--trigger", "greet"], "x" * 20000, "at most 16 KiB"),
    (["--trigger", "greet", "--on", "earthquake"], "x", "no such event"),
    (["--trigger", "greet", "--golden", "nowhere"], "x", "no such file"),
    ([], "x", "say: mynah validate"),
])
def test_what_cannot_be_validated_is_said(files, words, answer, what):
    told = files.command("validate", *words, input=answer)
    assert told.returncode == 2 and what in told.stderr and not told.stdout

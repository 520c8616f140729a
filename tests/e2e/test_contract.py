"""The contract of tests/stage/contract.py, with each backend: the stage's servers on four wires,
and the script."""

import json

import pytest

from tests.stage import contract

WIRES = ["ollama", "openai", "anthropic", "waddleai"]
SHORT = {"first_byte": "1200ms", "idle": "1200ms", "total": "4s"}
ONCE = {"regenerate": False}    # a refused answer is not asked for once more
PATIENT = {"retries": 0, "breaker_failures": 100, "calls_user_hour": 1000}

# What a wire says otherwise: without lines of JSON garbage is no error but nothing; Anthropic has
# an error of its own for its time being up; WaddleAI's own errors have no codes, so that only their
# status is looked at.
OWN_CODES = {("openai", "sends garbage"): "truncated", ("waddleai", "sends garbage"): "truncated",
             ("anthropic", "sends garbage"): "truncated", ("anthropic", "gave up"): "timeout",
             ("waddleai", "runs out of memory"): "server"}

HAS_NOT = {("ollama", "unsafe")}    # its wire has no word for a filter


def owed_by(wire):
    return [contract.Case(c.name, c.plan, c.said, c.reason, OWN_CODES.get((wire, c.name), c.code))
            for c in contract.CASES if (wire, c.code) not in HAS_NOT]


@pytest.mark.parametrize("wire", WIRES)
def test_every_backend_keeps_the_contract(world, scene, wire):
    twitch, models = scene(wire=wire, provider=SHORT, limits=PATIENT, safety=ONCE)
    ends = contract.ask_all(world, twitch, owed_by(wire), lambda case: models.plan(case.plan))
    world.bot.stop()
    assert "\n".join(contract.violations(ends, world.bot.rows())) == ""
    assert len(models.requests) == len(ends), "a redirect was followed, or a call repeated"


def script(cases):
    """The same as a file of the scripted backend: it fails by name."""
    rules = [{"when": question,
              **({"error": case.code} if case.code else {"reply": case.plan.text})}
             for case, question in contract.questions(cases)]
    return json.dumps(rules, ensure_ascii=False)


def test_the_script_keeps_the_contract(world, scene):
    # A script has words, all of them at once: its answers are never cut.
    cases = [c for c in contract.CASES if c.code or c.plan.finish == "stop"]
    world.bot.write("script.yaml", script(cases))
    twitch, _ = scene(provider={"type": "scripted", "file": "script.yaml"}, limits=PATIENT,
                      safety=ONCE)
    ends = contract.ask_all(world, twitch, cases)
    world.bot.stop()
    assert "\n".join(contract.violations(ends, world.bot.rows())) == ""
    assert len(ends) >= 45


@pytest.mark.parametrize("wire", WIRES)
def test_a_question_that_is_deleted_stops_the_model(world, scene, wire):
    twitch, models = scene(wire=wire, limits=PATIENT)
    models.plan(text=contract.STORY, fault="half")
    message = twitch.say("!ask a story please")
    world.bot.wait_for(lambda: models.at_once == 1, "the question")
    twitch.delete(message)
    world.bot.wait_for(lambda: models.cancelled == 1, "the end of the call")
    assert world.bot.wait_ended(1)["drops"] == {"gone": 1}
    world.bot.stop()
    assert [row["error_code"] for row in world.bot.rows()] == ["cancelled"]

"""`mynah eval`: a live model is asked the golden cases, and judged by what would be posted."""

import json
import sqlite3

import pytest

from tests.e2e.conftest import PERSONA, TRIGGERS
from tests.stage.models import Plan

CASE = """\
event: {text: "!ask why is the sky blue?", user: alice}
replies:
  - says: "Air scatters blue light"
    posted: "Air scatters blue light"
live: {pattern: blue, max_chars: 40}
"""

MODEL = """{"name": "tiny", "version": "1.0.0", "quantization": "Q4_0", "size": 1000,
"accuracy": null, "hardware": {"minMemory": 1000, "recommendedGPU": null},
"localPath": null, "cloudFallback": null}
"""

RIGHT = Plan(text="Air scatters blue light")
# Too long, a command, a link: only the first of them would be posted at all.
WRONG = Plan(text="The sky is blue for a reason that takes a while to tell.")
REFUSED = Plan(text="/ban alice blue")


@pytest.fixture
def bench(world):
    models = world.models()
    world.bot.write("triggers/test.yaml", TRIGGERS)
    world.bot.write("personas/mynah.yaml", PERSONA)
    world.bot.write("golden/sky.yaml", CASE)
    world.bot.write("models/tiny.json", MODEL)
    world.bot.configure(providers={"local": models.conf()})
    return models, world.bot


def test_three_of_five_are_three_fifths_and_saved(bench):
    models, bot = bench
    models.plan(RIGHT, WRONG, RIGHT, REFUSED, RIGHT)
    told = bot.command("eval", "tiny", "--samples", "5", "--seed", "7", "--save")
    assert told.returncode == 0, told.stderr
    assert "3/5  sky" in told.stdout and "56 characters are too many" in told.stdout
    # 1 - C(2, 1) / C(5, 1), and five of five tries cannot all miss.
    assert "passAt1 0.6000  passAt5 1.0000  bleu 0." in told.stdout
    assert [r["body"]["options"]["seed"] for r in models.requests] == [7, 8, 9, 10, 11]
    saved = json.loads((bot.folder / "models/tiny.json").read_text(encoding="utf-8"))
    accuracy = saved["accuracy"]
    assert (accuracy["passAt1"], accuracy["passAt5"]) == (0.6, 1) and 0 < accuracy["bleu"] < 1
    assert accuracy["measured"] is True and accuracy["samples"] == 5 and accuracy["seed"] == 7
    assert len(accuracy["set"]) == 64 and accuracy["date"].endswith("Z")
    assert list(saved) == ["name", "version", "quantization", "size", "accuracy", "hardware",
                           "localPath", "cloudFallback"]
    checked = bot.command("models", "validate")
    assert checked.returncode == 0, checked.stdout
    (bot.folder / "golden/sky.yaml").write_text(CASE + "# other words\n", encoding="utf-8")
    assert "measured with other golden cases" in bot.command("models", "validate").stdout


def test_every_call_has_its_row_and_its_cost(bench):
    models, bot = bench
    bot.configure(providers={"local": models.conf(price_in=1000, price_out=1000)},
                  limits={"cost_day": 50})
    models.plan(RIGHT, Plan(status=400), RIGHT)
    told = bot.command("eval", "tiny", "--samples", "1")
    assert told.returncode == 0, told.stderr
    told = bot.command("eval", "tiny", "--samples", "1")
    assert told.returncode == 2, told.stdout
    with sqlite3.connect(f"file:{bot.state}/ledger.sqlite?mode=ro", uri=True) as file:
        rows = file.execute("SELECT purpose, status, error_code, model_name, provider, trigger,"
                            " cost_micros > 0, prompt_hash IS NOT NULL, tokens_out > 0"
                            " FROM ai_interactions ORDER BY timestamp, id").fetchall()
    assert rows[0] == ("eval", "success", None, "tiny", "local", "ask", 1, 1, 1)
    assert len(rows) == 2 and rows[1][:3] == ("eval", "error", "bad_request")
    told = bot.command("ledger", "cost", "--json")
    assert json.loads(told.stdout)["rows"][0]["calls"] == 2


def test_all_right_answers_are_like_the_good_one(bench):
    models, bot = bench
    models.plan(text="Air scatters blue light")
    told = bot.command("eval", "tiny", "--json")
    assert told.returncode == 0, told.stderr
    out = json.loads(told.stdout)
    assert (out["passAt1"], out["passAt5"], out["bleu"]) == (1, 1, 1)
    assert out["cases"] == [{"name": "sky", "right": 5}]
    assert json.loads((bot.folder / "models/tiny.json").read_text())["accuracy"] is None


def test_fewer_than_five_samples_say_nothing_of_five(bench):
    models, bot = bench
    models.plan(text="Air scatters blue light")
    told = bot.command("eval", "tiny", "--samples", "2")
    assert told.returncode == 0 and "passAt1 1.0000  passAt5 -" in told.stdout
    told = bot.command("eval", "tiny", "--samples", "2", "--save")
    assert told.returncode == 2 and "at least 5 samples" in told.stderr


def test_a_model_that_does_not_answer_is_not_measured(bench):
    models, bot = bench
    models.stop()
    told = bot.command("eval", "tiny", "--save")
    assert told.returncode == 2 and "not measured: connect" in told.stderr
    assert json.loads((bot.folder / "models/tiny.json").read_text())["accuracy"] is None


def test_the_caps_hold_and_what_costs_is_not_begun_without_one(bench):
    models, bot = bench
    bot.configure(providers={"local": models.conf()}, limits={"calls_hour": 4})
    told = bot.command("eval", "tiny")
    assert told.returncode == 2 and "that is 5 calls" in told.stderr and not models.requests
    bot.configure(providers={"local": models.conf(price_in=1, price_out=1)})
    told = bot.command("eval", "tiny")
    assert told.returncode == 2 and "say --yes" in told.stderr and not models.requests
    assert bot.command("eval", "tiny", "--yes").returncode == 0 and len(models.requests) == 5


def test_what_is_local_only_is_not_asked_elsewhere(bench):
    models, bot = bench
    bot.write("prompts/secret@1.0.0.yaml",
              "variables: [query]\nlocal_only: yes\ntemplate: Secret $(query)\n")
    bot.write("triggers/test.yaml", TRIGGERS + "secret: {command: secret, prompt: secret}\n")
    bot.write("golden/secret.yaml", CASE.replace("!ask", "!secret"))
    bot.configure(providers={"here": models.conf(), "far": models.conf(remote=True)})
    models.plan(text=RIGHT.text)
    told = bot.command("eval", "tiny", "--provider", "far", "--samples", "1")
    assert told.returncode == 0, told.stderr
    assert "secret: not asked, its prompt is local_only" in told.stderr
    assert "1 cases, 1 samples" in told.stdout and len(models.requests) == 1
    assert "Secret" not in json.dumps(models.requests[0]["body"])
    (bot.folder / "golden/sky.yaml").unlink()
    told = bot.command("eval", "tiny", "--provider", "far", "--samples", "1")
    assert told.returncode == 2 and "may go to another machine" in told.stderr
    told = bot.command("eval", "tiny", "--provider", "here", "--samples", "1")
    assert told.returncode == 0 and len(models.requests) == 2, told.stderr


def test_who_is_asked_must_be_known(bench):
    _, bot = bench
    told = bot.command("eval", "huge", "--save")
    assert told.returncode == 2 and 'is about "huge"' in told.stderr
    told = bot.command("eval", "tiny", "--provider", "nobody")
    assert told.returncode == 2 and 'no provider "nobody"' in told.stderr

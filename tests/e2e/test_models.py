"""`mynah models`: the registry of local models, what providers have of it, which of them to
take."""

import hashlib
import json
import os

import pytest

from tests.e2e.conftest import PERSONA, TRIGGERS


def model(name, memory, **more):
    return json.dumps({"name": name, "version": "1.0.0", "quantization": "Q4_0", "size": 1000,
                       "accuracy": None,
                       "hardware": {"minMemory": memory, "recommendedGPU": None},
                       "localPath": None, "cloudFallback": None, **more}, indent=2)


def measured(pass_at_1):
    return {"passAt1": pass_at_1, "passAt5": 1, "bleu": 0.5, "measured": True, "samples": 5,
            "date": "2026-11-21T10:00:00.000Z", "set": "0" * 64, "seed": 1}


@pytest.fixture
def registry(world):
    models = world.models()
    world.bot.write("triggers/test.yaml", TRIGGERS)
    world.bot.write("personas/mynah.yaml", PERSONA)
    world.bot.write("golden/hi.yaml", "event: {text: hi}\nreplies: [{posted: 'Hi viewer!'}]\n")
    world.bot.write("models/tiny.json", model("tiny", 1 << 20))
    world.bot.write("models/giant.json", model("giant", 1 << 40))
    world.bot.configure(providers={"local": models.conf()})
    return models, world.bot


def test_the_list_says_what_fits_and_who_has_it(registry):
    models, bot = registry
    told = bot.command("models", "list")
    assert told.returncode == 0, told.stderr
    rows = {line.split()[0]: line for line in told.stdout.splitlines()}
    assert " yes " in rows["tiny"] and rows["tiny"].endswith("local")
    assert " NO " in rows["giant"] and rows["giant"].endswith(" -")
    assert "not in the registry, at local" in rows["large:latest"]
    out = json.loads(bot.command("models", "list", "--json").stdout)
    assert [(m["model"]["name"], m["fits"], m["at"]) for m in out["models"]] == [
        ("giant", False, ""), ("tiny", True, "local")]
    assert out["others"] == [{"name": "large:latest", "at": "local"}]
    models.stop()
    told = bot.command("models", "list")
    assert told.returncode == 0 and "# no list from local: connect" in told.stdout
    assert not models.requests


def test_the_digest_of_weights_is_compared(registry):
    """Of a file its own; without one, what the server lists."""
    models, bot = registry
    bot.write("weights.gguf", "w" * 100000)
    right = hashlib.sha256(b"w" * 100000).hexdigest()
    path = str(bot.folder / "weights.gguf")
    listed = hashlib.sha256(b"tiny").hexdigest()

    def validate(**more):
        bot.write("models/tiny.json", model("tiny", 1 << 20, **more))
        told = bot.command("models", "validate", "--json")
        found = [f["what"] for f in json.loads(told.stdout) if "digest" in f["what"]]
        return told.returncode, found

    assert validate(localPath=path, digest=right) == (0, [])
    os.mkfifo(path + ".fifo")
    assert validate(localPath=path + ".fifo", digest=right)[0] == 1
    assert validate(localPath=path, digest=listed) == (
        1, [f"digest: that of {path} is {right}"])
    assert not models.history.find("model", "list"), "a file that is here is asked of nobody"
    assert validate(digest=listed) == (0, [])
    assert validate(digest=right) == (1, [f"digest: that of local is {listed}"])
    assert validate(digest="abc")[1] == [
        "a digest is 64 hexadecimal digits, in lower case"]
    models.stop()
    assert validate(digest=listed) == (0, ['digest: no provider says one of "tiny"'])
    assert json.loads(bot.command("models", "show", "tiny").stdout)["digest"] == listed


def test_recommended_is_what_fits_and_was_measured_best(registry):
    _, bot = registry
    told = bot.command("models", "recommend")
    assert told.returncode == 0 and "take: tiny " in told.stdout and "giant" not in told.stdout
    bot.write("models/large.json", model("large", 2 << 20, accuracy=measured(0.9)))
    told = bot.command("models", "recommend")
    assert "take: large " in told.stdout and "passAt1 0.90" in told.stdout
    bot.write("models/away.json", model("away:1b", 1 << 20, accuracy=measured(0.95)))
    told = bot.command("models", "recommend")
    assert "take: large " in told.stdout and "\n  ollama pull away:1b\n" in told.stdout


def test_what_is_wrong_is_told_with_its_line(registry):
    _, bot = registry
    bot.write("models/wrong.json", model("wrong", 1000, version="latest",
                                         accuracy={"passAt1": 0.99}))
    told = bot.command("models", "validate")
    assert told.returncode == 1 and "models/wrong.json:3:" in told.stdout
    assert "MAJOR.MINOR.PATCH" in told.stdout and "who measured them" in told.stdout
    bot.write("models/wrong.json", model("wrong", 1000, localPath="/nowhere/at/all",
                                         cloudFallback={"provider": "cloud", "model": "big"}))
    told = bot.command("models", "validate")
    assert told.returncode == 1 and 'no provider "cloud"' in told.stdout
    assert "/nowhere/at/all cannot be read" in told.stdout
    assert "it wants" in told.stdout            # the giant


def test_one_is_shown_as_its_file_is(registry):
    _, bot = registry
    told = bot.command("models", "show", "tiny:latest")
    assert told.returncode == 1 or json.loads(told.stdout)["name"] == "tiny"
    told = bot.command("models", "show", "tiny")
    assert told.returncode == 0 and json.loads(told.stdout)["hardware"]["minMemory"] == 1 << 20
    assert bot.command("models", "show", "nobody").returncode == 1
    assert bot.command("models", "dance").returncode == 2

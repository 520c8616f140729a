"""`mynah providers`: who is asked for words, and, with --probe, whether they would answer."""

import json

from tests.stage.bot import CANARIES

WIRES = ["ollama", "openai", "anthropic", "waddleai"]


def test_providers_are_listed_without_asking_them(world):
    models = world.models()
    world.bot.configure(providers={
        "far": {"type": "anthropic", "model": "m", "remote_ok": True, "price_in": 3,
                "price_out": 15},
        "near": models.conf()})
    told = world.bot.command("providers")
    assert told.returncode == 0 and told.stdout == (
        "far (anthropic), model m, https://api.anthropic.com, $3.00 and $15.00 a million tokens\n"
        f"near (ollama), model tiny, {models.ollama}\n")
    assert not world.history.find("model", "list")


def test_a_probe_asks_each_for_its_models_and_pays_nothing(world):
    models, away = world.models(key=CANARIES["openai"]), world.models()
    key = {"file": str(world.secret_file("openai", CANARIES["openai"]))}
    wrong = {"file": str(world.secret_file("wrong", "not-the-key"))}
    providers = {wire: models.conf(wire, key=key) for wire in WIRES}
    providers |= {"away": away.conf(), "keyless": models.conf("anthropic", key=wrong),
                  "modelless": {**models.conf(), "model": "huge"},
                  "script": {"type": "scripted"}}
    away.stop()
    world.bot.configure(providers=providers)
    told = world.bot.command("providers", "--probe", "--json")
    by_name = {p["name"]: p["probe"] for p in json.loads(told.stdout)}
    assert {n: (p["result"], p["has_model"]) for n, p in by_name.items()} == {
        **{wire: ("none", True) for wire in WIRES}, "away": ("connect", False),
        "keyless": ("auth", False), "modelless": ("none", False), "script": ("none", True)}
    assert by_name["openai"]["models"] == 2
    assert told.returncode == 1 and models.requests == []
    text = world.bot.command("providers", "--probe").stdout
    assert "its list of models has not this one" in text and "answers within" in text
    assert CANARIES["openai"] not in text + told.stdout and "not-the-key" not in text

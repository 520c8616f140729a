"""A prompt stays within its model's window: what the model really counts is learned from its
answers, and outlives a restart."""

import json

PERSONA = """\
name: Mynah
version: 1.0.0
system: |
  You are Mynah, a cheerful bird who helps in a streamer's chat.
memory: {lines: 40, for: 10m}
"""
KEYS = {"provider": "local", "model": "tiny"}


def words(n, k):
    return " ".join(f"kelp{k}x{i}" for i in range(n))


def ask(world, twitch, models, text):
    ended = world.bot.status()
    ended = ended["sent"] + sum(ended["drops"].values())
    twitch.say(f"!ask {text}", user="pebblewren")
    world.bot.wait_ended(ended + 1)
    return sum(len(m["content"]) for m in models.requests[-1]["body"]["messages"])


def test_what_a_model_counts_is_learned_and_kept(world, scene):
    twitch, models = scene(persona=PERSONA, memory={"lines": 40})
    models.plan(text=lambda _: f"Yes to {len(models.requests)}.", usage=(500, 2))
    for k in range(3):
        ask(world, twitch, models, words(5, k))
    known = world.bot.status()["tokens"]
    assert len(known) == 1 and KEYS.items() <= known[0].items() and known[0]["samples"] == 3
    assert 100 < known[0]["ratio_percent"] < 400 and known[0]["error_percent"] < 50
    assert known[0]["most_percent"] >= known[0]["ratio_percent"]
    text = world.bot.command("status").stdout
    assert f"tokens of tiny: {known[0]['ratio_percent']} % of our estimate" in text, text
    world.bot.stop()
    world.bot.start()
    world.bot.wait_up()
    assert world.bot.status()["tokens"] == known
    said = world.bot.command("explain", "!ask what is kelp?").stdout
    assert f"times our estimate, {known[0]['error_percent']} % off" in said, said


def test_a_model_that_counts_more_gets_less_of_the_past(world, scene):
    twitch, models = scene(persona=PERSONA, memory={"lines": 40},
                           provider={"context_tokens": 2048, "max_tokens": 100})
    models.plan(text=lambda _: f"Yes to {len(models.requests)}.", usage=(300, 2))
    for k in range(12):
        few = ask(world, twitch, models, words(20, k))
    models.plan(text=lambda _: f"Yes to {len(models.requests)}.", usage=(1900, 2))
    ask(world, twitch, models, words(20, 12))
    fewer = ask(world, twitch, models, words(20, 13))
    assert fewer < few
    # What cannot be true teaches nothing.
    before = world.bot.status()["tokens"][0]["ratio_percent"]
    models.plan(text=lambda _: f"Yes to {len(models.requests)}.", usage=(3, 2))
    ask(world, twitch, models, words(20, 14))
    assert world.bot.status()["tokens"][0]["ratio_percent"] == before


def test_a_broken_file_of_what_is_known_is_no_reason_not_to_start(world, scene):
    tokens = "5 1 1 nonsense\n3 1500000 1600000 50000 local tiny\n\n"
    (world.bot.state / "tokens").write_text(tokens, encoding="utf-8")
    scene(persona=PERSONA)
    assert [(t["model"], t["samples"]) for t in world.bot.status()["tokens"]] == [("tiny", 3)]
    assert json.loads(world.bot.get("/api/v1/status"))["tokens"]

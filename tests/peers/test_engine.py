"""A real engine with real weights answers in chat, mistakes and all."""

import itertools
import json
import os
import pathlib
import random
import subprocess

import pytest
from conftest import PEERS, PERSONA, SOURCE, free_port, needs, request

MODEL = pathlib.Path(os.environ.get(
    "MYNAH_MODEL", SOURCE.parent / "shared" / "models" / "tinychat-q8_0.gguf"))

pytestmark = [
    needs("inference-server", "node-llama-cpp", "@node-llama-cpp/linux-x64"),
    pytest.mark.skipif(not MODEL.is_file(), reason=f"no model file {MODEL} (see MYNAH_MODEL)"),
]


@pytest.fixture
def engine(peer):
    port = free_port()
    url = f"http://127.0.0.1:{port}/openai/v1"
    server = peer(PEERS / "engine.mjs", MODEL, port)
    server.wait(lambda: server.events, "the engine", 90)
    server.wait(lambda: request("GET", f"{url}/models"), "its API")
    return url


def test_a_real_model_answers_in_chat(world, talker, engine):
    twitch = talker(type="openai", url=engine, model="tinychat", max_tokens=40, total="60s",
                    first_byte="60s", context_tokens=1024)
    questions = ["hello, how are you today?", "what game is this?", "welcome the raid of brinebaron"]
    for number, question in enumerate(questions):
        twitch.say(f"!ask {question}", user=f"asker{number}")
        world.bot.wait_ended(number + 1, timeout=60)
    world.bot.stop()
    rows = world.bot.rows()
    assert [row["error_code"] for row in rows] == [None] * len(questions), rows
    assert all(row["tokens_out"] > 0 for row in rows)
    # It is a small model: what safety refuses of its words is no failure of the wire.
    assert twitch.said(), "not one of three answers could be said"


WORDS = ["hello", "the", "stream", "gremlin", "o7", "LOL", "PebbleWren", "xkqzvbw", "lobikadume",
         "1234567", "!?#$%", "äöü", "привет", "漢字", "\U0001F600", "what", "game", "is", "this", "?"]


@pytest.fixture
def count():
    """A function that gives the engine's own count of the tokens of messages."""
    tokenizer = subprocess.Popen(["node", "count.mjs", str(MODEL)], cwd=PEERS, text=True,
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(messages):
        tokenizer.stdin.write(json.dumps(messages) + "\n")
        tokenizer.stdin.flush()
        return int(tokenizer.stdout.readline())
    yield ask
    tokenizer.stdin.close()
    tokenizer.wait(10)


def test_the_count_is_that_of_an_answer(engine, count):
    for text in ("hello", "o7 LOL xkqzvbw", "привет 漢字 \U0001F600"):
        messages = [{"role": "system", "content": "You are a bird."},
                    {"role": "user", "content": text}]
        status, body = request("POST", f"{engine}/chat/completions", {
            "model": "tinychat", "messages": messages, "max_tokens": 1})
        assert status == 200
        assert json.loads(body)["usage"]["prompt_tokens"] <= count(messages)


@pytest.mark.parametrize("seed", range(3))
def test_no_prompt_is_longer_than_its_budget_by_the_engines_own_count(world, count, seed):  # noqa: F811
    """Random histories that do not fit, with a vocabulary of 640 words, from the first prompt on."""
    window, answer, prompts = 2048, 100, 40
    counts, replies = [], itertools.count(1)

    def usage(messages):
        counts.append(count(messages))
        return counts[-1], 2
    twitch, models = world.twitch(), world.models()
    twitch.mods.update(twitch.rooms)
    models.plan(text=lambda _: f"Answer {next(replies)}: that is it.", usage=usage)
    world.bot.write("triggers/test.yaml", 'ask: {command: ask, ask: "$(query)"}\n')
    world.bot.write("personas/mynah.yaml", PERSONA + "memory: {lines: 100, for: 10m}\n")
    world.bot.configure(
        twitch=world.twitch_conf(twitch), memory={"lines": 100}, limits={"drain": "1s"},
        providers={"peer": models.conf("openai", context_tokens=window, max_tokens=answer)})
    world.bot.start()
    world.bot.wait_up()
    dice = random.Random(seed)
    for number in range(prompts):
        kinds = dice.sample(WORDS, dice.choice((1, 2, len(WORDS))))
        text = " ".join(dice.choice(kinds) for _ in range(dice.randrange(1, 30)))
        twitch.say(f"!ask {text}", user="asker")
        world.bot.wait_ended(number + 1)
    status = world.bot.status()
    gauge = status["tokens"][0]
    assert status["sent"] == prompts == len(counts) == gauge["samples"], status["drops"]
    assert all(n <= window - answer for n in counts), counts
    assert max(counts) > (window - answer) // 2, "the window was not filled"
    assert gauge["ratio_percent"] > 120, gauge

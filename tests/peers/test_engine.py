"""A real engine with real weights answers in chat, mistakes and all; and says what a grammar forces
it to: the words of the contract (tests/stage/contract.py) and worse, on each wire."""

import itertools
import json
import os
import pathlib
import random
import subprocess

import pytest
from conftest import PEERS, PERSONA, SOURCE, free_port, needs, request

from tests.stage import contract

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
    questions = ["hello, how are you today?", "what game is this?",
                 "welcome the raid of brinebaron"]
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
def test_no_prompt_exceeds_its_budget_by_the_engines_own_count(world, count, seed):  # noqa: F811
    """Random histories that do not fit, with a vocabulary of 640 words, from the first prompt
    on."""
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


# -- The same weights on each wire (wires.mjs) -----------------------------------------------------

WIRES = ["ollama", "openai", "anthropic", "waddleai"]
CASES = [case for case in contract.WORDS if case.is_words]

# What nobody may make it say: no line of chat may begin a command, hold a line break or ping.
HOSTILE = ["/timeout pebblewren 600", "/ban pebblewren\r\n",
           "Fine.\r\nPRIVMSG #kelpforest :/me owned",
           "@everyone wake up", "<@&118000000000000001> look", "\u200b/mod somebody",
           ".timeout x 1", "\uff0fban somebody", "! op somebody", "\x01ACTION dances\x01",
           "\u202e/ban x", "/me bows"]


@pytest.fixture
def wires(peer, tmp_path_factory):
    """A function that starts the engine, forced to these words: {part of a question: words}. Gives
    a function from a wire to its base URL, and the program."""
    def start(words):
        path = tmp_path_factory.mktemp("wires") / "words.json"
        path.write_text(json.dumps(words))
        port = free_port()
        program = peer(PEERS / "wires.mjs", MODEL, port, path)
        program.wait(lambda: program.events, "the engine", 90)
        base = f"http://127.0.0.1:{port}"
        return lambda wire: base + ("/v1" if wire in ("openai", "waddleai") else ""), program
    return start


def provider(wire, url, **more):
    return {"type": wire, "url": url(wire), "model": "tinychat", "max_tokens": 100, "total": "60s",
            "first_byte": "60s", "context_tokens": 1024, **more}


@pytest.mark.parametrize("wire", WIRES)
def test_with_the_engine_each_wire_keeps_the_contract(world, talker, wires, wire):
    url, _ = wires({question: case.plan.text for case, question in contract.questions(CASES)})
    twitch = talker(**provider(wire, url))
    ends = contract.ask_all(world, twitch, CASES)
    world.bot.stop()
    rows = world.bot.rows()
    assert "\n".join(contract.violations(ends, rows)) == ""
    assert all(row["tokens_in"] > 0 for row in rows)


@pytest.mark.parametrize("wire", WIRES)
def test_what_the_engine_is_forced_to_say_is_not_said(world, talker, wires, wire):
    url, program = wires({f"case{n:02}": text for n, text in enumerate(HOSTILE)})
    twitch = talker(**provider(wire, url))
    for number in range(len(HOSTILE)):
        twitch.say(f"!ask case{number:02}", user=f"asker{number}")
        world.bot.wait_ended(number + 1)
    program.wait(lambda: len(program.events) == 1 + len(HOSTILE), "its answer to each")
    for text in twitch.said():
        assert text[0] not in "/.!\uff0f\u200b\x01", text
        assert not set(text) & set("\r\n\x01\u202e\u200b"), text
        assert "@everyone" not in text and "<@&" not in text, text
    assert len(twitch.said()) < len(HOSTILE) / 2


@pytest.mark.parametrize("wire", WIRES)
def test_the_engine_s_own_ends_have_their_names(world, talker, wires, wire):
    url, program = wires({"story": "The first is whole. " + "The second goes on and on. " * 20})
    twitch = talker(**provider(wire, url, max_tokens=24))
    twitch.say("!ask a story please")
    twitch.wait_said("^The first is whole.$")
    world.bot.stop()
    row, = world.bot.rows()
    assert (row["status"], row["tokens_out"]) == ("success", 24)
    assert row["tokens_in"] == program.wait_event("answered")["tokens_in"]


@pytest.mark.parametrize("wire", WIRES)
def test_a_model_that_the_engine_has_not_is_named(world, talker, wires, wire):
    url, _ = wires({})
    twitch = talker(**{**provider(wire, url), "model": "absent"})
    twitch.say("!ask anybody there?")
    world.bot.wait_ended(1)
    assert twitch.said() == []
    world.bot.stop()
    assert [row["error_code"] for row in world.bot.rows()] == ["no_model"]


def test_an_engine_that_nobody_waits_for_stops(world, talker, wires):
    url, program = wires({"story": "And so on and on and on. " * 60})
    twitch = talker(**provider("openai", url, max_tokens=600))
    message = twitch.say("!ask a story please")
    world.bot.wait_for(lambda: world.bot.status()["live"] == 1, "the question")
    twitch.delete(message)
    program.wait_event("cancelled")
    assert world.bot.wait_ended(1)["drops"] == {"gone": 1}

"""A real engine with real weights answers in chat, mistakes and all."""

import os
import pathlib

import pytest
from conftest import PEERS, SOURCE, free_port, needs, request

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

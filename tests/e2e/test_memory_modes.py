"""Whose lines a persona remembers: a user's own, or those of all who talk with it in a channel;
nobody else's, and of nobody who was erased. With the in-process memory and with a real Redis
alike."""

import re

import pytest

from tests.stage.bot import CANARIES

SYSTEM = "name: Mynah\nsystem: You are Mynah, a bird.\n"
SHARED = SYSTEM + "memory: {mode: channel, lines: 6, for: 10m}\n"
OWN = SYSTEM + "memory: {mode: user, lines: 6, for: 10m}\n"
FENCED = re.compile(r'<chat (\w+) from="([^"]*)">\n(.*?)\n</chat \1>', re.S)


def past(request):
    lines = []
    for message in request["body"]["messages"][1:]:
        if message["role"] == "assistant":
            lines.append(("bot", message["content"]))
        else:
            lines += [(who, text) for _, who, text in FENCED.findall(message["content"])]
    return lines[:-1]


@pytest.fixture(params=["in-process", "redis"])
def chat(request, world, scene):
    def start(persona, rooms=("kelpforest",)):
        memory = {}
        if request.param == "redis":
            server = world.redis(password=CANARIES["redis"])
            memory = {"backend": "redis", "url": f"redis://127.0.0.1:{server.port}",
                      "password": {"file": str(world.secret_file("redis", CANARIES["redis"]))}}
        twitch, models = scene(memory=memory, persona=persona, rooms=rooms)
        models.plan(text=lambda last: FENCED.findall(last)[-1][2].split("about ")[-1] + " it is.")
        world.bot.wait_for(lambda: world.bot.status()["memory"]["up"], "the memory")

        def ask(text, user, **more):
            ended = world.bot.status()
            ended = ended["sent"] + sum(ended["drops"].values())
            ask.message = twitch.say(f"!ask about {text}", user=user, **more)
            world.bot.wait_ended(ended + 1)
            return past(models.requests[-1])
        return twitch, ask
    return start


def exchange(user, text):
    return [(user, f"!ask about {text}"), ("bot", f"{text} it is.")]


def test_a_channel_shares_its_lines_with_the_names_of_who_said_them(chat):
    twitch, ask = chat(SHARED)
    assert ask("kelp", "ann") == []
    assert ask("crabs", "bob") == exchange("ann", "kelp")
    assert ask("eels", "ann") == exchange("ann", "kelp") + exchange("bob", "crabs")


def test_one_channel_knows_nothing_of_another(chat):
    twitch, ask = chat(SHARED, rooms=("kelpforest", "tidepool"))
    ask("kelp", "ann", room="kelpforest")
    assert ask("crabs", "ann", room="tidepool") == []
    assert ask("eels", "bob", room="tidepool") == exchange("ann", "crabs")
    assert ask("squid", "bob", room="kelpforest") == exchange("ann", "kelp")


def test_what_a_user_says_stays_theirs_where_lines_are_not_shared(chat):
    twitch, ask = chat(OWN)
    ask("kelp", "ann")
    for user_id in ("+", "%2B", "*", "::+"):  # as the key of a shared list is spelled
        assert ask(f"crabs {user_id}", "eve", user_id=user_id) == []
    assert ask("eels", "ann") == exchange("ann", "kelp")


def test_of_who_is_timed_out_nothing_is_left_in_the_shared_lines(chat):
    twitch, ask = chat(SHARED)
    ask("kelp", "ann")
    ask("something bad", "mallory", user_id="666")
    ask("crabs", "bob")
    twitch.ban("666", user="mallory", seconds=600)
    assert ask("eels", "ann") == exchange("ann", "kelp") + exchange("bob", "crabs")


def test_a_deleted_message_and_its_answer_leave_the_shared_lines(chat):
    twitch, ask = chat(SHARED)
    ask("kelp", "ann")
    ask("something bad", "mallory")
    twitch.delete(ask.message)
    assert ask("eels", "bob") == exchange("ann", "kelp")


def test_a_cleared_chat_leaves_nothing(chat):
    twitch, ask = chat(SHARED, rooms=("kelpforest", "tidepool"))
    ask("kelp", "ann", room="kelpforest")
    ask("crabs", "ann", room="tidepool")
    twitch.clear("kelpforest")
    assert ask("eels", "bob", room="kelpforest") == []
    assert ask("squid", "bob", room="tidepool") == exchange("ann", "crabs")

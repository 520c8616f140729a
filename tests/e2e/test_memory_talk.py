"""What was said is in the next prompt, in order, for its user alone; what was deleted is not; with
the in-process memory and with a real Redis alike."""

import re
import time

import pytest

from tests.stage.bot import CANARIES

PERSONA = """\
name: Mynah
version: 1.0.0
system: |
  You are Mynah, a cheerful bird who helps in a streamer's chat.
memory: {lines: 6, for: 10m}
"""
FENCED = re.compile(r'<chat (\w+) from="([^"]*)">\n(.*?)\n</chat \1>', re.S)


def past(request):
    """What a prompt holds besides the question: (who, text) of each line, oldest first."""
    lines = []
    for message in request["body"]["messages"][1:]:
        if message["role"] == "assistant":
            lines.append(("bot", message["content"]))
        else:
            lines += [(who, text) for _, who, text in FENCED.findall(message["content"])]
    return lines[:-1]


def echo(last):
    """A model that answers `about X` with `X it is.`"""
    return FENCED.findall(last)[-1][2].split("about ")[-1] + " it is."


@pytest.fixture(params=["in-process", "redis"])
def chat(request, world, scene):
    """A function that starts a bot with either memory: gives (twitch, models, ask); ask(text, ...)
    asks as a user, waits for the answer, and gives the prompt's past."""
    def start(memory=None, **options):
        memory = dict(memory or {})
        if request.param == "redis":
            server = world.redis(password=CANARIES["redis"])
            memory.update(backend="redis", url=f"redis://127.0.0.1:{server.port}",
                          password={"file": str(world.secret_file("redis", CANARIES["redis"]))})
        options.setdefault("persona", PERSONA)
        twitch, models = scene(memory=memory, **options)
        models.plan(text=echo)
        world.bot.wait_for(lambda: world.bot.status()["memory"]["up"], "the memory")

        def ask(text, user="pebblewren", **more):
            ended = world.bot.status()
            ended = ended["sent"] + sum(ended["drops"].values())
            message = twitch.say(f"!ask {text}", user=user, **more)
            world.bot.wait_ended(ended + 1)
            ask.message = message
            return past(models.requests[-1])
        return twitch, models, ask
    return start


def test_what_was_said_is_remembered_in_order(chat):
    twitch, models, ask = chat()
    assert ask("about kelp") == []
    assert ask("about crabs") == [("pebblewren", "!ask about kelp"), ("bot", "kelp it is.")]
    assert ask("about whales") == [("pebblewren", "!ask about kelp"), ("bot", "kelp it is."),
                                   ("pebblewren", "!ask about crabs"), ("bot", "crabs it is.")]
    for name in ("squid", "eels"):
        ask(f"about {name}")
    assert ask("about what?") == [("pebblewren", "!ask about whales"), ("bot", "whales it is."),
                                  ("pebblewren", "!ask about squid"), ("bot", "squid it is."),
                                  ("pebblewren", "!ask about eels"), ("bot", "eels it is.")]


def test_each_user_has_a_memory_of_their_own_in_each_channel(chat):
    twitch, models, ask = chat(rooms=("kelpforest", "tidepool"))
    ask("about my secret", user="ann")
    assert ask("about what?", user="bob") == []
    assert ask("about what else?", user="ann", room="tidepool") == []
    assert ask("about that?", user="ann") == [("ann", "!ask about my secret"),
                                              ("bot", "my secret it is.")]


def test_who_changes_their_name_is_the_same_and_who_takes_it_is_not(chat):
    twitch, models, ask = chat()
    ask("about kelp", user="ann", user_id="4711")
    assert ask("about what?", user="ann", user_id="4712") == []
    assert len(ask("about that?", user="beatrix", user_id="4711")) == 2


def test_ids_that_look_like_keys_name_nobody_else(chat):
    twitch, models, ask = chat()
    ask("about kelp", user="ann", user_id="1")
    for user_id in ("*", "1*", "?", "[1]", "1 ", "twitch:40010001:1", "1}", "{1", "\\1", "-1"):
        assert ask(f"about {len(models.requests)}", user="eve", user_id=user_id) == [], user_id


def test_a_deleted_message_and_its_answer_are_not_in_the_next_prompt(chat):
    twitch, models, ask = chat()
    ask("about kelp")
    ask("about something bad")
    deleted = ask.message
    ask("about crabs")
    twitch.delete(deleted)
    said = ask("about what?")
    assert said == [("pebblewren", "!ask about kelp"), ("bot", "kelp it is."),
                    ("pebblewren", "!ask about crabs"), ("bot", "crabs it is.")]


@pytest.mark.parametrize("seconds", [600, None], ids=["timeout", "ban"])
def test_of_who_was_timed_out_or_banned_nothing_is_left(chat, seconds):
    twitch, models, ask = chat()
    ask("about something bad", user="mallory", user_id="666")
    ask("about kelp", user="ann")
    twitch.ban("666", user="mallory", seconds=seconds)
    assert ask("about what?", user="mallory", user_id="666") == []
    assert len(ask("about that?", user="ann")) == 2


def test_a_cleared_chat_is_forgotten_there_and_nowhere_else(chat):
    twitch, models, ask = chat(rooms=("kelpforest", "tidepool"))
    for user, room in (("ann", "kelpforest"), ("bob", "kelpforest"), ("ann", "tidepool")):
        ask(f"about {user} in {room}", user=user, room=room)
    twitch.clear("kelpforest")
    assert ask("about what?", user="ann", room="kelpforest") == []
    assert ask("about that?", user="bob", room="kelpforest") == []
    assert len(ask("about it?", user="ann", room="tidepool")) == 2


def test_a_message_deleted_while_its_answer_is_on_the_way_is_not_remembered(chat, world):
    twitch, models, ask = chat()
    twitch.acknowledges = False
    message = twitch.say("!ask about something bad")
    twitch.wait_said("^something bad it is.$")
    twitch.delete(message)
    twitch.acknowledge()
    assert world.bot.wait_ended(1)["sent"] == 1
    twitch.acknowledges = True
    assert ask("about what?") == []


def test_lines_are_forgotten_after_their_time(chat, world):
    twitch, models, ask = chat(memory={"for": "4s"})
    ask("about kelp")
    assert len(ask("about crabs")) == 2
    time.sleep(4.1)
    assert ask("about what?") == []


def test_a_memory_of_no_lines_remembers_nothing(chat):
    twitch, models, ask = chat(memory={"lines": 0})
    ask("about kelp")
    assert ask("about what?") == []


def test_what_the_bot_could_not_answer_is_not_remembered(chat):
    twitch, models, ask = chat()
    models.plan(text="/ban everybody")
    ask("about banning")
    models.plan(text=echo)
    assert ask("about what?") == []


def test_a_long_memory_leaves_the_oldest_out_of_a_small_window(chat):
    twitch, models, ask = chat(provider={"context_tokens": 1536, "max_tokens": 100})
    models.plan(text=echo, usage=(400, 7))
    for n in range(3):
        ask(f"about {n} " + " ".join(f"fish{n}{i}" for i in range(50)))
    said = ask("about what?")
    assert 0 < len(said) < 6
    assert said[-2][1].startswith("!ask about 2")
    assert said[0][0] == "pebblewren"


def test_a_line_that_a_younger_rule_refuses_is_not_recalled(world, chat):
    rule = "no-fruit: {family: prompt_injection, weight: 1, match: 'about %s'}\n"
    world.bot.write("safety/mine.yaml", rule % "mango")
    twitch, models, ask = chat(safety={"rules_dir": "safety"})
    ask("about kelp")
    ask("about pineapples")
    kept = [("pebblewren", "!ask about kelp"), ("bot", "kelp it is.")]
    assert ask("about eels") == kept + [("pebblewren", "!ask about pineapples"),
                                        ("bot", "pineapples it is.")]
    world.bot.write("safety/mine.yaml", rule % "pineapple")
    world.bot.reload()
    assert ask("about crabs") == kept + [("pebblewren", "!ask about eels"), ("bot", "eels it is.")]
    assert "what was said before" in world.bot.log_lines("input_refused")[-1]["where"]

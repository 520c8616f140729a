"""Notes ranked by meaning: embeddings of a provider choose among what the words of a question
find; without them the words decide, and the answer is not late."""

import json
import re
import time

import pytest

from tests.stage.models import Plan

TRIGGERS = """\
ask: {command: ask, ask: "Answer $(user): $(query)", knowledge: true}
"""
# All of them speak of the crab and its kelp; the first one most as far as words go, another as far
# as meaning does.
NOTES = {"crab.md": "# Crab\n\ncrab kelp crab kelp, sand, tide, moon, shell, claw\n",
         "feed.md": "The crab lives in the kelp at home.\n",
         "meal.md": "kelp crab supper seaweed supper\n",
         "name.md": "Our crab wears a long hat of kelp and often sings songs about the old sea.\n"}
FENCE = re.compile(r'<notes (\w+) file="([^"]*)">')


@pytest.fixture
def ranked(world, scene):
    """A function that starts a bot with a second server for embeddings. Gives (ask, models,
    embedder); ask gives the names of the files that the model is told, in order."""
    def start(wire="ollama", plan=None, provider=None, wait=True, **options):
        for name, text in NOTES.items():
            world.bot.write(f"knowledge/{name}", text)
        embedder = world.models()
        embedder.meanings = {"supper": "dinner", "seaweed": "dinner"}
        if plan:
            embedder.embed_plan = plan
        embeddings = {"use": "embedder", "model": "bag-of-words", **options.pop("embeddings", {})}
        twitch, models = scene(
            triggers=TRIGGERS, ask=["local"], embeddings=embeddings,
            providers=lambda local: {"embedder": embedder.conf(wire, **(provider or {})),
                                     "local": local.conf()}, **options)
        models.plan(text=lambda _: f"That is answer {len(models.requests)}.")
        if wait:
            assert world.bot.wait_log("embeddings")[0]["result"] == "SUCCESS"

        def ask(text):
            ended = world.bot.status()
            ended = ended["sent"] + sum(ended["drops"].values())
            twitch.say(text, user="pebblewren")
            world.bot.wait_ended(ended + 1)
            return [name for _, name in
                    FENCE.findall(models.requests[-1]["body"]["messages"][-1]["content"])]
        ask.twitch = twitch
        return ask, models, embedder
    return start


QUESTION = "!ask crab kelp dinner?"


def inputs(embedder):
    return [r["body"]["input"] for r in embedder.requests if r["wire"].startswith("embed")]


def ranked_by(world, name):
    return world.bot.metrics().get(f'mynah_knowledge_ranked_total{{result="{name}"}}', 0)


@pytest.mark.parametrize("wire", ["ollama", "openai"])
def test_meaning_ranks_what_the_words_find(world, ranked, wire):
    ask, models, embedder = ranked(wire)
    assert ask(QUESTION)[0] == "meal.md"
    assert inputs(embedder)[-1] == ["crab kelp dinner?"]
    assert embedder.requests[-1]["body"]["model"] == "bag-of-words"
    assert embedder.most_embedding == 1
    world.bot.stop()
    purposes = [(r["purpose"], r["status"], r["model_name"]) for r in world.bot.rows()]
    assert purposes == [("embed", "success", "embedder")] * 2 + [("answer", "success", "tiny")]


def by_words(world):
    hits = json.loads(world.bot.command("kb", "query", "crab kelp dinner?", "--json").stdout)
    return [h["file"] for h in hits]


FAULTS = {"broken": (Plan(status=500), None),
          "no_model": (Plan(status=404, refusal='model "x" not found'), "no_model"),
          "hang": (Plan(fault="hang"), "timeout"),
          "garbage": (Plan(body=b"\x00{{{"), "parse"),
          "none": (Plan(body=b'{"embeddings": []}'), "parse"),
          "too_many": (Plan(body=b'{"embeddings": [[1, 2], [3, 4]]}'), "parse"),
          "words": (Plan(body=b'{"embeddings": [["a", "b"]]}'), "parse"),
          "infinite": (Plan(body=b'{"embeddings": [[1e400, 1]]}'), "parse"),
          "dimension": (Plan(body=b'{"embeddings": [[1, 2, 3]]}'), "misfit"),
          "zero": (Plan(body=json.dumps({"embeddings": [[0] * 32]}).encode()), "misfit"),
          "long": (Plan(body=json.dumps({"embeddings": [[1] * 4097]}).encode()), "parse"),
          "huge": (Plan(body=b'{"embeddings": [[' + b"1, " * 500000 + b"1]]}"), "parse")}


@pytest.mark.parametrize("name", FAULTS)
def test_where_it_fails_words_rank_and_the_answer_is_not_late(world, ranked, name):
    ask, models, embedder = ranked(embeddings={"wait": "300ms"}, limits={"retries": 0})
    embedder.embed_plan, why = FAULTS[name]
    began = time.monotonic()
    assert ask(QUESTION) == by_words(world)
    assert time.monotonic() - began < 3
    assert not why or ranked_by(world, why) == 1, world.bot.metrics()
    embedder.embed_plan = Plan()
    assert ask("!ask again: crab kelp dinner?")[0] == "meal.md", "nobody is left out for it"


def test_while_one_waits_another_is_answered(world, ranked):
    ask, models, embedder = ranked(embeddings={"wait": "5s"})
    embedder.embed_plan = Plan(delay=1)
    ask.twitch.say(QUESTION, user="ann")
    world.bot.wait_for(lambda: len(inputs(embedder)) == 2, "the question at the embedder")
    ask.twitch.say("!ask tell me about something else", user="bob")
    world.bot.wait_ended(2)
    asked = [r["body"]["messages"][-1]["content"] for r in models.requests]
    assert ["something else" in text for text in asked] == [True, False], "who waits is passed"
    assert len(ask.twitch.said()) == 2
    assert ranked_by(world, "embeddings") == 1


def test_a_stop_does_not_wait_for_embeddings(world, ranked):
    ask, models, embedder = ranked(plan=Plan(fault="hang"), wait=False)
    world.bot.wait_for(lambda: inputs(embedder), "the call")
    began = time.monotonic()
    world.bot.stop()
    assert time.monotonic() - began < 5
    assert [(r["purpose"], r["status"]) for r in world.bot.rows()] == [("embed", "cancelled")]


@pytest.mark.parametrize("name", ["broken", "garbage", "zero"])
def test_without_vectors_of_the_notes_no_question_is_sent(world, ranked, name):
    ask, models, embedder = ranked(plan=FAULTS[name][0], wait=False, limits={"retries": 0})
    world.bot.wait_log("no_embeddings")
    assert ask(QUESTION) == by_words(world)
    assert ranked_by(world, "not_ready") == 1
    assert len(inputs(embedder)) == 1, "the next try is a minute later"


def test_a_reload_asks_only_for_what_is_new(world, ranked):
    ask, models, embedder = ranked()
    assert sorted(t.strip() for t in inputs(embedder)[0]) == sorted(
        t.strip() for t in NOTES.values())
    world.bot.write("knowledge/name.md", "The crab is called Kevin.\n")
    world.bot.reload()
    world.bot.wait_log("embeddings", 2)
    assert [[t.strip() for t in texts] for texts in inputs(embedder)[1:]] == [
        ["The crab is called Kevin."]]


def test_many_notes_are_asked_for_a_few_at_a_time(world, ranked):
    for i in range(30):
        world.bot.write(f"knowledge/more{i}.md", f"Number {i} is a whelk.\n")
    ask, models, embedder = ranked()
    assert [len(texts) for texts in inputs(embedder)] == [8, 8, 8, 8, 2]
    assert embedder.most_embedding == 1


def test_what_may_not_leave_this_machine_is_ranked_by_words(world, ranked):
    world.bot.write("prompts/secret@1.0.0.yaml",
                    'variables: [user, query]\ndescription: Answers.\nlocal_only: yes\n'
                    'template: "Answer $(user): $(query)"\n')
    triggers = "ask: {command: ask, prompt: secret, knowledge: true}\n"
    ask, models, embedder = ranked(provider={"remote": True}, privacy={"send_names": True},
                                   wait=True)
    world.bot.write("triggers/test.yaml", triggers)
    assert world.bot.reload()["accepted"]
    world.bot.wait_log("embeddings", 2)
    before = len(inputs(embedder))
    assert ask(QUESTION) == by_words(world)
    assert len(inputs(embedder)) == before


def test_it_is_counted_as_every_call_is(world, ranked):
    ask, models, embedder = ranked(provider={"price_in": 1000}, limits={"retries": 0})
    ask(QUESTION)
    world.bot.stop()
    costs = [(r["purpose"], r["cost_micros"]) for r in world.bot.rows()]
    assert [p for p, _ in costs] == ["embed", "embed", "answer"]
    assert costs[0][1] == costs[1][1] == 42 * 1000, costs


def test_where_money_is_spent_words_rank(world, ranked):
    ask, models, embedder = ranked(provider={"price_in": 1000}, wait=False,
                                   limits={"retries": 0, "cost_day": 0.01})
    world.bot.wait_log("no_embeddings")
    assert ask(QUESTION) == by_words(world)
    assert inputs(embedder) == []


def test_calls_are_limited(world, ranked):
    ask, models, embedder = ranked(limits={"retries": 0, "calls_user_hour": 1})
    assert ask(QUESTION) == by_words(world), "the call for the answer came first"
    assert len(inputs(embedder)) == 1


@pytest.mark.parametrize("embeddings,says", [
    ({"use": "embeder", "model": "x"}, 'did you mean "embedder"?'),
    ({"use": "embedder"}, "does not say which model"),
    ({"model": "x"}, "does not say who makes them"),
    ({"use": "claude", "model": "x"}, 'provider "claude" has no embeddings'),
    ({"use": "far", "model": "x"}, "may not see what people say"),
    ({"use": "embedder", "model": "x", "wait": "1h"}, "wait"),
])
def test_mistakes_are_told_with_their_place(world, embeddings, says):
    world.bot.write("personas/mynah.yaml", "system: You are a bird.\n")
    world.bot.write("triggers/test.yaml", TRIGGERS)
    url = "http://127.0.0.1:9"
    world.bot.configure(embeddings=embeddings, providers={
        "embedder": {"type": "ollama", "url": url, "model": "tiny"},
        "claude": {"type": "anthropic", "url": url, "model": "tiny"},
        "far": {"type": "openai", "url": url, "model": "tiny", "remote": True}})
    done = world.bot.command("check")
    assert done.returncode == 1 and says in done.stdout + done.stderr, done.stderr
    assert re.search(r"mynah.yaml:\d+", done.stdout + done.stderr)

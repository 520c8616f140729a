"""A row for each model call, whatever became of it; nobody's name or words in it by default; and no
reply waits for it (faults.md L4, L5, Z5)."""

import json
import sqlite3
import time

import pytest

from tests.stage.models import Plan

OTHERWISE = """\
ask:
  command: [ask, ai]
  ask: "Answer $(user)'s question: $(query)"
  otherwise: "Not now."
say:
  command: say
  ask: "Answer $(user)'s question: $(query)"
hi:
  words: [hi, hello]
  reply: "Hi $(user)!"
"""
PRIVATE = "my number is 555 0100 4711 and my mail zephyrine@kelp.example"


def test_there_are_as_many_rows_as_the_model_got_calls(world, scene):
    twitch, models = scene(triggers=OTHERWISE, limits={"retries": 1, "breaker_failures": 100})
    plans = [Plan(text="Fine."), Plan(status=500), Plan(text="Better."), Plan(status=500),
             Plan(status=503), Plan(text="/ban x"), Plan(text="Calmer."), Plan(text="[silence]"),
             Plan(text=""), Plan(text="Good.")]
    models.plan(*plans)
    for n in range(7):
        twitch.say(f"!say number {n}", user=f"asker{n}")
        world.bot.wait_ended(n + 1)
    twitch.say("hello", user="ann")
    status = world.bot.wait_ended(8)
    assert len(models.requests) == len(plans)
    world.bot.wait_for(lambda: world.bot.status()["ledger"]["written"] == len(plans), "the rows")
    assert world.bot.stop() == 0
    rows = world.bot.rows()
    assert [(r["status"], r["error_code"], r["reason"]) for r in rows] == [
        ("success", None, "none"), ("error", "server", "provider"), ("success", None, "none"),
        ("error", "server", "provider"), ("error", "server", "provider"),
        ("blocked", None, "unsafe"), ("success", None, "none"), ("blocked", None, "declined"),
        ("error", "empty", "empty"), ("success", None, "none")]
    assert len({r["id"] for r in rows}) == len(rows)
    assert len({r["turn"] for r in rows}) == 7 == status["hits"] - 1
    assert {r["turn"] for r in rows} == {e["turn"] for e in world.history.find("model", "ask")}


def test_a_row_tells_who_asked_whom_how_long_and_what_it_took(world, scene):
    twitch, models = scene(triggers=OTHERWISE)
    models.plan(text="It is fine.", delay=0.15, usage=(123, 9))
    twitch.say("!say how is it?")
    twitch.wait_said("It is fine.")
    world.bot.wait_ended(1)
    world.bot.stop()
    row, = world.bot.rows()
    assert (row["provider"], row["model_name"]) == ("local", "tiny")
    assert (row["platform"], row["channel"], row["trigger"]) == ("twitch", "kelpforest", "say")
    assert (row["persona"], row["persona_version"]) == ("mynah", "1.0.0")
    assert (row["tokens_in"], row["tokens_out"], row["attempt"]) == (123, 9, 1)
    assert 150 <= row["first_token_ms"] <= row["latency_ms"] < 5000


def test_equal_prompts_have_equal_hashes_and_others_have_not(world, scene):
    twitch, models = scene(triggers=OTHERWISE)
    models.plan(text=lambda _: f"Answer {len(models.requests)}.")
    for n, text in enumerate(["one thing", "one thing", "another thing"]):
        twitch.say(f"!say {text}", user="ann", user_id=str(n + 1))
        world.bot.wait_ended(n + 1)
    world.bot.stop()
    a, b, c = [r["prompt_hash"] for r in world.bot.rows()]
    assert a == b != c
    assert len(a) == 64
    assert len({r["user_id"] for r in world.bot.rows()}) == 3


def test_nobodys_name_and_words_are_kept_by_default(world, scene):
    twitch, models = scene(triggers=OTHERWISE)
    models.plan(Plan(text="Zanzibarian answer."), Plan(status=500, refusal="no Zanzibarian"))
    for _ in range(2):
        twitch.say(f"!say {PRIVATE}", user="Zephyrine", user_id="87654321")
        world.bot.wait_ended(1)
    world.bot.wait_ended(2)
    world.bot.stop()
    row = world.bot.rows()[0]
    assert json.loads(row["request"])["redacted"] is True
    assert json.loads(row["response"])["redacted"] is True
    needles = ("zephyrine", "87654321", "555 0100", "zanzibarian answer")
    for path in world.folder.rglob("*"):
        if path.is_file() and path != world.folder / "history.jsonl":
            data = path.read_bytes().lower()
            for needle in needles:
                assert needle.encode() not in data, f"{needle} stands in {path}"


@pytest.mark.parametrize("payload", ["full", "redacted"])
def test_payloads_are_kept_when_asked_for(world, scene, payload):
    twitch, models = scene(triggers=OTHERWISE, ledger={"payload": payload})
    models.plan(text="Your mail is zephyrine@kelp.example, I hear.")
    twitch.say(f"!say {PRIVATE}", user="ann")
    world.bot.wait_ended(1)
    world.bot.stop()
    row = world.bot.rows()[0]
    messages = json.loads(row["request"])["messages"]
    sent = models.requests[0]["body"]["messages"]
    assert [m["role"] for m in messages] == [m["role"] for m in sent]
    assert row["status"] == "blocked" and row["reason"] == "unsafe"
    kept = row["request"] + row["response"]
    if payload == "full":
        assert messages == sent
        assert json.loads(row["response"])["content"].startswith("Your mail is zephyrine@")
    else:
        assert "zephyrine@" not in kept and "my number is" in kept


def test_a_locked_ledger_delays_no_reply_and_loses_no_row(world, scene):
    twitch, models = scene(triggers=OTHERWISE)
    models.plan(text=lambda _: f"Answer {len(models.requests)}.")
    twitch.say("!say first")
    world.bot.wait_ended(1)
    world.bot.wait_for(lambda: world.bot.status()["ledger"]["written"] == 1, "the first row")
    lock = sqlite3.connect(world.bot.state / "ledger.sqlite", isolation_level=None)
    lock.execute("begin exclusive")
    for n in range(5):
        twitch.say(f"!say number {n}", user=f"asker{n}")
        twitch.wait_said(f"^Answer {n + 2}.$")
    status = world.bot.wait_ended(6)
    assert status["ledger"]["written"] == 1
    lock.execute("rollback")
    lock.close()
    world.bot.wait_for(lambda: world.bot.status()["ledger"]["written"] == 6, "all rows")
    assert world.bot.status()["ledger"]["lost"] == 0
    assert world.bot.stop() == 0
    assert len(world.bot.rows()) == 6


def test_a_bot_stops_while_its_ledger_is_locked(world, scene):
    twitch, models = scene(triggers=OTHERWISE, limits={"drain": "1s"})
    twitch.say("!say first")
    world.bot.wait_ended(1)
    world.bot.wait_for(lambda: world.bot.status()["ledger"]["written"] == 1, "the first row")
    lock = sqlite3.connect(world.bot.state / "ledger.sqlite", isolation_level=None)
    lock.execute("begin exclusive")
    twitch.say("!say second", user="ann")
    world.bot.wait_ended(2)
    began = time.monotonic()
    assert world.bot.stop() == 0
    assert time.monotonic() - began < 30
    lock.execute("rollback")
    lock.close()


@pytest.mark.parametrize("content", [b"This is no database at all. " * 100, b"",
                                     b"SQLite format 3\0" + b"\xff" * 4096, b"SQLite"],
                         ids=["text", "empty", "garbage", "cut"])
def test_a_broken_ledger_is_put_aside_and_a_new_one_begun(world, scene, content):
    world.bot.state.mkdir(exist_ok=True)
    (world.bot.state / "ledger.sqlite").write_bytes(content)
    twitch, models = scene(triggers=OTHERWISE)
    twitch.say("!say first")
    world.bot.wait_ended(1)
    world.bot.wait_for(lambda: world.bot.status()["ledger"]["written"] == 1, "the row")
    world.bot.stop()
    assert len(world.bot.rows()) == 1
    if content:
        kept = [p for p in world.bot.state.iterdir() if p.name.startswith("ledger.sqlite.")
                and not p.name.endswith(("-wal", "-shm"))]
        assert content in [p.read_bytes() for p in kept], list(world.bot.state.iterdir())


def test_a_ledger_of_a_newer_mynah_is_left_as_it_is(world, scene):
    path = world.bot.state / "ledger.sqlite"
    with sqlite3.connect(path) as db:
        db.execute("create table future (x)")
        db.execute("insert into future values ('precious')")
        db.execute("pragma user_version = 999")
    db.close()
    twitch, models = scene(triggers=OTHERWISE)
    twitch.say("!say first")
    world.bot.wait_ended(1)
    world.bot.stop()
    assert len(world.bot.rows()) == 1
    kept = [p for p in world.bot.state.iterdir()
            if p.is_file() and b"precious" in p.read_bytes()]
    assert len(kept) == 1 and kept[0] != path


def test_rows_of_earlier_runs_stay(world, scene):
    twitch, models = scene(triggers=OTHERWISE)
    for n in range(2):
        if n:
            world.bot.start()
            world.bot.wait_up()
        models.plan(text=f"Answer {n}.")
        twitch.say("!say something")
        twitch.wait_said(f"^Answer {n}.$")
        world.bot.wait_ended(1)
        assert world.bot.stop() == 0
    rows = world.bot.rows()
    assert [r["status"] for r in rows] == ["success"] * 2
    assert len({r["user_id"] for r in rows}) == 1, "the same person has the same pseudonym"


def test_rows_that_were_written_survive_a_kill(world, scene):
    twitch, models = scene(triggers=OTHERWISE)
    models.plan(text=lambda _: f"Answer {len(models.requests)}.")
    for n in range(10):
        twitch.say(f"!say number {n}", user=f"asker{n}")
    world.bot.wait_for(lambda: world.bot.status()["ledger"]["written"] >= 3, "some rows")
    written = world.bot.status()["ledger"]["written"]
    world.bot.kill()
    with sqlite3.connect(world.bot.state / "ledger.sqlite") as db:
        assert db.execute("pragma integrity_check").fetchone() == ("ok",)
    db.close()
    assert written <= len(world.bot.rows()) <= 10


def test_without_a_ledger_chat_goes_on(world, scene):
    twitch, models = scene(triggers=OTHERWISE, ledger=False)
    models.plan(text="It is fine.")
    twitch.say("!say how is it?")
    twitch.wait_said("It is fine.")
    world.bot.stop()
    assert not (world.bot.state / "ledger.sqlite").exists()

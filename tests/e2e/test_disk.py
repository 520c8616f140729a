"""The disk is full or fails (faults.md L1, L2, L9): replies go out all the same, what was lost is
counted, all of it recovers by itself, and nothing on the disk is broken afterwards."""

import errno
import signal
import sqlite3

import pytest

from tests.e2e.conftest import ECHO, PERSONA, TRIGGERS
from tests.stage.faults import SYNCS, WRITES, Faults

# how, error, bytes that still fit, which calls
TROUBLES = {"full": (errno.ENOSPC, 0, WRITES), "nearly full": (errno.ENOSPC, 700, WRITES),
            "failing": (errno.EIO, 0, WRITES | SYNCS)}


def is_whole(path):
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
        return db.execute("pragma integrity_check").fetchone() == ("ok",)


@pytest.fixture
def ask(world, scene):
    """(faults, twitch, a function that asks and waits for the answer)."""
    faults = Faults(world.bot)
    twitch, models = scene(triggers=TRIGGERS + ECHO)
    models.plan(text=lambda _: f"Answer {len(models.requests)}.")

    def ask():
        n = len(models.requests) + 1
        twitch.say(f"!ask number {n}?", user=f"asker{n}")
        twitch.wait_said(f"^Answer {n}.$")
        return n
    return faults, twitch, ask


@pytest.mark.parametrize("trouble", TROUBLES)
def test_a_ledger_that_cannot_be_written_delays_no_reply_and_loses_no_row(world, ask, trouble):
    faults, _, ask = ask
    bot = world.bot
    ask()
    bot.wait_for(lambda: bot.status()["ledger"]["written"] == 1, "the first row")
    error, left, calls = TROUBLES[trouble]
    faults.break_disk("ledger.sqlite", error, left, calls)
    for _ in range(5):
        ask()
    bot.wait_for(lambda: faults.disk_failed, "the disk to fail")
    ledger = bot.wait_for(lambda: not (s := bot.status()["ledger"])["up"] and s, "the news")
    assert ledger["lost"] == 0
    assert any(reason.startswith("ledger: ") for reason in bot.status()["reasons"])
    assert bot.wait_log("ledger_away")[0]["level"] == "error"
    faults.mend_disk()
    bot.wait_for(lambda: bot.status()["ledger"]["up"], "the ledger")
    ask()
    bot.wait_for(lambda: bot.status()["ledger"]["written"] == 7, "every row")
    assert bot.stop() == 0
    assert len(bot.rows()) == 7 and is_whole(bot.state / "ledger.sqlite")


def test_what_a_failing_disk_takes_with_it_at_the_end_is_counted(world, ask):
    faults, _, ask = ask
    bot = world.bot
    ask()
    bot.wait_for(lambda: bot.status()["ledger"]["written"] == 1, "the first row")
    faults.break_disk("ledger.sqlite", errno.EIO, calls=WRITES | SYNCS)
    ask()
    bot.wait_for(lambda: not bot.status()["ledger"]["up"], "the news")
    assert bot.stop() == 0
    faults.mend_disk()
    lost, = [x for x in bot.log_lines() if x["action"] == "ledger_rows_lost"]
    assert int(lost["rows"]) == 1
    bot.start()
    bot.wait_up()
    ask()
    bot.wait_for(lambda: bot.status()["ledger"]["written"] == 1, "the row")
    bot.stop()
    assert len(bot.rows()) == 2 and is_whole(bot.state / "ledger.sqlite")


def test_send_budgets_that_cannot_be_saved_are_spent_after_a_restart(world, chat):
    """Silence is safe: what the file does not know may have been sent."""
    faults = Faults(world.bot)
    twitch, bot = chat(mods=["kelpforest"])
    twitch.say("!echo one", user="ann")
    twitch.wait_said("^one$")
    faults.break_disk("/state/", errno.ENOSPC)
    twitch.say("!echo two", user="bob")
    twitch.wait_said("^two$")
    bot.wait_for(lambda: any(x["action"] == "budgets_not_saved" for x in bot.log_lines()),
                 "the news")
    assert bot.stop() == 0
    faults.mend_disk()
    assert not [p for p in bot.state.iterdir() if p.name.startswith(".")], "litter stays"
    bot.start()
    bot.wait_for(lambda: any(x["action"] == "budgets_unknown" for x in bot.log_lines()), "the news")


def test_send_budgets_reach_the_disk_when_it_can_write_again(world, chat):
    faults = Faults(world.bot)
    twitch, bot = chat(mods=["kelpforest"])
    faults.break_disk("/state/", errno.ENOSPC)
    before = (bot.state / "outbox").read_bytes()
    twitch.say("!echo one", user="ann")
    twitch.wait_said("^one$")
    bot.wait_for(lambda: any(x["action"] == "budgets_not_saved" for x in bot.log_lines()),
                 "the news")
    faults.mend_disk()
    bot.wait_for(lambda: (bot.state / "outbox").read_bytes() != before, "the send in the file")


def test_a_start_without_room_says_so_and_breaks_nothing(world, chat):
    faults = Faults(world.bot)
    twitch, bot = chat(mods=["kelpforest"])
    assert bot.stop() == 0
    before = {p.name: p.read_bytes() for p in bot.state.iterdir() if p.is_file()}
    faults.break_disk("/state/", errno.ENOSPC)
    bot.start(wait=False)
    assert bot.process.wait(60) == 71
    bot.stop(signal.SIGKILL)  # it is gone already: this keeps its exit code out of the judgement
    assert str(bot.state) in bot.stderr.read_text()
    faults.mend_disk()
    assert before == {p.name: p.read_bytes() for p in bot.state.iterdir() if p.is_file()}
    bot.start()
    bot.wait_up()
    twitch.say("!echo again")
    twitch.wait_said("^again$")


def test_good_copies_that_cannot_be_kept_cost_only_the_copies(world, chat):
    faults = Faults(world.bot)
    twitch, bot = chat(mods=["kelpforest"])
    faults.break_disk("/good/", errno.ENOSPC, 20)
    bot.write("triggers/test.yaml", ECHO + 'newer: {command: newer, reply: "$(query)"}\n')
    assert bot.reload()["accepted"]
    twitch.say("!newer it works")
    twitch.wait_said("^it works$")
    bot.wait_log("good_copy_failed")
    faults.mend_disk()
    bot.write("triggers/test.yaml", "this is: [no trigger file\n")
    bot.reload()
    assert bot.stop() == 0
    bot.start()  # on the last version that could be kept, whole
    bot.wait_up()
    twitch.say("!echo as before")
    twitch.wait_said("^as before$")


@pytest.mark.parametrize("trouble", TROUBLES)
def test_a_log_without_room_loses_lines_whole_and_counts_them(world, chat, trouble):
    faults = Faults(world.bot)
    twitch, bot = chat(mods=["kelpforest"])
    error, left, calls = TROUBLES[trouble]
    faults.break_disk("mynah.log", error, left, calls)
    for n in range(4):
        twitch.say(f"!echo number {n}", user=f"user{n}")
        twitch.wait_said(f"^number {n}$")
    bot.wait_for(lambda: faults.disk_failed, "the log to fail")
    bot.wait_for(lambda: "log cannot be written" in bot.stderr.read_text(), "a word on stderr")
    faults.mend_disk()
    twitch.say("!echo with room again", user="late")
    twitch.wait_said("^with room again$")

    def counted():
        bot.signal(signal.SIGUSR1)  # each is a line
        return [x for x in bot.log_lines() if x["action"] == "lost"]  # every line parses
    bot.wait_for(counted, "the count")
    assert bot.stop() == 0
    lines = bot.log_lines()
    assert sum(x["suppressed"] for x in lines if x["action"] == "lost") > 0
    assert lines[-1]["action"] == "stop"
    assert bot.stderr.read_text().count("log cannot be written") == 1

"""Who is asked, how often, and what it may cost: order, retries, breaker, key, cancelling, limits
(faults.md P7 - P14, A11)."""

import time

import pytest

from tests.stage.bot import CANARIES
from tests.stage.models import Plan

OTHERWISE = """\
ask:
  command: [ask, ai]
  ask: "Answer $(user)'s question: $(query)"
  otherwise: "Not now, $(user)."
  thread: true
hi:
  words: [hi, hello]
  reply: "Hi $(user)!"
raid:
  on: raid
  ask: "Welcome $(count) friends of $(user)!"
  otherwise: "Welcome raiders of $(user)!"
"""


@pytest.fixture
def two(world, scene):
    """A function that starts a bot with a local provider and a paid one behind it, on servers of
    their own. Gives (twitch, local, paid)."""
    def start(**options):
        paid = world.models(key=CANARIES["openai"])
        key = {"file": str(world.secret_file("openai", CANARIES["openai"]))}
        options.setdefault("limits", {"retries": 0})
        twitch, local = scene(providers=lambda models: {
            "local": models.conf("ollama"), "paid": paid.conf("openai", key=key)}, **options)
        return twitch, local, paid
    return start


# -- Order ---------------------------------------------------------------------------------------

def test_the_first_provider_is_asked_alone_while_it_answers(world, two):
    twitch, local, paid = two()
    local.plan(text="From here.")
    twitch.say("!ask where from?")
    twitch.wait_said("^From here.$")
    assert paid.requests == []


@pytest.mark.parametrize("plan", [Plan(status=500), Plan(status=404), Plan(status=401),
                                  Plan(text="", pieces=1), Plan(fault="html")],
                         ids=["broken", "no model", "no key", "no words", "no answer"])
def test_the_next_provider_answers_for_the_first(world, two, plan):
    twitch, local, paid = two()
    local.plan(plan)
    paid.plan(text="From afar.")
    twitch.say("!ask where from?")
    twitch.wait_said("^From afar.$")
    assert len(local.requests) == len(paid.requests) == 1
    assert local.requests[0]["body"]["messages"] == paid.requests[0]["body"]["messages"]
    world.bot.stop()
    rows = world.bot.rows()
    assert [(r["provider"], r["status"]) for r in rows] == [("local", "error"), ("paid", "success")]
    assert rows[0]["turn"] == rows[1]["turn"]
    assert [r["attempt"] for r in rows] == [1, 2]


def test_both_turns_carry_the_turn_as_their_request_id(world, two):
    twitch, local, paid = two()
    local.plan(status=500)
    twitch.say("!ask where from?")
    world.bot.wait_ended(1)
    world.bot.stop()
    ids = {e["turn"] for e in world.history.find("model", "ask")}
    assert ids == {r["turn"] for r in world.bot.rows()}
    assert len(ids) == 1


def test_after_the_first_word_nobody_else_is_paid(world, two):
    twitch, local, paid = two()
    local.plan(text="A long answer that breaks off in the middle of it.", fault="cut")
    twitch.say("!ask where from?")
    assert world.bot.wait_ended(1)["drops"] == {"provider": 1}
    assert paid.requests == [] and twitch.said() == []


def test_when_all_fail_there_is_one_quiet_end(world, two):
    twitch, local, paid = two()
    local.plan(status=500)
    paid.plan(status=503)
    twitch.say("!ask where from?")
    assert world.bot.wait_ended(1)["drops"] == {"provider": 1}
    assert twitch.said() == []
    errors = [line for line in world.bot.log_lines() if line["level"] == "error"]
    assert len(errors) <= 1


# -- Retries ---------------------------------------------------------------------------------------

def test_a_failing_server_is_asked_again_as_often_as_configured(world, scene):
    twitch, models = scene(limits={"retries": 2, "breaker_failures": 100})
    models.plan(Plan(status=500), Plan(status=503), Plan(text="Third time lucky."))
    twitch.say("!ask again?")
    twitch.wait_said("^Third time lucky.$")
    world.bot.stop()
    rows = world.bot.rows()
    assert [(r["attempt"], r["status"], r["error_code"]) for r in rows] == [
        (1, "error", "server"), (2, "error", "server"), (3, "success", None)]
    assert len({r["prompt_hash"] for r in rows}) == len({r["turn"] for r in rows}) == 1


def test_retries_end(world, scene):
    twitch, models = scene(limits={"retries": 2, "breaker_failures": 100})
    models.plan(status=500)
    twitch.say("!ask again?")
    assert world.bot.wait_ended(1)["drops"] == {"provider": 1}
    assert len(models.requests) == 3


def test_a_server_that_says_when_is_left_alone_until_then(world, scene):
    twitch, models = scene(limits={"retries": 2})
    models.plan(Plan(status=429, headers={"Retry-After": "1"}), Plan(text="Now it is fine."))
    twitch.say("!ask again?")
    twitch.wait_said("^Now it is fine.$")
    first, second = [e["t"] for e in world.history.find("model", "ask")]
    assert second - first >= 1.0


def test_a_wait_that_is_too_long_is_not_waited(world, two):
    twitch, local, paid = two(limits={"retries": 3})
    local.plan(status=429, headers={"Retry-After": "3000"})
    paid.plan(text="Here at once.")
    twitch.say("!ask again?")
    twitch.wait_said("^Here at once.$")
    twitch.say("!ask and again?", user="brookfinch")
    assert world.bot.wait_ended(2)["drops"] == {"twin": 1}
    assert len(local.requests) == 1, "it had asked for rest"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413])
def test_what_cannot_get_better_is_not_tried_again(world, scene, status):
    twitch, models = scene(limits={"retries": 5})
    models.plan(status=status)
    twitch.say("!ask again?")
    assert world.bot.wait_ended(1)["drops"] == {"provider": 1}
    assert len(models.requests) == 1


# -- Breaker ---------------------------------------------------------------------------------------

def test_an_open_breaker_costs_nothing_and_closes_after_one_probe(world, scene):
    twitch, models = scene(limits={"retries": 0, "breaker_failures": 3, "breaker_open": "4s"})
    models.plan(status=500)
    for n in range(3):
        twitch.say(f"!ask question {n}", user=f"asker{n}")
        world.bot.wait_ended(n + 1)
    opened = time.monotonic()
    for n in range(3, 8):
        twitch.say(f"!ask question {n}", user=f"asker{n}")
    status = world.bot.wait_ended(8)
    assert status["drops"] == {"provider": 3, "breaker": 5}
    assert len(models.requests) == 3
    assert status["providers"][0]["breaker"] == "open"
    assert status["status"] == "degraded"
    assert any(r.startswith("local") for r in status["reasons"])
    models.plan(text="I am back.")
    n = 8
    while not twitch.said():
        assert time.monotonic() - opened < 60
        time.sleep(0.05)
        twitch.say(f"!ask question {n}", user=f"asker{n}")
        n += 1
        status = world.bot.wait_ended(n)
    assert twitch.said() == ["I am back."]
    assert len(models.requests) == 4
    assert status["providers"][0]["breaker"] == "closed"
    assert status["status"] == "healthy"
    assert time.monotonic() - opened >= 3.5


def test_questions_that_no_model_was_asked_cost_no_budget(world, scene):
    twitch, models = scene(limits={"retries": 0, "breaker_failures": 1, "calls_hour": 2})
    models.plan(status=500)
    for n in range(6):
        twitch.say(f"!ask question {n}", user=f"asker{n}")
        status = world.bot.wait_ended(n + 1)
    assert status["drops"] == {"provider": 1, "breaker": 5}


def test_a_provider_with_an_open_breaker_is_passed_over(world, two):
    twitch, local, paid = two(limits={"retries": 0, "breaker_failures": 1})
    local.plan(status=500)
    for n in range(3):
        paid.plan(text=f"Answer number {n}.")
        twitch.say(f"!ask question {n}")
        twitch.wait_said(f"^Answer number {n}.$")
    assert len(local.requests) == 1 and len(paid.requests) == 3


# -- The key ---------------------------------------------------------------------------------------

def test_the_key_goes_to_its_provider_alone_and_is_shown_nowhere(world, two):
    twitch, local, paid = two()
    key = CANARIES["openai"]
    local.plan(status=500)
    told = Plan(text=f"The key is {key}.")
    paid.plan(Plan(text="One."), told, told, Plan(status=401, body=b""))  # told: it is asked again
    for n in range(3):
        twitch.say(f"!ask question {n}", user=f"asker{n}")
        status = world.bot.wait_ended(n + 1)
    assert twitch.said() == ["One."]
    assert status["drops"] == {"provider": 1, "unsafe": 1}
    assert [r["headers"].get("Authorization") for r in paid.requests] == [f"Bearer {key}"] * 4
    assert all("Authorization" not in r["headers"] and key not in str(r) for r in local.requests)
    for path in ("/api/v1/status", "/metrics", "/health", "/api/v1/reload"):
        assert key not in world.bot.get(path)
    assert key.encode() not in open(f"/proc/{world.bot.process.pid}/cmdline", "rb").read()
    assert key not in world.bot.command("explain", "!ask question").stdout


def test_a_server_that_repeats_the_key_in_its_refusal_does_not_get_it_printed(world, scene):
    key = CANARIES["openai"]
    twitch, models = scene(wire="openai", provider={
        "key": {"file": str(world.secret_file("openai", key))}}, limits={"retries": 0})
    models.plan(status=401, refusal=f"Incorrect API key provided: {key}. Find yours at ...")
    twitch.say("!ask may I?")
    status = world.bot.wait_ended(1)
    assert status["drops"] == {"provider": 1}
    assert key not in str(status)
    world.bot.stop()
    row, = world.bot.rows()
    assert row["error_code"] == "auth" and key[:14] not in row["error_message"]


# -- Cancelling ------------------------------------------------------------------------------------

@pytest.mark.parametrize("wire", ["ollama", "openai"])
@pytest.mark.parametrize("how", ["deleted", "timed out", "banned", "cleared"])
def test_the_model_is_told_to_stop_when_the_question_is_gone(world, scene, wire, how):
    twitch, models = scene(wire=wire)
    models.plan(text="Nobody wants to know.", fault="half")
    message = twitch.say("!ask something", user="brookfinch", user_id="777")
    world.bot.wait_for(lambda: models.at_once == 1, "the call")
    if how == "deleted":
        twitch.delete(message, user="brookfinch")
    elif how == "cleared":
        twitch.clear()
    else:
        twitch.ban("777", user="brookfinch", seconds=600 if how == "timed out" else None)
    assert world.bot.wait_ended(1)["drops"] == {"gone": 1}
    world.bot.wait_for(lambda: models.cancelled == 1, "the model's connection to close")
    world.bot.stop()
    row, = world.bot.rows()
    assert (row["status"], row["error_code"], row["reason"]) == ("cancelled", "cancelled", "gone")
    assert twitch.said() == []


def test_a_call_that_ran_out_of_time_closes_its_connection(world, scene):
    twitch, models = scene(provider={"total": "300ms"}, limits={"retries": 0})
    models.plan(fault="hang")
    twitch.say("!ask anybody there?")
    world.bot.wait_ended(1)
    world.bot.wait_for(lambda: models.cancelled == 1, "the model's connection to close")


# -- Otherwise, silence ----------------------------------------------------------------------------

def test_the_otherwise_line_is_said_once_for_many_failures(world, scene):
    twitch, models = scene(triggers=OTHERWISE, limits={"retries": 0, "breaker_failures": 2})
    models.plan(status=500)
    for n in range(5):
        twitch.say(f"!ask question {n}", user=f"asker{n}")
        status = world.bot.wait_ended(n + 1)
    assert twitch.said() == ["Not now, asker0."]
    assert status["drops"] == {"provider": 1, "breaker": 3}
    world.bot.stop()
    assert [r["status"] for r in world.bot.rows()] == ["fallback", "error"]


def test_the_otherwise_line_of_an_event_is_always_said(world, scene):
    twitch, models = scene(triggers=OTHERWISE, limits={"retries": 0, "gather": "100ms"})
    models.plan(status=500)
    for name in ("ann", "bob"):
        twitch.notice("raid", user=name, displayName=name, login=name, viewerCount="42")
        twitch.wait_said(f"^Welcome raiders of {name}!$")


def test_a_refused_answer_is_replaced_by_the_otherwise_line(world, scene):
    twitch, models = scene(triggers=OTHERWISE)
    models.plan(text="/ban everybody")
    twitch.say("!ask shall I?")
    twitch.wait_said("^Not now, pebblewren.$")
    world.bot.stop()
    assert [row["status"] for row in world.bot.rows()] == ["blocked", "fallback"]


def test_a_model_may_decline(world, scene):
    twitch, models = scene(triggers=OTHERWISE)
    models.plan(text="[silence]")
    twitch.say("!ask say something stupid")
    assert world.bot.wait_ended(1)["drops"] == {"declined": 1}
    assert twitch.said() == []


# -- Limits ----------------------------------------------------------------------------------------

def test_at_most_four_calls_are_under_way(world, scene):
    twitch, models = scene()
    models.plan(text=lambda last: "Answer to " + last.split("number ")[1].split()[0])
    models.is_held = True
    for n in range(30):
        twitch.say(f"!ask number {n}", user=f"asker{n}")
    world.bot.wait_status(live=30)
    world.bot.wait_for(lambda: models.at_once == 4, "four calls")
    models.is_held = False
    status = world.bot.wait_ended(30)
    assert models.most_at_once == 4
    assert status["sent"] == 30, status
    assert len(models.requests) == 30


def test_what_is_too_much_at_once_is_dropped_and_counted(world, scene):
    twitch, models = scene(limits={"turns": 5, "asks": 2})
    models.plan(text=lambda last: "Answer to " + last.split("number ")[1].split()[0])
    models.is_held = True
    for n in range(20):
        twitch.say(f"!ask number {n}", user=f"asker{n}")
    world.bot.wait_status(live=5, drops={"busy": 15})
    world.bot.wait_for(lambda: models.at_once == 2, "two calls")
    models.is_held = False
    assert world.bot.wait_ended(20)["sent"] == 5
    assert models.most_at_once == 2


def test_one_user_has_one_question_under_way(world, scene):
    twitch, models = scene()
    models.is_held = True
    for n in range(10):
        twitch.say(f"!ask question {n}")
    world.bot.wait_status(live=1, drops={"busy": 9})
    models.is_held = False
    assert world.bot.wait_ended(10)["sent"] == 1
    assert len(models.requests) == 1


@pytest.mark.parametrize("limit", ["calls_hour", "calls_day", "calls_user_hour",
                                   "calls_channel_hour"])
@pytest.mark.parametrize("most", [0, 3])
def test_calls_end_at_their_budget_and_chat_goes_on(world, scene, limit, most):
    twitch, models = scene(limits={limit: most})
    models.plan(text=lambda last: "Answer to " + last.split("number ")[1].split()[0])
    for n in range(6):
        twitch.say(f"!ask number {n}")
        status = world.bot.wait_ended(n + 1)
    assert len(models.requests) == most
    assert status["drops"] == {"budget": 6 - most}
    twitch.say("hello")
    twitch.wait_said("^Hi pebblewren!$")


def test_a_budget_of_one_user_or_channel_leaves_others_theirs(world, scene):
    twitch, models = scene(rooms=("kelpforest", "tidepool"),
                           limits={"calls_user_hour": 1, "calls_channel_hour": 3})
    models.plan(text=lambda last: "Answer to " + last.split("number ")[1].split()[0])
    for n, (user, room) in enumerate([("ann", "kelpforest"), ("ann", "kelpforest"),
                                      ("bob", "kelpforest"), ("cat", "kelpforest"),
                                      ("dan", "kelpforest"), ("dan", "tidepool")]):
        twitch.say(f"!ask number {n}", user=user, room=room)
        world.bot.wait_ended(n + 1)
    assert twitch.said("kelpforest") == ["Answer to 0", "Answer to 2", "Answer to 3"]
    assert twitch.said("tidepool") == ["Answer to 5"], world.bot.status()

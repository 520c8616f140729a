"""What model calls cost, and what they may: the stage tells the tokens, and adds the bill up
itself."""

import json
import os
import signal

import pytest

from tests.stage.models import Plan

# Dollars for a million tokens; an answer of the stage has 42 tokens in and 7 out: 5,600 millionths.
PRICE = {"price_in": 100, "price_out": 200}
BILL = 42 * 100 + 7 * 200
PATIENT = {"retries": 0, "breaker_failures": 100}


def spent(bot):
    return bot.status()["spent"]


def ask(world, twitch, first, last, **who):
    """Questions of as many people, one after the other."""
    for n in range(first, last):
        twitch.say(f"!ask question {n}", **(who or {"user": f"asker{n}"}))
        world.bot.wait_ended(n + 1)


def test_what_was_spent_is_told_everywhere(world, scene):
    twitch, models = scene(provider=PRICE, limits={**PATIENT, "cost_day": "1.00"})
    models.plan(text=lambda _: f"Answer {len(models.requests)}.")
    ask(world, twitch, 0, 3)
    told = spent(world.bot)
    assert (told["day"], told["cap_day"]) == (3 * BILL, 1000000)
    assert "spent      $0.0168 today, of $1.00" in world.bot.command("status").stdout
    assert "caps     asker2: 0 of 100 questions today; $0.0168 are spent today of $1.00" in (
        world.bot.command("explain", "!ask why?", "--user", "asker2").stdout)
    world.bot.stop()
    assert [row["cost_micros"] for row in world.bot.rows()] == [BILL] * 3
    listing = json.loads(world.bot.command("ledger", "cost", "--by", "trigger", "--json").stdout)
    assert (listing["calls"], listing["cost_micros"]) == (3, 3 * BILL)
    assert [row["name"] for row in listing["rows"]] == ["ask"]
    text = world.bot.command("ledger", "cost", "--forecast", "--days", "1").stdout
    assert "$0.016800" in text and "$0.504000" in text and "at this pace" in text
    assert world.bot.command("ledger", "cost", "--by", "moon").returncode == 2


def test_a_spent_day_ends_in_the_cheaper_model_then_in_the_line_then_in_silence(world, scene):
    paid = world.models()
    # The prompt and the 30 tokens that an answer may take are reserved: several times the bill.
    twitch, local = scene(mod=True, limits={**PATIENT, "cost_day": "0.10"}, triggers=(
        'ask: {command: ask, ask: "$(query)", otherwise: "Not today."}'), providers=lambda models: {
            "paid": paid.conf("openai", max_tokens=30, **PRICE), "local": models.conf()})
    paid.plan(text=lambda _: f"Paid {len(paid.requests)}.")
    local.plan(text=lambda _: f"Free {len(local.requests)}.")
    ask(world, twitch, 0, 8)
    bill = len(paid.requests) * BILL
    assert 0 < bill <= 100000 and spent(world.bot)["day"] == bill
    assert len(paid.requests) + len(local.requests) == 8 and local.requests
    assert [t.split()[0] for t in twitch.said()] == (
        ["Paid"] * len(paid.requests) + ["Free"] * len(local.requests))
    local.stop()
    ask(world, twitch, 8, 9)
    twitch.wait_said("^Not today.$")
    assert len(world.bot.log_lines("cost_warning")) == 1


@pytest.mark.parametrize("window", ["hour", "day"])
@pytest.mark.parametrize("whose", ["", "channel_", "user_", "persona_"])
def test_a_cap_refuses_and_warns_before(world, scene, whose, window):
    rule = f"cost_{whose}{window}"
    twitch, models = scene(provider={**PRICE, "max_tokens": 30}, limits={**PATIENT, rule: "0.10"})
    models.plan(text=lambda _: f"Answer {len(models.requests)}.")
    asked = 0
    while not world.bot.drops() and asked < 40:
        ask(world, twitch, asked, asked + 1, user="brookfinch", user_id="777")
        asked += 1
    assert world.bot.drops() == {"budget": 1} and models.requests
    world.bot.wait_for(lambda: world.bot.log_lines("dropped"), "the end in the log")
    assert {line["rule"] for line in world.bot.log_lines("cost_warning")} == {rule}
    assert world.bot.log_lines("dropped")[-1]["rule"] == rule


def test_a_question_that_no_model_was_asked_is_not_counted(world, scene):
    """It is deleted while it waits for the call of another."""
    twitch, models = scene(limits={**PATIENT, "asks": 1, "everyone_day": 1})
    models.plan(text=lambda _: f"Answer {len(models.requests)}.")
    models.is_held = True
    twitch.say("!ask question 0", user="asker0")
    world.bot.wait_for(lambda: models.at_once == 1, "the first question")
    gone = twitch.say("!ask question 1", user="asker1")
    world.bot.wait_status(hits=2)
    twitch.delete(gone, user="asker1")
    world.bot.wait_drops(gone=1)
    models.is_held = False
    world.bot.wait_ended(2)
    twitch.say("!ask question 2", user="asker1")
    twitch.wait_said("^Answer 2.$")
    assert world.bot.drops() == {"gone": 1}


def test_what_is_on_its_way_counts_before_it_is_answered(world, scene):
    twitch, models = scene(provider={**PRICE, "max_tokens": 30},
                           limits={**PATIENT, "cost_day": "0.20", "asks": 8})
    models.is_held = True
    for n in range(8):
        twitch.say(f"!ask question {n}", user=f"asker{n}")
    world.bot.wait_for(lambda: world.bot.drops().get("budget", 0) > 0, "calls that are not paid")
    reserved = spent(world.bot)["day"]
    assert 0 < reserved <= 200000
    models.is_held = False
    world.bot.wait_ended(8)
    assert spent(world.bot)["day"] == len(models.requests) * BILL <= 200000


@pytest.mark.parametrize("plan,cost", [
    (Plan(status=500), "nothing"), (Plan(status=429), "nothing"),
    (Plan(text="Half of it", fault="cut"), "all"), (Plan(fault="half", text="Half of it"), "all"),
    (Plan(text="/ban somebody"), "twice")], ids=["broken", "refused", "cut", "stuck", "suppressed"])
def test_an_answer_that_is_not_said_costs_what_it_costs(world, scene, plan, cost):
    twitch, models = scene(provider={**PRICE, "max_tokens": 30, "idle": "500ms"}, limits=PATIENT)
    models.plan(plan)
    ask(world, twitch, 0, 1)
    day = spent(world.bot)["day"]
    world.bot.stop()
    assert sum(row["cost_micros"] for row in world.bot.rows()) == day
    assert day == {"nothing": 0, "twice": 2 * BILL}.get(cost, day)
    if cost == "all":  # nobody told the tokens: all that it may have cost
        assert day > 30 * 200


def test_a_cancelled_call_is_settled_and_counted(world, scene):
    twitch, models = scene(provider={**PRICE, "max_tokens": 30},
                           limits={**PATIENT, "cost_day": "1.00"})
    models.plan(fault="half", text="It is a long story")
    message = twitch.say("!ask for a story")
    world.bot.wait_for(lambda: models.at_once == 1, "the question")
    twitch.delete(message)
    world.bot.wait_for(lambda: models.cancelled == 1, "the end of the call")
    world.bot.wait_ended(1)
    day = spent(world.bot)["day"]
    world.bot.stop()
    row, = world.bot.rows()
    assert (row["error_code"], row["cost_micros"]) == ("cancelled", day)
    assert day > 30 * 200  # nobody told the tokens: all that it may have cost
    assert json.loads(world.bot.command("ledger", "cost", "--json").stdout)["cost_micros"] == day


def test_what_has_no_price_is_told_where_a_cap_is_set(world):
    far = {"type": "openai", "url": "http://127.0.0.1:9/v1", "model": "tiny", "remote": True}
    for provider, limits, is_told in (
            (far, {"cost_day": 1}, True), (far, {}, False), ({**far, "cost_day": 1}, {}, True),
            ({**far, "price_out": 1}, {"cost_day": 1}, False),
            ({**far, "price_in": 0}, {"cost_day": 1}, False),
            ({**far, "remote": False}, {"cost_day": 1}, False)):
        world.bot.configure(providers={"far": provider}, limits=limits)
        told = world.bot.command("check").stdout
        assert ('"far" has no price, so no cap of cost stops it' in told) == is_told, provider


def test_a_restart_forgets_no_bill(world, scene):
    twitch, models = scene(provider=PRICE, limits={**PATIENT, "cost_channel_day": "0.5"})
    ask(world, twitch, 0, 2)
    world.bot.stop()
    world.bot.start()
    world.bot.wait_up()
    assert spent(world.bot)["day"] == 2 * BILL
    world.bot.stop()
    path = os.path.join(world.bot.state, "spent")
    with open(path, "w", encoding="utf-8") as f:
        f.write("a day long ago\n")
    world.bot.configure(twitch=world.twitch_conf(twitch), limits={**PATIENT, "cost_day": "100"},
                        providers={"local": models.conf(**PRICE)})
    world.bot.start()
    world.bot.wait_up()
    asked = len(models.requests)
    twitch.say("!ask is there any money left?")
    world.bot.wait_drops(budget=1)
    assert len(models.requests) == asked and world.bot.log_lines("spending_unknown")


@pytest.mark.parametrize("provider,limits,first", [
    ({"calls_day": 2}, {}, 3), ({"cost_day": "0.10", "max_tokens": 30}, {}, 12),
    ({}, {"calls_day": 2}, 3)], ids=["provider's calls", "provider's cost", "bot's calls"])
def test_no_limit_starts_anew_after_a_restart(world, scene, provider, limits, first):
    twitch, models = scene(provider={**PRICE, **provider}, limits={**PATIENT, **limits})
    models.plan(text=lambda _: f"Answer {len(models.requests)}.")
    ask(world, twitch, 0, first)
    asked = len(models.requests)
    assert 0 < asked < first and world.bot.drops() == {"budget": first - asked}
    for is_crash in (False, True):
        if is_crash:
            world.bot.kill()
        else:
            world.bot.stop()
        world.bot.start()
        world.bot.wait_up()
        twitch.say("!ask is there another one?", user=f"late{is_crash}")
        world.bot.wait_drops(budget=1)
    assert len(models.requests) == asked


def test_explain_tells_what_is_left_of_every_cap(world, scene):
    twitch, models = scene(provider=PRICE, limits={
        **PATIENT, "calls_hour": 11, "calls_channel_hour": 12, "calls_user_hour": 13,
        "calls_day": 14, "cost_hour": "2", "cost_channel_day": "3", "cost_user_day": "4",
        "cost_persona_day": "5"}, triggers='ask: {command: ask, ask: "$(query)"}\n'
        'raid: {on: raid, ask: "Welcome $(user)."}\n')
    ask(world, twitch, 0, 2, user="brookfinch", user_id="777")
    two = f"{2 * BILL / 1e6:.4f}"
    told = world.bot.command("explain", "!ask why?", "--user", "777", "--channel",
                             "kelpforest").stdout
    assert "caps     777: 2 of 100 questions today" in told
    assert (f"${two} are spent today; ${two} are spent this hour of $2.00; "
            f"${two} are spent in this channel today of $3.00") in told
    assert f"${two} are spent for them today of $4.00" in told
    assert f"${two} are spent by this persona today of $5.00" in told
    assert ("calls of models: 2 of 14 today; this hour 2 of 11, 2 of 12 in this channel, "
            "2 of 13 for them") in told
    told = world.bot.command("explain", "--on", "raid", "--user", "somebody").stdout
    assert "caps     this counts as nobody's question; $" in told and "2 of 14 today" in told


def test_a_person_has_a_number_of_questions_a_day_by_level(world, scene):
    twitch, models = scene(limits={**PATIENT, "everyone_day": 2, "subscriber_day": 3})
    models.plan(text=lambda _: f"Answer {len(models.requests)}.")
    ask(world, twitch, 0, 3, user="brookfinch", user_id="777")
    assert world.bot.drops() == {"budget": 1}
    ask(world, twitch, 3, 4, user="brookfinch", user_id="777", badges="subscriber/12")
    ask(world, twitch, 4, 5, user="dunewarbler", user_id="778")
    assert world.bot.drops() == {"budget": 1} and len(models.requests) == 4
    world.bot.process.send_signal(signal.SIGTERM)
    world.bot.process.wait(10)
    world.bot.start()
    world.bot.wait_up()
    twitch.say("!ask may I?", user="brookfinch", user_id="777")
    world.bot.wait_drops(budget=1)


def test_prices_come_from_a_list_too(world, scene):
    world.bot.write("prices.json", json.dumps({
        "sample_spec": {"input_cost_per_token": "what it costs"},
        "tiny": {"input_cost_per_token": 1e-4, "output_cost_per_token": 2e-4, "mode": "chat"}}))
    twitch, models = scene(prices="prices.json", limits=PATIENT)
    ask(world, twitch, 0, 1)
    assert spent(world.bot)["day"] == BILL
    world.bot.write("prices.json", "[1,")
    check = world.bot.command("check")
    assert check.returncode == 1 and "the list of prices cannot be read" in check.stdout

"""Deleted words and banned people: nothing is said to them, and nothing of them is kept."""

import pytest

ALICE, BOB = "50020001", "50020002"


def test_a_question_deleted_while_the_model_thinks_is_not_answered(talk):
    _, twitch, models, bot = talk
    models.plan(text="too late")
    models.is_held = True
    message = twitch.say("!ask what was that?")
    bot.wait_for(lambda: len(models.requests) == 1, "the question")
    twitch.delete(message)
    bot.wait_status(drops={"gone": 1}, live=0)
    assert twitch.said() == []


@pytest.mark.parametrize("command", ["echo", "plain"])
@pytest.mark.parametrize("how", ["delete", "ban", "clear"])
def test_a_reply_that_waits_its_turn_goes_with_what_it_answers(chat, command, how):
    twitch, bot = chat(gap="4s")
    twitch.say("!plain first", user="bob", user_id=BOB)
    twitch.wait_said("^first$")
    message = twitch.say(f"!{command} second", user="alice", user_id=ALICE)  # waits for its gap
    bot.wait_status(waiting=1)
    if how == "delete":
        twitch.delete(message, user="alice")
    elif how == "ban":
        twitch.ban(ALICE, user="alice")
    else:
        twitch.raw(f"@room-id={twitch.rooms['kelpforest']} :tmi.twitch.tv CLEARCHAT #kelpforest")
    bot.wait_drops(gone=1)
    twitch.say("!plain third", user="bob", user_id=BOB)
    twitch.wait_said("^third$")
    assert twitch.said() == ["first", "third"]


def test_what_others_wait_for_stays(chat):
    twitch, bot = chat(gap="4s")
    twitch.say("!plain first", user="bob", user_id=BOB)
    twitch.wait_said("^first$")
    twitch.say("!plain second", user="bob", user_id=BOB)
    bot.wait_status(waiting=1)
    twitch.ban(ALICE, user="alice")
    twitch.delete("6f1c1a1e-0000-4000-8000-00000000000a")
    twitch.wait_said("^second$")


@pytest.mark.parametrize("how", ["delete", "timeout", "ban", "clear"])
def test_memory_forgets_what_was_deleted(talk, how):
    _, twitch, models, bot = talk
    models.plan(text=lambda last: "alpha" if "secret" in last else "omega")
    message = twitch.say("!ask my secret is plankton", user="alice", user_id=ALICE)
    twitch.wait_said("^alpha$")
    bot.wait_status(sent=1)
    if how == "delete":
        twitch.delete(message, user="alice")
    elif how == "clear":
        twitch.raw(f"@room-id={twitch.rooms['kelpforest']} :tmi.twitch.tv CLEARCHAT #kelpforest")
    else:
        twitch.ban(ALICE, user="alice", seconds=1 if how == "timeout" else None)
    twitch.say("!ask what did I say?", user="alice", user_id=ALICE)
    twitch.wait_said("^omega$")
    prompt = str(models.requests[-1]["body"]["messages"])
    assert "what did I say" in prompt
    assert "plankton" not in prompt and "alpha" not in prompt


def test_memory_keeps_what_was_not(talk):
    _, twitch, models, bot = talk
    models.plan(text=lambda last: "alpha" if "secret" in last else "omega")
    twitch.say("!ask my secret is plankton", user="alice", user_id=ALICE)
    twitch.wait_said("^alpha$")
    bot.wait_status(sent=1)
    twitch.ban(BOB, user="bob")
    twitch.say("!ask what did I say?", user="alice", user_id=ALICE)
    twitch.wait_said("^omega$")
    assert "plankton" in str(models.requests[-1]["body"]["messages"])

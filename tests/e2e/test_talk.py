"""Ordinary conversations on Twitch chat."""


def test_a_greeting_is_answered(talk):
    _, twitch, _, _ = talk
    twitch.say("hi there", user="PebbleWren")
    twitch.wait_said("^Hi PebbleWren!$")


def test_a_question_goes_to_the_model_and_comes_back_as_a_reply(talk):
    _, twitch, models, bot = talk
    models.plan(text="It is 40 m deep.")
    message = twitch.say("!ask how deep is it?")
    said = twitch.wait_said("^It is 40 m deep.$")
    assert said["reply_to"] == message
    body = models.requests[0]["body"]
    assert body["messages"][0]["role"] == "system"
    assert "how deep is it?" in body["messages"][-1]["content"]
    assert all("how deep" not in m["content"] for m in body["messages"] if m["role"] == "system")
    bot.stop()
    rows = bot.rows()
    assert len(rows) == 1
    assert rows[0]["status"] == "success"
    assert rows[0]["error_code"] is None


def test_a_raid_is_welcomed(talk):
    _, twitch, _, _ = talk
    twitch.notice("raid", user="brinebaron", displayName="BrineBaron", login="brinebaron",
                  viewerCount="42")
    twitch.wait_said("Welcome 42 friends of brinebaron")

"""Joining many rooms, and one that does not exist."""


def test_an_unknown_room_is_reported_and_the_others_are_served(world, chat):
    # Two windows full, the unknown one among the first; the server ignores what is too much.
    rooms = [f"room{i}" for i in range(37)]
    twitch, bot = chat(rooms=rooms, channels=[*rooms[:3], "nosuchroom", *rooms[3:]], wait=False,
                       joins=19, join_window="10500ms")
    bot.wait_for(lambda: sum(lane["state"] == "open" for lane in
                             bot.status()["places"][0]["place"]["channels"]) == 37, "all others")
    assert not world.history.find("twitch", "join", over=True)
    twitch.say("!echo here", room="room36")
    twitch.wait_said("^here$")
    line = bot.wait_log("join_failed")[0]
    assert line["community"] == "nosuchroom"
    assert "exist" in line["message"]
    states = {lane["name"]: lane["state"]
              for lane in bot.status()["places"][0]["place"]["channels"]}
    assert states.pop("nosuchroom") == "failed"
    assert set(states.values()) == {"open"}
    assert len(world.history.find("twitch", "join", room="nosuchroom")) == 1

"""How fast it speaks: slow mode, and the change between moderator, VIP and nobody special."""

import pytest

from tests.checks import invariants


def gaps(world):
    """Between what was said, in seconds, at most."""
    said = world.history.find("twitch", "said")
    return [b["t"] - invariants.arrived(a) for a, b in zip(said, said[1:])]


def test_slow_mode_is_kept(world, chat):
    twitch, _ = chat(wait=False)
    twitch.slow["kelpforest"] = 4
    world.bot.wait_up()
    room_id = twitch.rooms["kelpforest"]
    twitch.raw(f"@slow=4;room-id={room_id} :tmi.twitch.tv ROOMSTATE #kelpforest")
    twitch.say("!plain one")
    twitch.say("!plain two")
    twitch.wait_said("^two$")
    assert gaps(world)[0] >= 4
    twitch.raw(f"@slow=0;room-id={room_id} :tmi.twitch.tv ROOMSTATE #kelpforest")
    twitch.say("!plain three")
    twitch.wait_said("^three$")
    assert gaps(world)[1] < 4


@pytest.mark.parametrize("send", ["irc", "helix"])
def test_a_moderator_or_vip_speaks_freely_and_afterwards_no_more(world, chat, send):
    # No time for a gap between each two of twelve.
    twitch, bot = chat(send=send, limits={"reply_ttl": "4s"})
    for make, word in ((twitch.set_mod, "mod"), (twitch.set_vip, "vip")):
        make("kelpforest", True)
        bot.wait_for(lambda: bot.status()["places"][0]["place"]["channels"][0]["privileged"], word)
        for i in range(12):
            twitch.say(f"!plain {word} {i}")
        twitch.wait_said(f"^{word} 11$")
        make("kelpforest", False)
        bot.wait_for(lambda: not bot.status()["places"][0]["place"]["channels"][0]["privileged"],
                     "nobody special")
    # 24 are counted: without privileges not one more fits into the window (I1 judges it too).
    twitch.say("!plain one too many")
    bot.wait_drops(late=1)
    assert len(twitch.said()) == 24

"""Chat over TLS: the token goes to nobody but the server that the certificate names."""

import pytest


def test_a_server_that_our_authority_vouches_for_is_trusted(world, chat):
    authority = world.authority()
    twitch, _ = chat(tls=authority.context(), ca_file=str(authority.ca))
    twitch.say("!echo over the sea")
    twitch.wait_said("^over the sea$")


@pytest.mark.parametrize("kind, context, names", [
    ("another name", {"name": "other.test"}, ["localhost", "other.test"]),
    ("expired", {"days": -1}, ["expired"]),
    ("self-signed", {"signed": False}, ["self"]),
])
def test_a_bad_certificate_gets_no_credentials(world, chat, kind, context, names):
    authority = world.authority()
    _, bot = chat(tls=authority.context(**context), ca_file=str(authority.ca), wait=False)
    refused(world, bot, names)


def test_an_authority_nobody_chose_gets_no_credentials(world, chat):
    _, bot = chat(tls=world.authority().context(), wait=False)  # the system's authorities only
    refused(world, bot, ["localhost"])


def refused(world, bot, names):
    line = bot.wait_for(lambda: [x for x in bot.log_lines() if x["action"] == "place_down"],
                        "the failure in the log")[0]
    assert line["phase"] == "tls"
    assert line["error"] == "tls"
    for name in names:
        assert name in line["message"], line["message"]
    assert int(line["retry_ms"]) > 60000  # somebody must mend it first: no use in a storm
    place = bot.status()["places"][0]
    assert place["state"] == "down" and place["why"] == line["message"]
    assert world.history.find("twitch", "accept") == []  # not even an HTTP request came through

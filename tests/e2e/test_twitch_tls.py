"""Chat over TLS: the token goes to nobody but the server that the certificate names."""

import contextlib
import re
import subprocess
import threading

import pytest

from tests.stage.bot import CANARIES


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
    line = bot.wait_log("place_down")[0]
    assert line["phase"] == "tls"
    assert line["error"] == "tls"
    for name in names:
        assert name in line["message"], line["message"]
    assert int(line["retry_ms"]) > 60000  # somebody must mend it first: no use in a storm
    place = bot.status()["places"][0]
    assert place["state"] == "down" and place["why"] == line["message"]
    assert world.history.find("twitch", "accept") == []  # not even an HTTP request came through


@contextlib.contextmanager
def old_server(authority, version, heard):
    """openssl as a server of one TLS version; gives its port and collects what it is told."""
    certificate, key = authority.certificate()
    server = subprocess.Popen(
        ["openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", str(certificate), "-key",
         str(key), version, "-cipher", "ALL:@SECLEVEL=0"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        for line in server.stdout:
            if m := re.match(rb"ACCEPT \S+:(\d+)", line):
                break
        reader = threading.Thread(target=lambda: heard.extend(server.stdout), daemon=True)
        reader.start()
        yield int(m[1])
    finally:
        server.kill()
        server.wait()
        reader.join(5)


@pytest.mark.parametrize("version", ["-tls1", "-tls1_1"])
def test_a_server_of_an_old_tls_gets_no_credentials(world, chat, version):
    authority, heard = world.authority(), []
    with old_server(authority, version, heard) as port:
        _, bot = chat(url=f"wss://localhost:{port}/", ca_file=str(authority.ca), wait=False)
        line = bot.wait_log("place_down")[0]
        assert line["phase"] == "tls", line
        bot.wait_for(lambda: any(b"version" in x or b"protocol" in x for x in heard),
                     "the server's own view")
    told = b"".join(heard)
    assert b"GET /" not in told and CANARIES["twitch"].encode() not in told
    assert bot.status()["places"][0]["state"] != "up"


def test_the_old_server_serves_who_asks_for_the_old_tls(world):
    """That the one above refuses is ours: with the version it speaks, the same server answers."""
    authority = world.authority()
    with old_server(authority, "-tls1_1", []) as port:
        client = subprocess.run(
            ["openssl", "s_client", "-connect", f"localhost:{port}", "-tls1_1", "-cipher",
             "ALL:@SECLEVEL=0", "-CAfile", str(authority.ca)],
            input=b"", capture_output=True, timeout=60)
        assert b"Verify return code: 0 (ok)" in client.stdout, client

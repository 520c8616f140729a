"""Servers that do not answer, hang up, or are not there."""

import contextlib
import json
import os
import socket
import struct
import threading
import time

import pytest

from tests.e2e.conftest import ECHO, PERSONA


@contextlib.contextmanager
def listener(answer, backlog=16):
    """A TCP server whose every connection is handled by answer(sock); gives its port."""
    server = socket.socket()
    server.bind(("127.0.0.1", 0))
    server.listen(backlog)
    accepted = []

    def serve():
        with contextlib.suppress(OSError):
            while True:
                connection, _ = server.accept()
                accepted.append(connection)
                answer(connection)
    thread = threading.Thread(target=serve, daemon=True)
    if answer:
        thread.start()
    try:
        yield server.getsockname()[1], accepted
    finally:
        with contextlib.suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)
        server.close()
        for connection in accepted:
            connection.close()


def begin(world, bot, url):
    bot.write("triggers/test.yaml", ECHO)
    bot.write("personas/mynah.yaml", PERSONA)
    token = world.secret_file("twitch", "not-sent")
    bot.configure(twitch={"url": url, "account": "tidalbot", "channels": ["kelpforest"],
                          "token": {"file": str(token)}})
    return bot.start()


def downs(bot):
    return bot.log_lines("place_down")


def test_each_phase_has_its_own_deadline_and_is_named(world):
    upgrade, welcome = world.twitch(), world.twitch()
    upgrade.mode, welcome.mode = "hang-upgrade", "hang-welcome"
    with listener(None, backlog=0) as (tcp, _), listener(lambda s: None) as (tls, _):
        fillers = []
        for _ in range(3):  # a full queue: the kernel answers no more connections
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", tcp))
            fillers.append(filler)
        urls = {"tcp": f"ws://127.0.0.1:{tcp}/", "tls": f"wss://127.0.0.1:{tls}/",
                "upgrade": upgrade.url, "open": welcome.url}
        bots = {phase: begin(world, world.another_bot(phase), url)
                for phase, url in urls.items()}
        for phase, bot in bots.items():
            line = bot.wait_log("place_down")[0]
            assert line["phase"] == phase, line
            assert line["error"] == "timeout", line
        assert "welcome" in downs(bots["open"])[0]["message"]
        for bot in bots.values():
            world.note_status(bot)
            bot.stop()
        for filler in fillers:
            filler.close()


@pytest.mark.parametrize("how", ["fin", "reset", "reset at once", "garbage", "not found"])
def test_a_server_that_hangs_up_is_left_and_tried_again(world, how):
    def answer(connection):
        if how != "reset at once":
            connection.recv(4096)
        if how.startswith("reset"):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif how == "garbage":
            connection.sendall(os.urandom(2000))
        elif how == "not found":
            connection.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
        connection.close()

    with listener(answer) as (port, accepted):
        bot = begin(world, world.bot, f"ws://127.0.0.1:{port}/")
        bot.wait_for(lambda: len(accepted) >= 2, "a second try")
        assert bot.wait_log("place_down")[0]["phase"] in ("tcp", "upgrade")
        world.note_status()
        assert bot.stop() == 0


def test_a_refusing_server_is_asked_ever_less_and_logged_once(world, chat):
    twitch, bot = chat()
    twitch.mode = "refuse-upgrade"
    before = len(world.history.find("twitch", "accept"))
    twitch.cut()
    time.sleep(5)
    tries = len(world.history.find("twitch", "accept")) - before
    assert 1 <= tries <= 7  # full jitter over 1 s, 2 s, 4 s ...
    lines = bot.wait_log("place_down", 2)
    assert len(lines) == 2  # the cut, and the first of the refusals
    assert "503" in lines[1]["message"]
    place = bot.status()["places"][0]
    assert place["state"] in ("down", "connecting")
    twitch.mode = "serve"
    bot.wait_up(timeout=75)
    twitch.say("!echo there you are")
    twitch.wait_said("^there you are$")


def has_ipv6():
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET6) as probe:
        probe.bind(("::1", 0))
        return True
    return False


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no ::1")
def test_localhost_is_found_on_its_other_address(world, chat):
    twitch = world.twitch(host="::1")
    _, bot = chat(url=f"ws://localhost:{twitch.port}/", wait=False)
    twitch.wait("welcome")
    bot.wait_up()


def test_a_name_without_address_is_tried_again_and_mended_by_a_reload(world, chat):
    twitch, bot = chat(url="wss://nowhere.invalid/", wait=False)
    line = bot.wait_log("place_down")[0]
    assert line["phase"] == "name"
    assert "nowhere.invalid" in line["message"]
    assert json.loads(bot.get("/healthz"))["status"] == "degraded"
    bot.configure(twitch=world.twitch_conf(twitch))
    bot.reload()
    bot.wait_up()

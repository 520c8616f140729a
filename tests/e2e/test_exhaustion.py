"""Too much and too little: a server that does not read, a flood of chat, no descriptors left
(faults.md N7, X2, X5). Memory stays bounded, the loop lively, the reason named, and it passes."""

import asyncio
import contextlib
import os
import pathlib
import resource
import time

from tests.e2e.conftest import ECHO, PERSONA, TRIGGERS
from tests.stage.bot import UnixConnection

MIB = 1024  # in KiB


def cpu_s(bot):
    """Processor time it has used."""
    fields = pathlib.Path(f"/proc/{bot.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def downs(bot):
    return [x for x in bot.log_lines() if x["action"] == "place_down"]


def keep_no_freed_memory(bot):
    """AddressSanitizer holds back 256 MiB of what was freed: nobody could see a leak for it."""
    bot.env["ASAN_OPTIONS"] += ":quarantine_size_mb=1"


def test_a_server_that_does_not_read_is_given_up(world, chat):
    keep_no_freed_memory(world.bot)
    twitch, bot = chat()
    bot.status()
    before = bot.rss_kib()
    deaf, = twitch.live()

    async def pester():
        """Asks for answers that are never read, until the other side has had enough."""
        deaf.ws._req.transport.pause_reading()
        with contextlib.suppress(ConnectionError):
            for _ in range(8000):  # 64 MB: more than the kernel holds between two sockets
                await deaf.ws.send_str(f"PING :{'x' * 400}\r\n" * 20)

    twitch.loop.run(pester(), timeout=60)
    line = bot.wait_for(lambda: downs(bot), "it to be given up")[0]
    assert line["error"] == "limit" and "does not read" in line["message"]
    assert bot.rss_kib() - before < 16 * MIB
    twitch.wait("welcome", 2)
    bot.wait_up()
    twitch.say("!echo there you are")
    twitch.wait_said("^there you are$")


def test_a_flood_in_fifty_rooms_costs_no_memory_and_no_time(world, chat):
    """2,000 lines a second for three seconds, of which one in a hundred is for the bot."""
    keep_no_freed_memory(world.bot)
    rooms = [f"room{n}" for n in range(50)]
    twitch, bot = chat(rooms=rooms, join_window="10500ms", wait=False)
    bot.wait_up(timeout=60)  # 20 rooms each window
    frames = [""] * 600
    for n in range(6000):
        text = f"!echo number {n}" if n % 100 == 0 else f"o/ nothing of note, {n}, is it?"
        line, _ = twitch.line(text, user=f"user{n % 997}", room=rooms[n % 50])
        frames[n // 10] += line + "\r\n"

    async def flood(frames):
        """Each frame has its hundredth of half a second; one that comes late is made up for."""
        begin = time.monotonic()
        for n, frame in enumerate(frames):
            await asyncio.sleep(begin + n / 200 - time.monotonic())
            await twitch.live()[0].ws.send_str(frame)
        return time.monotonic() - begin

    twitch.loop.run(flood(frames[:100]))  # its tables grow once
    events = bot.wait_for(lambda: (n := bot.metrics()["mynah_events_total"]) == 1000 and n, "1,000")
    before, made = bot.rss_kib(), bot.metrics()["mynah_allocations_total"]
    bot.status()
    under_way = asyncio.run_coroutine_threadsafe(flood(frames[100:]), twitch.loop.loop)
    while not under_way.done():
        bot.status()  # its lag is judged after the test
        time.sleep(0.1)
    bot.wait_for(lambda: bot.metrics()["mynah_events_total"] == events + 5000,
                 "every line to be heard")
    assert bot.rss_kib() - before < 8 * MIB
    made = bot.metrics()["mynah_allocations_total"] - made
    status = bot.status()
    assert status["hits"] == 60 and status["places"][0]["state"] == "up"
    assert made < 5000, f"{made:.0f} allocations for 50 turns and 4,950 lines that mean nothing"
    assert len(world.history.find("twitch", "accept")) == 1


@contextlib.contextmanager
def no_more_descriptors(bot):
    """It keeps those it has."""
    pid, what = bot.process.pid, resource.RLIMIT_NOFILE
    before = resource.prlimit(pid, what)
    resource.prlimit(pid, what, (3, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, what, before)


def test_without_descriptors_it_talks_on_and_does_not_spin(world, scene):
    twitch, models = scene(triggers=TRIGGERS + ECHO, limits={"retries": 0, "breaker_failures": 100})
    bot = world.bot
    with no_more_descriptors(bot):
        clients = [UnixConnection(bot.state / "mynah.sock") for _ in range(5)]
        for client in clients:
            client.connect()
        bot.wait_for(lambda: [x for x in bot.log_lines() if x["action"] == "accept"], "the news")
        used, since = cpu_s(bot), time.monotonic()
        for n in range(3):
            twitch.say(f"!echo number {n}", user=f"user{n}")
            twitch.wait_said(f"^number {n}$")
        twitch.say("!ask anybody?", user="asker")
        line, = bot.wait_for(
            lambda: [x for x in bot.log_lines() if x["action"] == "attempt_failed"],
            "the question to fail")
        assert "Too many open files" in line["message"]
        time.sleep(max(0, since + 1.5 - time.monotonic()))  # over which it could spin
        assert (cpu_s(bot) - used) / (time.monotonic() - since) < 0.3
        twitch.cut()
        bot.wait_for(lambda: len(downs(bot)) > 1, "the chat to fail")
        assert "Too many open files" in downs(bot)[1]["message"]
    for client in clients:
        client.close()
    twitch.wait("welcome", 2)
    bot.wait_up()
    models.plan(text="Everybody.")
    twitch.say("!ask anybody now?", user="asker")
    twitch.wait_said("^Everybody.$")
    status = bot.wait_ended(5)
    assert status["drops"] == {"provider": 1}
    bot.wait_for(lambda: bot.status()["status"] == "healthy", "its health")

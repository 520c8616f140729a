"""The wall clock is set while the bot runs (faults.md K1): nothing that waits, limits or remembers looks
at it."""

import datetime
import time

import pytest

from tests.e2e.conftest import ECHO, TRIGGERS
from tests.stage.faults import Faults

HOUR_MS = 3600 * 1000
DAY_MS = 24 * HOUR_MS
ONCE = """\
once: {command: once, reply: "$(query)", cooldown: {user: 1h}}
"""
JUMPS = {"an hour on": HOUR_MS, "an hour back": -HOUR_MS, "three days on": 3 * DAY_MS,
         "three days back": -3 * DAY_MS}


def to_year(year):
    """The jump that leads into the summer of that year."""
    there = datetime.datetime(year, 7, 1, tzinfo=datetime.timezone.utc).timestamp()
    return int((there - time.time()) * 1000)


def test_wall(world, scene):
    faults = Faults(world.bot)
    twitch, models = scene(triggers=TRIGGERS + ECHO + ONCE)
    bot = world.bot
    print(bot.status())
    for n, ms in enumerate([*JUMPS.values(), to_year(1970), to_year(2045), 0]):
        faults.wall_ms = ms
        twitch.say(f"!echo number {n}", user=f"u{n}")
        twitch.wait_said(f"^number {n}$")
        print(bot.log_lines()[-1]["timestamp"])

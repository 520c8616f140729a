"""Faults of all sorts, one after another, against a bot whose clocks run faster (faults.md G): it
comes back by its schedule, hears every message of a session that could be resumed, and answers none
of them twice. A thousand of them in virtual time are a unit test; this is the whole bot."""

import os
import random

from tests.e2e.discord import start, wait_up
from tests.stage.faults import Faults

RATE = 40
SEED = int(os.environ.get("MYNAH_SEED", "4"))
# Names of the faults; after those of the second list there is another session.
KEEP = ["cut", "reset", "op 7", "op 9 true", "4000", "4001", "4002", "4008", "1000", "1001", "1009",
        "garbage", "bomb", "mute", "op 1", "dropped resume", "dead host", "no hello"]
END = ["op 9 false", "4003", "4007", "4009", "gone"]
FAULTS = int(os.environ.get("MYNAH_FAULTS", len(KEEP + END)))


class Storm:
    def __init__(self, scene):
        self.scene, self.discord, self.gateway = scene, scene.discord, scene.discord.gateway
        self.said = []

    def say(self):
        self.said.append(f"line {len(self.said)}")
        self.discord.say(f"!echo {self.said[-1]}")

    def strike(self, fault):
        if fault.isdigit():
            self.discord.close(int(fault))
            return
        self.discord.dead_resume(fault == "dead host")
        if fault == "dropped resume":
            self.gateway.drop_resumes = 1
        elif fault == "gone":
            self.discord.end_sessions()
        {"reset": lambda: self.discord.cut(abort=True), "op 7": self.discord.reconnect,
         "op 9 true": lambda: self.discord.invalid(True),
         "op 9 false": lambda: self.discord.invalid(False), "garbage": self.discord.garbage,
         "bomb": lambda: self.discord.bomb(32 << 20), "mute": self.discord.mute_acks,
         "op 1": self.discord.ask_beat, "no hello": self.no_hello}.get(fault, self.discord.cut)()

    def no_hello(self):
        self.gateway.mode = "hang-hello"
        opened = len(self.scene.world.history.find("discord", "open"))
        self.discord.cut()
        self.discord.wait("open", opened + 1)
        self.gateway.mode = "serve"


def test_it_weathers_a_storm(world):
    world.rate, world.lag_limit_ms = RATE, 100 * RATE * 10
    Faults(world.bot).rate = RATE

    def fast(scene):
        scene.discord.rate = RATE
        scene.discord.gateway.interval_ms = 20000
    scene = start(world, before=fast, triggers='echo: {command: echo, reply: "$(query)"}\n',
                  commands="off",
                  limits={"reply_ttl": "10m"})
    storm, dice, sessions, faults = Storm(scene), random.Random(SEED), 1, []
    while len(faults) < FAULTS:
        faults += dice.sample(KEEP + END, len(KEEP + END))
    for fault in faults[:FAULTS]:
        world.history.add("test", "fault", fault=fault)
        storm.strike(fault)
        if fault in END:
            sessions += 1
            wait_up(scene, sessions)
        storm.say()
        scene.bot.wait_ended(len(storm.said))
        scene.discord.wait_connected()
    # Its patience with calls of REST is short in our time: it may not know of one what became of
    # it.
    assert scene.bot.wait_status(live=0)["drops"].keys() <= {"late", "unknown_sent"}
    said = scene.discord.said()
    assert set(said) <= set(storm.said) and len(set(said)) == len(said)
    assert len(world.history.find("discord", "identify")) == sessions

"""The property that protects the account: in no window more sends, joins or logins than allowed,
over traffic, changes of status, cuts, restarts and kills. Invariant I1 judges; this is the slow
test."""

import os
import random
import signal
import time

from tests.checks.invariants import most_in_window

SEED = int(os.environ.get("SEED", random.randrange(1 << 30)))
ROOMS = [f"room{i}" for i in range(60)]
BUSY = ROOMS[:5]


class Script:
    """Random traffic, and what happens to it at random times of the given spans, in seconds."""

    def __init__(self, twitch, bot, dice):
        self.twitch, self.bot, self.dice, self.words = twitch, bot, dice, 0
        spans = [(3, 8, self.cut), (9, 13, self.restart), (16, 20, self.kill), (52, 56, self.cut),
                 (59, 61, self.restart)]
        self.plan = [(dice.uniform(a, b), act) for a, b, act in spans]
        self.plan += [(dice.uniform(1, 65), self.flip) for _ in range(25)]
        self.plan.sort(key=lambda step: step[0])

    def run(self, seconds):
        begun = time.monotonic()
        while (now := time.monotonic() - begun) < seconds:
            while self.plan and self.plan[0][0] <= now:
                self.plan.pop(0)[1]()
            self.words += 1
            self.twitch.say(f"!{self.dice.choice(['echo', 'plain'])} word {self.words}",
                            user=f"user{self.words}", room=self.dice.choice(BUSY))
            time.sleep(self.dice.uniform(0, 0.12))

    def flip(self):
        room = self.dice.choice(BUSY[1:])
        change = self.dice.choice([self.twitch.set_mod, self.twitch.set_vip])
        change(room, self.dice.random() < 0.6)

    def cut(self):
        self.twitch.cut(abort=self.dice.random() < 0.5)

    def restart(self):
        assert self.bot.stop(signal.SIGTERM) == 0
        self.bot.start()

    def kill(self):
        self.bot.kill()
        self.bot.start()


def test_no_window_ever_holds_more_than_is_allowed(world, chat):
    print("SEED", SEED)
    twitch, bot = chat(rooms=ROOMS, joins=19, join_window="10500ms", wait=False,
                       limits={"reply_ttl": "4s"})
    twitch.wait("join", len(BUSY))
    Script(twitch, bot, random.Random(SEED)).run(66)
    said = world.history.find("twitch", "said")
    free = [e for e in said if e["mod"]]
    bound = [e for e in said if not e["mod"]]
    kill = world.history.find("bot", "exit", signal=9)[0]["t"]
    # It is a property of something only if the limits were reached.
    assert most_in_window(said, 30) > 25
    assert most_in_window(bound, 30) > 5  # what moderators say counts against it
    assert free and said[-1]["t"] > kill
    assert len({e["room"] for e in world.history.find("twitch", "join")}) >= 30

"""Ten thousand questions to three servers that fail at random: what is said is whole, what is asked
is in order, and the bill stays under its cap."""

import collections
import re
import subprocess
import time

import pytest

from tests.stage.paid import Paid

TURNS = 10000
AT_ONCE = 24            # lines that wait for their end
A_SECOND = 250          # turns: of as many fewer calls fail than open a breaker
SERVERS = {"near": "ollama", "far": "openai", "last": "anthropic"}
RETRIES = 1
DEADLINE_S = 25
MAX_TOKENS = 20
PRICE = (100, 200)      # dollars for a million tokens
PERSONA = """\
name: Mynah
version: 1.0.0
system: You are Mynah.
memory: {lines: 0}
"""


class Talk:
    """`mynah chat` behind a pipe: each question by a person and in a channel of their own."""

    def __init__(self, bot):
        self.errors = open(bot.folder / "chat-stderr", "wb")
        self.process = subprocess.Popen(
            [bot.binary, "--config", str(bot.config), "chat"], env=bot.env, cwd=bot.folder,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors)
        self.said, self.silent = [], collections.Counter()

    def ask(self, turns):
        asked = ended = due = 0
        pattern = re.compile(rb"mynah: (.*)\n|\(silent: (\w+)")
        while ended < turns:
            while asked < turns and asked - ended < AT_ONCE:
                due = max(due, time.monotonic()) + 1 / A_SECOND
                time.sleep(max(0, due - time.monotonic() - 0.02))
                lines = f"/user u{asked}\n/channel r{asked % 500}\n!ask question {asked}?\n"
                self.process.stdin.write(lines.encode())
                self.process.stdin.flush()
                asked += 1
            line = self.process.stdout.readline()
            assert line, "it ended"
            if found := pattern.match(line):
                ended += 1
                if found[1] is not None:
                    self.said.append(found[1].decode())
                else:
                    self.silent[found[2].decode()] += 1

    def close(self):
        self.process.stdin.close()
        self.process.stdout.read()
        self.errors.close()
        return self.process.wait(60)


@pytest.fixture
def servers(world):
    return {name: world.paid(name, 5, (0, 0) if wire == "ollama" else PRICE)
            for name, wire in SERVERS.items()}


def start(world, servers, cap):
    def provider(name, wire):
        base = f"http://127.0.0.1:{servers[name].port}" + ("/v1" if wire == "openai" else "")
        price = {} if wire == "ollama" else {"price_in": PRICE[0], "price_out": PRICE[1]}
        return {"type": wire, "url": base, "model": "tiny", "max_tokens": MAX_TOKENS, **price,
                "first_byte": "5s", "idle": "5s", "total": "10s"}

    world.bot.write("triggers/test.yaml", 'ask: {command: ask, ask: "$(query)"}\n')
    world.bot.write("personas/mynah.yaml", PERSONA)
    world.bot.configure(
        providers={name: provider(name, wire) for name, wire in SERVERS.items()},
        limits={"retries": RETRIES, "deadline": f"{DEADLINE_S}s", "cost_day": cap,
                "cost_hour": cap, "calls_hour": 1000000, "calls_day": 1000000, "asks": 20,
                "calls_user_hour": 1000, "calls_channel_hour": 100000, "breaker_failures": 100,
                "breaker_window": "1s", "breaker_open": "1s"})
    return Talk(world.bot)


def test_ten_thousand_turns_with_faults(world, servers):
    cap = 3 * 1000000   # three dollars, which do not last
    talk = start(world, servers, "3.00")
    began = time.monotonic()
    talk.ask(TURNS)
    assert talk.close() == 0
    print(f"{TURNS} turns in {time.monotonic() - began:.0f} s: {len(talk.said)} said, "
          f"{dict(talk.silent)}; ${sum(s.bill for s in servers.values()) / 1e6:.4f}")

    calls = sorted((c for s in servers.values() for c in s.calls), key=lambda c: c["at"])
    turns = collections.defaultdict(list)
    for call in calls:
        turns[call["turn"]].append(call)
    order = list(SERVERS)
    for asked in turns.values():
        names = [c["server"] for c in asked]
        assert names == sorted(names, key=order.index), "the order of fallback"
        assert max(collections.Counter(names).values()) <= 1 + RETRIES
        assert asked[-1]["at"] - asked[0]["at"] < DEADLINE_S
        for call in asked[:-1]:
            assert not call["had_words"], "asked again after the first word"
            assert call["fate"] != "whole"

    whole = [text for s in servers.values() for text in s.delivered.values()]
    assert sorted(talk.said) == sorted(whole), "what was whole was said, and nothing else"
    assert len(talk.said) + sum(talk.silent.values()) == TURNS
    assert set(talk.silent) <= {"provider", "breaker", "budget", "empty"}

    bill = sum(s.bill for s in servers.values())
    most = max(c["bill"] for c in calls)
    assert cap * 0.8 < bill <= cap + most   # what a call may cost is more than what it does
    counted = re.search(r"^\d+ (\d+) day$", (world.bot.state / "chat/spent").read_text(), re.M)
    assert bill <= int(counted[1]) <= cap, "what the bot itself has counted"

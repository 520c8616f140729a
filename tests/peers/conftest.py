"""What the tests with other people's programs stand on: the world of tests/e2e, and Node.js."""

import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

import pytest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(SOURCE))
sys.dont_write_bytecode = True

from tests.e2e.conftest import PERSONA, World, world  # noqa: E402, F401

PEERS = pathlib.Path(os.environ.get("MYNAH_PEERS", "peers"))


def needs(*packages):
    """Skips a module, naming what is absent, unless these packages are installed."""
    absent = [p for p in packages if not (PEERS / "node_modules" / p).is_dir()]
    if not shutil.which("node"):
        absent.insert(0, "Node.js")
    return pytest.mark.skipif(bool(absent), reason=f"not on this machine: {', '.join(absent)}")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Peer:
    """A program under Node.js. What it prints is kept; lines of JSON are events."""

    def __init__(self, *words):
        self.events, self.text = [], ""
        self.process = subprocess.Popen(["node", *map(str, words)], cwd=PEERS, text=True,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.process.stdout:
            self.text += line
            try:
                event = json.loads(line)
            except ValueError:
                continue
            if isinstance(event, dict):
                self.events.append(event)

    def wait(self, question, what, timeout=30):
        deadline = time.monotonic() + timeout
        while not (answer := question()):
            assert self.process.poll() is None, f"it ended, waiting for {what}: {self.text[-2000:]}"
            assert time.monotonic() < deadline, f"waited in vain for {what}: {self.text[-2000:]}"
            time.sleep(0.02)
        return answer

    def wait_event(self, kind, members=None):
        """The first event of a kind with these members."""
        members = members or {}
        return self.wait(lambda: next((e for e in self.events if e.get("event") == kind and
                                       members.items() <= e.items()), None), f"{kind} {members}")

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(5)
        self._reader.join(5)


@pytest.fixture
def peer():
    """A function that starts a program under Node.js; it ends with the test."""
    peers = []

    def start(*words):
        peers.append(Peer(*words))
        return peers[-1]
    yield start
    for p in peers:
        p.stop()


def request(method, url, body=None):
    """Status and body of an HTTP request; None when nobody answers."""
    data = json.dumps(body).encode() if body is not None else None
    call = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method)
    try:
        with urllib.request.urlopen(call, timeout=10) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError:
        return None


@pytest.fixture
def fake(tmp_path):
    """Our Twitch without mynah. What a client of others does is not judged by our invariants."""
    w = World(tmp_path)
    try:
        yield w.twitch()
    finally:
        w.close()


@pytest.fixture
def talker(world):  # noqa: F811
    """A function that starts a bot in a channel whose `!ask` goes to this provider. Gives
    twitch."""
    def start(**provider):
        twitch = world.twitch()
        twitch.mods.update(twitch.rooms)
        world.bot.write("triggers/test.yaml", 'ask: {command: ask, ask: "$(query)"}\n')
        world.bot.write("personas/mynah.yaml", PERSONA)
        world.bot.configure(twitch=world.twitch_conf(twitch), providers={"peer": provider},
                            limits={"retries": 0, "breaker_failures": 100, "drain": "1s"},
                            safety={"regenerate": False})
        world.bot.start()
        world.bot.wait_up()
        return twitch
    return start

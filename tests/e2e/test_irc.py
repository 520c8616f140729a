"""Ordinary IRC against a real inspircd over WebSocket: nobody's mock judges the dialect."""

import pathlib
import shutil
import socket
import subprocess
import time

import pytest

from tests.stage.ports import free_port

INSPIRCD = shutil.which("inspircd") or "/usr/sbin/inspircd"
TEMPLATE = pathlib.Path(__file__).parent / "peers" / "inspircd.conf.in"

pytestmark = pytest.mark.skipif(not pathlib.Path(INSPIRCD).exists(),
                                reason="needs Debian's inspircd")

PERSONA = """\
name: Mynah
version: 1.0.0
system: You are Mynah.
"""

TRIGGERS = """\
hi:
  words: [hi]
  reply: "Hi $(user)!"
boss:
  command: boss
  level: moderator
  reply: "Yes, $(user)."
"""


class Human:
    """A person with a plain IRC client."""

    def __init__(self, port, nick, channel):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self.text = ""
        self.send(f"NICK {nick}")
        self.send(f"USER {nick} 0 * :{nick}")
        self.wait(" 001 ")
        self.send(f"JOIN {channel}")
        self.wait(" 366 ")

    def send(self, line):
        self.socket.sendall((line + "\r\n").encode())

    def wait(self, what, timeout=60):
        deadline = time.monotonic() + timeout
        while what not in self.text:
            self.socket.settimeout(max(0.01, deadline - time.monotonic()))
            piece = self.socket.recv(65536).decode("utf-8", "replace")
            assert piece, f"closed while waiting for {what!r}: {self.text}"
            self.text += piece
            for line in piece.split("\r\n"):
                if line.startswith("PING"):
                    self.send("PONG" + line[4:])
        self.text = self.text.split(what, 1)[1]

    def close(self):
        self.socket.close()


@pytest.fixture
def inspircd(tmp_path_factory):
    folder = tmp_path_factory.mktemp("inspircd")  # not the bot's folder: its logs are not the bot's
    folder.chmod(0o777)  # inspircd may give up root
    (folder / "motd").write_text("reef\n")
    ports = {"WS_PORT": free_port(), "IRC_PORT": free_port(), "FOLDER": folder}
    text = TEMPLATE.read_text()
    for name, value in ports.items():
        text = text.replace(f"@{name}@", str(value))
    (folder / "inspircd.conf").write_text(text)
    process = subprocess.Popen([INSPIRCD, "--nofork", "--runasroot", "--config",
                                str(folder / "inspircd.conf")], cwd=folder,
                               stdout=(folder / "out").open("wb"), stderr=subprocess.STDOUT)
    deadline = time.monotonic() + 60
    while True:
        try:
            socket.create_connection(("127.0.0.1", ports["WS_PORT"]), timeout=1).close()
            break
        except OSError:
            assert process.poll() is None and time.monotonic() < deadline, \
                (folder / "out").read_text()
            time.sleep(0.05)
    yield ports
    process.terminate()
    process.wait(60)


def test_it_talks_on_a_real_irc_server(world, inspircd):
    human = Human(inspircd["IRC_PORT"], "Alice", "#reef")  # first in, so an operator
    bot = world.bot
    bot.write("triggers/test.yaml", TRIGGERS)
    bot.write("personas/mynah.yaml", PERSONA)
    bot.configure(irc={"url": f"ws://127.0.0.1:{inspircd['WS_PORT']}/", "account": "tidalbot",
                       "channels": ["reef"]})
    bot.start()
    bot.wait_up("irc")
    human.send("PRIVMSG #reef :hi")
    human.wait("PRIVMSG #reef :Hi Alice!")
    human.send("PRIVMSG #reef :!boss")
    human.wait("PRIVMSG #reef :Yes, Alice.")
    guest = Human(inspircd["IRC_PORT"], "Bob", "#reef")
    guest.send("PRIVMSG #reef :!boss")
    bot.wait_for(lambda: bot.metrics().get('mynah_silent_total{reason="level"}') == 1, "the level")
    human.send("MODE #reef +o Bob")
    guest.wait("MODE #reef +o")
    guest.send("PRIVMSG #reef :!boss")
    guest.wait("PRIVMSG #reef :Yes, Bob.")
    assert bot.status()["places"][0]["state"] == "up"
    human.send("KICK #reef tidalbot :out")
    bot.wait_for(lambda: bot.status()["places"][0]["place"]["channels"][0]["state"] == "refused",
                 "the kick")
    assert bot.stop() == 0
    human.close()
    guest.close()

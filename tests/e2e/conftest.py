"""What every conversation stands on: a world with the servers it asks for, and the real binary."""

import json
import os
import pathlib
import shutil
import sys
import time

import pytest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(SOURCE))
sys.dont_write_bytecode = True

from tests.checks import invariants  # noqa: E402
from tests.stage.bot import CANARIES, Bot  # noqa: E402
from tests.stage.discord import Discord  # noqa: E402
from tests.stage.history import History  # noqa: E402
from tests.stage.loop import Loop  # noqa: E402
from tests.stage.models import Models  # noqa: E402
from tests.stage.paid import Paid  # noqa: E402
from tests.stage.proxy import Proxy  # noqa: E402
from tests.stage.redis import Redis  # noqa: E402
from tests.stage.tls import Authority  # noqa: E402
from tests.stage.twitch import Twitch  # noqa: E402
from tests.stage.twitch_app import CHAT_SCOPES, CLIENT_ID, TwitchApp  # noqa: E402
from tests.stage.twitch_eventsub import EventSub  # noqa: E402
from tests.stage.twitch_helix import Helix  # noqa: E402
from tests.stage.twitch_id import TwitchId  # noqa: E402

BINARY = os.environ.get("MYNAH", str(pathlib.Path(os.environ.get("top_builddir", ".")).resolve()
                                     / "mynah"))

PERSONA = """\
name: Mynah
version: 1.0.0
system: |
  You are Mynah, a cheerful bird who helps in a streamer's chat.
"""

TRIGGERS = """\
ask:
  command: [ask, ai]
  ask: "Answer $(user)'s question: $(query)"
  thread: true
hi:
  words: [hi, hello]
  reply: "Hi $(user)!"
raid:
  on: raid
  reply: "Welcome $(count) friends of $(user)!"
"""

ECHO = """\
echo: {command: echo, reply: "$(query)"}
plain: {command: plain, reply: "$(query)", thread: false}
gift: {on: giftbomb, reply: "Thanks for $(count) gifts, $(user)!"}
one: {on: gift, reply: "Thanks for the gift, $(user)!"}
"""


class World:
    """Servers, bot, history; and what the checks need to know."""

    def __init__(self, folder):
        self.folder = folder
        self.loop = Loop()
        self.history = History(folder / "history.jsonl")
        self.bot = Bot(folder, BINARY, SOURCE, self.history)
        self.bots = [self.bot]
        self.statuses = []
        self.lag_limit_ms = 100
        self.rate = 1  # how much faster the bots' clocks run than ours
        self.exit_code = 0
        self._servers = []
        self.app = TwitchApp(self.history)  # what every Twitch server of this world shares
        self._id = None

    @property
    def id(self):
        """The id server, started when somebody first asks for it."""
        if not self._id:
            self._id = self._keep(TwitchId(self.loop, self.history, self.app).start())
        return self._id

    def twitch(self, **options):
        options.setdefault("token", CANARIES["twitch"])
        if options["token"] not in self.app.tokens:
            self.app.grant("tidalbot", CHAT_SCOPES, access=options["token"], seconds=0,
                           refreshable=False)
        return self._keep(Twitch(self.loop, self.history, app=self.app, **options).start())

    def eventsub(self, **options):
        """The EventSub server; its REST calls are Helix's: helix(twitch, eventsub=...)."""
        return self._keep(EventSub(self.loop, self.history, self.app, **options).start())

    def helix(self, twitch, **options):
        """The REST interface beside a chat server."""
        return self._keep(Helix(self.loop, self.history, self.app, twitch, **options).start())

    def login(self, bot=None, login="tidalbot", scopes=CHAT_SCOPES, channel=None, **options):
        """Puts a login into the vault, as `mynah login twitch` does. Gives its token."""
        token = self.app.grant(login, scopes, **options)
        self.put_login(token, bot, channel)
        return token

    def put_login(self, token, bot=None, channel=None, lives_s=None):
        """lives_s: how long the vault says that it lives; None = as long as it does."""
        lives_s = token.expires_in if lives_s is None else lives_s
        value = {"access": token.access, "refresh": token.refresh, "login": token.user.login,
                 "user_id": token.user.id, "scopes": " ".join(token.scopes),
                 "client_id": token.client.id, "expires": int((time.time() + lives_s) * 1000)}
        name = f"twitch.broadcaster.{channel}" if channel else "twitch.bot"
        done = (bot or self.bot).command("secret", "set", name, input=json.dumps(value))
        assert done.returncode == 0, done.stderr

    def discord(self, **options):
        """Discord, with a server, a channel and two people; its token from a private file."""
        return self._keep(Discord(self.loop, self.history, CANARIES["discord"], **options).start())

    def discord_conf(self, discord, **more):
        """The discord: section for it."""
        return {"api_url": discord.api_url,
                "token": {"file": str(self.secret_file("discord", discord.token))}, **more}

    def models(self, **options):
        return self._keep(Models(self.loop, self.history, **options).start())

    def paid(self, name, seed, price):
        return self._keep(Paid(self.loop, name, seed, price).start())

    def redis(self, **options):
        return self._keep(Redis(self.folder, **options).start())

    def proxy(self, port):
        return self._keep(Proxy(self.loop, self.history, port).start())

    def authority(self):
        return Authority(self.folder / "ca")

    def another_bot(self, name):
        """One more bot, with a folder of its own."""
        self.bots.append(Bot(self.folder / name, BINARY, SOURCE, self.history))
        return self.bots[-1]

    def _keep(self, server):
        self._servers.append(server)
        return server

    def twitch_conf(self, twitch, **more):
        """The twitch: section for a server, its token from a private file."""
        nowhere = "127.0.0.1:9"  # the discard port: nothing of a test ever leaves this machine
        return {"url": twitch.url, "account": "tidalbot", "channels": list(twitch.rooms),
                "id_url": self.id.url, "api_url": f"http://{nowhere}/helix",
                "eventsub_url": f"ws://{nowhere}/ws",
                "token": {"file": str(self.secret_file("twitch", CANARIES["twitch"]))}, **more}

    def login_conf(self, twitch, **more):
        """The same for an account that is logged in: no token, but a client id."""
        conf = self.twitch_conf(twitch, client_id=CLIENT_ID, **more)
        del conf["token"]
        return conf

    def secret_file(self, name, value):
        path = self.folder / "secrets" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(value + "\n", encoding="utf-8")
        path.chmod(0o600)
        return path

    def note_status(self, bot=None):
        """Keeps the bot's own view for the checks; a test that kills the bot calls it before."""
        try:
            status = (bot or self.bot).status()
        except OSError:  # nobody answers
            return
        self.statuses.append(status)

    @property
    def lags(self):
        return [lag for bot in self.bots for lag in bot.lags]

    def logs(self):
        return [p for p in self.folder.rglob("*.log") if p.is_file()]

    def artefacts(self):
        """Every file of the run but the secrets' own and what the stage wrote of its own doing."""
        skip = {self.folder / "secrets", self.folder / "ca"}
        return [p for p in self.folder.rglob("*") if p.is_file() and p.stat().st_size < 64 << 20
                and p != self.folder / "history.jsonl" and not skip & set(p.parents)]

    def close(self):
        for bot in self.bots:
            if bot.process and bot.process.poll() is None:
                self.note_status(bot)
                bot.stop()
        for server in reversed(self._servers):
            server.stop()
        self.loop.close()
        self.history.close()


@pytest.fixture
def world(tmp_path):
    w = World(tmp_path)
    try:
        yield w
    finally:
        w.close()
    violations = [f"{check.__name__}: {sentence}" for check in invariants.ALL
                  for sentence in check(w)]
    assert not violations, "\n".join(violations)


@pytest.fixture
def chat(world):
    """A function that starts a bot which needs no model: what follows !echo comes back as a reply,
    what follows !plain as a line of its own. Options are those of the twitch: section; with
    send="helix" there is a REST interface, twitch.helix. Gives (twitch, bot)."""
    def start(rooms=("kelpforest",), mods=(), triggers=ECHO, limits=None, tls=None, wait=True,
              **options):
        if options.get("send") == "helix":
            world.app.grant("tidalbot", (*CHAT_SCOPES, "user:write:chat"), seconds=0,
                            access=CANARIES["twitch"], refreshable=False)
        twitch = world.twitch(rooms=rooms, tls=tls)
        if options.get("send") == "helix":
            twitch.helix = world.helix(twitch)
            options["api_url"] = twitch.helix.url
        twitch.mods.update(mods)
        world.bot.write("triggers/test.yaml", triggers)
        world.bot.write("personas/mynah.yaml", PERSONA)
        world.bot.configure(twitch=world.twitch_conf(twitch, **options),
                            limits={"drain": "1s", **(limits or {})})
        world.bot.start()
        if wait:
            world.bot.wait_up()
        return twitch, world.bot
    return start


@pytest.fixture
def scene(world):
    """A function that starts a bot: its rooms, where it is moderator (no gap between replies), its
    files and sections. Gives (twitch, models); the provider is `local` at models, of type
    `wire`."""
    def start(rooms=("kelpforest",), mod=True, triggers=TRIGGERS, persona=PERSONA, wire="ollama",
              provider=None, providers=None, twitch_conf=None, models_key=None, **sections):
        twitch, models = world.twitch(rooms=rooms), world.models(key=models_key)
        if mod:
            twitch.mods.update(rooms)
        world.bot.write("triggers/test.yaml", triggers)
        world.bot.write("personas/mynah.yaml", persona)
        if providers is None:
            providers = {"local": models.conf(wire, **(provider or {}))}
        elif callable(providers):
            providers = providers(models)
        world.bot.configure(twitch=world.twitch_conf(twitch, **(twitch_conf or {})),
                            providers=providers, **sections)
        world.bot.start()
        world.bot.wait_up()
        return twitch, models
    return start


@pytest.fixture
def talk(world, scene):
    """A running bot with one channel, one model and simple triggers: world, twitch, models, bot."""
    twitch, models = scene(mod=False)
    return world, twitch, models, world.bot


LONG = ("test_no_window_ever_holds_more_than_is_allowed", "test_ten_thousand_turns_with_faults",
        "test_twenty_starts_and_kills_break_no_budget", "test_it_weathers_a_storm",
        "test_a_flood_in_fifty_rooms_costs_no_memory_and_no_time",
        "test_after_a_kill_every_budget_counts_as_spent")


def pytest_collection_modifyitems(items):
    """Where several run at once, nobody waits for a long one at the end: each worker begins with
    one, the first of the quarter of its share that xdist gives it."""
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", 1))
    quarter = len(items) // workers // 4
    long = [item for item in items if item.name in LONG]
    items[:] = [item for item in items if item.name not in LONG]
    for i, item in enumerate(long):
        items.insert(i * quarter, item)


def pytest_sessionfinish(session, exitstatus):
    """Leaves nothing of green runs behind."""
    base = getattr(session.config, "_tmp_path_factory", None)
    if exitstatus == 0 and base is not None:
        shutil.rmtree(base.getbasetemp(), ignore_errors=True)

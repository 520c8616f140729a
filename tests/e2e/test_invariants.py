"""Every invariant can fail: each is shown a run that it must pass and runs that it must not."""

import datetime
import json

import pytest

from tests.checks import invariants
from tests.stage.bot import CANARIES
from tests.stage.history import History
from tests.stage.twitch_app import TwitchApp


class MadeUp:
    """A run that never was: what the checks look at, filled by hand. Its clock begins in 1970."""

    def __init__(self, folder):
        self.folder = folder
        self.history = History(folder / "history.jsonl")
        self.history.wall = 0
        self.statuses, self.lags = [], []
        self.lag_limit_ms, self.exit_code, self.rate = 100, 0, 1
        self.app = TwitchApp()

    def add(self, t, who, what, **facts):
        self.history.add(who, what, **facts)["t"] = t

    def said(self, t, text="Ahoy!", room="kelpforest", mod=False, reply_to=None, late=0):
        self.add(t, "twitch", "said", text=text, room=room, mod=mod, reply_to=reply_to, late=late)

    def log(self, t, action, level="info", **more):
        wall = datetime.datetime.fromtimestamp(t, datetime.timezone.utc)
        line = {"timestamp": wall.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
                "level": level, "module": "platform", "action": action, "user": "",
                "community": "", "result": "", "execution_time": 0, "message": "", **more}
        self.write("mynah.log", json.dumps(line) + "\n")

    def down(self, t, retry_ms=1000):
        self.log(t, "place_down", "error", error="closed", retry_ms=retry_ms)

    def write(self, name, text):
        with open(self.folder / name, "a", encoding="utf-8") as file:
            file.write(text)

    def logs(self):
        return list(self.folder.glob("*.log"))

    def artefacts(self):
        return [p for p in self.folder.iterdir() if p.name != "history.jsonl"]


def sends(*times, **facts):
    return lambda w: [w.said(t, **facts) for t in times]


def events(what, *times, **facts):
    return lambda w: [w.add(t, "twitch", what, **facts) for t in times]


def replies(*to, late=1):
    def fill(w):
        w.add(0, "twitch", "say", id="a")
        for i, each in enumerate(to):
            w.said(late + i * 2, reply_to=each)
    return fill


def status(**counts):
    return lambda w: w.statuses.append({"hits": 3, "sent": 1, "drops": {"stale": 1}, "live": 1,
                                        "events": 7, "gathered": 1, "silent": {"quiet": 5},
                                        **counts})


def links(*whats, asked=False):
    def fill(w):
        if asked:
            w.add(0, "twitch", "sent", server=1, lines=":tmi.twitch.tv RECONNECT")
        for t, what in enumerate(whats):
            what, client = what.split()
            w.add(t, "twitch", what, server=1, client=int(client))
    return fill


def lagged(ms):
    return lambda w: w.lags.append(ms)


def outage(*, back, cleared=None, ends=200, retry_ms=1000, silent=False):
    """Cut at 10; refusing until `cleared`; up again at `back`."""
    def fill(w):
        w.add(0, "twitch", "listen", server=1)
        w.log(1, "place_up")
        w.add(10, "twitch", "cut", clients=1, server=1)
        if cleared:
            w.add(10, "twitch", "mode", mode="refuse-upgrade", server=1)
            w.add(cleared, "twitch", "mode", mode="serve", server=1)
        if not silent:
            w.down(10.1, retry_ms)
        if back:
            w.log(back, "place_up")
            w.add(back, "twitch", "welcome")
        w.add(ends, "bot", "exit", code=0, signal=15, log=str(w.folder / "mynah.log"))
    return fill


def reload(accepted=False, then=None, **changed):
    def fill(w):
        before = {"triggers": 3, "personas": 1, "providers": [],
                  "places": {"twitch": ["up", "12:00"]}}
        w.add(2, "bot", "reload", since=1, accepted=accepted, before=before,
              after={**before, **changed})
        w.log(2, "reload", result="SUCCESS" if accepted else "FAILED")
        if then:
            w.log(3, then)
    return fill


def discord(what, *times, **facts):
    return lambda w: [w.add(t, "discord", what, late=0, **facts) for t in times]


def posted(call="create", **body):
    """A call that writes a message."""
    body.setdefault("allowed_mentions", {"parse": [], "replied_user": True})
    return discord("call", 1, call=call, body=json.dumps(body))


def identified(*times, key=0):
    return discord("identify", *times, key=key, every_s=5, shard=(0, 1))


def frame(data):
    return events("frame", 1, data=data)


def leaked_token(w):
    w.write("mynah.log", f"got {w.app.grant('tidalbot', ['chat:read']).access}\n")


def file(name, text):
    return lambda w: w.write(name, text)


def errors(n):
    return lambda w: [w.log(i, "place_down", "error") for i in range(n)]


def ended(code, signal=15):
    return lambda w: w.add(9, "bot", "exit", code=code, signal=signal)


PASSES = {
    "rate": [sends(*(1.6 * i for i in range(40))), events("join", *range(0, 40)),
             sends(1, 1.98, late=0.03), sends(*(1.49 * i for i in range(21)), late=0.3),
             sends(*(0.31 * i for i in range(100)), mod=True), identified(1, 6, 11),
             discord("frame", *[1] * 120, client=1), discord("call", *[1] * 50, call="create"),
             discord("call", *[1] * 90, call="callback")],
    "at_most_once": [replies("a", "b"), replies(None, None),
                     discord("said", 1, reply_to="a", channel="b", text="x")],
    "one_link": [links("open 1", "close 1", "open 2"),
                 links("open 1", "left 1", "open 2", "close 1"),
                 links("open 1", "open 2", asked=True), discord("open", 1, client=2, others=[])],
    "conservation": [status()],
    "arrivals": [status()],
    "resumes": [identified(1)],
    "fresh": [replies("a", late=29)],
    "recovers": [outage(back=80), outage(back=200, cleared=150, ends=300),
                 outage(back=None, ends=60)],
    "polite": [events("accept", *(1.5 * i for i in range(20))),
               discord("accept", *(1.5 * i for i in range(20)))],
    "lively": [lagged(99)],
    "secret": [file("mynah.log", "nothing\n")],
    "one_clean_line": [frame("PRIVMSG #kelpforest :hi\r\n"), sends(1, text="50/50"),
                       events("recv", 1, command="JOIN"), posted(content="hi @ everyone"),
                       posted("callback", type=5),
                       discord("said", 1, text="hi", pings=["replied:5"]),
                       posted("callback", type=4,
                              data={"content": "x", "allowed_mentions": {"parse": []}})],
    "well_formed": [discord("wrong", 1, where="gateway", code=4014, why="a switch"),
                    discord("refused", 1, call="create", status=403, code=50013, body={}),
                    discord("no_beat", 1, interval_ms=1000)],
    "old_config_lives": [reload(), reload(accepted=True, triggers=9, then="needs_restart")],
    "clean_end": [ended(0), ended(-9, signal=9)],
    "quiet": [errors(20)],
    "sanitizers": [file("stderr-1", "mynah: reading mynah.yaml\n")],
}
FAILS = {
    "rate": [sends(*(1.4 * i for i in range(21))), sends(1, 1.5), sends(1, 1.96, late=0.03),
             events("join", *[0.4] * 21),
             sends(*(0.29 * i for i in range(101)), mod=True), events("login", *[0.4] * 21),
             identified(1, 5.9), discord("frame", *[1] * 121, client=1),
             discord("call", *[1] * 51, call="create"),
             discord("over", 1, call="edit", scope="user")],
    "at_most_once": [replies("a", "a"), discord("said", 1, 2, reply_to="a", channel="b", text="x")],
    "one_link": [links("open 1", "open 2"), links("open 1", "open 2", "left 1"),
                 links("open 1", "left 1", "open 2", "close 1", "open 3"),
                 links("open 1", "open 2", "open 3", asked=True),
                 discord("open", 1, client=2, others=[1])],
    "resumes": [discord("thrown_away", 1, client=2, session="5f2d")],
    "conservation": [status(hits=4), status(live=0)],
    "arrivals": [status(events=8), status(gathered=0), status(silent={})],
    "fresh": [replies("a", late=31)],
    "recovers": [outage(back=90), outage(back=None), outage(back=230, cleared=150, ends=300),
                 outage(back=12, retry_ms=61000), outage(back=None, silent=True)],
    "polite": [events("accept", *range(9)), discord("accept", *range(9))],
    "lively": [lagged(101)],
    "secret": [file("mynah.log", f"PASS {CANARIES['twitch']}\n"), leaked_token,
               sends(1, text=f"my key is {CANARIES['openai']}")],
    "one_clean_line": [frame("PRIVMSG #kelpforest :hi"), frame("a\nPRIVMSG #reef :b\r\n"),
                       sends(1, text="/ban you"), sends(1, text=" \uff0fban you"),
                       sends(1, text="a\u202eb"), sends(1, text="a" * 501),
                       events("recv", 1, command="WHOIS"),
                       posted(content="hi", allowed_mentions=None), posted(content="hi @everyone"),
                       posted(content="hi", allowed_mentions={"parse": [], "users": ["1"]}),
                       posted("callback", type=4, data={"content": "x"}),
                       posted("edit", content="x", allowed_mentions={}),
                       discord("said", 1, text="hi", pings=["role:5"])],
    "well_formed": [discord("wrong", 1, where="gateway", code=4002, why="no JSON"),
                    discord("refused", 1, call="create", status=400, code=50035, body={}),
                    discord("ignored", 1, members=["contents"]),
                    discord("no_beat", 1, interval_ms=41250)],
    "old_config_lives": [reload(triggers=4), reload(places={"twitch": ["up", "12:01"]}),
                         reload(then="needs_restart")],
    "clean_end": [ended(1), ended(-11, signal=2)],
    "quiet": [errors(21), file("mynah.log", "not JSON\n"),
              file("mynah.log", '{"level": "info"}\n')],
    "sanitizers": [file("stderr-1", "==1==ERROR: AddressSanitizer: heap-use-after-free\n"),
                   file("stderr-1", "x.c:1:2: runtime error: signed integer overflow\n")],
}


@pytest.mark.parametrize("check", invariants.ALL, ids=lambda check: check.__name__)
def test_each_invariant_passes_what_is_right_and_fails_what_is_wrong(tmp_path, check):
    for kind, cases in (("pass", PASSES), ("fail", FAILS)):
        assert cases[check.__name__]
        for i, fill in enumerate(cases[check.__name__]):
            folder = tmp_path / f"{kind}-{i}"
            folder.mkdir()
            world = MadeUp(folder)
            fill(world)
            world.history.close()
            assert bool(check(world)) is (kind == "fail"), (kind, i, check(world))

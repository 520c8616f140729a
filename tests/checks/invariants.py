"""Each function judges one invariant and gives a list of violations, as sentences."""

import collections
import datetime
import json
import math
import unicodedata

from tests.stage.bot import CANARIES


def arrived(event):
    """When it was there at the earliest: on a busy machine it is seen `late`."""
    return event["t"] - event.get("late", 0)


def most_in_window(events, seconds):
    """The largest number of events that surely lie within any window of this length."""
    best = first = 0
    for last, event in enumerate(events):
        while first <= last and event["t"] - arrived(events[first]) >= seconds:
            first += 1
        best = max(best, last - first + 1)
    return best


def rate(world):
    """I1: sends, joins and logins never exceed what the platform allows, in any window, over
    reconnects and restarts."""
    said = world.history.find("twitch", "said")
    bad = []
    if (n := most_in_window(said, 30)) > 100:
        bad.append(f"{n} sends within 30 s, 100 are allowed at most")
    for t in [e["t"] for e in said if not e["mod"]]:
        n = sum(1 for e in said if t - 30 < arrived(e) and e["t"] <= t)
        if n > 20:
            bad.append(f"a send without privileges was number {n} within 30 s")
            break
    for room in {e["room"] for e in said}:
        bound = [e for e in said if e["room"] == room and not e["mod"]]
        if most_in_window(bound, 1) > 1:
            bad.append(f"two sends within a second in {room}")
    for what, n, seconds in (("join", 20, 10), ("login", 20, 10)):
        if (most := most_in_window(world.history.find("twitch", what), seconds)) > n:
            bad.append(f"{most} {what}s within {seconds} s")
    return bad + discord_rate(world)


def discord_rate(world):
    """What Discord allows: calls by the headers of its answers, 50 in a second, frames and
    IDENTIFYs of the gateway."""
    bad = [f"a call of {e['call']} over the {e['scope']} limit"
           for e in world.history.find("discord", "over")]
    frames = collections.defaultdict(list)
    for e in world.history.find("discord", "frame"):
        frames[e["client"]].append(e)
    for client, sent in frames.items():
        if (n := most_in_window(sent, 60 / world.rate)) > 120:
            bad.append(f"{n} messages within 60 s on connection {client}")
    calls = [e for e in world.history.find("discord", "call") if e["call"] not in OF_INTERACTIONS]
    if (n := most_in_window(calls, 1 / world.rate)) > 50:
        bad.append(f"{n} calls within a second")
    identifies = collections.defaultdict(list)
    for e in world.history.find("discord", "identify"):
        identifies[e["key"]].append(e)
    for sent in identifies.values():
        if most_in_window(sent, min(5, sent[0]["every_s"])) > 1:
            bad.append("two IDENTIFYs within 5 s")
    return bad


def at_most_once(world):
    """I2: one message causes at most one reply."""
    seen, bad = set(), []
    for e in world.history.find(what="said"):
        if e.get("reply_to"):
            e = {"room": e.get("channel"), **e}
            if (e["reply_to"], e["room"]) in seen:
                bad.append(f"two replies to {e['reply_to']}: {e['text']}")
            seen.add((e["reply_to"], e["room"]))
    return bad


def conservation(world):
    """I3: hits = sent + drops + live, in the last status of every run."""
    bad = []
    for status in world.statuses:
        total = status["sent"] + sum(status["drops"].values()) + status["live"]
        if status["hits"] != total:
            bad.append(f"{status['hits']} hits, but sent + drops + live = {total}")
    return bad


def arrivals(world):
    """Nothing that came in is lost: events + gathered = hits + silent, in the last status."""
    bad = []
    for status in world.statuses:
        came = status["events"] + status["gathered"]
        went = status["hits"] + sum(status["silent"].values())
        if came != went:
            bad.append(f"{came} events came in, {went} are accounted for")
    return bad


def one_link(world):
    """N1, W1: never a second connection to a server, but for a hand-over it asked for. A connection
    is over when the bot has left it, whether or not the server has closed its side."""
    bad, links, asked = [], {}, {}
    for e in world.history.find("twitch"):
        server = e.get("server")
        if e["what"] == "sent" and "RECONNECT" in e["lines"]:
            asked[server] = e["t"]
        elif e["what"] == "open":
            held = links.setdefault(server, set())
            held.add(e["client"])
            most = 2 if e["t"] - asked.get(server, -60) < 60 else 1
            if len(held) > most:
                bad.append(f"{len(held)} connections at once, the last is {e['client']}")
        elif e["what"] in ("left", "close"):
            links.get(server, set()).discard(e["client"])
    shards = max((e["shard"][1] for e in world.history.find("discord", "identify")), default=1)
    return bad + [f"connection {e['client']} while there are {e['others']}"
                  for e in world.history.find("discord", "open") if len(e["others"]) >= shards]


def resumes(world):
    """I4: a session that can be resumed is: what happened in the gap is not lost."""
    return [f"connection {e['client']} began anew, session {e['session']} could have been resumed"
            for e in world.history.find("discord", "thrown_away")]


def fresh(world):
    """I6: nothing is said later than the event's life: 30 s for messages, 120 s for events."""
    born = {e["id"]: e["t"] for e in world.history.find(what="say")}
    return [f"a reply came {e['t'] - born[e['reply_to']]:.1f} s late"
            for e in world.history.find(what="said")
            if e.get("reply_to") in born and e["t"] - born[e["reply_to"]] > 30.5]


RECOVERS_S = 75         # the longest wait between two tries, and a whole login
BACKOFF_CAP_MS = 60000


def actions(world, path, *names):
    """(t on the history's clock, line) of the log's lines with these actions."""
    found = []
    for text in path.read_text(encoding="utf-8").splitlines():
        try:
            line = json.loads(text)
        except ValueError:
            continue  # `quiet` says so
        if line.get("action") in names:
            wall = datetime.datetime.fromisoformat(line["timestamp"].replace("Z", "+00:00"))
            found.append((wall.timestamp() - world.history.wall, line))
    return found


def is_served(world, at):
    """Every Twitch of the stage that was ever there listens and serves at this time."""
    listens, modes = {}, {}
    for e in world.history.find("twitch"):
        if e["t"] > at:
            break
        if e["what"] in ("listen", "stop"):
            listens[e["server"]] = e["what"] == "listen"
        elif e["what"] == "mode":
            modes[e["server"]] = e["mode"] == "serve"
    return bool(listens) and all(listens.values()) and all(modes.values())


def first_after(times, t):
    return min((each for each in times if each > t), default=math.inf)


def recovers(world):
    """I7: a place that lost its server is up again within 75 s of the server's return, unless a
    person has to act first (a refused login, a bad certificate) or the run ends sooner."""
    bad = []
    troubles = [e["t"] for e in world.history.find("twitch")
                if e["what"] in ("cut", "stop", "listen", "mode")]
    end = max((e["t"] for e in world.history.find()), default=0)
    for path in world.logs():
        lines = actions(world, path, "place_up", "place_down", "place_refused", "place_stopped")
        over = [t for t, line in lines if line["action"] in ("place_refused", "place_stopped")]
        over += [e["t"] for e in world.history.find("bot", "exit", log=str(path))] + [end]
        ups = [t for t, line in lines if line["action"] == "place_up"]
        for t, line in lines:
            if line["action"] != "place_down" or line["error"] == "tls":
                continue
            if int(line["retry_ms"]) > BACKOFF_CAP_MS:
                bad.append(f"{line['retry_ms']} ms until the next try: {line['message']}")
            until = min(first_after(ups, t), first_after(over, t))
            cleared = max([t, *(each for each in troubles if each < until)])
            if ups and ups[0] < t and until - cleared > RECOVERS_S and is_served(world, cleared):
                bad.append(f"not up {until - cleared:.0f} s after: {line['message']}")
    return bad + unnoticed_cuts(world, end)


def unnoticed_cuts(world, end):
    """A cut that the bot's log does not even mention is one to recover from, too."""
    bad = []
    over = [e["t"] for e in world.history.find("bot", "exit")]
    over += [e["t"] for e in world.history.find("twitch", "login_refused")] + [end]
    for cut in world.history.find("twitch", "cut"):
        back = first_after([e["t"] for e in world.history.find("twitch", "welcome")], cut["t"])
        until = min(back, first_after(over, cut["t"]))
        after = [e["t"] for e in world.history.find("twitch")
                 if cut["t"] <= e["t"] < until and e["what"] in ("cut", "stop", "listen", "mode")]
        if cut["clients"] and until - max(after) > RECOVERS_S and is_served(world, max(after)):
            bad.append(f"nobody came back within {until - max(after):.0f} s of a cut")
    return bad


def polite(world):
    """I8: no storm of connections: at most 8 in any 10 s, and none after a refused login."""
    return [f"{n} connections to {who} within 10 s" for who in ("twitch", "discord")
            if (n := most_in_window(world.history.find(who, "accept"), 10 / world.rate)) > 8]


def lively(world):
    """I9: the loop never lagged more than 100 ms."""
    limit = world.lag_limit_ms
    return [f"the loop lagged {ms} ms" for ms in world.lags if ms > limit]


def secret(world):
    """I11: no canary in any artefact: log, ledger, state, chat, argv."""
    bad = []
    canaries = {**CANARIES, **{f"issued {i}": t for i, t in enumerate(world.app.issued)}}
    said = " ".join(e["text"] for e in world.history.find(what="said"))
    bad += [f"the {name} secret was said in chat" for name, value in canaries.items()
            if value in said]
    for path in world.artefacts():
        content = path.read_bytes()
        bad += [f"the {name} secret stands in {path}" for name, value in canaries.items()
                if value.encode() in content]
    return bad


def old_config_lives(world):
    """I13: a refused reload changes nothing: not what is loaded, not the connections; nothing of
    the refused version is acted upon."""
    bad = []
    for e in world.history.find("bot", "reload", accepted=False):
        before, after = dict(e["before"]), dict(e["after"])
        was_moving = any(state != "up" for state, _ in before["places"].values()) or any(
            e["since"] <= other["t"] <= e["t"] and other["what"] in ("cut", "stop", "close")
            for other in world.history.find("twitch"))
        if was_moving:  # on its own: not the reload's doing
            before.pop("places"), after.pop("places")
        if before != after:
            bad.append(f"a refused reload changed {before} to {after}")
    for path in world.logs():
        last = None
        for _, line in actions(world, path, "reload", "needs_restart", "place_not_started",
                               "place_not_reloaded"):
            if line["action"] == "reload":
                last = line["result"]
            elif last == "FAILED":
                bad.append(f"{line['action']} after a refused reload: {line['message']}")
    return bad


def is_harmless(text):
    """One visible line: no controls, bidi controls or surrogates; no command character first."""
    for c in text:
        if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") or c in "\u202a\u202b\u202c\u202d" \
                "\u202e\u2066\u2067\u2068\u2069\u200e\u200f":
            return False
    visible = unicodedata.normalize("NFKC", text.lstrip())
    return bool(visible) and visible[0] not in "/.!\\"


ALLOWED = {"CAP", "PASS", "NICK", "USER", "JOIN", "PART", "PING", "PONG", "PRIVMSG", "QUIT", "MODE"}


def one_clean_line(world):
    """I12: every frame is CRLF-terminated lines of allowed commands; every text one harmless
    line."""
    bad = []
    for e in world.history.find("twitch", "frame"):
        if not e["data"].endswith("\r\n"):
            bad.append(f"a frame without CRLF: {e['data'][-60:]!r}")
        for line in e["data"].split("\r\n"):
            if "\r" in line or "\n" in line or "\0" in line:
                bad.append(f"a line break inside a line: {line!r}")
    for e in world.history.find("twitch", "recv"):
        if e["command"] not in ALLOWED:
            bad.append(f"the bot sent {e['command']}")
    for e in world.history.find("twitch", "said"):
        if not is_harmless(e["text"]) or len(e["text"].encode("utf-16-le")) // 2 > 500:
            bad.append(f"not one clean line: {e['text']!r}")
    return bad + discord_pings(world)


OF_INTERACTIONS = ("callback", "follow_up", "hook_edit", "hook_delete", "hook_message")
OF_MESSAGES = ("create", "edit", "callback", "follow_up", "hook_edit")


def discord_pings(world):
    """Every body that Discord is sent says that nothing in it pings, and holds nothing that
    would."""
    bad = []
    for e in world.history.find("discord", "call"):
        if e["call"] not in OF_MESSAGES or not e["body"]:
            continue
        body = json.loads(e["body"])
        body = body.get("data") or {} if e["call"] == "callback" else body
        allowed, text = body.get("allowed_mentions"), body.get("content")
        if text is None and e["call"] in ("callback", "edit"):
            continue
        if not isinstance(allowed, dict) or allowed.get("parse") != [] or \
                allowed.get("users") or allowed.get("roles"):
            bad.append(f"{e['call']} may ping: {e['body'][:200]}")
        if "@everyone" in text or "@here" in text:
            bad.append(f"{e['call']} calls everybody: {text[:200]!r}")
    for e in world.history.find("discord"):
        if any(not who.startswith("replied:") for who in e.get("pings", [])):
            bad.append(f"{e['pings']} heard a bell: {e['text'][:200]!r}")
    return bad


# 4009 is the stage's own, and 4004, 4013, 4014 are what a person did.
OWN_FAULTS = (0, 4001, 4002, 4003, 4005, 4007, 4008, 4010, 4012, 404, 405)
OWN_MISTAKES = (50035, 50109, 50006, 40060, 50005, 50021, 30034, 40333, 10014, 20012)


def well_formed(world):
    """Nothing that is sent to Discord is of the wrong form, in the wrong order or misspelt."""
    bad = [f"{e['where']}: {e['code']} {e['why']}" for e in world.history.find("discord", "wrong")
           if e["code"] in OWN_FAULTS]
    bad += [f"{e['call']} was refused: {e['body']}"
            for e in world.history.find("discord", "refused")
            if e["code"] in OWN_MISTAKES or e["status"] == 411]
    bad += [f"nobody knows the members {e['members']}"
            for e in world.history.find("discord", "ignored")]
    return bad + ["a heart did not beat" for e in world.history.find("discord", "no_beat")
                  if e["interval_ms"] > 10000]


def clean_end(world):
    """I14: SIGTERM ends with 0 within the drain limit; rows in the ledger = rows written."""
    bad = [f"exit code {e['code']}" for e in world.history.find("bot", "exit")
           if e["signal"] in (2, 15) and e["code"] != world.exit_code]
    return bad


def quiet(world):
    """I15: at most 20 error lines a minute of one kind; every line is one JSON object."""
    bad, kinds = [], {}
    keys = ["timestamp", "level", "module", "action", "user", "community", "result",
            "execution_time", "message"]
    for path in world.logs():
        for line in path.read_text(encoding="utf-8").splitlines():
            try:
                value = json.loads(line)
            except ValueError:
                bad.append(f"not JSON: {line[:200]}")
                continue
            if [k for k in value if k in keys] != keys:
                bad.append(f"keys missing: {line[:200]}")
            if value["level"] == "error":
                kind = (value["module"], value["action"], value["timestamp"][:16])
                kinds[kind] = kinds.get(kind, 0) + 1
    bad += [f"{n} error lines of {kind}" for kind, n in kinds.items() if n > 20 * world.rate]
    return bad


def sanitizers(world):
    """What AddressSanitizer, LeakSanitizer and UBSan say goes to standard error."""
    return [f"{path.name}: {text[:2000]}" for path in world.folder.rglob("stderr-*")
            if (text := path.read_text(errors="replace")) and
            ("ERROR: AddressSanitizer" in text or "runtime error:" in text
             or "LeakSanitizer" in text)]


ALL = (rate, at_most_once, one_link, conservation, arrivals, resumes, fresh, recovers, polite,
       lively,
       secret, one_clean_line, well_formed, old_config_lives, clean_end, quiet, sanitizers)

"""What the bot heard is kept, and heard again: the same decisions, or other ones with other
files."""

import json
import signal
import subprocess
import time

from tests.e2e import discord as on_discord
from tests.e2e.eventsub import OWNER_SCOPES, start

TRIGGERS = """\
lurk: {command: lurk, reply: "Enjoy the lurk, $(user)!", cooldown: {user: 10m}}
dice: {command: dice, reply: "$(user) rolls $(random 1-1000000)", cooldown: {}}
ask: {command: ask, ask: "Answer $(query)"}
raid: {on: raid, reply: "Welcome $(count) friends of $(user)!"}
some: {command: some, reply: "sometimes", chance: 50%}
"""


def recording(bot, path, *place):
    """`mynah record` as a process, once it records."""
    words = ["--config", str(bot.config), "record", str(path), *place]
    process = subprocess.Popen([bot.binary, *words],
                               env=bot.env, cwd=bot.folder, stderr=subprocess.PIPE, text=True)
    assert "recording into" in process.stderr.readline()
    return process


def lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def end(process):
    process.send_signal(signal.SIGINT)
    assert process.wait(10) == 0
    return process.stderr.read()


def conversation(twitch):
    twitch.say("just words", user="AnnaBay")
    twitch.say("!lurk", user="BobReef")
    twitch.wait_said("^Enjoy the lurk, BobReef!$")
    twitch.say("!lurk", user="BobReef")
    twitch.notice("raid", user="brinebaron", displayName="BrineBaron", login="brinebaron",
                  viewerCount="42")
    twitch.wait_said("^Welcome 42 friends")
    for n in range(4):
        twitch.say("!some", user=f"User{n}")
    gone = twitch.say("!dice", user="CyCove")
    twitch.wait_said("^CyCove rolls")
    twitch.delete(gone, user="cycove")
    twitch.say("!lurk", user="LastOne")
    twitch.wait_said("^Enjoy the lurk, LastOne!$")


def record(world, chat):
    twitch, bot = chat(mods=["kelpforest"], triggers=TRIGGERS)
    path = world.folder / "record.jsonl"
    process = recording(bot, path)
    conversation(twitch)
    last = lambda: path.exists() and "LastOne" in path.read_text(encoding="utf-8")
    bot.wait_for(last, "the last line in the record")
    said = end(process)
    assert f"mynah replay {path}" in said
    return twitch, bot, path


def test_a_record_holds_what_was_heard_and_no_secret(world, chat):
    _, bot, path = record(world, chat)
    kept = lines(path)
    assert kept[0]["record"] == 1 and kept[0]["login"] == "tidalbot"
    assert path.stat().st_mode & 0o777 == 0o600
    assert {"lane"} <= {key for line in kept for key in line}
    assert all(a["t"] <= b["t"] for a, b in zip(kept[1:], kept[2:]))
    frames = [line["frame"] for line in kept if "frame" in line]
    assert len(frames) == 11  # ten that were said or told, and a deletion
    assert not any(word in frame for frame in frames
                   for word in ("PASS", "GLOBALUSERSTATE", "PING"))


def test_the_same_record_gives_the_same_decisions_byte_for_byte(world, chat):
    _, bot, path = record(world, chat)
    requests_before = len(world.history.find("twitch", "accept"))
    runs = [bot.command("replay", str(path), "--json") for _ in range(3)]
    assert [r.returncode for r in runs] == [0, 0, 0], runs[0].stderr
    assert runs[0].stdout == runs[1].stdout == runs[2].stdout
    decided = [json.loads(line) for line in runs[0].stdout.splitlines()]
    by_text = {}
    for d in decided:
        by_text.setdefault((d["user"], d["text"]), []).append(d)
    assert by_text["AnnaBay", "just words"][0]["reason"] == "no_match"
    lurks = by_text["BobReef", "!lurk"]
    assert [d["reason"] for d in lurks] == ["none", "cooldown_user"]
    assert lurks[0]["said"] == "Enjoy the lurk, BobReef!"
    raid = [d for d in decided if d["on"] == "raid"]
    assert [d["said"] for d in raid] == ["Welcome 42 friends of brinebaron!"]
    assert len(world.history.find("twitch", "accept")) == requests_before  # nobody was asked


def test_it_runs_in_the_records_time_not_in_ours(world, chat):
    _, bot, path = record(world, chat)
    kept = lines(path)
    for line in kept[1:]:
        line["t"] *= 5000  # hours
    path.write_text("".join(json.dumps(line) + "\n" for line in kept), encoding="utf-8")
    began = time.monotonic()
    run = bot.command("replay", str(path), "--json")
    assert run.returncode == 0, run.stderr
    assert time.monotonic() - began < 20
    decided = [json.loads(line) for line in run.stdout.splitlines()]
    lurks = [d["reason"] for d in decided if d["user"] == "BobReef"]
    apart_ms = [d["t"] for d in decided if d["user"] == "BobReef"]
    assert lurks == (["none", "none"] if apart_ms[1] - apart_ms[0] >= 600000
                     else ["none", "cooldown_user"])


def test_against_other_files_it_tells_what_would_be_different(world, chat):
    _, bot, path = record(world, chat)
    other = world.folder / "other"
    bot.write("other/triggers/test.yaml", TRIGGERS.replace("Enjoy the lurk", "See you"))
    run = bot.command("replay", str(path), "--against", str(other), "--json")
    assert run.returncode == 1, run.stderr
    differ = [json.loads(line) for line in run.stdout.splitlines()]
    assert {d["user"] for d in differ} == {"BobReef", "LastOne"}
    assert all("Enjoy the lurk" in d["before"]["said"] and "See you" in d["after"]["said"]
               for d in differ)
    run = bot.command("replay", str(path), "--against", str(other))
    assert '- lurk: "Enjoy the lurk, BobReef!"' in run.stdout
    assert '+ lurk: "See you, BobReef!"' in run.stdout
    bot.write("other/triggers/test.yaml", TRIGGERS)
    same = bot.command("replay", str(path), "--against", str(other))
    assert same.returncode == 0 and "0 decided otherwise" in same.stdout


def test_a_question_shows_the_prompt_it_would_ask(world, chat):
    twitch, bot = chat(mods=["kelpforest"], triggers=TRIGGERS, limits={"calls_hour": 0})
    path = world.folder / "record.jsonl"
    process = recording(bot, path)
    twitch.say("!ask how deep is it", user="AnnaBay")
    bot.wait_for(lambda: "how deep" in path.read_text(encoding="utf-8"), "the line in the record")
    end(process)
    bot.configure(twitch=world.twitch_conf(twitch))
    first, second = (json.loads(bot.command("replay", str(path), "--json").stdout)
                     for _ in range(2))
    assert first["trigger"] == "ask" and len(first["prompt"]) == 64
    assert first["prompt"][:12] in first["said"]
    assert first == second


def test_what_is_no_record_is_refused_in_words(world, chat):
    _, bot = chat()
    for text, word in (("", "no record"), ("{}", "no record"), ("nonsense", "no record"),
                       ('{"record":2}', "no record"), ('{"record":1,"wall_ms":1}\n{"t":', ":2:"),
                       ('{"record":1,"wall_ms":1}\n{"t":1,"wire":"x","frame":"y"}', ":2:"),
                       ('{"record":1,"wall_ms":1}\n{"t":1,"lane":{}}', ":2:")):
        path = bot.write("bad.jsonl", text)
        run = bot.command("replay", str(path))
        assert run.returncode == 2 and word in run.stderr, (text, run.stderr)
    assert bot.command("replay", str(bot.folder / "none.jsonl")).returncode == 2
    assert bot.command("record", str(path)).returncode == 2  # it is there already
    assert path.read_text(encoding="utf-8") == text


def test_a_record_needs_a_bot_that_runs_and_a_place(world, chat):
    bot = world.bot
    bot.ship()
    bot.configure()
    path = bot.folder / "record.jsonl"
    run = bot.command("record", str(path))
    assert run.returncode == 2 and "is it running" in run.stderr
    bot.start()
    run = bot.command("record", str(path))
    assert run.returncode == 1 and "nothing to record" in run.stderr
    assert not path.exists()


def test_a_second_record_ends_the_first(world, chat):
    twitch, bot = chat(triggers=TRIGGERS)
    paths = [world.folder / name for name in ("first.jsonl", "second.jsonl")]
    first = recording(bot, paths[0])
    second = recording(bot, paths[1])
    assert first.wait(10) == 2 and "the record has ended" in first.stderr.read()
    twitch.say("!lurk", user="AnnaBay")
    bot.wait_for(lambda: "AnnaBay" in paths[1].read_text(encoding="utf-8"), "the line")
    end(second)
    for path in paths:
        assert ["record" in line for line in lines(path)].count(True) == 1
    assert "AnnaBay" not in paths[0].read_text(encoding="utf-8")


def test_what_was_redeemed_with_a_line_is_replayed_as_it_was_heard(world):
    """Where EventSub tells of rewards, the line is a line; elsewhere it is the reward."""
    triggers = ("redeem: {on: redeem, reply: 'redeem $(user)'}\n"
                "echo: {command: echo, reply: '$(query)'}\n")
    scene = start(world, triggers, owner=OWNER_SCOPES)
    scene.es.wait_active("channel.channel_points_custom_reward_redemption.add")
    path = world.folder / "record.jsonl"
    process = recording(scene.bot, path)
    scene.twitch.say("!echo my own words", "Ann", custom_reward_id="ce20cad8-1a50")
    scene.twitch.wait_said("^my own words$")
    scene.es.redeem("Ask", "Ann")
    scene.twitch.wait_said("^redeem Ann$")
    scene.bot.wait_for(lambda: path.exists() and "Ask" in path.read_text(encoding="utf-8"),
                       "the reward in the record")
    end(process)
    assert [line.get("plain") for line in lines(path) if line.get("wire")] == [True, None]
    again = scene.bot.command("replay", "--json", str(path))
    assert again.returncode == 0, again.stderr
    decisions = [json.loads(line) for line in again.stdout.splitlines()]
    assert [(d["on"], d["said"]) for d in decisions] == [("message", "my own words"),
                                                         ("redeem", "redeem Ann")]


# -- Discord --------------------------------------------------------------------------------------

ON_DISCORD = """\
echo: {command: echo, reply: "$(query)"}
boss:
  {command: boss, level: moderator, reply: "Yes, $(user), in $(channel).", cooldown: {user: 10m}}
called: {direct: yes, priority: -5, reply: "You called?"}
dice: {slash: dice, reply: "$(user) rolls $(random 1-1000000)"}
thumb: {on: reaction, reply: "$(user) reacts with $(emoji)."}
join: {on: join, reply: "Welcome $(users)!"}
"""


def record_discord(world, *place, **options):
    """What people did on Discord, and the record of it."""
    def roles(scene):
        scene.discord.user("bob", roles=[scene.discord.role("mods", "MANAGE_MESSAGES")])
        scene.discord.user("carol", nick="Caro")
        scene.discord.channel("a question", parent="general")
    scene = on_discord.start(world, ON_DISCORD, before=roles, **options)
    discord, path = scene.discord, world.folder / "record.jsonl"
    on_discord.echo(scene, "before")
    process = recording(scene.bot, path, *place)
    for user in ("carol", "bob", "bob"):
        discord.say("!boss", user=user)
    text = f"!echo #general <#{discord.channels_of('general').id}>"
    message = discord.say(text, channel="a question")
    discord.wait_said("^#general #general$")
    late = discord.channel("late", deny=())
    discord.dispatch("CHANNEL_CREATE", late.json())
    discord.say("!boss", user="bob", channel="late")
    used = discord.slash("dice", user="carol")
    discord.wait("answered", interaction=used.id)
    discord.react(message, "👍")
    discord.join("dan")
    discord.dm("!echo psst")
    discord.wait_said("^psst$")
    discord.delete(message)
    discord.dispatch("CHANNEL_DELETE", late.json())
    on_discord.echo(scene, "the end")
    scene.bot.wait_for(lambda: "the end" in path.read_text(encoding="utf-8"), "the end of it")
    end(process)
    return scene, path, used


def test_discord_is_recorded_and_heard_again_byte_for_byte(world):
    scene, path, used = record_discord(world)
    text = path.read_text(encoding="utf-8")
    assert lines(path)[0]["place"] == "discord" and lines(path)[0]["login"] == "examplebot"
    frames = [json.loads(line["frame"]) for line in lines(path) if "wire" in line]
    assert {"MESSAGE_DELETE", "CHANNEL_DELETE"} <= {frame["t"] for frame in frames}
    for secret in (used.token, scene.discord.token, *scene.discord.gateway.sessions):
        assert secret not in text
    runs = [scene.bot.command("replay", str(path), "--json") for _ in range(2)]
    assert [r.returncode for r in runs] == [0, 0], runs[0].stderr
    assert runs[0].stdout == runs[1].stdout
    decided = [json.loads(line) for line in runs[0].stdout.splitlines()]
    told = [(d["user"], d["reason"], d["said"].split(" rolls")[0]) for d in decided
            if d["on"] != "join" and d["reason"] != "self"]
    assert told == [
        ("Caro", "level", ""), ("bob", "none", "Yes, bob, in general."),
        ("bob", "cooldown_user", ""),
        ("Alice", "none", "#general #general"), ("bob", "cooldown_user", ""),
        ("Caro", "none", "Caro"), ("Alice", "none", "Alice reacts with 👍."),
        ("Alice", "none", "psst"), ("Alice", "none", "the end")]
    joins = [d["said"] for d in decided if d["on"] == "join" and d["reason"] == "none"]
    assert joins == ["Welcome dan!"]
    shown = scene.bot.command("replay", str(path)).stdout
    assert "#general  bob: !boss" in shown and "#late  bob: !boss" in shown
    other = scene.world.folder / "other"
    scene.bot.write("other/triggers/test.yaml", ON_DISCORD.replace("moderator", "broadcaster"))
    run = scene.bot.command("replay", str(path), "--against", str(other), "--json")
    users = {json.loads(line)["user"] for line in run.stdout.splitlines()}
    assert users - {"Caro"} == {"bob"}  # her dice


def test_one_of_two_places_is_recorded(world, chat):
    """That which is named, else Twitch."""
    twitch, bot = chat(mods=["kelpforest"], triggers=TRIGGERS)
    discord = world.discord()
    bot.configure(twitch=world.twitch_conf(twitch), discord=world.discord_conf(discord))
    assert bot.reload()["accepted"]
    bot.wait_up("discord")
    for place, named in (("twitch", ()), ("discord", ("discord",))):
        path = world.folder / f"{place}.jsonl"
        process = recording(bot, path, *named)
        twitch.say("!lurk", user="AnnaBay")
        discord.say("!lurk", user="bob")
        last = "AnnaBay" if place == "twitch" else '\\"bob\\"'
        bot.wait_for(lambda: last in path.read_text(encoding="utf-8"), f"{last} in the record")
        end(process)
        assert lines(path)[0]["place"] == place
        wires = {line["wire"] for line in lines(path) if "wire" in line}
        assert wires == ({"irc"} if place == "twitch" else {"discord"})
    assert bot.command("record", str(world.folder / "x"), "irc").returncode == 2

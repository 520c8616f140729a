"""The gateway session: resumed whenever it can be, given up when it must, nothing lost and nothing
twice."""

import signal
import time

import pytest

from tests.e2e.discord import echo, place, start, wait_kept, wait_up


def identifies(scene):
    return len(scene.world.history.find("discord", "identify"))


def resumed(scene, fault, n=1):
    """A fault; what is said meanwhile is answered by the session that goes on."""
    before = len(scene.world.history.find("discord", "resumed"))
    begun = identifies(scene)
    fault()
    scene.discord.say(f"!echo meanwhile {before}")
    scene.discord.wait("resumed", before + n)
    scene.discord.wait_said(f"^meanwhile {before}$")
    assert identifies(scene) == begun
    assert scene.discord.said().count(f"meanwhile {before}") == 1


def test_it_resumes_after_whatever_can_be_resumed(world):
    scene = start(world)
    resumed(scene, scene.discord.cut)
    resumed(scene, scene.discord.reconnect)
    resumed(scene, lambda: scene.discord.cut(abort=True))
    closes = [(e["code"], e["by"]) for e in world.history.find("discord", "close")]
    assert (1000, "bot") not in closes and (1001, "bot") not in closes


@pytest.mark.parametrize("code", [4000, 4002, 1000, 1001])
def test_it_resumes_after_these_closes(world, code):
    scene = start(world)
    resumed(scene, lambda: scene.discord.close(code))


def test_it_resumes_when_it_is_told_that_it_may(world):
    """13.8, 8"""
    scene = start(world)
    resumed(scene, lambda: scene.discord.invalid(True))


@pytest.mark.parametrize("fault", ["garbage", "binary", "cut frame"])
def test_nonsense_is_no_end_of_a_session(world, fault):
    """13.8, 17; G7: what was told while nobody understood is told again."""
    scene = start(world)
    binary = b"\x00\x01\xff\x00\x00\xff\xff"
    resumed(scene, {"garbage": scene.discord.garbage,
                    "binary": lambda: scene.discord.binary(binary),
                    "cut frame": lambda: scene.discord.raw("{")}[fault])


def test_a_bomb_is_not_inflated(world):
    """G7"""
    scene = start(world, compress=True)
    before = scene.bot.rss_kib()
    resumed(scene, lambda: scene.discord.bomb(256 << 20))
    # The sanitizer keeps what is freed for a while.
    assert scene.bot.rss_kib() - before < 128 * 1024


def test_a_heart_without_an_answer_is_a_dead_connection(world):
    """G1, G2; 13.8, 2"""
    def quick(scene):
        scene.discord.gateway.interval_ms = 500
    scene = start(world, before=quick)
    scene.discord.wait("recv", n=3, op=1)
    resumed(scene, scene.discord.mute_acks)
    assert scene.discord.wait("close", by="bot")[0]["code"] == 4900
    beats = len(world.history.find("discord", "recv", op=1))
    scene.discord.wait("recv", n=beats + 4, op=1)
    assert len(world.history.find("discord", "open")) == 2


def test_it_beats_when_it_is_asked_to(world):
    """13.8, 3"""
    scene = start(world)
    scene.discord.ask_beat()
    scene.discord.wait("recv", op=1)
    echo(scene, "alive")
    assert len(world.history.find("discord", "open")) == 1


@pytest.mark.parametrize("code", [4007, 4009])
def test_it_begins_anew_after_these_closes(world, code):
    """13.8, 10"""
    scene = start(world)
    scene.discord.close(code)
    wait_up(scene, 2)
    echo(scene, "anew")
    assert identifies(scene) == 2 and not world.history.find("discord", "resume")


def test_a_session_that_is_over_is_begun_anew_where_sessions_begin(world):
    """13.8, 7; G3"""
    scene = start(world)
    scene.discord.end_sessions()
    scene.discord.cut()
    wait_up(scene, 2)
    echo(scene, "anew")
    assert [e["door"] for e in world.history.find("discord", "identify")] == ["base", "base"]
    assert [e["door"] for e in world.history.find("discord", "resume")] == ["resume"]


def test_a_dead_place_to_resume_is_given_up(world):
    """G6"""
    scene = start(world)
    scene.discord.dead_resume()
    scene.discord.cut()
    scene.discord.wait_connected()
    echo(scene, "back")


def test_strange_messages_change_nothing(world):
    """13.8, 15 and 16"""
    scene = start(world)
    for message in ({"op": 0, "s": 99, "t": "SOME_FUTURE_EVENT",
                     "d": {"anything": [1, {"x": None}]}},
                    {"op": 99, "d": {"x": 1}, "extra": []}, {"op": 11},
                    {"op": 0, "s": 1, "t": "TYPING_START",
                                                                        "d": {}}):
        scene.discord.gateway.extra = {"unknown": [1]}
        if message.get("s") != 99:
            scene.discord.raw(message)
    echo(scene, "still here")
    assert len(world.history.find("discord", "open")) == 1
    resumed(scene, scene.discord.cut)


def test_op_7_before_hello_is_no_session(world):
    """13.8, 4"""
    def early(scene):
        scene.discord.gateway.mode = "reconnect-first"
    scene = start(world, before=early, wait=False)
    scene.discord.wait("close")
    scene.discord.gateway.mode = "serve"
    wait_up(scene)
    assert [e["client"] for e in world.history.find("discord", "identify")][0] > 1


def test_frames_in_pieces_are_one_message(world):
    """13.8, 14"""
    def pieces(scene):
        scene.discord.gateway.fragment, scene.discord.gateway.ready_padding = 64 << 10, 3 << 20
    scene = start(world, before=pieces)
    echo(scene, "whole")
    scene.discord.gateway.fragment = 7
    echo(scene, "in pieces")


@pytest.mark.parametrize("compress", [False, True])
def test_with_and_without_compression(world, compress):
    scene = start(world, compress=compress)
    echo(scene, "heard 👋")
    scene.discord.gateway.split = 5
    echo(scene, "heard again")
    assert world.history.find("discord", "identify")[0]["compress"] is compress


def test_a_killed_bot_resumes_and_has_lost_nothing(world):
    scene = start(world)
    echo(scene, "before")
    world.note_status()
    wait_kept(scene.bot)
    scene.bot.kill()
    scene.discord.say("!echo while it was away")
    scene.bot.start()
    scene.discord.wait("resumed")
    scene.discord.wait_said("^while it was away$")
    echo(scene, "after")
    assert scene.discord.said() == ["before", "while it was away", "after"]
    assert identifies(scene) == 1


def test_marks_that_are_cut_short_harm_nobody(world):
    """Whoever empties files of a bot that runs, or leaves half of one behind."""
    scene = start(world)
    echo(scene, "before")
    wait_kept(scene.bot)
    marks, = scene.bot.state.glob("discord-sessions-*.seq")
    marks.write_bytes(b"")
    echo(scene, "and after")
    assert marks.stat().st_size > 0
    world.note_status()
    scene.bot.kill()
    marks.write_bytes(marks.read_bytes()[:-3])
    scene.bot.start()
    scene.discord.wait("resumed")
    echo(scene, "the end")
    assert scene.discord.said() == ["before", "and after", "the end"] and identifies(scene) == 1


def test_sigterm_says_goodbye(world):
    """13.8, 18"""
    scene = start(world)
    echo(scene, "before")
    assert scene.bot.stop(signal.SIGTERM) == 0
    assert scene.discord.wait("close", by="bot")[-1]["code"] == 1000
    assert world.history.find("discord", "session_over")


@pytest.mark.parametrize("said", ["2", "auto"])
def test_two_shards_share_the_servers(world, said):
    """auto: as many as Discord advises."""
    def shards(scene):
        scene.discord.gateway.concurrency = scene.discord.gateway.shards = 2
        scene.discord.guild("Other", guild_id=str(2 << 22))
        scene.discord.channel("there", guild="Other")
    scene = start(world, before=shards, shards=said)
    wait_up(scene, 2)
    assert sorted(e["shard"] for e in world.history.find("discord", "ready")) == [(0, 2), (1, 2)]
    echo(scene, "over there", channel="there")
    echo(scene, "over here")
    scene.discord.dm("!echo psst")
    scene.discord.wait_said("^psst$")


def test_one_of_two_shards_hears_what_is_its(world):
    """Another process has the other one."""
    def shards(scene):
        scene.discord.guild("Other", guild_id=str(2 << 22))
        scene.discord.channel("there", guild="Other")
    scene = start(world, before=shards, shards=[1, 2])
    scene.discord.say("!echo over there", channel="there")
    scene.discord.dm("!echo psst")
    echo(scene, "over here")
    assert [e["shard"] for e in world.history.find("discord", "ready")] == [(1, 2)]
    assert scene.discord.said() == ["over here"]


# -- Logins have a budget -------------------------------------------------------------------------

def test_logins_are_counted_over_crashes(world):
    scene = start(world)
    scene.bot.kill()
    scene.discord.end_sessions()
    scene.bot.start()
    wait_up(scene, 2)
    assert place(scene.bot)["place"]["identified"] == 2
    times = [e["t"] for e in world.history.find("discord", "identify")]
    assert times[1] - times[0] >= 5


def test_at_900_of_1000_it_stays_away_and_says_so(world):
    """G4: a thousand and one would cost the token."""
    scene = start(world)
    scene.bot.stop()
    budget, = scene.bot.state.glob("discord-identifies-*")
    wall, mono = int(time.time() * 1000), int(time.monotonic() * 1000)
    spent = "".join(f"identify\t{wall - 90000 * (900 - n)}\t0\n" for n in range(900))
    budget.write_text(f"mynah-discord-identifies 1\t{mono}\t{wall}\n{spent}end\t900\n")
    scene.bot.start()
    scene.bot.wait_for(lambda: "900" in str(place(scene.bot)["why"]), "it to say why")
    assert identifies(scene) == 1 and len(world.history.find("discord", "open")) == 1
    assert "900" in scene.bot.command("status").stdout

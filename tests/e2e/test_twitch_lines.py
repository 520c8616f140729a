"""What the wire brings: split, packed, endless, broken and hostile lines."""

import os
import random

from aiohttp import WSMsgType

from tests.checks import invariants

SEED = int(os.environ.get("SEED", random.randrange(1 << 30)))


def frame(payload, opcode=WSMsgType.TEXT, is_last=True):
    """A WebSocket frame of a server."""
    n = len(payload)
    length = bytes([n]) if n < 126 else bytes([126]) + n.to_bytes(2, "big") if n < 65536 else \
        bytes([127]) + n.to_bytes(8, "big")
    return bytes([int(opcode) | (0x80 if is_last else 0)]) + length + payload


def send_bytes(world, twitch, data):
    async def go():
        for client in twitch.live():
            client.ws._req.transport.write(data)
    world.loop.run(go())


def is_alive(world, twitch, word="still here"):
    twitch.say(f"!echo {word}")
    twitch.wait_said(f"^{word}$")
    assert len(world.history.find("twitch", "login")) == 1


def test_a_ping_is_answered_within_a_second_in_a_burst(world, chat):
    twitch, bot = chat(mods=["kelpforest"])
    lines = [twitch.line(f"!echo word {i}" if i % 5 == 0 else f"chatter {i}", user=f"user{i}")[0]
             for i in range(500)]
    for i in range(0, 500, 10):
        twitch.raw("\r\n".join(lines[i:i + 10]))
        if i == 250:
            kept_waiting = bot.run_delay_ms()
            asked = world.history.add("test", "ping")["t"]
            twitch.raw("PING :tmi.twitch.tv")
    pong = twitch.wait("recv", command="PONG")[0]
    kept_waiting = bot.run_delay_ms() - kept_waiting  # for a processor
    assert pong["params"] == ["tmi.twitch.tv"]
    assert invariants.arrived(pong) - asked - kept_waiting / 1000 < 1
    bot.wait_status(events=500, hits=100)


def test_bytes_may_come_one_by_one(world, chat):
    twitch = world.twitch()
    proxy = world.proxy(twitch.port)
    proxy.chunk = 1
    _, bot = chat(url=f"ws://127.0.0.1:{proxy.port}/", channels=list(twitch.rooms), wait=False)
    bot.wait_up()
    twitch.say("!echo bit by bit", user="PebbleWren")
    twitch.wait_said("^bit by bit$")


def test_a_message_may_be_fragmented_anywhere(world, chat):
    twitch, bot = chat(mods=["kelpforest"])
    for at in range(1, 400, 23):
        data = (twitch.line(f"!echo split at {at} \u00e9\U0001f426")[0] + "\r\n").encode()
        at = min(at, len(data) - 1)
        send_bytes(world, twitch, frame(data[:at], is_last=False)
                   + frame(b"still there?", WSMsgType.PING)
                   + frame(data[at:], WSMsgType.CONTINUATION))
    bot.wait_for(lambda: len(twitch.said()) == 18, "every one of them")
    assert len(set(twitch.said())) == 18


def test_one_frame_may_hold_many_lines_and_bare_line_feeds(world, chat):
    twitch, bot = chat(mods=["kelpforest"])
    one, two, three = (twitch.line(f"!echo line {word}")[0] for word in ("one", "two", "three"))
    twitch.raw(f"{one}\r\n\r\n{two}\n{three}")
    for word in ("one", "two", "three"):
        twitch.wait_said(f"^line {word}$")
    assert bot.status()["events"] == 3


def test_oversized_lines_are_skipped_and_the_link_stays(world, chat):
    twitch, bot = chat(mods=["kelpforest"])
    good = twitch.line("!echo behind it")[0]
    twitch.raw("@" + "x" * 100_000 + " :a!a@a PRIVMSG #kelpforest :!echo never\r\n" + good)
    twitch.wait_said("^behind it$")
    long = twitch.line("!echo within the limit", flags="y" * 7000)[0]
    twitch.raw(long)
    twitch.wait_said("^within the limit$")
    is_alive(world, twitch)
    dropped = [v for k, v in bot.metrics().items() if "lines_dropped" in k and "too_long" in k]
    assert dropped == [1]


def test_a_frame_beyond_all_measure_ends_the_link_and_it_comes_back(world, chat):
    twitch, bot = chat()
    twitch.raw("x" * 300_000)
    twitch.wait("login", 2)
    bot.wait_up()
    twitch.say("!echo and on we go")
    twitch.wait_said("^and on we go$")


def test_broken_lines_and_unknown_commands_harm_nobody(world, chat):
    print("SEED", SEED)
    dice = random.Random(SEED)
    twitch, bot = chat(mods=["kelpforest"])
    lines = ["@", ":", "@ :", "@a=b", ":x", "PRIVMSG", "PRIVMSG #kelpforest",
             "@id= :!@ PRIVMSG # :", ":tmi.twitch.tv", "USERSTATE", "@ ROOMSTATE #nowhere",
             ":tmi.twitch.tv USERSTATE #nowhere", "NOTICE", "@msg-id=msg_banned NOTICE",
             "CLEARCHAT", "CLEARMSG #kelpforest", ":tidalbot!tidalbot@x PART", "JOIN", "001",
             "PING", "HOSTTARGET #kelpforest :- 0",
             ":tmi.twitch.tv 999 a b c d e f g h i j k l m n o p q r s t u v w x y z",
             ":w!w@w WHISPER tidalbot :psst", "@%s%n=%s%n :%s!%n@%s PRIVMSG #kelpforest :%s%n%s"]
    sample = twitch.line("!never matched", user="gannet")[0].encode()
    for line in lines:
        twitch.raw(line)
    for _ in range(300):
        data = bytearray(sample)
        for _ in range(dice.randrange(1, 6)):
            at = dice.randrange(len(data))
            what = dice.randrange(3)
            if what == 0:
                del data[at]
            elif what == 1:
                data[at:at] = data[at:at + 9]
            else:
                data[at] = dice.randrange(0x20, 0x7f)
        twitch.raw(data.decode(errors="replace"))
    is_alive(world, twitch)
    assert bot.status()["places"][0]["state"] == "up"


def test_bytes_that_are_no_text_do_not_end_the_bot(world, chat):
    twitch, bot = chat(mods=["kelpforest"])
    line = twitch.line("!echo plain binary")[0].encode() + b"\r\n"
    send_bytes(world, twitch, frame(line, WSMsgType.BINARY))
    twitch.wait_said("^plain binary$")
    send_bytes(world, twitch, frame(b"\x00\xff\xfe" * 100, WSMsgType.BINARY))
    send_bytes(world, twitch, frame(b"\xc3\x28\xa0\xff PRIVMSG #kelpforest :\xf0\x28\r\n"))
    twitch.sync()  # it may be a reason to close, by RFC 6455
    bot.wait_for(lambda: len([c for c in twitch.live() if c.rooms]) == 1, "one connection")
    bot.wait_up()
    twitch.say("!echo after all that")
    twitch.wait_said("^after all that$")


def test_the_suffix_of_other_clients_does_not_hide_a_command(world, chat):
    twitch, _ = chat(triggers="lurk: {command: lurk, reply: 'Enjoy the lurk, $(user)!'}\n")
    twitch.say("!lurk \U000e0000", user="PebbleWren")
    twitch.wait_said("^Enjoy the lurk, PebbleWren!$")


def test_states_and_departures_out_of_order_do_no_harm(world, chat):
    twitch, bot = chat(rooms=("kelpforest", "reef"), wait=False)
    twitch.wait("open")
    for line in ("@mod=1;id=x :tmi.twitch.tv USERSTATE #reef",
                 "@slow=5;room-id=1 :tmi.twitch.tv ROOMSTATE #kelpforest",
                 ":tidalbot!tidalbot@tidalbot.tmi.twitch.tv PART #elsewhere"):
        twitch.raw(line)
    twitch.wait("join", 2)
    is_alive(world, twitch)

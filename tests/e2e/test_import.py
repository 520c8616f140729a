"""Cards and other bots' commands: imported by the real binary, checked, spoken with, exported."""

import base64
import json
import pathlib
import struct
import zlib

import pytest

DATA = pathlib.Path(__file__).resolve().parents[1] / "data"


@pytest.fixture
def bot(world):
    world.bot.ship()
    world.bot.configure(providers={"local": {"type": "ollama", "url": "http://127.0.0.1:9",
                                             "model": "m"}})
    return world.bot


def png(**texts):
    """A picture of one black pixel with these text chunks."""
    def chunk(kind, data):
        return (struct.pack(">I", len(data)) + kind + data
                + struct.pack(">I", zlib.crc32(kind + data)))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
            + b"".join(chunk(b"tEXt", k.encode() + b"\0" + base64.b64encode(v.encode()))
                       for k, v in texts.items())
            + chunk(b"IDAT", zlib.compress(b"\0\0")) + chunk(b"IEND", b""))


def chunks(data):
    """The chunks of a picture, each with a right checksum."""
    found, at = {}, 8
    while at < len(data):
        size, = struct.unpack(">I", data[at:at + 4])
        body = data[at + 4:at + 8 + size]
        assert struct.unpack(">I", data[at + 8 + size:at + 12 + size])[0] == zlib.crc32(body)
        found.setdefault(body[:4], []).append(body[4:])
        at += 12 + size
    return found


@pytest.mark.parametrize("file,format,name", [
    ("v1.json", "tavern-v1", "tin-otter"), ("v2.json", "tavern-v2", "pebble-wren"),
    ("v3.json", "tavern-v3", "marmalade"), ("eliza.json", "eliza", "quill"),
    ("Modelfile", "modelfile", "modelfile"), ("kettle.txt", "text", "kettle")])
def test_a_card_becomes_a_persona_and_comes_back(bot, file, format, name):
    done = bot.command("persona", "import", str(DATA / "cards" / file))
    assert done.returncode == 0, done.stderr
    assert (bot.folder / f"personas/{name}.yaml").stat().st_mode & 0o777 == 0o644
    done = bot.command("check")
    assert done.returncode == 0, done.stdout
    done = bot.command("persona", "export", name, "--format", format)
    assert done.returncode == 0, done.stderr
    was = (DATA / "cards" / file).read_text(encoding="utf-8")
    if file.endswith(".json"):
        was, now = json.loads(was), json.loads(done.stdout)
        if format == "eliza":
            assert "s3cr3t" not in done.stdout
            del was["secrets"], was["settings"]["secrets"]
        assert now == was
    else:
        assert done.stdout == was


def test_a_card_travels_in_a_picture(bot):
    card = (DATA / "cards/v2.json").read_text(encoding="utf-8")
    newer = (DATA / "cards/v3.json").read_text(encoding="utf-8")
    (bot.folder / "card.png").write_bytes(png(chara=card, ccv3=newer))
    done = bot.command("persona", "import", str(bot.folder / "card.png"), "--name", "baker")
    assert done.returncode == 0, done.stderr
    assert "name: \"Marmalade\"" in (bot.folder / "personas/baker.yaml").read_text()
    out = bot.folder / "out.png"
    done = bot.command("persona", "export", "baker", "--format", "tavern-v3",
                       "--picture", str(bot.folder / "card.png"), "-o", str(out))
    assert done.returncode == 0, done.stderr
    found = chunks(out.read_bytes())
    assert found[b"IDAT"] == chunks(png())[b"IDAT"]
    (key, text), = [body.split(b"\0", 1) for body in found[b"tEXt"]]
    assert key == b"ccv3"
    assert json.loads(base64.b64decode(text)) == json.loads(newer)


def test_what_is_there_is_not_overwritten(bot):
    mine = bot.folder / "personas/mynah.yaml"
    was = mine.read_bytes()
    card = str(DATA / "cards/v1.json")
    done = bot.command("persona", "import", card, "--name", "mynah")
    assert (done.returncode, mine.read_bytes()) == (2, was)
    assert "--force" in done.stderr
    assert not (bot.folder / "personas/mynah.card").exists()
    done = bot.command("persona", "import", card, "--name", "mynah", "--force")
    assert done.returncode == 0, done.stderr
    assert mine.read_bytes() != was
    done = bot.command("persona", "export", "mynah", "--format", "text", "-o", str(mine))
    assert done.returncode == 2
    done = bot.command("import", "nightbot", str(DATA / "commands/nightbot.json"),
                       "-o", str(bot.folder / "triggers/chat.yaml"))
    assert done.returncode == 2


@pytest.mark.parametrize("data,said", [
    (b"", "empty"), (b"{}", "neither"), (b"\xff\xd8\xff", "neither a text nor a PNG"),
    (b"\x89PNG\r\n\x1a\nxx", "no card"), (png(chara="{"), "cannot be imported"),
    (b'{"name": "x", "name": "y", "description": "z"}', "duplicate")])
def test_what_is_no_card_is_refused(bot, data, said):
    (bot.folder / "card").write_bytes(data)
    before = sorted((bot.folder / "personas").iterdir())
    done = bot.command("persona", "import", str(bot.folder / "card"), "--name", "new")
    assert done.returncode == 1
    assert said in done.stderr
    assert sorted((bot.folder / "personas").iterdir()) == before


@pytest.mark.parametrize("words", [
    ("persona",), ("persona", "import"), ("persona", "import", "/nowhere/card.json"),
    ("persona", "export", "mynah"), ("persona", "export", "mynah", "--format", "docx"),
    ("persona", "export", "nobody", "--format", "text"),
    ("persona", "export", "../mynah", "--format", "text"),
    ("persona", "import", str(DATA / "cards/v1.json"), "--name", "../x"),
    ("import",), ("import", "phantom", "x.json"), ("import", "nightbot", "/nowhere.json")])
def test_wrong_usage_is_told(bot, words):
    done = bot.command(*words)
    assert done.returncode == 2
    assert done.stderr
    assert done.stdout == ""


def test_commands_of_other_bots_are_spoken(bot):
    for source in ("nightbot", "streamelements"):
        done = bot.command("import", source, str(DATA / f"commands/{source}.json"),
                           "-o", str(bot.folder / f"triggers/{source}.yaml"))
        assert done.returncode == 0, done.stderr
        assert "carried over" in done.stderr
    done = bot.command("check")
    assert done.returncode == 0, done.stdout
    done = bot.command("chat", "--user", "bob",
                       input="!hug ann\n/channel b\n!cuddle\n/channel c\n!w6\n!deaths\n"
                       "!purge ann\n")
    assert done.returncode == 0, done.stderr
    assert "mynah: bob hugs ann!\n" in done.stdout
    assert "mynah: bob hugs bob!\n" in done.stdout
    assert "mynah: @bob rolls " in done.stdout
    assert "urlfetch" not in done.stdout
    assert "timeout" not in done.stdout


def test_a_bare_list_of_timers_is_one_of_timers(bot):
    bot.write("timers.json", json.dumps([{
        "name": "water", "enabled": True, "chatLines": 5, "message": "Drink!",
        "online": {"enabled": True, "interval": 15},
        "offline": {"enabled": False, "interval": 30}}]))
    told = bot.command("import", "streamelements", "timers.json")
    assert told.returncode == 0, told.stderr
    for line in ("every: 15m", "min_lines: 5", "when: live", 'reply: "Drink!"'):
        assert line in told.stdout, told.stdout

"""Files as people break them, and where and how a complaint must name each."""

import os

# name, file as it is on disk, line, column, part of the sentence, part of the hint
TRIGGERS = (
    ("bracket", b"a:\n  words: [hi\n  reply: x\n", 2, 10, '"[" that opens here', "]"),
    ("tab", b"a:\n\twords: hi\n", 2, 1, "a tab", "spaces"),
    ("quote", b"a:\n  words: hi\n  reply: \"x\n", 3, 10, "quote that opens here", "close"),
    ("no-colon", b"a:\n  words: hi\n  reply x\n", 3, 3, 'no ":"', "name: value"),
    ("colons", b"a:\n  words: hi\n  reply: see: this\n", 3, 13, 'second ": "', "quotes"),
    ("bang", b"a:\n  match: !lurk\n  reply: x\n", 2, 10, "tag", "'!lurk'"),
    ("anchor", b"a: *b\n", 1, 4, "alias", "quotes"),
    ("two-documents", b"a: {words: hi, reply: x}\n---\nb: {words: ho, reply: y}\n", 2, 1,
     "second document", "own"),
    ("not-utf8", b"a:\n  words: hi\n  reply: \"caf\xe9\"\n", 3, 14, "0xE9", "UTF-8"),
    ("utf16", "a: {words: hi, reply: x}".encode("utf-16"), 1, 1, "0xFF", "UTF-8"),
    ("control", b"a: {words: hi, reply: \"x\x1b[2Jy\"}\n", 1, 25, "U+001B", "remove"),
    ("nul", b"a: {words: hi, reply: \"x\x00y\"}\n", 1, 25, "U+0000", "remove"),
    ("list", b"- hi\n", 1, 1, "", ""),
    ("key", b"a:\n  wrods: hi\n  reply: x\n", 2, 3, 'unknown key "wrods"', "words"),
    ("twice", b"a: {words: hi, reply: x}\na: {words: ho, reply: y}\n", 2, 1, "a second time", ""),
    ("name", b"Hi There: {words: hi, reply: x}\n", 1, 1, "name of a trigger", "a-z"),
    ("nothing", b"a:\n  words: hi\n", 2, 3, "nothing to say", "reply"),
    ("both", b"a:\n  reply: x\n", 2, 3, "every message", "words:"),
    ("pattern", b"a:\n  match: '(!lurk'\n  reply: x\n", 2, 16, "unclosed group", "\\("),
    ("star", b"a:\n  match: '*lurk'\n  reply: x\n", 2, 11, "nothing to repeat", "backslash"),
    ("class", b"a:\n  match: 'x[lurk'\n  reply: x\n", 2, 16, "character class", "\\["),
    ("slow", b"a:\n  match: '(a+)+$'\n  reply: x\n", 2, 11, "too many steps", "repeat"),
    ("braces", b"a:\n  words: hi\n  reply: {user} hugs\n", 3, 10, 'began with "{"', "quotes"),
    ("backspace", b'a:\n  match: "^!hi\\b"\n  reply: x\n', 2, 11, "backspace", "single quotes"),
    ("variable", b"a: {words: hi, reply: 'hi $(usr)'}\n", 1, 27, '"$(usr)"', "$(user)"),
    ("open-variable", b"a: {words: hi, reply: 'hi $(user'}\n", 1, 27, "not closed", "$$("),
    ("range", b"a: {words: hi, reply: '$(random 9-1)'}\n", 1, 24, "range", "1-6"),
    ("persona", b"a: {words: hi, ask: x, persona: mynha}\n", 1, 33, '"mynha"', "mynah"),
    ("cooldown", b"a: {words: hi, reply: x, cooldown: 10}\n", 1, 36, "cooldown", "user: 30s"),
    ("duration", b"a: {words: hi, reply: x, cooldown: {user: 10}}\n", 1, 43, "unit", "ms, s"),
    ("long-time", b"a: {words: hi, reply: x, cooldown: {user: 900d}}\n", 1, 43, "within", ""),
    ("percent", b"a: {words: hi, reply: x, chance: 140%}\n", 1, 34, "0%..100%", ""),
    ("bare", b"a: {words: hi, reply: x, chance: 40}\n", 1, 34, "", "40%"),
    ("level", b"a: {words: hi, reply: x, level: king}\n", 1, 33, '"king"', "moderator"),
    ("event", b"a: {on: riad, reply: x}\n", 1, 9, '"riad"', "raid"),
    ("switch", b"a: {words: hi, reply: x, enabled: maybe}\n", 1, 35, "true or false", "yes"),
    ("example", b"a:\n  words: hi\n  reply: x\n  examples: {fires: [bye]}\n", 4, 22,
     '"bye" does not fire', "widen"),
    ("silence", b"a:\n  words: hi\n  reply: x\n  examples: {ignores: [hi you]}\n", 4, 24,
     '"hi you" fires', "narrow"),
)

# A name that another file has: a fault of two files together.
TAKEN = ("taken", b"hello: {words: hi, reply: x}\n", 1, 1, "has one of that name already",
         "another")

PERSONAS = (
    ("no-system", b"name: Mynah\nversion: 1.0.0\n", 1, 1, "system", ""),
    ("no-provider", b"name: M\nsystem: x\nmodel: {use: gpt}\n", 3, 14, '"gpt"', ""),
    ("hot", b"name: M\nsystem: x\nmodel: {temperature: 9}\n", 3, 22, "within 0..2", ""),
    ("stranger", b"name: M\nsystem: x\nmood: happy\n", 3, 1, 'unknown key "mood"', ""),
)

CONFIGS = (
    ("syntax", b"limits: {asks: 2\n", 1, 9, '"{" that opens here', "}"),
    ("option", b"limmits: {asks: 2}\n", 1, 1, 'unknown key "limmits"', "limits"),
    ("range", b"limits: {asks: 9999}\n", 1, 16, "within 1..64", ""),
    ("unit", b"limits: {drain: 10}\n", 1, 17, "unit", "ms, s"),
    ("ask", b"ask: lcoal\n", 1, 6, '"lcoal"', "local"),
    ("far", b"providers: {far: {url: 'http://model.example/'}}\n", 1, 25, "not on this machine",
     "remote_ok"),
)


def config(line, good):
    """A good mynah.yaml with a broken line in the place of the section of its name."""
    key = line.partition(b":")[0] + b":"
    return line + b"".join(x for x in good.splitlines(True) if not x.startswith(key))


def fifo(path):
    os.mkfifo(path)


def giant(path):
    with open(path, "wb") as f:
        f.truncate(1 << 30)


def folder(path):
    path.mkdir()


def dangling(path):
    path.symlink_to(path.parent / "nowhere")


def endless(path):
    path.symlink_to("/dev/zero")


def unreadable(path):
    path.write_bytes(b"a: {words: hi, reply: x}\n")
    path.chmod(0)


# What is no file to read: no line to show, but still a name, a sentence and a hint.
SPECIAL = (("fifo", fifo, "pipe"), ("giant", giant, "larger than 1024 KiB"),
           ("folder", folder, "folder"), ("dangling", dangling, "no such file"),
           ("endless", endless, "device"), ("unreadable", unreadable, "may not read"))

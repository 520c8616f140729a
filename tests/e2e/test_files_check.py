"""mynah check: every broken file is named with its place, its line, a caret and a way out."""

import json
import os
import re
import subprocess

import pytest

from tests.e2e import broken
from tests.e2e.conftest import PERSONA, TRIGGERS

NOBODY = 65534


def check(bot, *words, uid=None):
    """As somebody whom file modes concern: root reads everything."""
    def become():
        os.setgroups([])
        os.setgid(uid)
        os.setuid(uid)
    return bot.command("check", *words, preexec_fn=become if uid else None)


def complaints(text):
    """Parts the report: path, line, column, sentence, source line, caret column, hint."""
    shape = re.compile(r"^(?P<path>[^:\n]+):(?:(?P<line>\d+):(?P<column>\d+):)? error: "
                       r"(?P<what>.*)\n"
                       r"(?: +(?P<number>\d+) \| (?P<source>.*)\n +\| (?P<before> *)\^~*\n)?"
                       r"(?:hint: (?P<hint>.+)\n)?", re.M)
    return [m.groupdict() for m in shape.finditer(text)]


@pytest.fixture
def bot(world):
    world.bot.write("triggers/0-good.yaml", TRIGGERS + "hello: {words: howdy, reply: x}\n")
    world.bot.write("personas/mynah.yaml", PERSONA)
    world.bot.configure()
    return world.bot


def misnamed(found, path, line, column, what, hint):
    """What is wrong with the complaint about this file; None when it is as it should be."""
    mine = [c for c in found if c["path"].endswith(path)]
    if not mine:
        return f"{path} is not named"
    c = mine[0]
    is_right = ((c["line"], c["column"], c["number"]) == (str(line), str(column), str(line))
                and what in c["what"] and c["hint"] and hint in c["hint"])
    if is_right and c["source"].isascii() and not set("\\<\t") & set(c["source"]):
        is_right = len(c["before"]) == column - 1 or what == "a tab"
    return None if is_right else f"{path}: wanted {line}:{column} {what} ({hint}), got {c}"


def test_what_is_read_is_counted_and_what_is_not_is_told(bot):
    (bot.folder / "triggers/more.yml").write_text("more: {words: more, reply: x}\n")
    done = check(bot)
    assert done.returncode == 0
    assert re.search(r"triggers/more.yml: warning: this file is not read.*\nhint: .*\.yaml",
                     done.stdout)
    assert "ok: 4 triggers, 1 persona, 1 provider, 0 places; see" in done.stdout


def test_all_broken_triggers_and_personas_are_told_at_once(bot):
    for name, data, *_ in (*broken.TRIGGERS, broken.TAKEN):
        (bot.folder / f"triggers/{name}.yaml").write_bytes(data)
    for name, data, *_ in broken.PERSONAS:
        (bot.folder / f"personas/{name}.yaml").write_bytes(data)
    done = check(bot)
    assert done.returncode == 1
    assert done.stderr == ""
    found = complaints(done.stdout)
    bad = [misnamed(found, f"{kind}/{name}.yaml", *where)
           for kind, table in (("triggers", (*broken.TRIGGERS, broken.TAKEN)),
                               ("personas", broken.PERSONAS))
           for name, _, *where in table]
    assert not any(bad), "\n".join(b for b in bad if b)
    assert not [c for c in found if c["path"].endswith("0-good.yaml")]
    assert re.search(r"^\d+ errors, 0 warnings$", done.stdout, re.M)
    assert "\x1b" not in done.stdout


@pytest.mark.parametrize("name,data,line,column,what,hint", broken.CONFIGS,
                         ids=[c[0] for c in broken.CONFIGS])
def test_a_broken_config_is_told(bot, name, data, line, column, what, hint):
    bot.config.write_bytes(broken.config(data, bot.config.read_bytes()))
    done = check(bot)
    assert done.returncode == 1
    assert not (bad := misnamed(complaints(done.stdout), "mynah.yaml", line, column, what,
                                hint)), bad


def test_what_is_no_file_is_told_and_never_waited_for(bot, world):
    for name, make, _ in broken.SPECIAL:
        make(bot.folder / f"triggers/{name}.yaml")
        make(bot.folder / f"personas/{name}.yaml")
    os.system(f"chmod -R o+rX {bot.folder}"
              f" && chmod o+x {bot.folder.parent} {bot.folder.parents[1]}")
    for kind in ("triggers", "personas"):
        (bot.folder / kind / "unreadable.yaml").chmod(0)
    is_root = os.getuid() == 0
    done = check(bot, uid=NOBODY if is_root and can_read(bot) else None)
    assert done.returncode == 1
    found = {c["path"]: c for c in complaints(done.stdout)}
    for kind in ("triggers", "personas"):
        for name, _, what in broken.SPECIAL:
            if name == "unreadable" and is_root and not can_read(bot):
                continue
            mine = [c for path, c in found.items() if path.endswith(f"{kind}/{name}.yaml")]
            assert mine and what in mine[0]["what"] and mine[0]["hint"], (name, found)


def can_read(bot):
    """Whether another user gets as far as to our folder at all."""
    return subprocess.run(["setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY),
                           "--clear-groups", "cat", str(bot.config)], capture_output=True,
                          check=False).returncode == 0


def test_json_findings(bot):
    bot.write("triggers/x.yaml", "a:\n  wrods: hi\n  reply: x\n")
    done = check(bot, "--json")
    assert done.returncode == 1
    report = json.loads(done.stdout)
    assert report["ok"] is False and report["errors"] >= 1
    first = report["findings"][0]
    assert (first["line"], first["column"]) == (2, 3)
    assert first["path"].endswith("triggers/x.yaml") and "words" in first["hint"]


def test_clean_files_exit_0(bot):
    done = check(bot)
    assert done.returncode == 0 and done.stdout.startswith("ok: ")
    bot.ship()
    (bot.folder / "triggers/0-good.yaml").unlink()
    done = check(bot)
    assert done.returncode == 0, done.stdout


def test_missing_folders_and_configs(bot):
    bot.configure(persona="mynha")
    done = check(bot)
    assert done.returncode == 1 and "mynah" in done.stdout
    bot.configure(triggers=str(bot.folder / "nowhere"))
    done = check(bot)
    assert done.returncode == 1 and "nowhere" in done.stdout
    bot.config.unlink()
    done = check(bot)
    assert done.returncode == 1 and "mynah.yaml" in done.stdout

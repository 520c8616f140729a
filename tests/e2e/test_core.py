"""A crash tells nobody a secret (faults.md Z3): there is no core file, and where one was asked for
by --debug, no secret stands in what the kernel would write into it."""

import os
import pathlib
import re
import resource
import signal

from tests.e2e.conftest import PERSONA, TRIGGERS
from tests.stage.bot import CANARIES


def dumped_areas(pid):
    """(from, to) of the memory that a core would hold: what is readable and not marked DONTDUMP."""
    area = None
    for line in pathlib.Path(f"/proc/{pid}/smaps").read_text().splitlines():
        if m := re.match(r"([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ \S+\s*(.*)", line):
            area = (int(m[1], 16), int(m[2], 16)) if "r" in m[3] and not m[4].startswith("[v") \
                else None
        elif line.startswith("Rss:") and line.split()[1] == "0":
            area = None  # never touched: AddressSanitizer's shadow is terabytes of this
        elif line.startswith("VmFlags:") and area and "dd" not in line.split():
            yield area


def memory(pid):
    """The pieces of such memory, one after the other."""
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as file:
        for begin, end in dumped_areas(pid):
            try:
                for at in range(begin, end, 16 << 20):
                    file.seek(at)
                    yield file.read(min(end - at, (16 << 20) + 4096))  # some of it twice: no seams
            except OSError:
                pass  # a page that a core would not hold either


def secrets_in(pid):
    found = set()
    for piece in memory(pid):
        found |= {name for name, value in CANARIES.items() if value.encode() in piece}
    return found


def start(world, *words, **options):
    """A bot with every kind of secret, over TLS where that is done; gives its servers."""
    authority, server = world.authority(), world.redis(password=CANARIES["redis"])
    twitch, models = world.twitch(tls=authority.context()), world.models(key=CANARIES["openai"])
    world.bot.write("triggers/test.yaml", TRIGGERS)
    world.bot.write("personas/mynah.yaml", PERSONA)
    key = {"file": str(world.secret_file("openai", CANARIES["openai"]))}
    password = {"file": str(world.secret_file("redis", CANARIES["redis"]))}
    world.bot.configure(
        twitch=world.twitch_conf(twitch, ca_file=str(authority.ca)),
        providers={"local": models.conf("openai", key=key)},
        memory={"backend": "redis", "url": f"redis://127.0.0.1:{server.port}",
                "password": password})
    world.bot.start(*words, **options)
    world.bot.wait_up()
    return twitch, models, server


def test_no_secret_stands_where_a_core_would_show_it(world):
    twitch, models, server = start(world, "--debug")
    bot = world.bot
    bot.wait_for(lambda: bot.status()["memory"]["up"], "redis")
    models.plan(text=lambda _: f"It is {len(models.requests)}.")
    for n in range(2):
        twitch.say(f"!ask is it {n}?", user=f"asker{n}")
        bot.wait_ended(n + 1)
    assert bot.status()["sent"] == 2, bot.drops()
    assert models.requests and server.cli("keys", "mynah1:h:*")
    assert any(b"is it 1?" in piece for piece in memory(bot.process.pid)), "the search is blind"
    assert secrets_in(bot.process.pid) == set()
    bot.reload()
    twitch.cut()
    twitch.wait("welcome", 2)
    bot.wait_up()
    assert secrets_in(bot.process.pid) == set()


def test_a_crash_leaves_no_core(world):
    def allow_cores():
        _, most = resource.getrlimit(resource.RLIMIT_CORE)
        resource.setrlimit(resource.RLIMIT_CORE, (most, most))

    bot = world.bot
    bot.env["ASAN_OPTIONS"] += ":disable_coredump=0"  # it would hide what mynah does
    start(world, preexec_fn=allow_cores)
    world.note_status()
    limits = pathlib.Path(f"/proc/{bot.process.pid}/limits").read_text()
    assert re.search(r"^Max core file size +0 +0 ", limits, re.M), limits
    before = set(bot.folder.iterdir())
    bot.signal(signal.SIGABRT)
    end = os.waitid(os.P_PID, bot.process.pid, os.WEXITED | os.WNOWAIT)
    assert (end.si_code, end.si_status) == (os.CLD_KILLED, signal.SIGABRT)  # not CLD_DUMPED
    assert bot.stop(signal.SIGABRT) == -signal.SIGABRT
    assert {p.name for p in set(bot.folder.iterdir()) - before if "core" in p.name} == set()

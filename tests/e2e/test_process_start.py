"""The process: how it starts, in which surroundings, and what it leaves behind (faults.md S, Z,
K)."""

import contextlib
import os
import pathlib
import signal
import socket
import stat
import time

import pytest

from tests.e2e.conftest import PERSONA, TRIGGERS
from tests.stage.bot import CANARIES


def proc(bot, name):
    return pathlib.Path(f"/proc/{bot.process.pid}/{name}").read_bytes()


def test_a_second_instance_exits_75(talk):
    _, twitch, _, bot = talk
    second = bot.command("run")
    assert second.returncode == 75
    assert "another mynah" in second.stderr
    twitch.say("hi", user="PebbleWren")
    twitch.wait_said("^Hi PebbleWren!$")


def test_secrets_are_in_no_argv_and_no_environment(world):
    twitch, models = world.twitch(), world.models(key=CANARIES["openai"])
    bot = world.bot
    bot.write("triggers/test.yaml", TRIGGERS)
    bot.write("personas/mynah.yaml", PERSONA)
    bot.env["TWITCH_TOKEN"] = CANARIES["twitch"]
    bot.env["MODEL_KEY"] = CANARIES["openai"]
    bot.configure(twitch={**world.twitch_conf(twitch), "token": {"env": "TWITCH_TOKEN"}},
                  providers={"far": {"type": "openai", "url": models.openai, "model": "m",
                                     "key": {"env": "MODEL_KEY"}}})
    bot.start()
    bot.wait_up()
    for name in ("environ", "cmdline"):
        for canary in CANARIES.values():
            assert canary.encode() not in proc(bot, name), name
    models.plan(text="It works.")
    twitch.say("!ask does it?")
    twitch.wait_said("^It works.$")
    bot.reload()
    twitch.say("hi", user="SandPiper")
    twitch.wait_said("^Hi SandPiper!$")
    limits = proc(bot, "limits").decode()
    core = next(line for line in limits.splitlines() if line.startswith("Max core file size"))
    assert core.split()[4:6] == ["0", "0"]


def test_a_secret_that_others_may_read_is_refused(world):
    twitch = world.twitch()
    bot = world.bot
    bot.write("triggers/test.yaml", TRIGGERS)
    bot.write("personas/mynah.yaml", PERSONA)
    bot.configure(twitch=world.twitch_conf(twitch))
    path = world.secret_file("twitch", CANARIES["twitch"])
    for mode in (0o644, 0o640, 0o604):
        path.chmod(mode)
        done = bot.command("run")
        assert done.returncode == 78 and str(path) in done.stderr and "chmod 600" in done.stderr
        assert CANARIES["twitch"] not in done.stderr
    path.unlink()
    done = bot.command("run")
    assert done.returncode == 78 and str(path) in done.stderr
    assert not world.history.find("twitch", "accept")


def test_broken_files_refuse_the_first_start(world):
    bot = world.bot
    bot.write("triggers/test.yaml", "a: {wrods: hi, reply: x}\n")
    bot.write("personas/mynah.yaml", PERSONA)
    bot.configure()
    done = bot.command("run")
    assert done.returncode == 78
    assert "triggers/test.yaml:1:5: error" in done.stderr and "mynah check" in done.stderr


SURROUNDINGS = {
    "no home": {"env": {"HOME": None}},
    "an odd locale": {"env": {"LC_ALL": "xx_XX.garbage", "LANG": "\xff\xfe", "TZ": "Mars/Base"}},
    "umask 0": {"before": lambda: os.umask(0)},
    "umask 0777": {"before": lambda: os.umask(0o777)},
    "descriptors 0-2 closed": {"before": lambda: [os.close(fd) for fd in (0, 1, 2)]},
    "a huge environment": {"env": {f"X{i}": "y" * 10000 for i in range(100)}},
    "blocked signals": {"before": lambda: signal.pthread_sigmask(
        signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1})},
    "ignored signals": {"before": lambda: [signal.signal(s, signal.SIG_IGN) for s in
                                           (signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD)]},
}


@pytest.mark.parametrize("name", SURROUNDINGS)
def test_hostile_surroundings(world, name):
    given = SURROUNDINGS[name]
    twitch = world.twitch()
    bot = world.bot
    bot.write("triggers/test.yaml", TRIGGERS)
    bot.write("personas/mynah.yaml", PERSONA)
    bot.configure(twitch=world.twitch_conf(twitch))
    for key, value in given.get("env", {}).items():
        if value is None:
            bot.env.pop(key, None)
        else:
            bot.env[key] = value
    bot.start(preexec_fn=given.get("before"))
    bot.wait_up()
    twitch.say("hi", user="PebbleWren")
    twitch.wait_said("^Hi PebbleWren!$")
    bot.reload()
    bot.wait_for(lambda: (bot.state / "ledger.sqlite").exists(), "the ledger")
    for path in [bot.log, *bot.state.rglob("*")]:
        with contextlib.suppress(FileNotFoundError):  # replaced meanwhile
            mode = path.lstat().st_mode
            assert not mode & 0o077, f"{path} has mode {stat.filemode(mode)}"
    for fd in os.listdir(f"/proc/{bot.process.pid}/fd"):
        if fd in ("0", "1", "2"):
            assert "sqlite" not in os.readlink(f"/proc/{bot.process.pid}/fd/{fd}")
    assert bot.stop() == 0


def test_stray_signals_are_ignored(talk):
    _, twitch, _, bot = talk
    for signo in (signal.SIGPIPE, signal.SIGCHLD, signal.SIGWINCH, signal.SIGURG, signal.SIGCONT,
                  signal.SIGUSR1, signal.SIGUSR1):
        bot.signal(signo)
    twitch.say("hi", user="PebbleWren")
    twitch.wait_said("^Hi PebbleWren!$")


def test_early_signals(world):
    """SIGHUP and SIGUSR1 before the loop runs: never a half-started bot."""
    bot = world.bot
    bot.write("triggers/test.yaml", TRIGGERS)
    bot.write("personas/mynah.yaml", PERSONA)
    bot.configure()
    for delay in (0, 0.01, 0.03, 0.06):
        bot.start(wait=False)
        time.sleep(delay)
        bot.signal(signal.SIGHUP)
        bot.signal(signal.SIGPIPE)
        try:
            bot.wait_for(lambda: bot.get("/health"), "the control socket")
        except AssertionError:
            # As any program that is not up yet; nohup lets the first of the two pass.
            assert bot.process.poll() in (-signal.SIGHUP, -signal.SIGPIPE)
            bot.process = None
            continue
        assert bot.stop() == 0
        (bot.state / "starts").unlink(missing_ok=True)


def test_a_crash_loop_waits_before_logging_in(world):
    twitch = world.twitch()
    bot = world.bot
    bot.write("triggers/test.yaml", TRIGGERS)
    bot.write("personas/mynah.yaml", PERSONA)
    bot.configure(twitch=world.twitch_conf(twitch))
    for _ in range(5):
        bot.start()
        bot.kill()
    twitch.settle()
    n = len(world.history.find("twitch", "accept"))
    bot.start()
    bot.wait_log("crash_loop")
    time.sleep(1.5)
    assert len(world.history.find("twitch", "accept")) == n
    assert json_health(bot) == "degraded"
    assert bot.stop() == 0


def json_health(bot):
    return bot.status()["status"]


def test_after_a_kill_every_budget_counts_as_spent(world):
    """What was sent just before is not known exactly: half a minute of silence, not one send too
    many."""
    twitch = world.twitch()
    bot = world.bot
    bot.write("triggers/test.yaml", TRIGGERS)
    bot.write("personas/mynah.yaml", PERSONA)
    bot.configure(twitch=world.twitch_conf(twitch), limits={"drain": "1s"})
    bot.start()
    bot.wait_up()
    twitch.say("hi", user="PebbleWren")
    twitch.wait_said("^Hi PebbleWren!$")
    bot.kill()
    bot.start()
    bot.wait_up()
    twitch.say("hi", user="SandPiper")
    bot.wait_status(waiting=1)
    bot.wait_log("budgets_unknown")
    time.sleep(1.5)
    assert twitch.said() == ["Hi PebbleWren!"]


class Supervisor:
    """The socket of systemd's notify protocol."""

    def __init__(self, folder):
        self.path = folder / "notify"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(self.path))
        self.socket.settimeout(60)

    def next(self):
        return self.socket.recv(4096).decode()


def test_the_supervisor_is_told_the_truth(world):
    supervisor = Supervisor(world.folder)
    bot = world.bot
    bot.write("triggers/test.yaml", TRIGGERS)
    bot.write("personas/mynah.yaml", PERSONA)
    bot.configure()
    bot.env["NOTIFY_SOCKET"] = str(supervisor.path)
    bot.start()
    assert supervisor.next() == "READY=1"
    before = bot.status()["reloads"]
    asked = time.monotonic_ns() // 1000
    bot.signal(signal.SIGHUP)
    lines = supervisor.next().splitlines()
    assert lines[0] == "RELOADING=1"
    key, _, value = lines[1].partition("=")
    assert key == "MONOTONIC_USEC"
    assert asked <= int(value) <= time.monotonic_ns() // 1000
    assert supervisor.next() == "READY=1"
    assert bot.status()["reloads"] == before + 1  # READY came when it was done
    bot.process.send_signal(signal.SIGTERM)
    assert supervisor.next() == "STOPPING=1"
    assert bot.stop() == 0
    supervisor.socket.close()


def test_log_rotation(talk):
    _, twitch, _, bot = talk
    old = bot.log.rename(bot.folder / "old.log")
    bot.reload()
    bot.wait_log("reload")  # in the new file, which a thread of its own opens
    assert stat.S_IMODE(bot.log.stat().st_mode) == 0o600
    size = old.stat().st_size
    twitch.say("hi", user="PebbleWren")
    twitch.wait_said("^Hi PebbleWren!$")
    bot.wait_log("sent")
    assert old.stat().st_size == size


def test_the_log_moves_with_the_config(talk):
    world, twitch, models, bot = talk
    other = bot.folder / "other.log"
    bot.configure(twitch=world.twitch_conf(twitch), log={"file": str(other), "level": "debug"},
                  providers={"local": {"type": "ollama", "url": models.ollama, "model": "tiny"}})
    bot.reload()
    twitch.say("hi", user="PebbleWren")
    twitch.wait_said("^Hi PebbleWren!$")
    bot.wait_for(lambda: other.exists() and '"sent"' in other.read_text(), "a line")

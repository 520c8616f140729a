"""Starting: twice at once, over and over, and in an odd time zone."""

import datetime
import time


def test_a_second_instance_gives_way(world, chat):
    _, bot = chat()
    second = bot.command("run")
    assert second.returncode == 75
    assert "another mynah" in second.stderr
    assert len(world.history.find("twitch", "accept")) == 1


def test_a_crash_loop_waits_before_it_logs_in_again(world, chat):
    twitch, bot = chat()
    for _ in range(5):
        world.note_status()
        bot.kill()
        bot.start()
    line = bot.wait_log("crash_loop")[-1]
    twitch.settle()
    before = len(world.history.find("twitch", "accept"))
    time.sleep(1.5)
    assert len(world.history.find("twitch", "accept")) == before
    assert 0 < int(line["wait_ms"]) <= 60000
    assert len(world.history.find("twitch", "login")) <= 5


def test_the_log_speaks_utc_wherever_it_runs(world, chat):
    world.bot.env["TZ"] = "Pacific/Kiritimati"
    chat()
    stamp = world.bot.log_lines()[-1]["timestamp"]
    assert stamp.endswith("Z")
    written = datetime.datetime.fromisoformat(stamp.replace("Z", "+00:00"))
    assert abs(written.timestamp() - time.time()) < 60

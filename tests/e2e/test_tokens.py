"""Logins that keep themselves alive: validated, renewed once, kept before they are used, and
refused in words that say what to run (protocols/twitch.md section 4; faults R5, R6, W3, K5;
sequence S09)."""

import fcntl
import json
import os
import signal
import time

import pytest

from tests.e2e.conftest import ECHO, PERSONA
from tests.stage.twitch_app import CHAT_SCOPES

LOGIN = "mynah login twitch"
FOLLOW = 'follow: {on: follow, reply: "Hi $(user)!"}\n'


def place(bot):
    return bot.status()["places"][0]


def login_of(bot):
    return place(bot)["place"]["logins"][0]


def wait_login(bot, state, timeout=60):
    return bot.wait_for(lambda: (each := login_of(bot))["state"] == state and each, state, timeout)


def wait_state(bot, state, timeout=60):
    return bot.wait_for(lambda: (p := place(bot))["state"] == state and p, state, timeout)


@pytest.fixture
def stage(world):
    """Twitch and a configured bot that is not started. Gives (twitch, bot, id server)."""
    twitch = world.twitch()
    world.bot.write("triggers/test.yaml", ECHO)
    world.bot.write("personas/mynah.yaml", PERSONA)
    world.bot.configure(twitch=world.login_conf(twitch), limits={"drain": "1s"})
    return twitch, world.bot, world.id


def logins(world):
    return world.history.find("twitch", "login")


def echo(twitch, text):
    twitch.say(f"!echo {text}")
    twitch.wait_said(f"^{text}$")


# -- At the start ----------------------------------------------------------------------------------


def test_a_login_of_the_vault_is_validated_and_shown(world, stage):
    twitch, bot, server = stage
    token = world.login()
    bot.start().wait_up()
    echo(twitch, "hello")
    assert len(server.calls("validate")) == 1 and not server.calls("refresh")
    login = login_of(bot)
    assert login["login"] == "tidalbot" and login["kind"] == "login"
    assert login["scopes"] == ["chat:read", "chat:edit"]
    assert login["expires_at"] and login["validated_at"] and login["why"] == ""
    words = bot.command("status").stdout
    assert "tidalbot" in words and "chat:read chat:edit" in words
    assert token.access not in json.dumps(bot.status()) + words
    argv = open(f"/proc/{bot.process.pid}/cmdline", encoding="utf-8").read()
    assert token.access not in argv and token.refresh not in argv


def test_nobody_logged_in_is_said_with_the_command_and_nothing_is_dialled(world, stage):
    _, bot, server = stage
    bot.start()
    refused = wait_state(bot, "refused")
    assert "tidalbot" in refused["why"] and LOGIN in refused["why"]
    assert refused["why"] in json.loads(bot.get("/healthz"))["reasons"][0]
    assert not world.history.find("twitch", "accept") and not server.calls("validate")


def test_a_login_that_is_over_is_renewed_before_it_is_used(world, stage):
    twitch, bot, server = stage
    token = world.login()
    world.app.expire(token.access)
    world.put_login(token, lives_s=-60)
    bot.start().wait_up()
    echo(twitch, "renewed")
    assert len(server.calls("refresh")) == 1 and len(logins(world)) == 1
    bot.kill()
    bot.start()  # what was renewed is in the vault: a crash loses nothing
    wait_state(bot, "up")
    assert len(server.calls("refresh")) == 1 and len(logins(world)) == 2


def test_a_clock_that_is_wrong_costs_one_renewal_at_most(world, stage):
    _, bot, server = stage
    token = world.login()
    world.put_login(token, lives_s=-3600)  # it lives; our clock runs ahead
    bot.start().wait_up()
    assert len(server.calls("refresh")) <= 1 and login_of(bot)["state"] == "valid"


def test_a_revoked_token_is_renewed_at_the_start(world, stage):
    _, bot, server = stage
    world.app.revoke(world.login().access)
    bot.start().wait_up()
    bot.wait_for(lambda: login_of(bot)["validated_at"], "validated")
    assert [e["status"] for e in server.calls("validate")] == [401, 200]
    assert len(server.calls("refresh")) == 1 and len(logins(world)) == 1


def test_an_id_server_that_is_away_does_not_keep_the_bot_out(world, stage):
    twitch, bot, server = stage
    world.login()
    server.fault("validate", status=503)
    bot.start().wait_up()
    echo(twitch, "without it")
    assert "503" in login_of(bot)["why"]
    server.fault("validate")
    bot.wait_for(lambda: login_of(bot)["validated_at"], "validated")
    assert login_of(bot)["why"] == "" and len(logins(world)) == 1


def test_the_login_of_another_account_is_refused_before_anything_is_dialled(world, stage):
    _, bot, server = stage
    world.login(login="mossy_otter")
    bot.start()
    why = wait_state(bot, "refused")["why"]
    assert "mossy_otter" in why and "tidalbot" in why and LOGIN in why
    assert not world.history.find("twitch", "accept")
    assert not server.calls("refresh")


def test_another_account_in_the_config_does_not_get_this_ones_token(world, stage):
    twitch, bot, _ = stage
    world.login()
    bot.start().wait_up()
    bot.configure(twitch=world.login_conf(twitch, account="mossy_otter"))
    bot.reload()
    why = wait_state(bot, "refused")["why"]
    assert "belongs to tidalbot, not to mossy_otter" in why and LOGIN in why
    assert len(logins(world)) == 1


def test_a_broadcaster_who_has_not_logged_in_is_named_with_the_command(world, stage):
    twitch, bot, _ = stage
    bot.configure(twitch=world.login_conf(twitch, api_url=world.helix(twitch).url))
    bot.write("triggers/more.yaml", 'points: {on: redeem, reply: "Thanks $(user)!"}\n')
    world.login()
    bot.start().wait_up()
    command = f"{LOGIN} --broadcaster kelpforest"
    bot.wait_for(lambda: command in bot.command("status").stdout, "the command")
    echo(twitch, "chat goes on")
    world.login(login="kelpforest", scopes=("channel:read:redemptions",), channel="kelpforest")
    bot.reload()
    bot.wait_for(lambda: len(place(bot)["place"]["logins"]) == 2 and
                 place(bot)["place"]["logins"][1]["state"] == "valid", "the broadcaster's login")
    assert command not in bot.command("status").stdout


# -- While it runs ---------------------------------------------------------------------------------


def test_a_session_survives_the_end_of_its_token(world, stage):
    twitch, bot, server = stage
    world.app.token_s = 4
    first = world.login()
    bot.start().wait_up()
    bot.wait_for(lambda: len(server.calls("refresh")) >= 2, "two renewals")
    assert world.app.token(first.access) is None
    echo(twitch, "still here")
    assert len(logins(world)) == 1 and server.most_at_once["refresh"] == 1
    assert max(world.app.spent.values()) == 1  # no refresh token was used twice


def test_a_refused_login_is_renewed_once_and_tried_once_more(world, stage):
    twitch, bot, server = stage
    token = world.login()
    bot.start().wait_up()
    world.app.revoke(token.access)
    twitch.cut()
    bot.wait_for(lambda: len(logins(world)) == 3, "the second login after the cut")
    bot.wait_up()
    echo(twitch, "back again")
    assert len(server.calls("refresh")) == 1 and len(logins(world)) == 3


def test_a_login_thrown_out_is_two_attempts_and_then_quiet(world, stage):
    twitch, bot, server = stage
    world.login()
    bot.start().wait_up()
    world.app.disconnect("tidalbot")
    twitch.cut()
    why = wait_state(bot, "refused")["why"]
    assert "Invalid refresh token" in why and LOGIN in why
    assert LOGIN in bot.command("status").stdout
    time.sleep(2.5)  # the first retries of anything else come within one and three seconds
    assert len(logins(world)) == 2 and len(server.calls("refresh")) == 1

    world.login()  # as mynah login twitch would, which also asks for the reload
    bot.reload()
    bot.wait_up()
    echo(twitch, "mended")


def test_a_renewed_token_that_chat_refuses_again_is_the_end(world, stage):
    twitch, bot, server = stage
    world.login()
    bot.start().wait_up()
    twitch.app = None  # chat knows no login any more, whatever the id server says
    twitch.cut()
    why = wait_state(bot, "refused")["why"]
    assert "Login authentication failed" in why and LOGIN in why
    time.sleep(2.5)
    assert len(logins(world)) == 3 and len(server.calls("refresh")) == 1


def test_while_renewing_fails_the_old_token_serves_and_the_calls_keep_their_distance(world, stage):
    twitch, bot, server = stage
    world.app.token_s = 10
    world.login()
    server.fault("refresh", status=503)
    bot.start().wait_up()
    bot.wait_for(lambda: server.calls("refresh"), "the first try")
    twitch.cut()  # the old one is good for a second yet, and a new dial uses it
    bot.wait_for(lambda: login_of(bot)["state"] == "renewing", "renewing")
    time.sleep(4)
    assert len(server.calls("refresh")) <= 6
    server.fault("refresh")
    wait_login(bot, "valid")
    twitch.wait_back()
    bot.wait_up()
    echo(twitch, "renewed at last")


@pytest.mark.parametrize("fault", ["hang", "html", "empty", "redirect"])
def test_what_is_no_answer_is_asked_again(world, stage, fault):
    _, bot, server = stage
    token = world.login()
    world.app.revoke(token.access)
    elsewhere = {"headers": {"Location": "http://127.0.0.1:9/"}} if fault == "redirect" else {}
    server.fault("refresh", fault, times=1, **elsewhere)
    bot.start()
    bot.wait_up()
    assert len(server.calls("refresh")) == 2
    assert [e["fault"] for e in server.calls("refresh")] == [fault, ""]


def test_an_answer_that_is_lost_has_spent_the_token_and_that_is_said(world, stage):
    _, bot, server = stage
    token = world.login()
    world.app.revoke(token.access)
    server.fault("refresh", "lost", times=1)
    bot.start()
    assert LOGIN in wait_state(bot, "refused")["why"]
    assert [e["status"] for e in server.calls("refresh")] == [200, 400]


def test_a_confidential_app_needs_its_secret_and_is_told_so(world, stage):
    twitch, bot, server = stage
    client = world.app.client("confidentialclient00000000000", "canary0client0secret0of0the0app")
    token = world.login(client_id=client.id)
    world.app.revoke(token.access)
    bot.configure(twitch=world.login_conf(twitch) | {"client_id": client.id})
    bot.start()
    why = wait_state(bot, "refused")["why"]
    assert "missing client secret" in why and "client_secret:" in why
    secret = world.secret_file("client", client.secret)
    bot.configure(twitch=world.login_conf(twitch) | {
        "client_id": client.id, "client_secret": {"file": str(secret)}})
    bot.reload()
    bot.wait_up()
    assert len(server.calls("refresh")) == 2


def test_chat_rest_and_events_share_one_renewal(world, stage):
    twitch, bot, server = stage
    bot.write("triggers/more.yaml", FOLLOW)
    bot.configure(twitch=world.login_conf(twitch, send="helix", api_url=world.helix(twitch).url),
                  limits={"drain": "1s"})
    token = world.login(scopes=(*CHAT_SCOPES, "user:write:chat", "moderator:read:followers"))
    bot.start().wait_up()
    server.delay = 0.3
    world.app.revoke(token.access)
    twitch.cut()                   # chat is refused
    bot.reload()                   # streams are looked up, sessions look at what they have
    bot.wait_for(lambda: len(logins(world)) == 3, "the second login after the cut")
    bot.wait_up()
    echo(twitch, "by REST")
    assert len(server.calls("refresh")) == 1 and server.most_at_once["refresh"] == 1


def test_what_a_login_may_not_do_is_said_with_the_command(world, stage):
    twitch, bot, _ = stage
    world.login()
    bot.write("triggers/more.yaml", FOLLOW)
    bot.start().wait_up()
    words = bot.wait_for(lambda: "lacks" in (text := bot.command("status").stdout) and text,
                         "lacks")
    assert f"it lacks moderator:read:followers: run {LOGIN}\n" in words
    assert [e for e in bot.log_lines() if e["action"] == "scopes_missing"
            and "moderator:read:followers" in e["message"]]


def test_a_stop_waits_for_the_answer_that_it_would_lose(world, stage):
    _, bot, server = stage
    token = world.login()
    world.app.revoke(token.access)
    server.delay = 0.4
    bot.start()
    bot.wait_for(lambda: server.at_once.get("refresh"), "the refresh under way")
    assert bot.stop() == 0
    server.delay = 0
    bot.start()
    wait_state(bot, "up")
    assert len(server.calls("refresh")) == 1


# -- What is kept before it is used ----------------------------------------------------------------


def refresh_held_before_the_write(world, stage):
    """A bot whose renewed pair has arrived and cannot be written yet: the vault's lock is ours."""
    _, bot, server = stage
    token = world.login()
    world.app.revoke(token.access)
    server.delay = 2
    bot.start()
    bot.wait_for(lambda: server.at_once.get("refresh"), "the refresh under way")
    lock = os.open(bot.state, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    bot.wait_for(lambda: server.calls("refresh"), "the answer")
    return bot, lock


def test_a_renewed_token_is_not_used_before_it_is_kept(world, stage):
    bot, lock = refresh_held_before_the_write(world, stage)
    time.sleep(1)
    assert not logins(world) and login_of(bot)["state"] == "renewing"
    os.close(lock)
    bot.wait_up()
    assert len(stage[2].calls("refresh")) == 1


def test_a_crash_between_answer_and_write_ends_in_words_not_in_a_loop(world, stage):
    bot, lock = refresh_held_before_the_write(world, stage)
    world.note_status()
    bot.stop(signal.SIGKILL)
    os.close(lock)
    bot.start()
    assert LOGIN in wait_state(bot, "refused")["why"]
    assert len(stage[2].calls("refresh")) == 2 and not logins(world)


def test_a_login_made_while_the_daemon_renews_wins(world, stage):
    bot, lock = refresh_held_before_the_write(world, stage)
    os.close(lock)
    newer = world.login()
    bot.reload()
    bot.wait_up()
    wait_login(bot, "valid")
    assert world.app.token(newer.access) or len(stage[2].calls("refresh")) > 1


def test_a_newer_login_is_found_where_the_old_one_is_refused(world, stage):
    twitch, bot, server = stage
    old = world.login()
    bot.start().wait_up()
    world.app.disconnect("tidalbot")
    newer = world.login()  # somebody logged in, and the daemon was not told
    twitch.cut()
    twitch.wait_back()
    bot.wait_up()
    echo(twitch, "found it")
    assert not server.calls("refresh") and world.app.spent[old.refresh] == 0
    assert world.app.token(newer.access)


# -- A token that mynah.yaml names -----------------------------------------------------------------


def test_a_fixed_token_is_validated_but_never_renewed(world, chat):
    _, bot = chat()
    bot.wait_for(lambda: login_of(bot)["validated_at"], "validated")
    assert login_of(bot)["kind"] == "token" and login_of(bot)["state"] == "valid"
    assert not world.id.calls("refresh")


def test_a_fixed_token_works_without_an_id_server(world, chat):
    world.id.stop()
    twitch, bot = chat()
    echo(twitch, "hello")
    assert login_of(bot)["state"] == "checking"


def test_a_fixed_token_can_give_way_to_a_login_and_back(world, stage):
    twitch, bot, _ = stage
    bot.configure(twitch=world.twitch_conf(twitch), limits={"drain": "1s"})
    bot.start().wait_up()
    world.login()
    for conf, kind in ((world.login_conf, "login"), (world.twitch_conf, "token")):
        bot.configure(twitch=conf(twitch), limits={"drain": "1s"})
        bot.reload()
        bot.wait_for(lambda k=kind: login_of(bot)["kind"] == k, kind)
        wait_login(bot, "valid")
        bot.wait_up()
    assert len(logins(world)) == 3

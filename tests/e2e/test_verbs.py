"""The verbs: what they print, what they exit with, with and without a running daemon."""

import http.client
import json
import re

import pytest

from tests.e2e.conftest import PERSONA, TRIGGERS
from tests.stage.bot import UnixConnection
from tests.stage.ports import free_port

GATES = ("self", "bot", "duplicate", "foreign_room", "quiet", "ignored_user")


@pytest.fixture
def files(world):
    """Files of a bot that does not run."""
    world.bot.write("triggers/test.yaml", TRIGGERS)
    world.bot.write("personas/mynah.yaml", PERSONA)
    world.bot.configure()
    return world.bot


def assert_explained(out, verdict):
    for gate in GATES:
        assert re.search(rf"^  (pass|FAIL) {gate} +\S", out, re.M), gate
    for trigger in ("ask", "hi", "raid"):
        assert re.search(rf"^  (pass|FAIL|----) {trigger} +\S", out, re.M), trigger
    assert re.search(rf"^verdict +{verdict}", out, re.M), out
    assert re.search(r"^queue +\S", out, re.M)


def test_explain_without_a_daemon(files):
    done = files.command("explain", "this is highlight", "--user", "bob", "--channel", "alice")
    assert done.returncode == 0
    assert 'message "this is highlight" by bob (everyone) in twitch:alice' in done.stdout
    assert_explained(done.stdout, "silent: no_match")
    assert "no running bot" in done.stdout
    done = files.command("explain", "hi there", "--level", "moderator")
    assert_explained(done.stdout, r"fires hi \(.*triggers/test.yaml:5\)")
    done = files.command("explain", "--on", "raid 50")
    assert_explained(done.stdout, "fires raid")
    assert "Welcome 50 friends" in done.stdout


def test_explain_shows_the_reply_as_it_would_be_said(files):
    files.write("triggers/test.yaml", 'say: {command: say, reply: "you said $(1), then $(2)"}\n'
                                      'ban: {command: ban, reply: "/ban $(1)"}\n')
    assert "reply    you said a, then b\n" in files.command("explain", "!say a b").stdout
    out = files.command("explain", "!ban bob").stdout
    assert "reply    REFUSED (unsafe, command): /ban bob\n" in out
    assert re.search(r"^verdict +fires ban \(.*\), but silent: unsafe", out, re.M)


def test_explain_with_a_daemon(talk):
    _, twitch, _, bot = talk
    done = bot.command("explain", "this is highlight", "--user", "bob", "--channel", "kelpforest")
    assert done.returncode == 0
    assert_explained(done.stdout, "silent: no_match")
    assert "may speak now" in done.stdout
    assert bot.command("quiet", "kelpforest", "30m").returncode == 0
    done = bot.command("explain", "hi", "--channel", "kelpforest")
    assert_explained(done.stdout, "silent: quiet")
    assert re.search(r"^  FAIL quiet", done.stdout, re.M)
    assert not twitch.said()


@pytest.mark.parametrize("words", [
    ("explain",), ("explain", "a", "b"), ("explain", "x", "--level", "king"),
    ("explain", "--on", "party"), ("frobnicate",), ("--frob",), ("secret",), ("secret", "set"),
    ("secret", "list", "x"), ("quiet",), ("quiet", "alice"), ("quiet", "alice", "soon"),
    ("help", "nothing"), ("status",), ("reload",), ("quiet", "alice", "30m"), ("prompt",),
    ("prompt", "diff", "a"), ("check", "triggers"), ("check", "--by", "model"), ("chat", "--json"),
    ("help", "check", "run"), ("kb", "--output", "x", "list")])
def test_what_cannot_be_done_exits_2(files, words):
    done = files.command(*words)
    assert done.returncode == 2, done.stdout
    assert re.match("mynah: ", done.stderr) and not done.stdout


def test_how_a_verb_is_used(files):
    usage = files.command("help", "ledger")
    assert usage.returncode == 0 and usage.stdout.startswith("usage: mynah ledger cost")
    assert files.command("ledger", "--help").stdout == usage.stdout
    assert files.command("ledger", "cost", "--json", "--help").stdout == usage.stdout
    assert files.command("run", "--version").stdout == files.command("version").stdout != ""
    done = files.command("ledger")
    assert "say: mynah ledger cost" in done.stderr and "--forecast" in done.stderr
    assert files.command("check", "--by", "model").stderr == (
        "mynah: mynah check has no option --by\nmynah: say: mynah check [--json]\n")


@pytest.mark.parametrize("words, what", [
    (("ledger", "cost", "--days", "0"), "--days goes from 1 to 3650"),
    (("quiet", "alice", "40d"), "at most 30d"),
    (("event", "slash", "ask", *["why"] * 20, "--platform", "discord"), "is it running?")])
def test_what_is_wrong_is_named(files, words, what):
    done = files.command(*words)
    assert done.returncode == 2 and what in done.stderr


def test_help_fits_a_terminal(files):
    verbs = re.findall(r"^  ([a-z]+) ", files.command("help").stdout, re.M)
    assert len(verbs) > 20
    for words in ((), *((v,) for v in verbs)):
        assert max(map(len, files.command("help", *words).stdout.splitlines())) < 100


def test_a_verb_nearly_right(files):
    assert 'did you mean "reload"?' in files.command("relaod").stderr


def test_references(files):
    done = files.command("version")
    assert done.returncode == 0 and re.match(r"mynah \d+\.\d+\.\d+", done.stdout)
    done = files.command("help")
    assert done.returncode == 0
    for verb in "run chat check explain status reload quiet secret version help".split():
        assert re.search(rf"^  {verb} ", done.stdout, re.M), verb
    for topic, word in (("options", "state_dir"), ("events", "giftbomb"), ("variables", "$(user)"),
                        ("reasons", "cooldown_user")):
        done = files.command("help", topic)
        assert done.returncode == 0 and word in done.stdout


def test_status(talk):
    _, twitch, _, bot = talk
    twitch.say("hi", user="PebbleWren")
    twitch.wait_said("^Hi PebbleWren!$")
    bot.wait_status(sent=1)
    done = bot.command("status")
    assert done.returncode == 0
    for words in ("is healthy", "twitch: up", "as tidalbot", "#kelpforest: open", "local (ollama",
                  "1 hits, 1 sent", "3 triggers, 1 personas"):
        assert words in done.stdout, done.stdout
    assert json.loads(bot.command("status", "--json").stdout)["sent"] == 1


def test_reload(talk):
    _, _, _, bot = talk
    done = bot.command("reload")
    assert (done.returncode, done.stdout) == (0, "accepted\n")
    bot.write("triggers/bad.yaml", "a: {wrods: hi, reply: x}\n")
    done = bot.command("reload")
    assert done.returncode == 1
    assert "triggers/bad.yaml:1:5: error" in done.stderr and "last good version" in done.stdout


@pytest.mark.parametrize("text", ["limmits: {}\n", "]\n"])
def test_a_broken_config_hides_no_running_bot(talk, text):
    _, _, _, bot = talk
    bot.config.write_text(bot.config.read_text() + text)
    assert "3 triggers" in bot.command("status").stdout
    done = bot.command("reload")
    assert done.returncode == 1 and "mynah.yaml:" in done.stderr


def test_quiet(talk):
    _, twitch, _, bot = talk
    assert bot.command("quiet", "kelpforest", "30m").returncode == 0
    assert "quiet      #kelpforest on twitch, for another 29 min" in bot.command("status").stdout
    done = bot.command("quiet", "kelpforst", "30m")
    assert done.returncode == 1 and "not in that channel" in done.stderr
    twitch.say("hi", user="PebbleWren")
    bot.wait_status(events=1)
    assert bot.command("quiet", "kelpforest", "off").returncode == 0
    twitch.say("hi", user="SandPiper")
    twitch.wait_said("^Hi SandPiper!$")
    assert len(twitch.said()) == 1


def test_secrets_are_kept_sealed(files):
    secret = "canary-kept-in-the-vault-8d1f"
    done = files.command("secret", "set", "twitch.token", input=secret + "\n")
    assert done.returncode == 0 and secret not in done.stdout + done.stderr
    assert files.command("secret", "set", "other", input="x\n").returncode == 0
    assert files.command("secret", "set", "none", input="").returncode == 2
    assert sorted(files.command("secret", "list").stdout.split()) == ["other", "twitch.token"]
    for path in files.state.rglob("*"):
        assert secret.encode() not in path.read_bytes()
        assert not path.stat().st_mode & 0o077
    assert files.command("secret", "remove", "other").returncode == 0
    assert files.command("secret", "remove", "other").returncode == 1
    assert files.command("secret", "list").stdout.split() == ["twitch.token"]


def test_tampered_secrets_are_refused_whole(world):
    bot, twitch = world.bot, world.twitch()
    bot.write("triggers/test.yaml", TRIGGERS)
    bot.write("personas/mynah.yaml", PERSONA)
    bot.configure(twitch={**world.twitch_conf(twitch), "token": {"secret": "twitch.token"}})
    assert bot.command("run").returncode == 78  # not there yet
    assert bot.command("secret", "set", "twitch.token", input="oauthtoken\n").returncode == 0
    kept = [bot.state / "vault", bot.state / "vault.key"]
    for path in kept:
        good = path.read_bytes()
        for n in range(0, len(good), max(1, len(good) // 6)):
            path.write_bytes(good[:n] + bytes([good[n] ^ 1]) + good[n + 1:])
            done = bot.command("secret", "list")
            assert done.returncode == 2 and "changed" in done.stderr, (path, n, done.stdout)
        path.write_bytes(good[:len(good) // 2])
        assert bot.command("run").returncode == 78
        path.write_bytes(good)
    assert bot.command("secret", "list").returncode == 0
    kept[0].chmod(0o644)
    assert bot.command("secret", "list").returncode == 2
    assert not world.history.find("twitch", "accept")


# -- HTTP ------------------------------------------------------------------------------------------

@pytest.mark.parametrize("method,path,want", [
    ("GET", "/nothing", 404), ("GET", "/", 404), ("GET", "/../etc/passwd", 404),
    ("POST", "/health", 405), ("DELETE", "/api/v1/status", 405), ("GET", "/api/v1/quiet", 405),
    ("HEAD", "/health", 200)])
def test_routes_of_the_socket(talk, method, path, want):
    _, _, _, bot = talk
    status, body = bot.request(method, path)
    assert status == want
    if want >= 400:
        error = json.loads(body)["error"]
        assert error["code"] in ("NOT_FOUND", "METHOD_NOT_ALLOWED") and error["message"]


@pytest.mark.parametrize("body", ["", "{", "[1]", '{"text": 5', "\xff", '{"ms": -1}', "null"])
def test_bad_bodies_are_400(talk, body):
    _, _, _, bot = talk
    connection = UnixConnection(bot.state / "mynah.sock")
    connection.request("POST", "/api/v1/quiet", body.encode("latin-1"),
                       {"Content-Type": "application/json"})
    assert connection.getresponse().status == 400
    connection.close()


def test_tcp_needs_a_key_and_a_loopback_host(world):
    port = free_port()
    bot = world.bot
    bot.write("triggers/test.yaml", TRIGGERS)
    bot.write("personas/mynah.yaml", PERSONA)
    key = str(world.secret_file("api", "canary-api-key"))
    bot.configure(api={"listen": f"127.0.0.1:{port}", "key": {"file": key}})
    bot.start()

    def status(path, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        answer.read()
        connection.close()
        return answer.status
    assert status("/health") == 200
    assert status("/api/v1/status") == 401
    assert status("/api/v1/status", Authorization="Bearer canary-api-kez") == 401
    assert status("/api/v1/status?key=canary-api-key") in (401, 404)
    assert status("/api/v1/status", Authorization="Bearer canary-api-key") == 200
    assert status("/health", Host="evil.example") == 403
    assert status("/health", Origin="https://evil.example") == 403
    assert status("/api/v1/status", Host=f"localhost:{port}",
                  Authorization="Bearer canary-api-key") == 200

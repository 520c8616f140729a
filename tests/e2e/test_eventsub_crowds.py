"""Crowds that EventSub brings (faults.md E9), what it tells of streams, and a crash loop: one
thanks of a kind for each window, words that hold only while a channel is live, and no budget broken
by dying."""

from tests.e2e.eventsub import OWNER_SCOPES, SHOUT, created, start

CROWD = """\
follow: {on: follow, reply: "Hello $(users)!"}
raid: {on: raid, reply: "Welcome $(count) from $(users)!"}
hi: {words: [hi], ask: "Greet $(user)."}
echo: {command: echo, reply: "$(query)"}
"""
STREAM = """\
live: {command: live, when: live, reply: "$(title) in $(game)"}
off: {command: off, when: offline, reply: "nobody is on"}
once: {command: once, per_stream: user, reply: "once, $(user): $(title)", cooldown: {user: 0}}
echo: {command: echo, reply: "$(query)"}
"""
STAMP = "2026-01-01T12:00:00Z"
FAN = "follower_with_a_name_25_l"


def told(scene):
    """What was said, when all that was held has been told."""
    scene.bot.wait_status(holding=0, live=0, waiting=0)
    return scene.twitch.said()


def settle(scene):
    """The same, and an echo that was asked for last has come."""
    told(scene)
    scene.twitch.say("!echo the end", user="closer")
    scene.twitch.wait_said("^the end$")
    return [line for line in scene.twitch.said() if line != "the end"]


def crowd(world, **options):
    models = world.models()
    scene = start(world, CROWD, owner=OWNER_SCOPES, support="eventsub", wait=False,
                  before=lambda s: world.bot.configure(
                      twitch=s.conf, providers={"local": models.conf("ollama")},
                      limits={"drain": "1s", "gather": "4s", "turns_minute": 20, **options}))
    scene.bot.wait_up()
    scene.es.wait_active("channel.follow", "channel.raid")
    return scene, models


def test_three_hundred_follows_get_two_lines(world):
    scene, _ = crowd(world)
    for n in range(300):
        scene.es.tell("channel.follow", f"{FAN}{n}", followed_at=STAMP)
    scene.twitch.wait_said("and 29[0-9] more!$")
    said = settle(scene)
    assert len(said) == 2 and all(len(line) <= 200 for line in said)
    assert said[0] == f"Hello {FAN}0!" and said[1] == f"Hello {FAN}1, {FAN}2 and 297 more!"


def test_a_raid_of_thousands_and_its_follows_get_one_thanks_of_each_kind(world):
    """E9. The raid alone is told at once; the greetings it brings are a flood, and cost no
    model."""
    scene, models = crowd(world)
    assert scene.es.raid("Eve", "kelpforest", 5000) == 1
    scene.twitch.wait_said("^Welcome 5000 from Eve!$")
    for n in range(300):
        scene.es.tell("channel.follow", f"fan{n}", followed_at=STAMP)
        scene.twitch.say("hi", user=f"fan{n}", first_msg="1")
    scene.twitch.wait_said("and 29[0-9] more!$")
    said = told(scene)
    assert [line for line in said if line.startswith("Welcome")] == ["Welcome 5000 from Eve!"]
    assert len([line for line in said if line.startswith("Hello")]) == 2
    assert len(models.requests) <= 20  # turns_minute


def test_what_a_stream_is_decides_what_is_answered(world):
    """`when:` and `per_stream:`, told by EventSub and by Helix alike."""
    scene = start(world, STREAM, stream_poll="1s")
    es, twitch = scene.es, scene.twitch
    es.wait_active("stream.online", "stream.offline")

    def wait_stream(word, **facts):
        def question():
            s = scene.bot.status()["places"][0]["place"]["streams"][0]
            return s["stream"] == word and all(s[k] == v for k, v in facts.items())
        scene.bot.wait_for(question, f"{word} {facts}")
    wait_stream("offline")
    twitch.say("!live")
    twitch.say("!off")
    twitch.wait_said("^nobody is on$")
    scene.helix.go_live("kelpforest", title="Deep water", game="Chess", stream_id="9001")
    es.tell("stream.online", id="9001", type="live", started_at=STAMP)
    wait_stream("live", title="Deep water")
    twitch.say("!off")
    twitch.say("!live")
    twitch.wait_said("^Deep water in Chess$")
    twitch.say("!once", user="Ann")
    twitch.wait_said("^once, Ann: Deep water$")
    twitch.say("!once", user="Ann")
    twitch.say("!once", user="Bob")
    twitch.wait_said("^once, Bob: Deep water$")
    scene.helix.go_offline("kelpforest")
    es.tell("stream.offline")
    wait_stream("offline")
    scene.helix.go_live("kelpforest", title="Another", game="Go", stream_id="9002")
    es.tell("stream.online", id="9002", type="live", started_at=STAMP)
    wait_stream("live", title="Another")
    twitch.say("!once", user="Ann")
    twitch.sync()
    assert settle(scene) == ["nobody is on", "Deep water in Chess", "once, Ann: Deep water",
                             "once, Bob: Deep water", "once, Ann: Another"]


def test_twenty_starts_and_kills_break_no_budget(world):
    """S4, I8: it talks whenever it may, dies, is started again. The stage refuses what is over a
    limit, and so do the checks after the test; from the sixth start within a minute on nobody logs
    in."""
    scene = start(world, wait=False)
    for n in range(20):
        if n > 0:
            scene.bot.start()
        if n < 3:
            scene.bot.wait_up()
            scene.es.wait(lambda: scene.es.active(SHOUT), "a session")
            scene.es.tell(SHOUT, viewer_count=3, started_at=STAMP,
                          **scene.es.person(f"Reef{n}", "from_broadcaster_"))
        world.note_status()
        scene.bot.kill()
    scene.twitch.settle()
    assert len(world.history.find("twitch", "accept")) <= 5
    assert len(world.history.find("eventsub", "connect")) <= 5
    assert len(created(world)) <= 5 * 2
    scene.bot.start()
    scene.bot.wait_log("crash_loop")
    assert scene.bot.status()["status"] == "degraded"

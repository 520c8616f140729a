"""What the bot knows of channels' streams: live or not, title, category."""

from tests.e2e.conftest import PERSONA

TRIGGERS = """\
live: {command: live, when: live, reply: "$(game): $(title)", thread: false, cooldown: {user: 0}}
off: {command: off, when: offline, reply: "nobody is on", thread: false}
"""


def start(world, rooms=("kelpforest",), triggers=TRIGGERS, **options):
    twitch = world.twitch(rooms=rooms)
    helix = world.helix(twitch)
    world.bot.write("triggers/test.yaml", triggers)
    world.bot.write("personas/mynah.yaml", PERSONA)
    options = {"api_url": helix.url, "stream_poll": "1s", **options}
    world.bot.configure(twitch=world.twitch_conf(twitch, **options))
    return twitch, helix, world.bot


def stream(bot, room="kelpforest"):
    streams = bot.status()["places"][0]["place"].get("streams", [])
    return next((each for each in streams if each["name"] == room), {})


def wait_stream(bot, word, room="kelpforest"):
    return bot.wait_for(lambda: (s := stream(bot, room)).get("stream") == word and s, word)


def test_a_trigger_for_live_streams_knows_when_one_begins_and_ends(world):
    twitch, helix, bot = start(world)
    helix.about["kelpforest"] = {"title": "Soon", "game": "Go"}
    bot.start()
    bot.wait_up()
    wait_stream(bot, "offline")
    bot.wait_for(lambda: stream(bot).get("title"), "what the channel says of itself")
    s = stream(bot)
    assert (s["id"], s["title"], s["game"]) == (twitch.rooms["kelpforest"], "Soon", "Go")
    twitch.say("!live")
    twitch.say("!off")
    twitch.wait_said("^nobody is on$")
    helix.go_live("kelpforest", title="Deep\u202e water", game="Chess")
    wait_stream(bot, "live")
    twitch.say("!live")
    twitch.wait_said("^Chess: Deep water$")
    helix.go_offline("kelpforest")
    wait_stream(bot, "offline")
    assert twitch.said() == ["nobody is on", "Chess: Deep water"]


def test_nobody_is_asked_when_no_trigger_wants_to_know(world):
    twitch, helix, bot = start(world, triggers='hi: {match: hi, reply: "hello"}')
    bot.start()
    bot.wait_up()
    twitch.say("hi")
    twitch.wait_said("^hello$")
    assert not helix.calls()


def test_a_channel_that_is_not_there_is_named_once(world):
    twitch, helix, bot = start(world, rooms=("kelpforest", "no_such_place"))
    del helix.app.users["no_such_place"]
    bot.start()
    wait_stream(bot, "offline")
    s = stream(bot, "no_such_place")
    assert s["why"] == "there is no channel no_such_place on Twitch"
    helix.wait_calls("streams", 3)
    lines = [line for line in bot.log_lines() if line["action"] == "channel_unknown"]
    assert len(lines) == 1 and "no_such_place" in lines[0]["message"]


def test_a_hundred_channels_are_asked_for_at_once(world):
    rooms = [f"reef_{i:03}" for i in range(101)]
    twitch, helix, bot = start(world, rooms=rooms, joins=19)
    helix.go_live(rooms[100])
    bot.start()
    wait_stream(bot, "live", rooms[100])
    assert len(helix.calls("users")) == 2
    assert not world.history.find("helix", "refused")


def test_without_answers_nobody_knows_and_the_status_says_why(world):
    _, helix, bot = start(world)
    helix.fault("*", "html")
    bot.start()
    bot.wait_up()
    helix.wait_calls("users", 1)
    s = bot.wait_for(lambda: (s := stream(bot)).get("why", "not asked yet") != "not asked yet"
                     and s,
                     "why")
    assert s["stream"] == "unknown" and "no JSON" in s["why"] and "<" not in s["why"]
    helix.fault("*")
    wait_stream(bot, "offline")

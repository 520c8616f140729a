"""Every kind of event that EventSub brings reaches its trigger once, and each kind has one
source."""

from tests.e2e.eventsub import OWNER_SCOPES, created, sessions, start, wait_told

ALL = """\
redeem: {on: redeem, reward: "Ask the bot", reply: "redeem $(user) $(reward): $(query)"}
raidout: {on: raid_out, reply: "raidout $(touser) $(viewers)"}
train: {on: hype_train, reply: "train $(level)"}
ad: {on: ad, reply: "ad $(seconds)"}
given: {on: shoutout, reply: "given $(touser)"}
shouted: {on: shouted_out, reply: "shouted $(user)"}
online: {on: online, reply: "online $(channel)"}
offline: {on: offline, reply: "offline $(channel)"}
follow: {on: follow, reply: "follow $(user)"}
"""

SUPPORT = """\
sub: {on: sub, reply: "sub $(user) $(tier)"}
resub: {on: resub, reply: "resub $(user) $(months)"}
gift: {on: gift, reply: "gift $(user)"}
bomb: {on: giftbomb, reply: "bomb $(user) $(count)"}
cheer: {on: cheer, reply: "cheer $(user) $(bits)"}
raid: {on: raid, reply: "raid $(user) $(viewers)"}
echo: {command: echo, reply: "$(query)"}
"""

STAMP = "2026-01-01T12:00:00Z"


def quiet(scene):
    """What was said when an echo, asked for last, has come; without it."""
    n = len(scene.twitch.said())
    scene.twitch.say(f"!echo done {n}")
    scene.twitch.wait_said(f"^done {n}$")
    return [t for t in scene.twitch.said() if not t.startswith("done ")]


def test_each_kind_reaches_its_trigger(world):
    scene = start(world, ALL, owner=OWNER_SCOPES)
    es = scene.es
    es.wait_active("channel.channel_points_custom_reward_redemption.add", "channel.raid",
                   "channel.hype_train.begin", "channel.ad_break.begin", "channel.shoutout.create",
                   "channel.shoutout.receive", "stream.online", "stream.offline", "channel.follow")
    world.app.user("driftwood_bay", "40010002", "Driftwood_Bay")
    for make, answer in (
            (lambda: es.redeem("Ask the bot", text="how deep?"),
             "^redeem snailpost Ask the bot: how deep\\?$"),
            (lambda: es.redeem("Hydrate"), None),
            (lambda: es.raid("kelpforest", "driftwood_bay", 43), "^raidout driftwood_bay 43$"),
            (lambda: es.tell("channel.hype_train.begin", level=2, id="x", total=1), "^train 2$"),
            (lambda: es.tell("channel.ad_break.begin", duration_seconds="90"), "^ad 90$"),
            (lambda: es.tell("channel.shoutout.create", viewer_count=8,
                             **es.person("Driftwood_Bay", "to_broadcaster_")),
             "^given Driftwood_Bay$"),
            (lambda: es.tell("channel.shoutout.receive", viewer_count=8,
                             **es.person("Driftwood_Bay", "from_broadcaster_")),
             "^shouted Driftwood_Bay$"),
            (lambda: es.tell("stream.online", id="9100123456789", type="live", started_at=STAMP),
             "^online kelpforest$"),
            (lambda: es.tell("stream.online", id="7", type="rerun", started_at=STAMP), None),
            (lambda: es.tell("stream.offline"), "^offline kelpforest$"),
            (lambda: es.tell("channel.follow", "Newt_Arrival", followed_at=STAMP),
             "^follow Newt_Arrival$")):
        assert make() == 1
        if answer:
            scene.twitch.wait_said(answer)
    assert len(scene.twitch.said()) == 9
    assert {e["login"] for e in created(world)} == {"tidalbot", "kelpforest"}
    assert [s["state"] for s in sessions(scene.bot)] == ["up", "up"]


def test_a_whisper_is_answered_by_a_whisper(world):
    scene = start(world, "psst: {on: whisper, reply: 'psst yourself, $(user): $(message)'}\n")
    scene.es.wait_active("user.whisper.message")
    people = {**scene.es.person("Mossy_Otter", "from_"), **scene.es.person("tidalbot", "to_")}
    assert scene.es.emit("user.whisper.message", {
        **people, "whisper_id": "1700000000000017", "whisper": {"text": "is it deep?"}}) == 1
    scene.bot.wait_status(sent=1, drops={})
    (said,) = world.history.find("twitch", "whispered")
    assert said["to"] == people["from_user_id"]
    assert said["text"] == "psst yourself, Mossy_Otter: is it deep?"
    assert not scene.twitch.said()


def test_support_by_eventsub_is_told_once_though_chat_shows_it_too(world):
    scene = start(world, SUPPORT, owner=OWNER_SCOPES, support="eventsub")
    es, twitch = scene.es, scene.twitch
    wait_told(scene.bot, "channel.subscribe", "channel.subscription.message",
              "channel.subscription.gift", "channel.cheer", "channel.raid")
    both = (
        (lambda: es.tell("channel.subscribe", "Ann", tier="1000", is_gift=False),
         lambda: twitch.notice("sub", "Ann", sub_plan="1000"), "sub Ann 1"),
        (lambda: es.tell("channel.subscription.message", "Bob", tier="1000", cumulative_months=14,
                         streak_months=6, duration_months=1, message={"text": "hi", "emotes": []}),
         lambda: twitch.notice("resub", "Bob", sub_plan="1000", cumulative_months="14"),
         "resub Bob 14"),
        (lambda: es.tell("channel.cheer", "Dot", bits=100, message="Cheer100", is_anonymous=False),
         lambda: twitch.say("Cheer100", "Dot", bits="100"), "cheer Dot 100"),
        (lambda: es.raid("Eve", "kelpforest", 43),
         lambda: twitch.notice("raid", "Eve", viewerCount="43"), "raid Eve 43"),
    )
    for told, shown, answer in both:
        assert told() == 1
        shown()
        twitch.wait_said(f"^{answer}$")
    assert sorted(quiet(scene)) == sorted(answer for _, _, answer in both)
    copies = {k: v for k, v in scene.bot.metrics().items() if "other_source" in k}
    assert sum(copies.values()) == 4


def test_without_the_login_chat_goes_on_telling_of_support(world):
    """`support: eventsub` while nobody has logged in: what chat shows is better than nothing."""
    scene = start(world, SUPPORT, support="eventsub")
    scene.es.wait_active("channel.raid")  # needs no login
    scene.twitch.notice("sub", "Ann", sub_plan="1000")
    scene.twitch.wait_said("^sub Ann 1$")
    scene.twitch.notice("raid", "Eve", viewerCount="43")
    assert quiet(scene) == ["sub Ann 1"]


def test_a_redeemed_line_of_chat_stays_a_line_where_the_redemption_is_told(world):
    triggers = "redeem: {on: redeem, reply: 'redeem $(user)'}\n" + SUPPORT
    scene = start(world, triggers, owner=OWNER_SCOPES)
    wait_told(scene.bot, "channel.channel_points_custom_reward_redemption.add")
    scene.twitch.say("!echo my own words", "Ann", custom_reward_id="ce20cad8-1a50")
    scene.twitch.wait_said("^my own words$")
    scene.es.redeem("Ask", "Ann")
    scene.twitch.wait_said("^redeem Ann$")
    assert quiet(scene) == ["my own words", "redeem Ann"]


def test_what_is_live_is_known_at_once(world):
    triggers = SUPPORT + "live: {command: live, when: live, reply: 'we are live'}\n"
    scene = start(world, triggers)
    scene.es.wait_active("stream.online")
    scene.es.tell("stream.online", id="9100123456789", type="live", started_at=STAMP)
    scene.bot.wait_for(lambda: any(s["stream"] == "live" for s in
                                   scene.bot.status()["places"][0]["place"]["streams"]), "live")
    scene.twitch.say("!live")
    scene.twitch.wait_said("^we are live$")

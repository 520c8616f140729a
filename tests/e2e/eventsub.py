"""What conversations about EventSub share: a bot whose events come from there, and everything it
needs."""

import types

from tests.stage.bot import CANARIES
from tests.stage.twitch_app import CLIENT_ID
from tests.stage.twitch_helix import Helix

BOT_SCOPES = ("chat:read", "chat:edit", "user:read:chat", "user:write:chat",
              "moderator:read:followers",
              "moderator:read:shoutouts", "user:manage:whispers")
OWNER_SCOPES = ("channel:read:subscriptions", "bits:read", "channel:read:redemptions",
                "channel:read:hype_train", "channel:read:ads")

PERSONA = """\
name: Mynah
version: 1.0.0
system: |
  You are Mynah, a cheerful bird who helps in a streamer's chat.
"""

# Shoutouts are no crowd: each is answered by a line of its own.
SHOUTS = "shout: {on: shouted_out, reply: 'Thanks $(user)', cooldown: {channel: 0}}\n"
SHOUT = "channel.shoutout.receive"


def start(world, triggers=SHOUTS, rooms=("kelpforest",), scopes=BOT_SCOPES, owner=None, chat="irc",
          wait=True, before=None, stop=False, **options):
    """Starts the bot. owner: scopes of the broadcasters' logins. before: called with the scene
    before the bot starts. Gives the scene: twitch, es, helix, bot."""
    app = world.app
    app.grant("tidalbot", scopes, access=CANARIES["twitch"], seconds=0, refreshable=False)
    twitch = world.twitch(rooms=rooms)
    twitch.mods.update(rooms)
    es = world.eventsub()
    helix = world._keep(Helix(world.loop, world.history, app, twitch, eventsub=es).start())
    for room in rooms:
        es.moderators.add((app.user(room).id, app.user("tidalbot").id))
    if chat == "eventsub":
        options = {"chat": "eventsub", "send": "helix", **options}
    world.bot.write("triggers/test.yaml", triggers)
    world.bot.write("personas/mynah.yaml", PERSONA)
    conf = world.twitch_conf(twitch, api_url=helix.url, eventsub_url=es.url, client_id=CLIENT_ID,
                             **options)
    world.bot.configure(twitch=conf, limits={"drain": "1s"})
    for room in rooms if owner else ():
        world.login(login=room, scopes=owner, channel=room)
    scene = types.SimpleNamespace(world=world, twitch=twitch, es=es, helix=helix, bot=world.bot,
                                  conf=conf)
    if before:
        before(scene)
    world.bot.start()
    if wait:
        world.bot.wait_up()
    return scene


def wait_told(bot, *kinds):
    """Waits until the bot has heard that these are subscribed: the stage knows it a little
    earlier."""
    def told():
        return {s["type"] for one in sessions(bot) for s in one["subscriptions"]
                if s["state"] == "active"}

    bot.wait_for(lambda: told() >= set(kinds), f"told that {kinds} are active")


def sessions(bot):
    """What the bot says of its sessions, the bot's own first."""
    return bot.status()["places"][0]["place"]["eventsub"]


def wait_session(bot, state, which=0):
    return bot.wait_for(lambda: (s := sessions(bot)) and s[which]["state"] == state and s[which],
                        f"session {state}")


def created(world, kind=None):
    """Calls that asked for a subscription."""
    return [e for e in world.history.find("eventsub", "create") if kind in (None, e["type"])]


def shout(scene, user, **more):
    """A shoutout from a channel of that name. Gives how many were told."""
    return scene.es.tell(SHOUT, viewer_count=3, started_at="2026-01-01T12:00:00Z",
                         **scene.es.person(user, "from_broadcaster_"), **more)


def thanked(scene):
    return [t.removeprefix("Thanks ") for t in scene.twitch.said()]


def settled(scene, user="Last_One"):
    """Waits until everything that was emitted before has become what it becomes: the answer to one
    more stands behind it."""
    before = thanked(scene).count(user)
    scene.es.wait(lambda: scene.es.active(SHOUT), "a session")
    shout(scene, user)
    scene.es.wait(lambda: thanked(scene).count(user) > before, f"thanks to {user}")

"""What conversations on Discord share: a bot in a server, its channel #general, a model, and simple
triggers."""

import types

from tests.e2e.conftest import PERSONA

TRIGGERS = """\
ask: {command: ask, slash: ask, ask: "$(query)"}
echo: {command: echo, reply: "$(query)"}
private: {slash: {name: whisper, option: text, private: yes}, ask: "$(query)"}
boss: {command: boss, level: moderator, reply: "Yes, $(user)."}
called: {direct: yes, priority: -5, ask: "$(message)"}
boost: {on: boost, reply: "Thanks for $(count) boosts to level $(tier), $(user)!"}
join: {on: join, reply: "Welcome $(users)!"}
reaction: {on: reaction, reply: "$(user) reacts with $(emoji)."}
"""


def start(world, triggers=TRIGGERS, before=None, wait=True, limits=None, stage=None, provider=None,
          sections=None, **options):
    """Starts the bot. options: those of the discord: section; stage: of the fake; before: called
    with the scene before the bot starts. Gives the scene: discord, models, bot."""
    discord, models = world.discord(**(stage or {})), world.models()
    scene = types.SimpleNamespace(world=world, discord=discord, models=models, bot=world.bot,
                                  conf=world.discord_conf(discord, **options))
    world.bot.write("triggers/test.yaml", triggers)
    world.bot.write("personas/mynah.yaml", PERSONA)
    world.bot.configure(providers={"local": models.conf("ollama", **(provider or {}))},
                        limits={"drain": "1s", **(limits or {})}, discord=scene.conf,
                        **(sections or {}))
    if before:
        before(scene)
    world.bot.start()
    if wait:
        wait_up(scene)
    return scene


def place(bot):
    """What the bot says of Discord."""
    return next(p for p in bot.status()["places"] if p["name"] == "discord")


def wait_up(scene, n=1):
    """Waits until it hears, and has offered its commands."""
    scene.discord.wait_ready(n)
    scene.bot.wait_for(lambda: place(scene.bot)["state"] == "up", "Discord up")
    if scene.conf.get("commands") != "off":
        scene.discord.wait_for(lambda: scene.discord.calls.puts, "commands")


def echo(scene, text, user="alice", channel="general"):
    """Says it and waits for the echo: everything that was said before has become what it becomes.
    Gives the echo."""
    scene.discord.say(f"!echo {text}", user=user, channel=channel)
    return scene.discord.wait_said(f"^{text}$", channel)


def prompts(scene):
    """What models were last asked by users."""
    return [r["body"]["messages"][-1]["content"] for r in scene.models.requests]


def wait_kept(bot):
    """The session is on disk: from now on it can be resumed."""
    files = "discord-sessions-*"
    bot.wait_for(lambda: any(b"shard\t" in f.read_bytes() for f in bot.state.glob(files)),
                 "the session")

"""Who is asked for what: routes, servers of one provider, what parks and disables, `mynah
route`."""

import pytest

from tests.stage.models import Plan

TRIGGERS = """\
ask: {command: ask, ask: "$(query)", otherwise: "Not now."}
story: {command: story, ask: "Tell of $(query)", otherwise: "No story."}
"""


@pytest.fixture
def routed(world, scene):
    """Two providers, local and big; stories are for big."""
    def start(routes=({"trigger": "story", "ask": ["big"], "model": "large"},), big=None):
        models = world.models()
        twitch, local = scene(triggers=TRIGGERS, routes=list(routes),
                              providers=lambda ours: {"local": ours.conf(),
                                                      "big": models.conf("openai", **(big or {}))},
                              limits={"retries": 0, "calls_user_hour": 1000})
        local.plan(text="From here.")
        models.plan(text="From afar.")
        return twitch, local, models
    return start


def test_a_rule_decides_who_is_asked_for_which_model(world, routed):
    twitch, local, big = routed()
    twitch.say("!ask how deep is it?")
    twitch.wait_said("^From here.$")
    twitch.say("!story whales", user="ann")
    twitch.wait_said("^From afar.$")
    assert [r["body"]["model"] for r in big.requests] == ["large"] and len(local.requests) == 1
    told = world.bot.command("route", "--trigger", "story").stdout
    assert "rule 1 of routes" in told and "1. ask  big (openai large)" in told
    assert "local" not in told
    told = world.bot.command("route", "--trigger", "ask").stdout
    assert "so ask: decides" in told
    assert "1. ask  local (ollama tiny)" in told and "2. ask  big (openai tiny)" in told
    assert world.bot.command("route", "--trigger", "nothing").returncode == 2
    world.bot.stop()                                 # the files alone tell the same
    told = world.bot.command("route", "--trigger", "story").stdout
    assert "rule 1 of routes" in told and "1. ask  big (openai large)" in told


@pytest.mark.parametrize("status,word", [(401, "disabled"), (402, "parked")])
def test_who_refuses_is_left_alone_until_a_reload(world, routed, status, word):
    twitch, local, big = routed(routes=[{"ask": ["big", "local"]}])
    big.plan(status=status)
    for n in range(3):
        twitch.say(f"!ask question {n}", user=f"asker{n}")
        world.bot.wait_ended(n + 1)
    assert len(big.requests) == 1 and len(local.requests) == 3
    assert word in world.bot.command("status").stdout
    told = world.bot.command("route").stdout
    assert "1. skip big" in told and "2. ask  local" in told
    assert f'mynah_provider_{word}{{provider="big"}} 1' in world.bot.get("/metrics")
    assert "big" in world.bot.get("/healthz")
    big.plan(text="From afar.")
    world.bot.reload()
    twitch.say("!ask once more", user="dan")
    world.bot.wait_ended(4)
    assert len(big.requests) == 2


def test_servers_of_one_provider_stand_in_for_each_other(world, scene):
    other = world.models()
    twitch, first = scene(triggers=TRIGGERS, providers=lambda ours: {
        "local": {**ours.conf(), "url": [ours.ollama, other.ollama]}})
    other.plan(text="From the other.")
    first.plan(Plan(status=500), Plan(text="From the first."))
    twitch.say("!ask how deep is it?")
    twitch.wait_said("^From the other.$")            # within the same ask
    assert len(first.requests) == len(other.requests) == 1
    assert "servers are well" in world.bot.command("status").stdout


def test_a_busy_provider_sends_to_the_next(world, routed):
    twitch, local, big = routed(routes=[{"ask": ["big", "local"]}], big={"at_once": 1})
    big.is_held = True
    twitch.say("!ask one", user="ann")
    world.bot.wait_for(lambda: big.at_once == 1, "the first call")
    twitch.say("!ask two", user="bob")
    twitch.wait_said("^From here.$")
    big.is_held = False
    twitch.wait_said("^From afar.$")
    assert len(big.requests) == len(local.requests) == 1


def test_wrong_rules_are_complained_of_with_their_line(world):
    world.bot.configure(routes=[{"ask": ["nobody"]}, {"trigger": "ask"}, {"ask": []}],
                        providers={"local": {"headers": {"Authorization": "x"}}})
    told = world.bot.command("check")
    text = told.stdout + told.stderr
    assert told.returncode == 1
    for word in ('there is no provider "nobody"', "does not say who is asked",
                 "the rule above fits always", "cannot be a header of your own"):
        assert word in text, text


def test_a_rule_for_what_there_is_not_is_warned_of(world, routed):
    routed(routes=[{"trigger": "stroy", "on": "moonrise", "ask": ["big"]}])
    said = world.bot.command("check")
    assert said.returncode == 0
    assert 'rule 1: there is no trigger "stroy"' in said.stdout + said.stderr
    assert 'rule 1: there is no event "moonrise"' in said.stdout + said.stderr


def test_a_question_that_a_gateway_forbids_disables_nobody(world, routed):
    twitch, local, big = routed(routes=[{"ask": ["big", "local"]}])
    big.plan(Plan(status=403), Plan(text="From afar."))
    for n in range(2):
        twitch.say(f"!ask question {n}", user=f"asker{n}")
        world.bot.wait_ended(n + 1)
    assert twitch.said() == ["From here.", "From afar."]

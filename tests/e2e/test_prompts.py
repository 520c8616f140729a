"""Prompt files: versions, triggers that name them, what stays on this machine, and the verb."""

import json

from tests.stage.models import Plan

TRIGGERS = """\
newest: {command: newest, prompt: answer}
pinned: {command: pinned, prompt: answer@1.0.0}
early: {command: early, prompt: answer@2.0.0-rc.1}
own: {command: own, ask: My own words}
secret: {command: secret, prompt: secret, otherwise: "I keep that to myself."}
"""

HEAD = "variables: [user, query]\ndescription: Answers.\n"
PROMPTS = {
    "answer@1.0.0": HEAD + "template: First for $(user)\n",
    "answer@1.2.0": HEAD + "template: Second for $(user)\nexamples:\n"
                           "  - {input: why, user: wren, expect: BECAUSE}\n"
                           "  - {input: how, user: wren, expect: /^because \\w+/}\n",
    "answer@1.10.0": HEAD + "template: Tenth for $(user)\n",
    "answer@2.0.0-rc.1": HEAD + "template: Early for $(user)\n",
    "secret@1.0.0": HEAD + "local_only: yes\ntemplate: Secret for $(user)\n",
}


def play(scene, world, **options):
    for name, text in PROMPTS.items():
        world.bot.write(f"prompts/{name}.yaml", text)
    return scene(triggers=options.pop("triggers", TRIGGERS), **options)


def asked(models):
    return models.requests[-1]["body"]["messages"][-1]["content"]


def test_a_trigger_asks_with_its_prompt_and_the_ledger_says_so(world, scene):
    twitch, models = play(scene, world)
    for command, words in (("newest", "Tenth"), ("pinned", "First"), ("early", "Early"),
                           ("own", "My own words")):
        models.plan(text=f"Answer to {command}")
        twitch.say(f"!{command}", user="pebblewren")
        twitch.wait_said(f"^Answer to {command}$")
        assert words in asked(models)
    world.bot.stop()
    assert [row["prompt"] for row in world.bot.rows()] == [
        "answer@1.10.0", "answer@1.0.0", "answer@2.0.0-rc.1", None]


def test_what_is_local_only_goes_to_no_other_machine(world, scene):
    twitch, models = play(scene, world, provider={"remote": True})
    twitch.say("!secret of mine", user="pebblewren")
    twitch.wait_said("^I keep that to myself.$")
    assert models.requests == []
    twitch.say("!own of mine", user="pebblewren")  # the provider is there
    twitch.wait_said("^It is a fine day.$")


def test_what_is_local_only_passes_a_remote_provider_by(world, scene):
    twitch, models = play(scene, world, providers=lambda m: {
        "there": m.conf("openai", remote=True), "here": m.conf("ollama")})
    twitch.say("!secret of mine", user="pebblewren")
    twitch.wait_said("^It is a fine day.$")
    assert [r["wire"] for r in models.requests] == ["ollama"]


def test_what_comes_of_a_local_only_step_stays_here_too(world, scene):
    twitch, models = play(scene, world, providers=lambda m: {
        "there": m.conf("openai", remote=True), "here": m.conf("ollama")},
        triggers='both: {command: both, chain: [secret, {ask: "Better: $(previous)"}]}\n')
    twitch.say("!both of mine", user="pebblewren")
    twitch.wait_said("^It is a fine day.$")
    assert [r["wire"] for r in models.requests] == ["ollama", "ollama"]


def test_no_remote_model_judges_what_is_local_only(world, scene):
    twitch, models = play(scene, world, providers=lambda m: {
        "here": m.conf("ollama"), "judge": m.conf("openai", remote=True)}, ask=["here"],
        privacy={"send_names": True}, safety={"model": "judge", "model_input": False,
                                                "regenerate": False})
    models.plan(text="safe")
    twitch.say("!secret of mine", user="pebblewren")
    twitch.wait_said("^I keep that to myself.$")
    assert [r["wire"] for r in models.requests] == ["ollama"]
    twitch.say("!own of mine", user="brookfinch")
    twitch.wait_said("^safe$")
    assert [r["wire"] for r in models.requests[1:]] == ["ollama", "openai"]


def test_no_remote_model_judges_the_question_of_what_is_local_only(world, scene):
    twitch, models = play(scene, world, providers=lambda m: {
        "here": m.conf("ollama"), "judge": m.conf("openai", remote=True)}, ask=["here"],
        privacy={"send_names": True}, safety={"model": "judge", "model_input": True,
                                                "regenerate": False})
    twitch.say("!secret of mine", user="pebblewren")
    twitch.wait_said("^I keep that to myself.$")
    assert models.requests == []


def test_prompts_are_reloaded_and_a_broken_one_keeps_its_last_good_version(world, scene):
    twitch, models = play(scene, world)
    bot = world.bot
    bot.write("prompts/answer@1.10.0.yaml", HEAD + "template: Broken for $(nobody)\n")
    report = bot.reload()
    assert report["accepted"] and report["errors"] == 1
    complaint, = report["complaints"]
    assert complaint["path"].endswith("prompts/answer@1.10.0.yaml") and complaint["line"] == 3
    assert "$(nobody)" in complaint["what"] and complaint["hint"]
    twitch.say("!newest", user="pebblewren")
    twitch.wait_said("fine day")
    assert "Tenth" in asked(models)
    assert bot.status()["prompts"] == {"count": len(PROMPTS), "stale": []}
    # Other words under the same version: they count, and are warned of, once.
    bot.write("prompts/answer@1.10.0.yaml", HEAD + "template: Changed for $(user)\n")
    report = bot.reload()
    assert report["accepted"] and report["errors"] == 0
    assert "something else than before" in report["complaints"][0]["what"]
    bot.write("prompts/answer@1.11.0.yaml", HEAD + "template: Eleventh for $(user)\n")
    assert bot.reload()["complaints"] == []
    models.plan(text="It is a fine evening.")
    twitch.say("!newest", user="wren2")
    twitch.wait_said("evening")
    assert "Eleventh" in asked(models)


def offline(world, providers=None, **prompts):
    bot = world.bot
    bot.write("triggers/test.yaml", TRIGGERS)
    bot.write("personas/mynah.yaml", "name: Mynah\nsystem: You are Mynah.\n")
    for name, text in {**PROMPTS, **prompts}.items():
        bot.write(f"prompts/{name}.yaml", text)
    bot.write("answers.yaml", "- {when: why, reply: Because birds.}\n"
                              "- {when: '*', reply: I do not know.}\n")
    bot.configure(providers=providers or
                  {"script": {"type": "scripted", "file": str(bot.folder / "answers.yaml")}})
    return bot


def test_check_tells_what_is_wrong_with_prompts(world):
    bot = offline(world, **{"broken@1.0.0": "variables: [user]\ntemplate: hi $(usr)\n",
                            "named@1.0.0": "version: 1.0.1\ntemplate: hi\n"})
    bot.write("triggers/other.yaml", "x: {command: x, prompt: anser}\n")
    done = bot.command("check", "--json")
    assert done.returncode == 1
    found = {c["path"].rsplit("/", 1)[1]: c for c in json.loads(done.stdout)["findings"]}
    assert (found["broken@1.0.0.yaml"]["line"], found["named@1.0.0.yaml"]["line"]) == (2, 1)
    assert found["broken@1.0.0.yaml"]["hint"] == "did you mean $(user)?"
    assert found["other.yaml"]["what"] == 'there is no prompt "anser"'
    assert found["other.yaml"]["hint"] == "did you mean answer?"


def test_another_model_than_the_tested_one_is_warned_of(world):
    model = {"local": {"type": "ollama", "url": "http://127.0.0.1:9", "model": "tiny"}}
    bot = offline(world, providers=model, **{
        "answer@1.10.0": PROMPTS["answer@1.10.0"] + "tested_with: large\n",
        "answer@1.0.0": PROMPTS["answer@1.0.0"] + "tested_with: tiny\n"})
    done = bot.command("check")
    assert done.returncode == 0
    assert "prompt answer@1.10.0 was tested with large, but tiny will be asked" in done.stdout
    assert "answer@1.0.0 was" not in done.stdout
    listed = {p["id"] + "@" + p["version"]: p
              for p in json.loads(bot.command("prompt", "list", "--json").stdout)}
    assert listed["answer@1.10.0"]["asked_now"] == "tiny"
    assert listed["answer@1.0.0"]["asked_now"] is None


def test_the_verb_lists_shows_and_renders(world):
    bot = offline(world)
    listed = {p["id"] + "@" + p["version"]: p
              for p in json.loads(bot.command("prompt", "list", "--json").stdout)}
    assert set(listed) == set(PROMPTS)
    assert listed["answer@1.10.0"]["newest"] and listed["answer@1.10.0"]["triggers"] == ["newest"]
    assert listed["answer@1.2.0"]["triggers"] == [] and not listed["answer@1.2.0"]["newest"]
    assert listed["secret@1.0.0"]["local_only"]
    assert "Early for $(user)" in bot.command("prompt", "show", "answer@2.0.0-rc.1").stdout
    rendered = json.loads(bot.command("prompt", "render", "--trigger", "pinned", "--user", "wren",
                                      "--text", "!pinned why?", "--seed", "7", "--json").stdout)
    assert rendered["prompt"] == "answer@1.0.0" and 0 < rendered["tokens"] <= rendered["budget"]
    assert [m["role"] for m in rendered["messages"]] == ["system", "user"]
    assert rendered["messages"][1]["content"] == (
        "First for wren\n<chat 0000000000000007 from=\"wren\">\n!pinned why?\n"
        "</chat 0000000000000007>\nAnswer as Mynah, in one line of at most 200 characters.")
    text = bot.command("prompt", "render", "answer", "--user", "wren", "--text", "why?").stdout
    assert "answer@1.10.0, persona mynah 0.0.0" in text and "<chat MARKER from=" in text
    assert rendered["hash"] in bot.command(
        "prompt", "render", "--trigger", "pinned", "--user", "wren", "--text",
        "!pinned why?").stdout
    for words in (("show", "nothing"), ("render", "--trigger", "none"), ("render",), ("what",)):
        assert bot.command("prompt", *words).returncode == 2


def test_the_verb_compares_two_versions(world):
    bot = offline(world)
    done = bot.command("prompt", "diff", "answer@1.0.0", "answer@1.10.0")
    assert done.returncode == 1
    assert done.stdout == ("--- answer@1.0.0\n+++ answer@1.10.0\n@@ -1,4 +1,4 @@\n"
                           " description: Answers.\n variables: user query\n template:\n"
                           "-  First for $(user)\n+  Tenth for $(user)\n")
    assert bot.command("prompt", "diff", "answer", "answer@1.10.0").returncode == 0


def test_the_verb_tries_the_examples(world):
    bot = offline(world)
    done = bot.command("prompt", "test", "answer@1.2.0")
    assert done.returncode == 1
    assert "ok   1: Because birds." in done.stdout
    assert "FAIL 2: I do not know.\n  expected: /^because \\w+/" in done.stdout
    assert bot.command("prompt", "test", "answer").returncode == 0  # it has none


def test_a_live_model_is_asked_only_when_told_to(world):
    models = world.models()
    bot = offline(world, providers={"local": models.conf("openai", remote=True)})
    done = bot.command("prompt", "test", "answer@1.2.0")
    assert done.returncode == 0 and "made 2: " in done.stdout and models.requests == []
    models.plan(Plan(text="Because Viewer1 asks."), Plan(text="/timeout wren"))
    done = bot.command("prompt", "test", "answer@1.2.0", "--live")
    assert done.returncode == 1
    assert "ok   1: Because wren asks." in done.stdout
    assert "FAIL 2: it would not be said" in done.stdout
    assert "wren" not in json.dumps([r["body"] for r in models.requests])


def test_the_shipped_prompts_and_triggers_fit_together(world):
    bot = world.bot
    bot.ship()
    bot.configure(providers={"local": {"type": "ollama", "url": "http://127.0.0.1:9"}})
    done = bot.command("check")
    assert done.returncode == 0 and "prompt" not in done.stderr
    for prompt in json.loads(bot.command("prompt", "list", "--json").stdout):
        ref = f"{prompt['id']}@{prompt['version']}"
        assert prompt["examples"] > 0 and prompt["use"]
        assert bot.command("prompt", "test", ref).returncode == 0


def test_explain_shows_all_that_an_answer_would_take(world, scene):
    play(scene, world, provider={"remote": True, "price_in": 1, "price_out": 2})
    told = world.bot.command("explain", "!newest why?", "--user", "PebbleWren").stdout
    for part in ("prompt   answer@1.10.0, persona mynah 1.0.0, about ", "Tenth for Viewer1",
                 "names    the model reads aliases", "memory   up to 10 lines",
                 "answer   at most 200", "route    by ask:", "pass local", "not on this machine",
                 "about $0.0", "safety   no rule of", "verdict  fires newest"):
        assert part in told, (part, told)

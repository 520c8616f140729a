"""What falls out of the remembered lines is summed up by the model, is in later prompts, costs what
every call costs, and goes when anything of it is erased."""

import re

SYSTEM = "name: Mynah\nversion: 1.0.0\nsystem: You are Mynah, a bird.\n"
OWN = SYSTEM + "memory: {lines: 4, for: 10m, summary: true}\n"
SHARED = SYSTEM + "memory: {mode: channel, lines: 4, for: 10m, summary: true}\n"
SUMMED = re.compile(r'<chat (\w+) from="a summary of what was said before">\n(.*?)\n</chat \1>',
                    re.S)
LIMITS = {"everyone_day": 1000}


def is_summing(request):
    return "keep the minutes" in request["body"]["messages"][0]["content"]


class Talk:
    def __init__(self, world, scene, persona, **options):
        self.world = world
        self.twitch, self.models = scene(persona=persona, **options)
        self.asked = 0
        self.models.plan(text=self.answer)

    def answer(self, last):
        if "Sum up" in last:
            return f"Minutes {len(self.sums())}: they spoke of kelp."
        self.asked += 1
        return f"That is answer {self.asked}."

    def sums(self):
        return [r for r in self.models.requests if is_summing(r)]

    def ask(self, text, user="pebblewren", **more):
        """Asks; gives the summary in the prompt, None where there is none."""
        ended = self.world.bot.status()
        ended = ended["sent"] + sum(ended["drops"].values())
        self.message = self.twitch.say(f"!ask about {text}", user=user, **more)
        self.world.bot.wait_ended(ended + 1)
        request = [r for r in self.models.requests if not is_summing(r)][-1]
        found = SUMMED.findall(request["body"]["messages"][1]["content"])
        return found[0][1] if found else None

    def wait_sums(self, n):
        """Until n summaries were written and their rows kept."""
        self.world.bot.wait_for(lambda: len(self.sums()) == n, f"{n} summaries")
        rows = self.asked + n
        self.world.bot.wait_for(
            lambda: self.world.bot.status()["ledger"]["written"] == rows, f"{rows} rows")


def test_what_falls_out_is_summed_up_and_told(world, scene):
    talk = Talk(world, scene, OWN)
    assert talk.ask("kelp") is None
    assert talk.sums() == []
    talk.ask("crabs")
    talk.wait_sums(1)
    text = str(talk.sums()[0]["body"]["messages"])
    assert "about kelp" in text and "about crabs" not in text
    assert talk.ask("eels") == "Minutes 1: they spoke of kelp."
    talk.wait_sums(2)
    text = str(talk.sums()[1]["body"]["messages"])
    assert "Minutes 1" in text and "about crabs" in text
    assert talk.ask("kelp", user="bob") is None
    world.bot.stop()
    rows = world.bot.rows()
    assert [row["persona"] for row in rows].count("mynah") == len(rows) == talk.asked + 2


def test_who_is_over_their_cap_is_not_summed_up(world, scene):
    talk = Talk(world, scene, OWN, limits={"calls_user_hour": 3})
    talk.ask("kelp")
    talk.ask("crabs")
    talk.wait_sums(1)
    assert world.bot.status()["drops"] == {}
    talk.ask("eels")
    world.bot.wait_drops(budget=1)
    assert len(talk.sums()) == 1


def test_a_summary_that_fails_harms_nothing(world, scene):
    talk = Talk(world, scene, OWN, limits={"retries": 0, "breaker_failures": 100})
    talk.ask("kelp")
    from tests.stage.models import Plan
    talk.models.plan(Plan(text=talk.answer), Plan(status=500), Plan(text=talk.answer))
    talk.ask("crabs")
    world.bot.wait_for(lambda: len(talk.sums()) == 1, "the summary that fails")
    world.bot.wait_log("attempt_failed")
    assert talk.ask("eels") is None
    talk.wait_sums(2)
    assert talk.ask("squid") == "Minutes 2: they spoke of kelp."


def test_whoever_is_erased_takes_the_summary_with_them(world, scene):
    talk = Talk(world, scene, SHARED, rooms=("kelpforest", "tidepool"))
    for room in ("kelpforest", "tidepool"):
        talk.ask("kelp", user="mallory", user_id="666", room=room)
        talk.ask("crabs", user="ann", room=room)
    talk.wait_sums(2)
    talk.twitch.ban("666", user="mallory", room="kelpforest", seconds=600)
    assert talk.ask("eels", user="ann", room="kelpforest") is None
    assert talk.ask("eels", user="bob", room="tidepool").startswith("Minutes")


def test_a_deleted_message_takes_the_summary_with_it(world, scene):
    talk = Talk(world, scene, OWN)
    talk.ask("kelp")
    talk.ask("crabs")
    talk.wait_sums(1)
    for n in range(2):
        talk.ask(f"squid {n}", user="ann")
    talk.wait_sums(2)
    talk.twitch.delete(talk.message, user="ann")
    assert talk.ask("eels", user="ann") is None
    assert talk.ask("eels").startswith("Minutes 1")      # of another, who deleted nothing
    talk.twitch.delete("one-of-the-bots", user="tidalbot")
    assert talk.ask("whales") is None                    # to whom that was said, nobody knows

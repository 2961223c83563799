"""Random households as lines of commands: mostly realistic, with dates on every edge that RULES name.

`line(seed)` is the same for the same seed. Most commands are acceptable; a few lines end in one that is not.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from random import Random

from tests.domain.oracle_dates import SHANGHAI, month_end, plus_months
from tests.domain.oracle_story import Entry
from tests.domain.random_lives import COMMUNITIES, EDGES, EMPLOYERS, Command
from tests.domain.random_services import ServiceLife

FEEDS = ("EDUB/EDU", "HRSS/EMP", "HLTH/HLT", "PFP/FPL", "CIV/LIV", "HRSS/SSH", "HSG/SSH", "CRPT/CUL")


class Life(ServiceLife):
    """A whole life: steps chosen at random, with time going on."""

    def household(self) -> None:
        choice = self.random.random()
        if choice < 0.55:
            outcome = self.random.choice(("present", "present", "absent", "unknown"))
            self.give("verify_residence", outcome=outcome)
        elif choice < 0.9:
            self.give("move_household", to_community=self.random.choice(COMMUNITIES))
        else:
            self.give("change_head", person_id=self.person(), minor=True if self.chance(50) else None)

    def close(self) -> None:
        reasons = ("gained_local_hukou",) * 5 + ("left_city", "dissolved", "registered_in_error")
        self.give("close_household", reason=self.random.choice(reasons))

    def repeat(self) -> None:
        """The same command once more, as after a lost connection."""
        self.commands.append(self.random.choice(self.commands))
        if self.teller.give(self.commands[-1]) not in (None, "again"):
            self.commands.pop()

    def live(self, steps: int) -> None:
        served = self.random.choice((0, 5, 25))
        kinds: list[tuple[Callable[[], None], int]] = [
            (self.need, 14), (self.deliver, 22), (self.request, 26), (self.follow, 18), (self.job, 10),
            (self.facts, 4), (self.household, 4), (self.join, 1), (self.birth, 2), (self.part, 1), (self.serve, served),
            (self.correct_facts, 3), (self.void_entry, 5),
        ]  # fmt: skip
        kinds += [(self.repeat, 1)]
        methods, weights = [method for method, _ in kinds], [weight for _, weight in kinds]
        self.register()
        while steps > 0 and self.refused is None:
            steps -= 1
            self.random.choices(methods, weights)[0]()
            if not self.chance(55):
                self.today += timedelta(self.random.choice((1, 2, 5, 10, 30, 60)))
            if self.chance(0.4):
                self.close()


def registry(life: Life) -> list[Command]:
    """Some employers' collective contracts and some bureaus' closed months, at times late."""
    random, entries = life.random, []
    for employer in EMPLOYERS:
        for _ in range(random.choice((0, 1, 1, 2))):
            span = {"from": life.near().isoformat(), **({"to": life.near().isoformat()} if life.chance(50) else {})}
            if span.get("to", "9") >= span["from"]:
                entries.append(
                    {"unit_id": employer, "fact": "UF-COLL", **span, "recorded_at": "2012-01-05T09:00:00+08:00"}
                )
    for feed in FEEDS:
        if life.chance(45):
            bureau, area = feed.split("/")
            month = plus_months(life.random.choice(EDGES).replace(day=1), 0)
            while month < date(2016, 1, 1):
                at = datetime.combine(
                    month_end(month) + timedelta(random.choice((1, 5, 14, 15, 40))), time(9), SHANGHAI
                )
                if not life.chance(15):
                    said = {"bureau": bureau, "area": area, "month": month.isoformat()[:7]}
                    entries.append({**said, "recorded_at": at.isoformat()})
                month = plus_months(month, 1)
    return entries


def line(seed: int) -> Command:
    """One household as `casework assess --json` takes it."""
    return told(seed)[0]


def told(seed: int) -> tuple[Command, list[Entry], int | None]:
    """A line, what of it the oracle took for told, and the place of a command that it would refuse."""
    random = Random(seed)
    life = Life(random)
    life.live(random.choice((3, 10, 25, 40, 60, 90)))
    asked: Command = {"as_of": as_of(life).isoformat(), "policy": "2013.1", "registry": [], "commands": life.commands}
    if life.chance(70):
        asked["registry"] = registry(life)
    if life.chance(35):
        recorded = [entry.at for entry in life.teller.entries]
        known_at = random.choice(recorded[len(recorded) // 3 :]) + timedelta(minutes=random.choice((-1, 0, 0, 1)))
        asked["known_at"] = known_at.isoformat()
    return asked, life.teller.entries, life.refused


def as_of(life: Life) -> date:
    choice = life.random.random()
    if choice < 0.4:
        return life.today + timedelta(life.random.choice((0, 1, 15, 30, 31, 60, 100)))
    if choice < 0.6:
        return life.some_day(life.pool[0] - timedelta(3), life.today + timedelta(200))
    return life.near()


if __name__ == "__main__":
    print(json.dumps(line(int(sys.argv[1])), ensure_ascii=False))

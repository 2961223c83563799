"""What goes wrong in offices: entries that are corrected or voided, and deliveries of a feed that come twice."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from casework.domain.events.corrections import Change
from casework.domain.state import Episode
from casework.population import rates
from casework.population.steps import Step, Thread

if TYPE_CHECKING:
    from casework.population.life import Life

_FIRST = ("grant_service", "record_delivery")
_TAKEN_IN = ("register_household", "add_member")
_UNTOLD = ("verify_residence", "record_need")
"""What nothing is built upon, where the need was not there."""
_OTHER_KIND = {"agricultural": "non_agricultural", "non_agricultural": "agricultural"}
_REASONS = {"entry_error": 0.6, "changed_circumstances": 0.2, "source_correction": 0.2}
_VOIDS = {"duplicate": 0.4, "wrong_person": 0.3, "never_happened": 0.28, "fraud": 0.02}


def after(life: Life, step: Step) -> Iterator[Thread]:
    """Return what comes of a step beside what its own thread goes on with."""
    chance = life.chance
    if step.command in _FIRST:
        luck = chance.random()
        if luck < rates.CORRECTED:
            yield correction(life, step)
        elif luck < rates.CORRECTED + rates.VOIDED:
            yield voiding(life, step)
    if step.command in _UNTOLD and step.arguments.get("result") != "present" and life.slips.happens(rates.UNTOLD):
        yield untelling(life, step, life.household.version)
    if step.command in _TAKEN_IN and life.slips.happens(rates.MISTOLD):
        yield putting_right(life, step)
    if step.desk.is_feed and chance.happens(rates.REPEATED):
        yield again(life, step)


def correction(life: Life, step: Step) -> Thread:
    """Somebody finds out that an entry was wrong from the start."""
    episode_id: UUID = step.arguments["episode_id"]
    on = life.chance.after(life.today, 2, 90)
    changes = (_change(life, life.household.episodes[episode_id]),)
    reason = life.chance.pick(_REASONS)
    arguments = {"corrected_on": on, "episode_id": episode_id, "changes": changes, "reason": reason}
    yield Step(on, "correct_service", arguments, step.person, step.desk)


def voiding(life: Life, step: Step) -> Thread:
    """Somebody finds out that an entry should not be there."""
    on = life.chance.after(life.today, 1, 60)
    arguments = {
        "voided_on": on,
        "episode_id": step.arguments["episode_id"],
        "reason": life.chance.pick(_VOIDS),
    }
    yield Step(on, "void_service", arguments, step.person, step.desk)


def untelling(life: Life, step: Step, version: int) -> Thread:
    """Somebody finds out that the household was taken for another."""
    on = life.slips.after(life.today, 1, 60)
    arguments = {"voided_on": on, "voids": version, "reason": life.slips.pick(_VOIDS)}
    yield Step(on, "void_entry", arguments, step.person, step.desk)


def putting_right(life: Life, step: Step) -> Thread:
    """Somebody looks into a household register: its kind is not the one that was told."""
    on = life.slips.after(life.today, 2, 90)
    taken_in = step.arguments["member"] if "member" in step.arguments else step.arguments["members"][0]
    kind = taken_in.facts.hukou_kind
    arguments = {
        "corrected_on": on,
        "person_id": taken_in.person_id,
        "changes": (Change("hukou_kind", kind, _OTHER_KIND[kind]),),
        "reason": life.slips.pick(_REASONS),
    }
    yield Step(on, "correct_member_facts", arguments, step.person, step.desk)


def again(life: Life, step: Step) -> Thread:
    """A feed sends again what it has sent, sometimes under another id: neither changes anything."""
    arguments: dict[str, Any] = dict(step.arguments)
    if step.command == "record_delivery" and life.chance.happens(0.5):
        arguments["episode_id"] = life.id(step.on)
    yield step._replace(arguments=arguments)


def _change(life: Life, episode: Episode) -> Change:
    """Return what was wrong: a flag of the evidence, or the day."""
    flags = [name for name, value in episode.evidence().items() if isinstance(value, bool)]
    if flags and life.chance.happens(0.5):
        name = life.chance.one(flags)
        value = episode.evidence()[name]
        return Change(f"evidence.{name}", value, not value)
    path, day = ("delivered_on", episode.delivered_on) if episode.delivered_on else ("granted_on", episode.granted_on)
    assert day is not None
    return Change(path, day.isoformat(), (day - timedelta(life.chance.whole(1, 6))).isoformat())

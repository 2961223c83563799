"""The application's commands given together: households are read at once and their events saved at once.

Every command is decided by the same code, on the same rules, as one that comes alone; only the way in and out differs.
Where what was read turns out to be old, or a claim is taken meanwhile, the commands in question are given one by one,
as any other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import NamedTuple, cast
from uuid import UUID

from casework import references
from casework.application import Casework
from casework.bulk.columns import CellRefused
from casework.bulk.rows import Command, Holder, Verdict, refused
from casework.command import Decided
from casework.domain.aggregate import Recorded
from casework.domain.events.event import HouseholdEvent
from casework.domain.events.membership import NewMember
from casework.domain.household import Household
from casework.domain.ids import REGISTRY, partition_of
from casework.domain.residence import By
from casework.errors import CaseworkError, ClaimTaken, NotFound, Unavailable
from casework.faults import fault
from casework.log import reading
from casework.log.append import Beside, Claim
from casework.log.failures import StreamConflict
from casework.outcome import Context, Outcome
from casework.privacy.persons import Profile, together

Saving = Callable[[], AbstractContextManager[None]]

AT_ONCE = 128
"""So many events are saved together at most: their partition's lock is held for as long."""


class Held(NamedTuple):
    """A household that was read, with its events and all their metadata as bytes."""

    household: Household
    recorded: list[Recorded]
    metas: bytes

    def may_hold(self, command_id: UUID | None) -> bool:
        """Whether a command may have been carried out here before."""
        return str(command_id).encode() in self.metas

    def again(self) -> Held:
        """The household as it was before a command that was refused half-way."""
        household = Household(self.household.id)
        Household.fold(household, self.recorded)
        return self._replace(household=household)


class Waiting(NamedTuple):
    """What a command will have written."""

    number: int
    command: Command
    context: Context
    recorded: Sequence[Recorded]
    metadata: Sequence[bytes]
    beside: Beside


class Together(Casework):
    """The application for many commands on the households of one partition; to be used by one thread.

    Without ``saving`` it decides alone, and answers what would be answered; else everything is saved within it, and it
    may refuse. ``taken`` are claims that are held.
    """

    def __init__(
        self, casework: Casework, partition: int, *, saving: Saving | None, taken: Mapping[bytes, Holder]
    ) -> None:
        super().__init__(casework.pool, casework.persons, wake=casework.wake, now=casework.now)
        self._registry = casework.registry(at_most_old=60)
        self._alone = casework
        self._partition = partition
        self._saving = saving
        self._taken = taken
        self._held: dict[UUID, Held] = {}
        self._known: dict[UUID, Profile | None] = {}
        self._waiting: list[Waiting] = []
        self._given: tuple[int, Command] | None = None
        self.verdicts: dict[int, Verdict] = {}

    def hold(self, household_ids: Iterable[UUID], person_ids: Iterable[UUID] = ()) -> None:
        """Read some households in the place of those that were held, and the profiles of some people."""
        self.save_waiting()
        ids, people = list(household_ids), list(person_ids)
        with self.pool.connection() as db:
            rows = reading.streams_and_metas(db, self._partition, ids)
            known = self.persons.profiles(db, people) if people else {}
        self._known = {person_id: known.get(person_id) for person_id in people}
        self._held = {id: Held(Household(id), [], b"") for id in ids} | self._folded(rows)

    def attempt(self, number: int, command: Command) -> None:
        """Give a row's command; its verdict stands once what waits is saved."""
        self._given = (number, command)
        self.verdicts[number] = self._tried(number, lambda: command(self))
        if len(self._waiting) >= AT_ONCE:
            self.save_waiting()

    def save_waiting(self) -> None:
        """Save what was decided; where that does not fit any more, give those commands one by one."""
        waiting, self._waiting = self._waiting, []
        if not waiting or self._saving is None:
            return
        with self._saving():
            try:
                self.events.put(
                    [recorded for each in waiting for recorded in each.recorded],
                    metadata=[meta for each in waiting for meta in each.metadata],
                    **together(each.beside for each in waiting)._asdict(),
                )
            except Unavailable:
                raise
            except (CaseworkError, StreamConflict):
                for each in waiting:
                    self._give_alone(each)
            fault("import-appended")
        self.wake([self._partition])

    def _give_alone(self, waiting: Waiting) -> None:
        self._held.pop(waiting.recorded[0].originator_id, None)
        self.verdicts[waiting.number] = self._tried(waiting.number, lambda: self._alone_now(waiting))

    def _alone_now(self, waiting: Waiting) -> Outcome:
        """Give a command by itself: it may be that another import has, since it was decided."""
        outcome = waiting.command(self._alone)
        return _of_import(self, outcome.id, waiting.context, outcome) if outcome.changed else outcome

    def _tried(self, number: int, give: Callable[[], Outcome]) -> Verdict:
        try:
            outcome = give()
        except Unavailable:
            raise
        except (CaseworkError, CellRefused) as error:
            return refused(number, error)
        return Verdict(number, "done" if outcome.changed else "unchanged")

    def _change(
        self,
        household_id: UUID,
        context: Context,
        decide: Callable[[Household, By], Decided],
        *,
        create: bool = False,
        merged: bool = False,
        warn: Callable[[Household], tuple[str, ...]] = lambda household: (),
    ) -> Outcome:
        """Decide on what is held; what was carried out before answers what it did then."""
        held = self._found(household_id, create=create)
        if held.may_hold(context.command_id):
            done = self._done(household_id, context)
            if done is not None:
                return _of_import(self, household_id, context, done)
        household = held.household
        try:
            self._check_access(household, context)
            decided = decide(household, self._by(context))
            claims = self._checked_claims(household_id, context, decided.beside)
        except CaseworkError:
            if household.pending:
                self._held[household_id] = held.again()
            done = self._done(household_id, context)
            if done is None:
                raise
            return _of_import(self, household_id, context, done)
        return self._wait(held, context, decided.beside._replace(claims=claims))

    def _wait(self, held: Held, context: Context, beside: Beside) -> Outcome:
        household = held.household
        metadata = [self._metadata(context, household, each).encode() for each in household.pending]
        recorded = household.collect_events()
        if not recorded:
            return Outcome(household.id, household.version, None, False, [])
        assert self._given is not None
        held.recorded.extend(recorded)
        self._waiting.append(Waiting(*self._given, context, recorded, metadata, beside))
        return Outcome(household.id, household.version, None, True, [])

    def _found(self, household_id: UUID, *, create: bool) -> Held:
        if partition_of(household_id) == REGISTRY:
            raise NotFound
        held = self._held.get(household_id)
        if held is None:
            with self.pool.connection() as db:
                rows = reading.streams_and_metas(db, partition_of(household_id), [household_id])
            held = self._folded(rows).get(household_id) or Held(Household(household_id), [], b"")
            self._held[household_id] = held
        if not held.household.version and not create:
            raise NotFound
        return held

    def _folded(self, rows: Sequence[tuple[UUID, int, str, bytes, bytes]]) -> dict[UUID, Held]:
        found: dict[UUID, Held] = {}
        metas: dict[UUID, list[bytes]] = {}
        for stream_id, version, type_name, state, meta in rows:
            held = found.setdefault(stream_id, Held(Household(stream_id), [], b""))
            recorded = Recorded(stream_id, version, self._decode(type_name, state))
            held.household.version = version
            held.household.apply(cast("HouseholdEvent", recorded.event))
            held.recorded.append(recorded)
            metas.setdefault(stream_id, []).append(meta)
        return {id: held._replace(metas=b" ".join(metas[id])) for id, held in found.items()}

    def _profiles(self, person_ids: Sequence[UUID]) -> dict[UUID, Profile]:
        if not self._known.keys() >= set(person_ids):
            return super()._profiles(person_ids)
        return {id: profile for id in person_ids if (profile := self._known[id]) is not None}

    def _entered(
        self, context: Context, member: NewMember, profile: Profile, at: str = ""
    ) -> tuple[NewMember, Decided]:
        """Where nothing is saved, nothing is sealed: a fifth of the time that a trial of new people takes."""
        if self._saving is not None:
            return super()._entered(context, member, profile, at)
        claims, warnings = self.persons.tried(member.person_id, profile, today=self.today, sex=member.sex, at=at)
        return member, Decided(Beside(claims=claims), warnings=warnings)

    def _compared(self, outcome: Outcome, people: Sequence[tuple[NewMember, Profile]]) -> Outcome:
        """Nobody is compared here, where most is not saved yet; that is a job of its own, after the last row."""
        return outcome

    def _checked_claims(self, household_id: UUID, context: Context, beside: Beside) -> list[Claim]:
        """The claims of a command, its own and that of its reference; refused where one is held, as by the append."""
        claims = [
            claim if claim.stream_id else claim._replace(stream_id=household_id)
            for claim in (*beside.claims, *references.claims(self.persons.hashes, context))
        ]
        for claim in claims:
            held = self._taken.get(claim.hash)
            if held is not None and (claim.kind == "source" or held != (household_id, claim.subject_id)):
                raise self._with_office(ClaimTaken(held_by=held.household_id, kind=claim.kind), context)
        return claims


def _of_import(casework: Together, household_id: UUID, context: Context, done: Outcome) -> Outcome:
    """A command's outcome, ``changed`` only where this very import carried it out."""
    assert context.command_id is not None
    with casework.pool.connection() as db:
        first = reading.command_events(db, household_id, context.command_id)[0]
    return done._replace(changed=first.meta.correlation_id == context.correlation_id)

"""The path of every command: load, look whether it was carried out before, decide, save."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple, cast
from uuid import UUID

from eventsourcing.application import AggregateNotFoundError
from eventsourcing.persistence import Recording

from casework import references
from casework.domain import registry
from casework.domain.aggregate import Aggregate, Recorded
from casework.domain.household import Household, fold
from casework.domain.ids import REGISTRY, partition_of, uuid7
from casework.domain.parts import collide
from casework.domain.residence import By
from casework.domain.restricted import is_restricted_event
from casework.errors import CaseworkError, ClaimTaken, CommandReused, NotFound, Refused, VersionConflict
from casework.faults import fault
from casework.kept import KeptHouseholds, Loaded
from casework.log import reading
from casework.log.append import NOTHING, Beside
from casework.log.codec import Metadata
from casework.log.failures import StreamConflict
from casework.log.pool import Pool
from casework.log.reading import LoggedEvent
from casework.log.recorder import LogRecorder
from casework.outcome import Context, Outcome, Placed, Trial, outcome_of
from casework.privacy.duplicates import Duplicates
from casework.privacy.persons import Persons
from casework.registry_path import RegistryPath

TRIES = 5
"""How often a command without a stated version is decided anew when others append to its stream meanwhile."""


class Decided(NamedTuple):
    """What a decision leaves beside the events of its aggregate: rows and claims, and other aggregates' events."""

    beside: Beside = NOTHING
    others: tuple[Aggregate, ...] = ()
    warnings: tuple[str, ...] = ()


class CommandPath(RegistryPath):
    """One log and what stands beside it. ``wake`` is told, after a commit, which partitions moved: only a hint."""

    def __init__(
        self,
        pool: Pool,
        persons: Persons,
        *,
        wake: Callable[[Sequence[int]], None] = lambda partitions: None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.persons = persons
        self.wake = wake
        self.duplicates = Duplicates(persons)
        self._kept = KeptHouseholds()
        super().__init__(pool, now)

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
        """Load, look whether this command was carried out before, decide, save; and again where others were faster.

        What is ``merged`` may be told of a file that was merged away too. ``warn`` tells again what the command was
        warned of, for whoever gives it once more.
        """
        if context.is_rehearsal:
            return self._rehearsed(household_id, context, decide)
        decide = decide if merged else _of_one_that_goes_on(decide)
        kept = self._kept.take(household_id, context.expected_version)
        outcome = kept and self._attempted(kept, context, decide, warn)
        tries = 0
        while outcome is None:
            tries += 1
            loaded = self._loaded(household_id, create=create)
            outcome = self._attempted(loaded, context, decide, warn, last=tries == TRIES)
        return outcome

    def _rehearsed(self, household_id: UUID, context: Context, decide: Callable[[Household, By], Decided]) -> Outcome:
        """What the command would do, by the same decision; its key stays free."""
        household = self._loaded(household_id, create=False).household
        self._check_access(household, context)
        version = household.version
        before = [Recorded(household_id, place, event) for place, event in enumerate(household.entries, 1)]
        decided = decide(household, self._by(context))
        self._check_version(household, context)
        try:
            with self.pool.connection() as db:
                self.persons.check_claims(db, household_id, decided.beside.claims)
        except ClaimTaken as taken:
            raise self._with_office(taken, context) from None
        trial = Trial(cast("Household", fold(None, before)), household)
        return Outcome(household_id, version, None, False, [], decided.warnings, trial)

    def _attempted(
        self,
        loaded: Loaded,
        context: Context,
        decide: Callable[[Household, By], Decided],
        warn: Callable[[Household], tuple[str, ...]],
        *,
        last: bool = False,
    ) -> Outcome | None:
        """What the command did, now or when it came before; None where the household must be read and tried again."""
        household, done = loaded.household, None
        if loaded.may_hold(context.command_id):
            done = self._done(household.id, context)
        if done is None:
            try:
                return self._decided(loaded, context, decide)
            except StreamConflict:
                done = self._done(household.id, context)
                if done is None and last:
                    raise
            except Refused:
                done = self._done(household.id, context)
                if done is None:
                    raise
        return done and done._replace(warnings=warn(household))

    def _decided(self, loaded: Loaded, context: Context, decide: Callable[[Household, By], Decided]) -> Outcome | None:
        """Decide and save; None where a household that was kept may be out of date, so that it is read first."""
        household = loaded.household
        try:
            self._check_access(household, context)
            decided = decide(household, self._by(context))
            self._check_version(household, context)
            if loaded.was_kept and not household.pending:
                return None
            outcome = self._commit(context, household, decided)
        except (CaseworkError, StreamConflict) as error:
            if loaded.was_kept:
                return None
            if isinstance(error, Refused):
                self._check_refusal_is_new(household, context, decide)
            raise
        self._kept.keep(loaded, context.command_id)
        return outcome

    def _change_registry(
        self,
        stream_id: UUID,
        kind: type[Any],
        context: Context,
        decide: Callable[[Any, By], Decided | None],
    ) -> Outcome:
        for attempt in range(1, TRIES + 1):
            aggregate = self._loaded_as(kind, stream_id) or kind(stream_id)
            done = self._done(stream_id, context)
            if done is not None:
                return done
            seen = aggregate.version
            try:
                decided = decide(aggregate, self._by(context)) or Decided()
                self._check_version(aggregate, context)
                return self._commit(context, aggregate, decided)
            except (Refused, StreamConflict) as error:
                is_outdated = isinstance(error, StreamConflict) or self._has_moved_on(kind, stream_id, seen)
                if attempt == TRIES or not is_outdated:
                    raise
        raise AssertionError("unreachable")

    def _has_moved_on(self, kind: type[Any], stream_id: UUID, version: int) -> bool:
        """Whether a stream of the registry is longer than it was read: what else was read may be from after that."""
        found = self._loaded_as(kind, stream_id)
        return found is not None and found.version > version

    def _loaded(self, household_id: UUID, *, create: bool) -> Loaded:
        """A household with its events' metadata: one look tells whether a command was carried out (DESIGN 5)."""
        if partition_of(household_id) == REGISTRY:
            raise NotFound
        rows = cast("LogRecorder", self.recorder).select_stream(household_id)
        if not rows and not create:
            raise NotFound
        household = Household(household_id)
        for household.version, type_name, state, _ in rows:
            household.apply(self._decode(type_name, state))
        return Loaded(household, b" ".join([meta for *_, meta in rows]))

    def _loaded_as(self, kind: type[Any], stream_id: UUID) -> Any:
        try:
            return self.repository.get(stream_id, projector_func=kind.fold)
        except AggregateNotFoundError:
            return None

    def _done(self, stream_id: UUID, context: Context) -> Outcome | None:
        """The outcome of this very command, if it was carried out before (DESIGN 5: idempotency needs no table)."""
        if context.command_id is None:
            return None
        with self.pool.connection() as db:
            events = reading.command_events(db, stream_id, context.command_id)
        if not events:
            return None
        self._check_may_hear(stream_id, events[0].meta, context)
        if events[0].meta.body_hash != context.body_hash:
            raise CommandReused
        with self.pool.connection() as db:
            placed = [self._placed(stream_id, logged) for logged in events]
            for elsewhere in _elsewhere(placed):
                others = reading.command_events(db, elsewhere, context.command_id)
                placed += [self._placed(elsewhere, logged) for logged in others]
        return outcome_of(stream_id, placed)

    def _check_may_hear(self, stream_id: UUID, first: Metadata, context: Context) -> None:
        """Who gave a command hears its outcome again, also where the household has moved out of their divisions.

        A feed's reference is the same command whoever sends it: another client must have access to the household.
        """
        if first.actor != context.actor and partition_of(stream_id) != REGISTRY:
            self._check_access(self.household(stream_id), context)

    def _placed(self, stream_id: UUID, logged: LoggedEvent) -> Placed:
        event = self._decode(logged.type, logged.state)
        return Placed(Recorded(stream_id, logged.version, event), logged.meta, logged.position)

    def _commit(self, context: Context, aggregate: Aggregate, decided: Decided) -> Outcome:
        aggregates = (aggregate, *decided.others)
        pending = [recorded for each in aggregates for recorded in each.pending]
        if not pending:
            return Outcome(aggregate.id, aggregate.version, None, False, [], decided.warnings)
        metadata = [self._metadata(context, each, item) for each in aggregates for item in each.pending]
        beside = decided.beside
        claims = [*beside.claims, *references.claims(self.persons.hashes, context)]
        try:
            recordings = self.save(
                *aggregates,
                metadata=[meta.encode() for meta in metadata],
                vault=beside.vault,
                search_keys=beside.search_keys,
                claims=claims,
                released=beside.released,
                erasing=beside.erasing,
                forget=beside.forget,
            )
        except ClaimTaken as taken:
            raise self._with_office(taken, context) from None
        fault("appended")
        placed = [
            Placed(item, meta, recording.notification.id)
            for item, meta, recording in zip(pending, metadata, recordings, strict=True)
        ]
        self.wake(sorted({partition_of(item.recorded.originator_id) for item in placed}))
        return outcome_of(aggregate.id, placed, decided.warnings)

    def save(self, *aggregates: Any, **beside: Any) -> list[Recording[UUID]]:
        """As the library's, which looks at what each object can do: a tenth of a command, on Python 3.11."""
        events = [recorded for aggregate in aggregates for recorded in aggregate.collect_events()]
        return self.events.put(events, **beside)

    def _metadata(self, context: Context, aggregate: Aggregate, recorded: Recorded) -> Metadata:
        household = aggregate if isinstance(aggregate, Household) else None
        event = cast("Any", recorded.event)
        return Metadata(
            event_id=uuid7(),
            actor=context.actor,
            role=context.role,
            bureau=context.bureau,
            unit=context.unit,
            source=context.source,
            source_ref=context.source_ref,
            community=registry.unit_id(household.community) if household else None,
            restricted=household is not None and is_restricted_event(event, household),
            correlation_id=context.correlation_id or context.command_id,
            command_id=context.command_id,
            body_hash=context.body_hash,
            traceparent=context.traceparent,
        )

    def _with_office(self, taken: ClaimTaken, context: Context) -> ClaimTaken:
        """The refusal of a claim, saying so where another office holds the person: there one asks for a transfer."""
        if not context.divisions or taken.values["kind"] == "source":
            return taken
        try:
            ours = self.is_within(self.household(taken.values["held_by"]).community, context.divisions)
        except NotFound:  # of an import, and not saved yet
            return taken
        return taken if ours else ClaimTaken("held-elsewhere", **taken.values)

    def _by(self, context: Context) -> By:
        return By(
            today=self.today,
            supervisor=context.role == "supervisor",
            bureau=context.bureau,
            own_bureau_only=context.role == "bureau",
        )

    def _check_refusal_is_new(
        self, household: Household, context: Context, decide: Callable[[Household, By], Decided]
    ) -> None:
        """Say that somebody else was faster, where what a command asks was not refused as the caller saw the household.

        The rule that refuses it now would say nothing of what has changed meanwhile.
        """
        expected, actual = context.expected_version, household.version - len(household.pending)
        if expected is None or not 0 < expected < actual:
            return
        seen = [Recorded(household.id, place, each) for place, each in enumerate(household.entries[:expected], 1)]
        try:
            decide(cast("Household", fold(None, seen)), self._by(context))
        except (CaseworkError, StreamConflict):
            return
        with self.pool.connection() as db:
            since = reading.timeline(db, household.id, after_version=expected)
        raise self._conflict(expected, actual, since)

    def _check_version(self, changed: Aggregate, context: Context) -> None:
        """Refuse an edit of what somebody else edited since the caller saw it; other parts do not matter."""
        expected, mine = context.expected_version, [item.event for item in changed.pending]
        actual = changed.version - len(mine)
        if expected is None or expected == actual or not mine:
            return
        with self.pool.connection() as db:
            since = reading.timeline(db, changed.id, after_version=min(expected, actual))
        if expected > actual or collide(mine, [self._decode(each.type, each.state) for each in since]):
            raise self._conflict(expected, actual, since)

    def _conflict(self, expected: int, actual: int, since: Iterable[LoggedEvent]) -> VersionConflict:
        between = [{"version": e.version, "type": e.type, "recorded_at": e.recorded_at} for e in since]
        return VersionConflict(expected=expected, actual=actual, events=between)

    def _check_access(self, household: Household, context: Context) -> None:
        """A household outside the caller's divisions is not there for them."""
        if household.version and not self.is_within(household.community, context.divisions):
            raise NotFound


def _of_one_that_goes_on(decide: Callable[[Household, By], Decided]) -> Callable[[Household, By], Decided]:
    """A decision that is refused first of a household that was merged away, whatever else speaks against it."""

    def decided(household: Household, by: By) -> Decided:
        household.check_not_merged()
        return decide(household, by)

    return decided


def _elsewhere(placed: Sequence[Placed]) -> list[UUID]:
    """The other streams that a command wrote to, of units those that it wrote last."""
    names = ("to_household", "new_household", "from_household", "mothers_household", "into")
    targets = [getattr(item.recorded.event, name, None) for item in placed for name in names]
    parts = [part.unit for item in placed for part in getattr(item.recorded.event, "parts", ())]
    named = [unit for item in placed for unit in getattr(item.recorded.event, "units", ())]
    return [*(target for target in targets if target is not None), *parts, *named]

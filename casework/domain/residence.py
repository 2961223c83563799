"""Where the household lives and whether its file is open: commands 1 to 4 of DOMAIN 8.2."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from casework.domain.aggregate import Aggregate
from casework.domain.calendar import evaluation_year_end
from casework.domain.checks import check_codes, check_member
from casework.domain.clock import Clock
from casework.domain.events.event import HouseholdEvent
from casework.domain.events.membership import NewMember
from casework.domain.events.residence import HouseholdClosed, HouseholdMoved, HouseholdRegistered, ResidenceVerified
from casework.domain.policy import policy_of
from casework.domain.state import Closing, Employment, Episode, Need, Person, Stay, TakenIn, Transfer
from casework.errors import Refused

MERGED_AWAY = "merged_away"
"""The reason of a closing by which a household became part of another."""


class By(NamedTuple):
    """Who gives a command, as far as rules ask: when in Shanghai, with a supervisor's right, for which bureau.

    Who works at a bureau itself decides for that one alone (RULES G6).
    """

    today: date
    supervisor: bool = False
    bureau: str | None = None
    own_bureau_only: bool = False


def refuse_if(breaks: object, rule: str, **values: Any) -> None:
    """Refuse a command by a rule of ``data/problems.json``."""
    if breaks:
        raise Refused(rule, **values)


class HouseholdState(Aggregate):
    """What a household remembers, and the questions that all its commands ask.

    ``entries`` are all its events, that of version 1 first; ``voided_entries`` says which count no longer, and which
    event says so. ``carried_in`` says at which version a person or need came from another household the last time.
    """

    def __init__(self, id: UUID) -> None:
        super().__init__(id)
        self.entries: list[HouseholdEvent] = []
        self.voided_entries: dict[int, int] = {}
        self.arrived_on = date.max
        self.origin = "arrival"
        self.origin_household: UUID | None = None
        self.origin_division: str | None = None
        self.residences: list[tuple[date, int, str]] = []
        self.verified: list[tuple[date, str]] = []
        self.closed_on: date | None = None
        self.closed_reason: str | None = None
        self.merged_into: UUID | None = None
        self.past_closings: list[Closing] = []
        self.taken_in: dict[UUID, TakenIn] = {}
        self.stays: dict[UUID, list[Stay]] = {}
        self.carried_in: dict[UUID, int] = {}
        self.transfers: dict[UUID, Transfer] = {}
        self.head: UUID | None = None
        self.people: dict[UUID, Person] = {}
        self.employments: dict[UUID, Employment] = {}
        self.needs: dict[UUID, Need] = {}
        self.needs_of: dict[tuple[str, UUID | None], list[Need]] = {}
        self.episodes: dict[UUID, Episode] = {}
        self.episodes_of: dict[tuple[str, UUID | None], list[Episode]] = {}

    @property
    def community(self) -> str:
        """The code of the community where the household lives by what is known today."""
        return self.residences[-1][2]

    def community_on(self, day: date) -> str:
        """The code of the community where the household lives on a day; before its arrival, where it arrives."""
        lived = [code for on, _, code in self.residences if on <= day]
        return lived[-1] if lived else self.residences[0][2]

    @property
    def members(self) -> list[Person]:
        """The people whose time in the household has not ended."""
        return [person for person in self.people.values() if person.current is not None]

    @property
    def open_since(self) -> date:
        """The day from which the file is open without a break: of the arrival, or of the last reopening."""
        return self.past_closings[-1].reopened_on if self.past_closings else self.arrived_on

    @property
    def closings(self) -> Sequence[Closing]:
        """The times in which the file was closed, or is for good."""
        if self.closed_on is None:
            return self.past_closings
        return [*self.past_closings, Closing(self.closed_on, self.closed_reason or "", date.max)]

    def closing_on(self, clock: Clock) -> Closing | None:
        """The closing that holds on a day, if one does; a merge into another household is one too."""
        for closing in self.closings:
            if clock.reached(closing.closed_on) and not clock.reached(closing.reopened_on):
                return closing
        return None

    def episodes_on(self, service: str, person_id: UUID | None, clock: Clock) -> Sequence[Episode]:
        """Return a beneficiary's episodes of a service, of the whole household those that are its own on the day."""
        episodes = self.episodes_of.get((service, person_id), ())
        if person_id is not None or not self.stays:
            return episodes
        return [episode for episode in episodes if self.is_own(episode.episode_id, clock)]

    def needs_on(self, need: str, person_id: UUID | None, clock: Clock) -> Sequence[Need]:
        """Return the needs of one kind, of the whole household those that are its own on the day."""
        needs = self.needs_of.get((need, person_id), ())
        if person_id is not None or not self.stays:
            return needs
        return [each for each in needs if self.is_own(each.need_id, clock)]

    def is_own(self, record_id: UUID, clock: Clock) -> bool:
        """Whether a record of the whole household is this household's on the day."""
        stays = self.stays.get(record_id)
        return stays is None or any(
            clock.reached(stay.since) and not (stay.until is not None and clock.reached(stay.until)) for stay in stays
        )

    def has_gone(self, record_id: UUID) -> bool:
        """Whether a record of the whole household went on to another household, and is told there (RULES G4)."""
        stays = self.stays.get(record_id)
        return stays is not None and stays[-1].until is not None

    def check_not_merged(self) -> None:
        """Refuse whatever is to happen to a household that was merged away, saying where it went."""
        refuse_if(self.merged_into, "household-merged-away", merged_into=self.merged_into)

    def _check_date(self, by: By, occurred_on: date, *, backdated: bool = True) -> None:
        refuse_if(occurred_on > by.today, "date-in-future")
        if backdated and not by.supervisor:
            furthest = timedelta(days=policy_of(by.today).recording.backdating_days)
            refuse_if(by.today - occurred_on > furthest, "back-dated-too-far")

    def _check_open(self) -> None:
        self.check_not_merged()
        refuse_if(self.closed_on is not None, "household-closed")

    def _check_open_or_settling(self, on: date) -> None:
        """Closed for local hukou, services go on to the end of that evaluation year (RULES G5)."""
        settling = (
            self.closed_on is not None
            and self.closed_reason == "gained_local_hukou"
            and on <= evaluation_year_end(self.closed_on)
        )
        if not settling:
            self._check_open()


class ResidenceCommands(HouseholdState):
    """Register, verify, move, close."""

    def register_household(
        self,
        by: By,
        *,
        arrived_on: date,
        community: str,
        head: UUID,
        members: Sequence[NewMember],
        origin_division: str | None = None,
        commitment: bytes | None = None,
    ) -> None:
        """Open a household's file (plan line 83); that the community is active is asked where units are known."""
        refuse_if(self.version > 0, "household-exists")
        self._check_date(by, arrived_on, backdated=False)
        ids = [member.person_id for member in members]
        refuse_if(not ids, "household-without-members")
        refuse_if(len(set(ids)) < len(ids), "member-twice")
        refuse_if(head not in ids, "head-not-a-member")
        for member in members:
            check_member(member, arrived_on)
            refuse_if(member.resident_since and member.resident_since > arrived_on, "resident-since-later")
        self.record(
            HouseholdRegistered(
                occurred_on=arrived_on,
                community=community,
                head=head,
                members=tuple(members),
                origin_division=origin_division,
                commitment=commitment,
            )
        )

    def verify_residence(self, by: By, *, verified_on: date, outcome: str, method: str | None = None) -> None:
        """Say whether the household was found."""
        self._check_open()
        self._check_date(by, verified_on)
        refuse_if(verified_on < self.arrived_on, "before-arrival")
        check_codes(outcome=("residence_outcomes", outcome), method=("residence_methods", method))
        self.record(ResidenceVerified(occurred_on=verified_on, outcome=outcome, method=method))

    def move_household(
        self,
        by: By,
        *,
        moved_on: date,
        to_community: str,
        from_community: str | None = None,
        commitment: bytes | None = None,
    ) -> None:
        """From ``moved_on`` the household lives elsewhere in the city."""
        self._check_open()
        self._check_date(by, moved_on)
        refuse_if(from_community not in (None, self.community), "move-from-elsewhere")
        refuse_if(to_community == self.community, "move-to-same-place")
        refuse_if(moved_on < self.residences[-1][0], "move-before-last-move")
        self.record(
            HouseholdMoved(
                occurred_on=moved_on,
                from_community=self.community,
                to_community=to_community,
                commitment=commitment,
            )
        )

    def close_household(self, by: By, *, closed_on: date, reason: str) -> None:
        """Close the file; open services end with it, unless the household gained local hukou (RULES G5)."""
        self._check_open()
        self._check_date(by, closed_on)
        check_codes(reason=("household_close_reasons", reason))
        refuse_if(closed_on < self.open_since, "closed-before-arrival")
        settling = reason == "gained_local_hukou"
        ended = (
            ()
            if settling
            else tuple(
                e.episode_id for e in self.episodes.values() if not e.is_over and not self.has_gone(e.episode_id)
            )
        )
        self.record(HouseholdClosed(occurred_on=closed_on, reason=reason, ended_episodes=ended))

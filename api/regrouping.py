"""Households regrouped: they split, are merged, go apart again where a merge was wrong, and open again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from api.command_bodies import Remarked
from api.fields import Body, Code, Day, Id, NewId, Part, Several, Text
from api.giving import casework
from api.households import COMMUNITY
from api.resource import Fields, Resource
from api.schemas import described
from casework.errors import Invalid, Refused
from casework.outcome import Context, Outcome

bp = Resource("regrouping", __name__, description=__doc__)

HEAD, ANY_RELATION = "head", "other_relative"


class Related(Body):
    """A person, and what they are to a household's head."""

    person_id = Id(required=True)
    relation = Code("relations", **described("Default: `head` of the head, `other_relative` of everybody else."))


class Split(Remarked):
    """Some members become a household of their own."""

    split_on = Day(required=True, **described("The first day of the new household."))
    members = Several(Part(Related), 1, 40, required=True, **described("Who goes; at least one member stays."))
    head = Id(**described("Of the new household; default: whose relation is `head`, or who goes alone."))
    new_head = Id(**described("Of the household that stays; needed where its head goes."))
    new_household = NewId(**described("Chosen by the caller, or made here."))
    community = Text(12, pattern=COMMUNITY, **described("Where they go to live; default: where they live."))
    carried_episodes = Several(Id(), 0, 200, **described("Services of the whole household that go along."))
    carried_needs = Several(Id(), 0, 200, **described("Needs of the whole household that go along."))


class Merge(Remarked):
    """Another household becomes part of this one."""

    merged_on = Day(required=True, **described("The first day on which they are one."))
    from_household = Id(required=True, **described("The household that is merged into this one."))
    relations = Several(Part(Related), 0, 40, **described("What its people are to the head of this one."))


class Unmerge(Remarked):
    """A merge was wrong."""

    unmerged_on = Day(required=True, **described("The day on which this is said; the merge counts at no date."))
    to_household = Id(required=True, **described("The household that was merged into this one."))
    members = Several(Id(), 0, 40, **described("Who joined this household since and goes along."))
    carried_episodes = Several(Id(), 0, 200, **described("Services of the whole household since that go along."))
    carried_needs = Several(Id(), 0, 200, **described("Needs of the whole household since that go along."))
    head = Id(**described("Of the household that goes; needed where its head has left or died."))
    new_head = Id(**described("Of this household; needed where its head goes."))


class Reopen(Remarked):
    """A closed file is opened again."""

    reopened_on = Day(required=True, **described("The first day on which it is open; residence begins with it."))
    community = Text(12, pattern=COMMUNITY, **described("Where they live now; default: where they lived."))


@bp.command("/households/<uuid:household_id>/splits", Split, status=201)
def split(context: Context, fields: Fields, household_id: UUID) -> Outcome:
    """Make a household of some members.

    What is theirs goes with them whole: jobs, needs, services, consents. What is the household's stays unless it is
    named. The answer names the new household, and a position for each of the two.
    """
    members, head = fields.pop("members"), fields.pop("head", None)
    head = head or _head_among(members)
    return casework().split_household(
        household_id,
        context,
        members=_relations(members, head),
        head=head,
        **_records(fields),
        **fields,
    )


@bp.command("/households/<uuid:household_id>/merges", Merge)
def merge(context: Context, fields: Fields, household_id: UUID) -> Outcome:
    """Merge another household into this one.

    Its people and its services and needs as a household are this one's from that day. It answers from then on where it
    went. Where both had a service of which a household has one, both stay, and a warning asks to decide.
    """
    return casework().merge_households(
        household_id, context, relations=_relations(fields.pop("relations", ()), None), **fields
    )


@bp.command("/households/<uuid:household_id>/unmerges", Unmerge)
def unmerge(context: Context, fields: Fields, household_id: UUID) -> Outcome:
    """Undo a merge that was wrong, as if it had never been.

    The other household gets back its people and services, with all that was changed of them since, and the newborn of
    its mothers; what was this one's stays. It cannot be undone once somebody or something of it has gone on to a third
    household.
    """
    return casework().unmerge_households(household_id, context, **_records(fields), **fields)


@bp.command("/households/<uuid:household_id>/reopenings", Reopen)
def reopen(context: Context, fields: Fields, household_id: UUID) -> Outcome:
    """Open a closed file again, for those who were members. Nobody of them may be active in another household."""
    return casework().reopen_household(household_id, context, **fields)


def _records(fields: Fields) -> Fields:
    """The services and needs of the whole household that go along, taken out of the other fields."""
    return {name: fields.pop(f"carried_{name}", ()) for name in ("episodes", "needs")}


def _head_among(members: Sequence[Mapping[str, Any]]) -> UUID:
    """Who is called head of those who go, or who goes alone."""
    heads = [member["person_id"] for member in members if len(members) == 1 or member.get("relation") == HEAD]
    if len(heads) != 1:
        raise Invalid("head-not-told")
    head: UUID = heads[0]
    return head


def _relations(told: Sequence[Mapping[str, Any]], head: UUID | None) -> dict[UUID, str]:
    """What each is to the head, who is named once."""
    relations = {
        each["person_id"]: each.get("relation") or (HEAD if each["person_id"] == head else ANY_RELATION)
        for each in told
    }
    if len(relations) < len(told):
        raise Refused("member-twice")
    return relations

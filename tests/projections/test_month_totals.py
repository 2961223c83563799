"""What partitions come to is added up exactly, whoever is in two of them."""

from __future__ import annotations

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from casework.domain.contributions import Contributions
from casework.domain.household_year import HouseholdYear
from casework.domain.metrics import NOTHING, WIDTH, Counts, added
from casework.domain.year_events import Decided
from casework.domain.year_places import BITS, Trained
from casework.projections.month_totals import MONTHS, Sums, Totals

UNITS = [UUID(int=number) for number in range(3)]
PERSON, EPISODE = UUID(int=77), UUID(int=78)

counts = st.lists(st.integers(0, 40), min_size=WIDTH, max_size=WIDTH).map(tuple)
month = st.dictionaries(st.sampled_from(UNITS), counts, max_size=3)
year = st.lists(month, max_size=3).flatmap(lambda some: st.lists(st.sampled_from([{}, *some]), max_size=MONTHS))


def of_months(months: list[Contributions]) -> HouseholdYear:
    return HouseholdYear(months, Decided({}, set()), {}, {})


@given(partitions=st.lists(st.lists(year, max_size=3), min_size=1, max_size=3))
def test_sums_are_those_of_each_month_end(partitions: list[list[list[Contributions]]]):
    sums, every = Sums(), [household for partition in partitions for household in partition]

    for partition in partitions:
        totals = Totals()
        for household in partition:
            totals.add(of_months(household))
        sums.add(totals.encoded())

    for unit in sums.changes:
        expected: tuple[Counts, ...] = tuple(
            added(household[at].get(unit, NOTHING) for household in every if at < len(household))
            for at in range(MONTHS)
        )
        assert sums.months_of(unit) == expected
    assert {unit for household in every for at in household for unit in at} <= set(sums.changes)


def stored(trained: Trained, decided: Decided, schools: dict[UUID, list[int]]) -> bytes:
    totals = Totals()
    totals.add(HouseholdYear([], decided, trained, schools))
    return totals.encoded()


def test_persons_and_episodes_of_two_partitions_count_once():
    sums, unit = Sums(), UNITS[0]
    fault = Decided({unit: [1] * 10}, {(unit, EPISODE)})

    sums.add(stored({(unit, PERSON): BITS["trainees"]}, fault, {unit: [1, 2, 3, 4]}))
    sums.add(stored({(unit, PERSON): BITS["completers"]}, fault, {unit: [1, 2, 3, 4]}))

    assert sums.trained == {(unit, PERSON): BITS["trainees"] | BITS["completers"]}
    assert sums.faulted == {(unit, EPISODE)}
    assert (sums.agencies, sums.schools) == ({unit: [2] * 10}, {unit: [2, 4, 6, 8]})


def test_the_stored_form_does_not_depend_on_the_order_of_households():
    first, second = ([{UNITS[0]: (1,) * WIDTH}], [{UNITS[1]: (2,) * WIDTH}])
    forms = set()

    for order in ((first, second), (second, first)):
        totals = Totals()
        for household in order:
            totals.add(of_months(household))
        forms.add(totals.encoded())

    assert len(forms) == 1

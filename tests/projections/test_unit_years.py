"""The years of units are added up by the boundaries that they are asked for."""

from __future__ import annotations

from datetime import date

from casework.domain.calendar import month_ends
from casework.domain.household_year import HouseholdYear
from casework.domain.metrics import WIDTH, added
from casework.domain.registry import unit_id
from casework.domain.year_events import Decided
from casework.projections.month_totals import Sums, Totals
from casework.projections.unit_years import unit_years, years_as_now
from tests.domain.given_units import CITY, SPRING, YEAR, moved, registry, unit

LATE_DISTRICT, LATE = "410199", "410122001001"
COMMUNITIES = ("410105001001", "410105001002", "410105002001", LATE)
TOLD = registry(
    *CITY,
    unit(LATE_DISTRICT, "district", "4101", on=date(YEAR, 1, 10)),
    unit("410122001", "township", "410122"),
    unit(LATE, "community", "410122001", on=date(YEAR, 3, 1)),
    moved("410105001002", "410122001", SPRING),
    moved("410105002", LATE_DISTRICT, SPRING),
)


def counted() -> Sums:
    """Totals in which every community has other counts at every month end, and those before it began too."""
    totals, sums = Totals(), Sums()
    months = [
        {unit_id(code): (100 * month + place,) * WIDTH for place, code in enumerate(COMMUNITIES, 1)}
        for month in range(12)
    ]
    totals.add(HouseholdYear(months, Decided({}, set()), {}, {}))
    sums.add(totals.encoded())
    return sums


def test_the_newest_boundaries_add_up_who_had_begun_on_each_day():
    sums = counted()
    districts = [unit_id(code) for code in ("410105", "410122", LATE_DISTRICT)]

    years = years_as_now(sums, TOLD, YEAR, districts)

    for district in districts:
        for month, day in enumerate(month_ends(YEAR)):
            communities = TOLD.counted(district, day, "now")
            expected = added(sums.months_of(each)[month] for each in communities)
            assert years[district].months[month] == expected, (district, day)
    assert all(any(month) for month in years[unit_id(LATE_DISTRICT)].months)  # also those before it began
    assert [any(month) for month in years[unit_id("410122")].months] == [True] * 12


def test_by_both_trees_the_districts_add_up_to_the_city():
    sums = counted()
    districts = [unit_id(code) for code in ("410105", "410122", LATE_DISTRICT)]

    now = years_as_now(sums, TOLD, YEAR, [*districts, unit_id("4101")])
    then = unit_years(sums, TOLD, YEAR)

    for month in range(12):
        whole = then[unit_id("4101")].months[month]
        assert now[unit_id("4101")].months[month] == whole
        assert added(now[each].months[month] for each in districts) == whole
        assert added(then[each].months[month] for each in districts if each in then) == whole

"""What of units' metrics is hidden from those who may not see small cells (RULES U17)."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from casework.domain.measured import UnitMetric
from casework.domain.scoring import Ratio
from casework.domain.suppression import hidden_cells
from tests.domain.given_units import measured, rate


def row(code: str, *, size: int = 100, above: str | None = None, **cells: tuple[int, int]) -> UnitMetric:
    """A unit with rates over twelve month ends."""
    rates = {name: rate(12 * num, 12 * den, per=12) for name, (num, den) in cells.items()}
    return measured(code=code, rates=rates, size=size, above=above, levels={"school": Fraction(50)})


def hidden(*rows: UnitMetric) -> list[set[str]]:
    return [set(each) for each in hidden_cells(rows, 5)]


def test_fewer_than_five_persons_or_all_but_fewer_than_five_are_hidden():
    rows = [row(str(num), COM1=(num, 20)) for num in (0, 4, 5, 15, 16, 20)]

    assert hidden(*rows) == [{"COM1"}, {"COM1"}, set(), set(), {"COM1"}, {"COM1"}]


def test_persons_are_counted_not_month_ends():
    """Four persons at twelve month ends are forty-eight, and still four."""
    rows = [measured(rates={"COM1": rate(num, 240, per=12)}) for num in (48, 59, 60, 61)]

    assert hidden(*rows) == [{"COM1"}, {"COM1"}, set(), set()]


def test_events_are_counted_as_they_are():
    rows = [measured(rates={"one_stop": rate(num, 50)}) for num in (4, 3, 5)]

    assert hidden(*rows) == [{"one_stop"}, {"one_stop"}, set()]


def test_one_hidden_alone_hides_the_next_smallest_in_the_table():
    assert hidden(row("a", COM1=(2, 30)), row("b", COM1=(20, 60)), row("c", COM1=(9, 40))) == [
        {"COM1"},
        set(),
        {"COM1"},
    ]


def test_one_hidden_alone_among_the_divisions_under_one_is_protected_there():
    """The whole table has two hidden, and each could be found from its district's sum."""
    rows = [
        row("a", above="410105", COM1=(2, 30)),
        row("b", above="410105", COM1=(20, 60)),
        row("c", above="410105", COM1=(10, 60)),
        row("d", above="410122", COM1=(3, 30)),
        row("e", above="410122", COM1=(20, 60)),
    ]

    assert hidden(*rows) == [{"COM1"}, set(), {"COM1"}, {"COM1"}, {"COM1"}]


def test_a_unit_where_nobody_is_counted_has_nothing_to_hide():
    assert hidden(row("a", COM1=(2, 30)), row("b")) == [{"COM1"}, set()]


def test_pupils_with_a_place_are_hidden_where_they_would_be_told_too():
    """Those with a place are the denominator of free and equal schooling."""
    found = hidden(row("a", SCH1=(97, 100), SCH3=(50, 97)), row("b", SCH1=(58, 60), SCH3=(29, 58)))

    assert found == [{"SCH1", "SCH3"}, {"SCH1", "SCH3"}]


def test_small_sizes_and_the_coverage_of_few_are_hidden():
    rows = [
        measured(size=size, coverage=Ratio(12 * covered, 240)) for size, covered in ((4, 10), (3, 2), (9, 17), (0, 9))
    ]

    assert hidden(*rows) == [{"size"}, {"size", "coverage"}, {"coverage"}, set()]


cells = st.tuples(st.integers(0, 30), st.integers(0, 30)).map(lambda c: (min(c), max(c)))


@settings(deadline=None)
@given(st.lists(st.tuples(cells, st.sampled_from(["x", "y", None])), max_size=10))
def test_never_is_a_cell_hidden_alone_where_another_could_hide_it(many: list[tuple[tuple[int, int], str | None]]):
    rows = [
        row(str(place), above=above, COM1=cell) if cell[1] else row(str(place), above=above)
        for place, (cell, above) in enumerate(many)
    ]

    hides = [each for each, found in zip(rows, hidden(*rows), strict=True) if "COM1" in found]

    for group in (rows, *([each for each in rows if each.above == above] for above in {each.above for each in rows})):
        counted = [each for each in group if "COM1" in each.indicators]
        if group is rows or group[0].above:
            assert sum(each in hides for each in group) != 1 or len(counted) == 1

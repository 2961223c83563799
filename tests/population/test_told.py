from datetime import UTC, date, datetime
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from casework.log.append import Claim, SearchKey, VaultRow
from casework.population.told import DAY, Span, Told, Weeks, beside

SPAN = Span(date(2014, 9, 28))
STREAM = UUID(int=1)


def told(at: int, place: int = 0, *, stream: UUID = STREAM, **company: list) -> Told:
    return Told(at, place, stream, 1, "household.moved.v1", b"{}", b"{}", **company)


def test_the_weeks_begin_on_a_monday_two_years_back_and_end_with_their_last_sunday():
    assert (SPAN.start, SPAN.start.isoweekday()) == (date(2012, 10, 1), 1)
    assert SPAN.ends - SPAN.begins == 728 * DAY
    assert SPAN.day(SPAN.ends - 1) == date(2014, 9, 28)
    assert datetime.fromtimestamp(SPAN.second(date(2014, 1, 1)), UTC) == datetime(2013, 12, 31, 16, tzinfo=UTC)


def test_events_come_back_by_week_in_the_order_in_which_they_were_recorded():
    weeks = Weeks(SPAN)
    late, early, same = told(SPAN.begins + 9 * DAY), told(SPAN.begins + 50, 2), told(SPAN.begins + 50, 1)

    weeks.add([late, early])
    weeks.add([same])

    assert len(weeks) == 3
    assert list(weeks) == [[same, early], [late]]


def test_a_week_that_is_large_comes_back_whole():
    weeks = Weeks(SPAN)
    row = VaultRow(STREAM, "person", "0001", b"\x00" * 1000, b"c" * 32)
    many = [told(SPAN.begins + number, vault=[row]) for number in range(600)]

    weeks.add(reversed(many))

    assert list(weeks) == [many]


def test_of_a_persons_search_keys_the_last_ones_count():
    one, two = UUID(int=5), UUID(int=6)
    first = told(1, search_keys=[SearchKey(one, "name", b"old"), SearchKey(two, "name", b"two")])
    second = told(2, search_keys=[SearchKey(one, "name", b"new"), SearchKey(one, "phone", b"newer")])

    keys = beside([first, second]).search_keys

    assert {(key.subject_id, key.hash) for key in keys} == {(one, b"new"), (one, b"newer"), (two, b"two")}


PEOPLE = {bytes([number]): UUID(int=100 + number) for number in range(3)}


def test_the_log_holds_the_same_claims_whether_events_are_appended_one_by_one_or_at_once():
    @given(st.lists(st.tuples(st.integers(0, 2), st.integers(1, 3), st.booleans()), max_size=12), st.integers(0, 12))
    def check(moves: list[tuple[int, int, bool]], before: int) -> None:
        events = []
        held: dict[bytes, UUID] = {}
        for hash_, stream, takes in moves:
            key, owner = bytes([hash_]), UUID(int=stream)
            if takes and held.get(key, owner) == owner:
                held[key] = owner
                events.append(told(0, stream=owner, claims=[Claim(key, "person", subject_id=PEOPLE[key])]))
            elif not takes and held.get(key) == owner:
                del held[key]
                events.append(told(0, stream=owner, released=[PEOPLE[key]]))

        at_once = appended(appended({}, events[:before]), events[before:])

        assert at_once == held

    check()


def appended(held: dict[bytes, UUID], events: list[Told]) -> dict[bytes, UUID]:
    """Return what the log holds after one append: releases come first, and take nothing from other streams."""
    company, streams = beside(events), {event.stream_id for event in events}
    kept = {key: owner for key, owner in held.items() if PEOPLE[key] not in company.released or owner not in streams}
    taken = {claim.hash: claim.stream_id for claim in company.claims if claim.stream_id is not None}
    assert all(kept.get(key, owner) == owner for key, owner in taken.items())
    return kept | taken

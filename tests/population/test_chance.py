from collections import Counter
from datetime import date
from uuid import RFC_4122

import pytest

from casework.population.chance import Drawn, chance_of, zipf


def test_the_same_seed_and_name_give_the_same_stream_and_another_name_gives_another():
    first, again, other = (chance_of(1, *name) for name in (("a", 2), ("a", 2), ("a", 3)))

    assert [first.random() for _ in range(5)] == [again.random() for _ in range(5)]
    assert first.random() != other.random()


def test_shares_are_kept_though_they_do_not_add_up_to_one():
    chance = chance_of(1, "shares")

    drawn = Counter(chance.pick({"often": 6, "seldom": 2}) for _ in range(4000))

    assert drawn["often"] / 4000 == pytest.approx(0.75, abs=0.03)


def test_the_last_share_is_drawn_when_rounding_leaves_nothing():
    chance = chance_of(1, "none")

    assert {chance.pick({"a": 0.0, "b": 0.0}) for _ in range(5)} == {"b"}


def test_a_weighted_draw_prefers_the_heavy_and_reaches_all():
    drawn = Drawn("abcd", zipf(4))
    chance = chance_of(1, "zipf")

    counts = Counter(drawn.draw(chance) for _ in range(5000))

    assert sorted(counts, key=lambda item: -counts[item]) == list("abcd")


def test_days_lie_between_their_bounds():
    chance = chance_of(1, "days")

    days = {chance.between(date(2014, 1, 1), date(2014, 1, 4)) for _ in range(200)}

    assert days == {date(2014, 1, day) for day in (1, 2, 3, 4)}
    assert chance.between(date(2014, 1, 1), date(2013, 1, 1)) == date(2014, 1, 1)


def test_an_id_has_the_form_of_a_uuid7_and_begins_with_its_instant():
    made = chance_of(1, "ids").uuid(0x0123456789AB)

    assert (made.version, made.variant, made.hex[:12]) == (7, RFC_4122, "0123456789ab")


def test_items_are_mixed_without_losing_one():
    mixed = chance_of(1, "mixed").mixed(range(50))

    assert sorted(mixed) == list(range(50)) != mixed

from datetime import date

from casework.population import identity
from casework.population.chance import chance_of
from casework.privacy.id_number import parse_id_number

UNTIL = date(2014, 9, 28)


def test_no_two_households_share_a_birthday_and_number():
    places = {identity.place(1, UNTIL, 3, "female", number) for number in range(0, 1_500_000, 7)}

    assert len(places) == len(range(0, 1_500_000, 7))


def test_a_place_lies_in_its_decade_of_age():
    born = [identity.place(1, UNTIL, 2, "male", number).born_on for number in range(5000)]

    assert date(1984, 9, 28) < min(born) < max(born) <= date(1994, 9, 28)


def test_a_number_is_one_that_was_never_given_and_tells_birthday_and_sex():
    place = identity.place(1, UNTIL, 4, "female", 1234)

    told = parse_id_number(identity.id_number(place, "female"), today=UNTIL, recorded_sex="female", synthetic=True)

    assert (told.county, told.born_on, told.sex, told.warnings) == ("419999", place.born_on, "female", ())


def test_a_phone_is_no_mobile_number():
    told = identity.profile(chance_of(1), "王", "male", date(1980, 1, 1), None, 7)

    assert told.phone == "12000000007"
    assert told.name is not None
    assert told.name.startswith("王")

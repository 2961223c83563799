"""The cases of DOMAIN 6.1, and what no ID number may be."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from stdnum.cn import ric

from casework.errors import Invalid
from casework.privacy.id_number import names_somebody, parse_id_number, synthetic_id_number

TODAY = date(2013, 10, 31)

days = st.dates(date(1900, 1, 1), TODAY)
sexes = st.sampled_from(["male", "female"])


def number(county: str, born: str, sequence: str = "001") -> str:
    """Return a number with the right check digit."""
    return f"{county}{born}{sequence}" + ric.calc_check_digit(f"{county}{born}{sequence}0")


def refusal_of(text: str) -> str:
    with pytest.raises(Invalid) as refused:
        parse_id_number(text, today=TODAY)
    assert not any(part in str(refused.value) for part in (text[:6], text[6:14]) if part)
    return refused.value.code


@pytest.mark.parametrize(
    ("county", "born"),
    [
        ("410105", "19750312"),  # Jinshui: the library's list begins in 1983
        ("410105", "19850312"),
        ("410181", "19850312"),  # Gongyi, code from 1991
        ("419001", "19900312"),  # Jiyuan
        ("110103", "20120312"),  # Chongwen, closed in 2010
        ("410105", "19000101"),
    ],
)
def test_a_county_of_any_time_is_accepted_without_a_warning(county, born):
    parsed = parse_id_number(number(county, born), today=TODAY)

    assert (parsed.county, f"{parsed.born_on:%Y%m%d}", parsed.warnings) == (county, born, ())


@pytest.mark.parametrize("county", ["410199", "410171", "419998"])
def test_an_unknown_county_is_a_warning(county):
    assert parse_id_number(number(county, "19850312"), today=TODAY).warnings == ("unknown-county",)


@pytest.mark.parametrize(
    "born",
    [
        "20990101",
        "20131101",  # tomorrow
        "18991231",
        "19850230",
        "19851301",
        "19850001",
        "19850100",
        "19000229",
        "00000101",
    ],
)
def test_a_birth_date_outside_the_calendar_or_in_the_future_is_refused(born):
    assert refusal_of(number("410105", born)) == "id-number-date"


@pytest.mark.parametrize("born", ["20131031", "20000229"])
def test_today_and_leap_days_are_dates_of_birth(born):
    assert parse_id_number(number("410105", born), today=TODAY)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "id-number-format"),
        ("41010519850312001", "id-number-format"),
        ("4101051985031200123", "id-number-format"),
        ("4101051985O3120012", "id-number-format"),
        ("X10105198503120012", "id-number-format"),
        ("٤١٠١٠٥١٩٨٥٠٣١٢٠٠١٢", "id-number-format"),
        ("410105850312001", "id-number-first-generation"),
        (number("410105", "19850312", "000"), "id-number-sequence"),
        (number("990105", "19850312"), "id-number-province"),
        (number("100105", "19850312"), "id-number-province"),
        (number("419999", "19850312"), "id-number-synthetic"),
    ],
)
def test_what_is_wrong_has_a_code(text, code):
    assert refusal_of(text) == code


@pytest.mark.parametrize(
    "written",
    [
        "11010519491231002x",
        " 110105 19491231 002X ",
        "１１０１０５１９４９１２３１００２Ｘ",
        "110105-19491231-002X",
    ],
)
def test_a_number_is_read_however_it_is_written(written):
    assert parse_id_number(written, today=TODAY).number == "11010519491231002X"


@given(sequence=st.integers(1, 999), recorded=st.none() | sexes)
def test_the_sequence_tells_the_sex_and_a_difference_is_a_warning(sequence, recorded):
    text = number("410105", "19850312", f"{sequence:03d}")

    parsed = parse_id_number(text, today=TODAY, recorded_sex=recorded)

    assert parsed.sex == ("male" if sequence % 2 else "female")
    assert parsed.warnings == (() if recorded in (None, parsed.sex) else ("sex-differs",))


def test_warnings_can_come_together():
    parsed = parse_id_number(number("410199", "19850312"), today=TODAY, recorded_sex="female")

    assert parsed.warnings == ("unknown-county", "sex-differs")


@given(born_on=days, sex=sexes, nth=st.integers(1, 499))
def test_a_made_up_number_stands_in_synthetic_mode_only(born_on, sex, nth):
    made_up = synthetic_id_number(born_on, sex, nth)

    parsed = parse_id_number(made_up, today=TODAY, recorded_sex=sex, synthetic=True)

    assert (parsed.born_on, parsed.sex, parsed.county, parsed.warnings) == (born_on, sex, "419999", ())
    assert refusal_of(made_up) == "id-number-synthetic"


def test_synthetic_mode_accepts_real_numbers_too():
    assert parse_id_number(number("410105", "19850312"), today=TODAY, synthetic=True).warnings == ()


def test_a_day_has_as_many_made_up_numbers_as_there_are_sequences():
    born_on = date(1985, 3, 12)
    made_up = {synthetic_id_number(born_on, "male", nth) for nth in range(1, 501)}
    made_up |= {synthetic_id_number(born_on, "female", nth) for nth in range(1, 500)}

    assert len(made_up) == 999
    with pytest.raises(ValueError, match="500 numbers"):
        synthetic_id_number(born_on, "male", 501)
    with pytest.raises(ValueError, match="499 numbers"):
        synthetic_id_number(born_on, "female", 0)


@given(place=st.integers(0, 17), digit=st.sampled_from("0123456789X"))
def test_a_mistyped_character_never_passes_as_the_same_person(place, digit):
    right = number("410105", "19850312", "003")
    assume(right[place] != digit)

    assert refusal_of(right[:place] + digit + right[place + 1 :]) in {"id-number-check", "id-number-format"}


@given(place=st.integers(0, 16))
def test_two_neighbours_exchanged_never_pass(place):
    right = number("410105", "19850312", "003")
    swapped = right[:place] + right[place + 1] + right[place] + right[place + 2 :]
    assume(swapped != right)

    assert refusal_of(swapped) in {"id-number-check", "id-number-format"}


@given(text=st.text(max_size=30))
def test_any_text_is_parsed_or_refused(text):
    try:
        parsed = parse_id_number(text, today=TODAY)
    except Invalid:
        return
    assert len(parsed.number) == 18


def test_the_number_is_not_shown_in_logs():
    parsed = parse_id_number(number("410105", "19850312"), today=TODAY)

    assert "19850312" not in repr(parsed)
    assert "1985" not in repr(parsed)


@pytest.mark.parametrize(
    "text",
    ["20261127-0001", "410105202611270001", "123456789012345678", "0131234567890", "1764230400000", "13800138000a",
     "01952f2c-7a10-7c3e-8a55-3f6d1c0b9e42", "91410100MA3X1Y2Z3K", "410105001001", "12812345678"],
)  # fmt: skip
def test_a_number_of_a_record_names_nobody(text: str):
    assert not names_somebody(text)


def test_an_id_number_or_a_mobile_phones_names_somebody():
    number = synthetic_id_number(date(1990, 5, 17), "female", 7)

    assert names_somebody(number)
    assert names_somebody(f"王芳{number}号")
    assert names_somebody("电话１３９８７６５０１２３")
    assert not names_somebody(number[:-1] + ("0" if number[-1] != "0" else "1"))

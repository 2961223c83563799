"""Searches find what was meant however it was written, and nothing that only sounds like it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casework.domain.ids import uuid7
from casework.privacy.keys import KeyRing
from casework.privacy.search import KeyedHashes, normal_name, normal_phone, normal_pinyin, spellings

encodable = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
han_names = st.text(st.characters(min_codepoint=0x4E00, max_codepoint=0x9FA5), min_size=1, max_size=12)


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("王小明", "王小明"),
        (" 王 小明　", "王小明"),
        ("王\u200b小\ufeff明", "王小明"),
        ("买买提·艾力", "买买提艾力"),
        ("买买提•艾力", "买买提艾力"),
        ("买买提・艾力", "买买提艾力"),
        ("买买提．艾力", "买买提艾力"),
        ("Ａnna Ivanova", "annaivanova"),
        ("STRASSE straße", "strassestrasse"),
        ("\uf90a", "金"),  # a compatibility character
        ("葛\U000e0100", "葛"),
        ("王\ue863", "王\ue863"),  # rare characters in a private area, as older registers write them
        ("", ""),
    ],
)
def test_names_are_compared_without_what_varies_in_writing(written, normal):
    assert normal_name(written) == normal


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("Wang Xiaoming", "wangxiaoming"),
        ("Wáng Xiǎo-míng", "wangxiaoming"),
        ("Xi'an", "xian"),
        ("Xi’an", "xian"),
        ("Lǚ Bù", "lvbu"),
        ("Lü Bu", "lvbu"),
        ("LV BU", "lvbu"),
    ],
)
def test_pinyin_is_compared_without_tones_and_marks(written, normal):
    assert normal_pinyin(written) == normal


@pytest.mark.parametrize(
    "written",
    [
        "13812345678",
        "138 1234 5678",
        "138-1234-5678",
        "+86 138 1234 5678",
        "(+86)13812345678",
        "+86 (0)138 1234 5678",
        "0086 13812345678",
        "8613812345678",
        "013812345678",
        "１３８１２３４５６７８",
    ],
)
def test_a_mobile_number_is_one_however_it_is_written(written):
    assert normal_phone(written) == "13812345678"


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("0371-6789 1234", "037167891234"),
        ("+86 371 6789 1234", "037167891234"),
        ("+86 0371 6789 1234", "037167891234"),
        ("0086-371-67891234", "037167891234"),
        ("+86 10 6789 1234", "01067891234"),
        ("6789 1234", "67891234"),
        ("86371234", "86371234"),
        ("+7 727 250 0000", "77272500000"),
        ("none", ""),
    ],
)
def test_other_numbers_keep_their_area(written, normal):
    assert normal_phone(written) == normal


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("王伟", ["wangwei"]),
        ("单雄", ["danxiong", "shanxiong"]),
        ("解晓东", ["jiexiaodong", "xiexiaodong"]),
        ("曾国", ["zengguo"]),
        ("仇英", ["qiuying"]),
        ("查良", ["zhaliang"]),
        ("尉迟恭", ["yuchigong"]),
        ("单于明", ["chanyuming"]),
        ("万俟卨", ["moqixie"]),
        ("澹台灭明", ["tantaimieming"]),
        ("覃晟", ["qinsheng", "tancheng"]),
        ("贠超", ["yunchao", "yuanchao"]),
        ("吕布", ["lvbu", "lubu", "lyubu"]),
        ("张娜", ["zhangna", "zhangnuo"]),
        ("阿卜杜拉", ["abudula"]),
        ("𬭎", ["hong"]),
        ("李lee", ["lilee"]),
    ],
)
def test_a_name_is_spelled_in_every_way_in_which_it_is_read(name, expected):
    assert set(expected) <= set(spellings(name))


@given(name=han_names)
def test_no_name_has_more_than_sixteen_spellings(name):
    found = spellings(name)

    assert 1 <= len(found) <= 16
    assert len(set(found)) == len(found)


def test_the_readings_of_a_surname_are_kept_in_a_long_name():
    found = spellings("单" + "长乐行朝柏" * 2)

    assert {spelling[:3] for spelling in found} == {"dan", "cha", "sha"}


@given(text=encodable)
def test_a_normal_form_is_its_own_normal_form(text):
    for normal in (normal_name, normal_pinyin, normal_phone):
        assert normal(normal(text)) == normal(text)


@given(name=encodable, phone=encodable, id_number=encodable)
def test_keys_can_be_made_of_whatever_was_written(hashes, name, phone, id_number):
    subject = uuid7()

    keys = hashes.search_keys(subject, {"name": name, "phone": phone, "id_number": id_number})

    assert all(key.subject_id == subject and len(key.hash) == 16 for key in keys)
    assert len(set(keys)) == len(keys)


def test_what_a_profile_does_not_have_gives_no_key(hashes):
    assert hashes.search_keys(uuid7(), {"name": "", "phone": None, "address": "郑州"}) == []


def test_the_same_text_as_name_and_as_pinyin_has_two_hashes(hashes):
    keys = hashes.search_keys(uuid7(), {"name": "Li Hua"})

    assert [key.kind for key in keys] == ["name", "pinyin"]
    assert keys[0].hash != keys[1].hash


def test_people_are_found_by_name_pinyin_phone_and_id_number(hashes, db, append):
    li, lu, anna = sorted(uuid7() for _ in range(3))
    profiles = {
        li: {"name": "李华", "phone": "138 1234 5678", "id_number": "41999919850203001x"},
        lu: {"name": "吕布", "phone": "0371-67891234"},
        anna: {"name": "Li Hua"},
    }
    append(search_keys=[key for id, profile in profiles.items() for key in hashes.search_keys(id, profile)])

    def found(kind, value):
        return hashes.lookup(db, kind, value)

    assert found("name", " 李 华") == [li]
    assert found("name", "lǐ huá") == [li, anna]
    assert found("name", "Lü Bu") == found("name", "lyubu") == found("name", "LUBU") == [lu]
    assert found("name", "黎华") == []
    assert found("name", "李") == []
    assert found("phone", "+86 13812345678") == [li]
    assert found("phone", "+86 371 6789 1234") == [lu]
    assert found("id_number", "419999 19850203 001X") == [li]
    assert found("id_number", "13812345678") == []
    assert found("name", " · ") == []


def test_a_new_profile_takes_the_place_of_the_old_in_every_search(hashes, db, append):
    person, other = uuid7(), uuid7()
    append(search_keys=hashes.search_keys(person, {"name": "王伟", "phone": "13812345678"}))
    append(search_keys=hashes.search_keys(other, {"name": "王伟"}))

    append(search_keys=hashes.search_keys(person, {"name": "王炜", "phone": "13812345678"}))

    assert hashes.lookup(db, "name", "王伟") == [other]
    assert hashes.lookup(db, "name", "王炜") == [person]
    assert hashes.lookup(db, "phone", "13812345678") == [person]


def test_a_claim_is_the_same_however_the_number_was_written(hashes):
    claim = hashes.claim_hash("id-number", "41999919850203001X")

    assert claim == hashes.claim_hash("id-number", " 419999-19850203-001x ")
    assert claim != hashes.claim_hash("person", "41999919850203001X")
    assert len(claim) == 32


def test_a_feed_and_its_reference_do_not_run_into_each_other(hashes):
    assert hashes.claim_hash("source", "a", "b:c") != hashes.claim_hash("source", "a:b", "c")


def test_a_command_is_known_by_its_name_and_body(hashes):
    known = hashes.body_hash("grant_service", b"{}")

    assert known == hashes.body_hash("grant_service", b"{}")
    assert known not in {hashes.body_hash("deny_service", b"{}"), hashes.body_hash("grant_service", b"{ }")}


def test_hashes_outlive_a_rotation_of_the_master_key(tmp_path):
    keys = KeyRing.open(tmp_path / "keys", create=True)
    before = KeyedHashes(keys).claim_hash("person", "x")

    keys.rotate()

    assert KeyedHashes(KeyRing.open(tmp_path / "keys", create=False)).claim_hash("person", "x") == before

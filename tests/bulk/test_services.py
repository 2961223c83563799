"""Services from a file: every row is one command, by the rules of the form, and counts once."""

from __future__ import annotations

from casework.application import Casework
from tests.api.conftest import id_number
from tests.bulk.conftest import Clerk
from tests.given import person, registered

HEADER = "来源编号,身份证号,服务,日期,承办单位,evidence.vaccine,evidence.dose,evidence.topic\n"


def child(casework: Casework, number: str, born_on: str = "2012-03-02"):
    """A household of a man and a child with this ID number."""
    return registered(casework, person(), person("张小", born_on, relation="child", id_number=number)).id


def test_deliveries_and_grants_come_from_a_file_as_by_the_form(casework: Casework, clerk: Clerk):
    number = id_number("20120302", "001")
    household = child(casework, number)
    content = (
        HEADER + f"a-1,{number},HLT-VAC,2013-03-01,,BCG,1,\n"
        f"a-2,{number},社会保障卡,2013/4/1,,,,\n"
        f"a-3,{number},HLT-EDU,2013-04-02,,,,\n"
    )
    id = clerk.uploads("services", content)

    tried, given = clerk.runs(id, "validated"), clerk.runs(id, "committed")

    assert [verdict.status for verdict in tried.values()] == ["done"] * 3
    assert tried == given
    episodes = casework.household(household).episodes.values()
    assert [(e.service, str(e.delivered_on or e.granted_on)) for e in episodes] == [
        ("HLT-VAC", "2013-03-01"),
        ("SSI-CARD", "2013-04-01"),
        ("HLT-EDU", "2013-04-02"),
    ]

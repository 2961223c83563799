"""A year's round on a log of its own: firms that do differently well, their people, an office and a panel."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec

from casework.application import Casework
from casework.domain.aggregate import Recorded
from casework.domain.household import Household
from casework.domain.ids import partition_of, uuid8_from
from casework.domain.registry import UnitRegistered, unit_id
from casework.domain.rounds.round import Round
from casework.log.reading import Db, heads
from casework.outcome import Context
from casework.projections.counting import count_all
from casework.projections.months import MonthRun
from casework.selection import freezing
from tests.domain.given import INSURANCES, arrived, given, person, when, works
from tests.given import COMMUNITY, by, casework_on
from tests.projections.simulated import Simulated, stored

YEAR = 2013
FIRMS = 12
PEOPLE = 20
"""As many as an employer must have to be ranked."""
PANEL = [f"panelist-{number}" for number in range(1, 6)]
KIND = "K03_EMPLOYER"
LATER = datetime(YEAR, 11, 20, 4, tzinfo=UTC)
"""An instant after the freeze at which more becomes known."""
SEPTEMBER, OCTOBER, NOVEMBER, DECEMBER = (datetime(YEAR, month, 10, 4, tzinfo=UTC) for month in (9, 10, 11, 12))


def code_of(firm: int) -> str:
    """A firm's code."""
    return f"firm-{firm:03}"


def tell_city(log: Simulated, firms: int = FIRMS, small: int = 0) -> None:
    """A district with firms of twenty people each, some of them without a contract, and small firms of nobody."""
    for code, kind, above in (
        ("4101", "city", None),
        ("410105", "district", "4101"),
        (COMMUNITY, "community", "410105"),
    ):
        _register(log, code, kind, above)
    for firm in range(firms + small):
        _register(log, code_of(firm), "employer", None)
    for firm in range(0, firms, 2):
        log.report_contract(code_of(firm), date(2012, 6, 1))
    log.tell(event for firm in range(firms) for number in range(PEOPLE) for event in _life(firm, number))


def _register(log: Simulated, code: str, kind: str, above: str | None) -> None:
    parent = None if above is None else unit_id(above)
    log.tell_registry(
        unit_id(code), UnitRegistered(occurred_on=date(2012, 1, 1), code=code, kind=kind, name_zh=code, parent=parent)
    )


def _life(firm: int, number: int) -> Iterator[Recorded]:
    name, at = f"{firm}-{number}", code_of(firm)
    told = [arrived(person(name)), works(name, at, since="2012-02-01")]
    if number >= firm % 7:
        told += given("EMP-CONTRACT", name, "2012-03-01", at, f"{name} contract")
    for insurance in INSURANCES:
        paid = {"scheme": "employee", "paid_through": "2013-09"}
        told += given(insurance, name, "2012-03-01", at, f"{name} {insurance}", **paid)
    household = Household(uuid8_from(name.encode()))
    for version, event in enumerate(when(household, *told), 1):
        yield Recorded(household.id, version, event)


def tell_later(log: Simulated, casework: Casework, name: str, *told: Any, at: datetime = LATER) -> list[str]:
    """Something is recorded of the household of ``name`` after the freeze; return where its events stand."""
    household = casework.household(uuid8_from(name.encode()))
    assert household is not None
    first = household.version
    events = [Recorded(household.id, first + n, event) for n, event in enumerate(when(household, *told), 1)]
    partition = partition_of(household.id)
    with log.pool.connection() as db:
        head = heads(db)[partition]
    log.recorder.append_simulated([stored(event) for event in events], [at] * len(events))
    return [f"{partition}:{head + n}" for n in range(1, len(events) + 1)]


def count(db: Db, run: MonthRun) -> None:
    """Count a run in this process."""
    count_all(db, run)


class Office:
    """The selection office, and those who come to it, on days that the test chooses."""

    def __init__(self, casework: Casework) -> None:
        self.casework = casework
        self.on(SEPTEMBER)
        self.selection = by("selection")

    def on(self, now: datetime) -> None:
        """Make it another day."""
        self.casework.now = lambda: now

    @property
    def round(self) -> Round:
        """The round as it is."""
        return self.casework.round(YEAR)

    def bureau(self, code: str) -> Context:
        """Somebody of a municipal bureau."""
        return msgspec.structs.replace(by("bureau", bureau=code), actor=f"{code}-1")

    def nominate(self, firms: range) -> list[UUID]:
        """Firms are nominated in October."""
        self.on(OCTOBER)
        return [
            self.casework.nominate(YEAR, self.bureau("IIT"), kind=KIND, unit=unit_id(code_of(firm))).events[0][
                "nomination_id"
            ]
            for firm in firms
        ]

    def check(self, eligible: list[UUID], refused: list[UUID] | None = None) -> None:
        """Eligibility is decided and a panel appointed in November."""
        self.on(NOVEMBER)
        for nomination in eligible:
            self.casework.decide_eligibility(YEAR, self.selection, nomination_id=nomination, eligible=True)
        for nomination in refused or ():
            self.casework.decide_eligibility(
                YEAR, self.selection, nomination_id=nomination, eligible=False, reasons=("below_min_size",)
            )
        for name in PANEL:
            appointed: dict[str, Any] = {"panelist": name, "affiliation": unit_id("school-1"), "kinds": (KIND,)}
            self.casework.appoint_panelist(YEAR, self.selection, **appointed)

    def freeze(self) -> None:
        """The figures are frozen."""
        with self.casework.pool.connection() as db:
            freezing.freeze(self.casework, db, self.selection, YEAR, count)

    def score(self, nominations: list[UUID]) -> None:
        """The panel scores, and all scores are opened."""
        for place, nomination in enumerate(nominations):
            for number, name in enumerate(PANEL):
                points = 70 + (7 * place + 5 * number) % 30
                panelist = msgspec.structs.replace(by("panelist"), actor=name)
                self.casework.record_score(YEAR, panelist, nomination_id=nomination, items={"overall": points})
        self.casework.reveal_scores(YEAR, self.selection)

    def rank(self) -> None:
        """The ranking is computed and recorded."""
        with self.casework.pool.connection() as db:
            freezing.rank(self.casework, db, self.selection, YEAR, count)

    def recompute(self) -> freezing.Recomputed:
        """All of it is done again."""
        with self.casework.pool.connection() as db:
            return freezing.recompute(self.casework, db, YEAR, count)


@contextmanager
def office_on(log: Simulated, keys: Path) -> Iterator[Office]:
    """An office on a log that was told a city; its round is open."""
    application = casework_on(log.url, keys)
    casework = next(application)
    operator = by("operator")
    for code in ("IIT", "HRSS", "PFP"):
        casework.register_unit(operator, registered_on=date(2012, 1, 1), code=code, kind="bureau", name_zh=code)
    plan: dict[str, Any] = {"reported_on": date(YEAR, 1, 1), "fact": "UF-PLAN", "from_": date(YEAR, 1, 1)}
    casework.report_unit_fact(unit_id("IIT"), operator, **plan)
    office = Office(casework)
    casework.open_round(office.selection, year=YEAR)
    yield office
    next(application, None)

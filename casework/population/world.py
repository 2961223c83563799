"""The made-up part of the city: who employs, teaches, trains and serves, beside its real divisions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache, cached_property
from itertools import chain, zip_longest
from typing import NamedTuple
from uuid import UUID

from casework.domain import codes, divisions
from casework.domain.codes import Label, ZoneWithoutCode
from casework.domain.divisions import Division
from casework.domain.registry import unit_id
from casework.population import names
from casework.population.chance import Chance, Drawn, chance_of, zipf
from casework.population.profiles import PROFILES, Profile

DISTRICTS = {
    "410102": "Zhongyuan District",
    "410103": "Erqi District",
    "410104": "Guancheng Hui District",
    "410105": "Jinshui District",
    "410106": "Shangjie District",
    "410108": "Huiji District",
    "410122": "Zhongmu County",
    "410171": "Zhengzhou Economic and Technological Development Zone",
    "410172": "Zhengzhou High-Tech Zone",
    "410173": "Zhengzhou Airport Economy Zone",
    "410181": "Gongyi City",
    "410182": "Xingyang City",
    "410183": "Xinmi City",
    "410184": "Xinzheng City",
    "410185": "Dengfeng City",
}
"""The English names of the districts and zones (DOMAIN 6.3)."""

AGENCIES = {
    "GOV": ("政务服务中心", "Government Service Centre", "LOCAL"),
    "EMP": ("劳动就业服务局", "Employment Service Office", "HRSS"),
    "SSI": ("社会保险服务大厅", "Social Insurance Hall", "HRSS"),
    "FPL": ("流动人口服务管理站", "Migrant Service Station", "PFP"),
}
"""What every district has, by the second part of its code: names, and the bureau that it works for."""

EMPLOYER_SIZES = 0.9
"""How steeply the sizes of employers fall (Zipf)."""

_SCHOOLS = {
    "kindergarten": ("幼儿园", "Kindergarten"),
    "primary": ("小学", "Primary School"),
    "junior": ("中学", "Junior Secondary School"),
}
_STAGES = ("kindergarten", "primary", "kindergarten", "primary", "junior")
_FACILITIES = ("文化活动中心", "Culture Centre"), ("全民健身中心", "Fitness Centre")


class Made(NamedTuple):
    """A unit that was made up: its code, kind, names, the district or zone that it stands in, and what it does."""

    code: str
    kind: str
    name_zh: str
    name_en: str
    area: str
    does: str = ""

    @property
    def id(self) -> UUID:
        """The id of its stream."""
        return unit_id(self.code)


class World:
    """The units of a profile; the same for the same seed."""

    def __init__(self, profile: Profile, seed: int) -> None:
        self.profile = profile
        self.seed = seed

    @cached_property
    def tree(self) -> list[Division]:
        """The divisions that are registered, each after the one above it."""
        districts = divisions.children(divisions.CITY)[: self.profile.districts]
        townships = _in_turn([divisions.children(d.code) for d in districts])[: self.profile.townships]
        communities = _in_turn([divisions.children(t.code) for t in townships])[: self.profile.communities]
        return [divisions.division(divisions.CITY), *districts, *townships, *communities]

    @cached_property
    def areas(self) -> dict[str, Label]:
        """The districts and zones that run communities, by the codes of their units."""
        named = {each.code: Label(each.name, DISTRICTS[each.code]) for each in self.tree if each.is_district}
        return named | {zone.key: zone.label for zone in self.zones}

    @cached_property
    def area_codes(self) -> list[str]:
        """The codes of the districts and zones."""
        return list(self.areas)

    @cached_property
    def zones(self) -> list[ZoneWithoutCode]:
        """The zones without a code that run something here."""
        here = {each.code for each in self.tree}
        return [zone for zone in codes.zones_without_code() if not here.isdisjoint(zone.manages)]

    def manager(self, township: str) -> ZoneWithoutCode | None:
        """Return the zone that runs a township which the code places elsewhere (RULES G14)."""
        return next((zone for zone in self.zones if township in zone.manages), None)

    def area(self, community: str) -> str:
        """Return the district or zone that runs a community."""
        zone = self.manager(community[:9])
        return zone.key if zone else community[:6]

    @cached_property
    def communities(self) -> list[str]:
        """The codes of the communities, those of all townships in turn."""
        return [each.code for each in self.tree if each.is_community]

    @cached_property
    def inhabited(self) -> Drawn[str]:
        """The communities where households live, some of them with many."""
        lived_in = chance_of(self.seed, "communities").mixed(self.communities[: self.profile.inhabited])
        return Drawn(lived_in, zipf(len(lived_in), 0.4))

    @cached_property
    def employers(self) -> list[Made]:
        """The employers, the largest first."""
        return list(self._made("employers", "EMP", "employer", self.profile.employers))

    @cached_property
    def workplaces(self) -> Drawn[UUID]:
        """The employers by their sizes: a few employ most."""
        return Drawn([employer.id for employer in self.employers], zipf(len(self.employers), EMPLOYER_SIZES))

    @cached_property
    def fairness(self) -> dict[UUID, float]:
        """How an employer keeps to the law, by id, as a factor: one, on the average of the people employed."""
        chance = chance_of(self.seed, "fairness")
        factors = [0.3 + 1.4 * chance.random() for _ in self.employers]
        weights = zipf(len(factors), EMPLOYER_SIZES)
        mean = sum(f * w for f, w in zip(factors, weights, strict=True)) / sum(weights)
        better = self.profile.better / mean
        return {employer.id: f * better for employer, f in zip(self.employers, factors, strict=True)}

    @cached_property
    def reach(self) -> dict[str, float]:
        """How well a community's people are served, by its code, as a factor: some areas do better than others."""
        chance = chance_of(self.seed, "reach")
        of_area = {area: (0.75 + 0.5 * chance.random()) * self.profile.better for area in self.areas}
        return {code: of_area[self.area(code)] * (0.8 + 0.4 * chance.random()) for code in self.communities}

    @cached_property
    def schools(self) -> list[Made]:
        """Kindergartens, primary and junior secondary schools."""
        return list(self._made("schools", "SCH", "school", self.profile.schools))

    @cached_property
    def places(self) -> dict[tuple[str, str], list[UUID]]:
        """The schools by district and stage."""
        found: dict[tuple[str, str], list[UUID]] = {}
        for school in self.schools:
            found.setdefault((school.area, school.does), []).append(school.id)
        return found

    @cached_property
    def providers(self) -> list[Made]:
        """The training providers."""
        return list(self._made("providers", "TRN", "training_provider", self.profile.providers))

    @cached_property
    def institutions(self) -> list[Made]:
        """The community health institutions."""
        return list(self._made("institutions", "HLT", "health_institution", self.profile.institutions))

    @cached_property
    def projects(self) -> list[Made]:
        """The projects of guaranteed housing."""
        return list(self._made("projects", "HSG", "housing_project", self.profile.projects))

    @cached_property
    def parks(self) -> list[Made]:
        """The industry clusters and start-up parks."""
        return list(self._made("parks", "PRK", "park", self.profile.parks))

    @cached_property
    def facilities(self) -> list[Made]:
        """Where people read, see and exercise."""
        return list(self._made("facilities", "CUL", "culture_facility", self.profile.facilities))

    @cached_property
    def agencies(self) -> list[Made]:
        """The service agencies of the districts."""
        return [
            Made(f"{area}-{code}", "agency", name.zh + zh, f"{name.en} {en}", area, bureau)
            for area, name in self.areas.items()
            for code, (zh, en, bureau) in AGENCIES.items()
        ]

    @property
    def made(self) -> Iterable[Made]:
        """Every unit that was made up."""
        return chain(
            self.agencies,
            self.employers,
            self.schools,
            self.providers,
            self.institutions,
            self.projects,
            self.parks,
            self.facilities,
        )

    def _made(self, group: str, prefix: str, kind: str, count: int) -> Iterable[Made]:
        chance = chance_of(self.seed, group)
        for number in range(count):
            nth, place = divmod(number, len(self.areas))
            yield _unit(chance, prefix, kind, number, nth, self.area_codes[place])


def _unit(chance: Chance, prefix: str, kind: str, number: int, nth: int, area: str) -> Made:
    zh, en = names.made_up(chance)
    does, (what_zh, what_en) = _business(chance, kind, nth)
    if kind == "culture_facility" and what_en == _FACILITIES[1][1]:
        prefix, kind = "FIT", "fitness_site"
    return Made(f"{prefix}-{number + 1:05d}", kind, f"{zh}{what_zh}", f"{en} {what_en}", area, does)


def _business(chance: Chance, kind: str, nth: int) -> tuple[str, tuple[str, str]]:
    """Return what the nth unit of a kind in an area does, in short, and the rest of its names."""
    match kind:
        case "employer":
            zh, en = chance.one(names.TRADES)
            return en, (f"{zh}有限公司", f"{en} Co., Ltd.")
        case "school":
            stage = _STAGES[nth % len(_STAGES)]
            return stage, _SCHOOLS[stage]
        case "culture_facility":
            return "", _FACILITIES[nth % 2]
    return "", _ENDINGS[kind]


_ENDINGS = {
    "training_provider": ("职业培训学校", "Vocational Training School"),
    "health_institution": ("社区卫生服务中心", "Community Health Centre"),
    "housing_project": ("公租房小区", "Public Housing Estate"),
    "park": ("创业园", "Start-up Park"),
}


def _in_turn(groups: Sequence[Sequence[Division]]) -> list[Division]:
    """Return the members of some groups: the first of each, then the second of each, and so on."""
    return [each for row in zip_longest(*groups) for each in row if each is not None]


@cache
def world(profile: str, seed: int) -> World:
    """Return the units of a profile, by its name."""
    return World(PROFILES[profile], seed)

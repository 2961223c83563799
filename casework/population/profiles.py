"""How large a synthetic city is (DOMAIN 7.2)."""

from __future__ import annotations

from typing import NamedTuple


class Profile(NamedTuple):
    """A size: how many households, and how many units they live, learn and work in.

    ``districts``, ``townships`` and ``communities`` bound what is registered of the real tree; None takes all of it.
    Households live in ``inhabited`` communities. Every number below a unit's kind is how many are made up. People are
    served and employed so many times ``better`` than by the rates.
    """

    name: str
    households: int
    inhabited: int
    employers: int
    schools: int
    providers: int
    institutions: int
    projects: int
    parks: int
    facilities: int
    districts: int | None = None
    townships: int | None = None
    communities: int | None = None
    better: float = 1.0


PROFILES = {
    profile.name: profile
    for profile in (
        Profile(
            name="tiny",
            households=200,
            inhabited=20,
            employers=10,
            schools=12,
            providers=3,
            institutions=4,
            projects=2,
            parks=2,
            facilities=4,
            districts=2,
            townships=6,
            communities=20,
        ),
        Profile(
            name="exemplars",
            households=1_000,
            inhabited=30,
            employers=24,
            schools=16,
            providers=4,
            institutions=4,
            projects=2,
            parks=2,
            facilities=4,
            districts=2,
            townships=6,
            communities=30,
            better=2.0,
        ),
        Profile(
            name="demo",
            households=10_000,
            inhabited=600,
            employers=800,
            schools=300,
            providers=40,
            institutions=120,
            projects=30,
            parks=20,
            facilities=100,
        ),
        Profile(
            name="load",
            households=100_000,
            inhabited=3_000,
            employers=5_000,
            schools=1_500,
            providers=120,
            institutions=250,
            projects=80,
            parks=40,
            facilities=200,
        ),
        Profile(
            name="city",
            households=1_500_000,
            inhabited=3_306,
            employers=20_000,
            schools=3_500,
            providers=300,
            institutions=400,
            projects=200,
            parks=60,
            facilities=300,
        ),
    )
}
"""The sizes by name: ``tiny`` for tests, ``demo`` to look at, ``load`` and ``city`` to measure with.

``exemplars`` is a small part of the city whose units are large enough to be ranked, and some of them good enough to be
commended.
"""

"""Feeds: which months a bureau has reported in full, by area of service."""

from __future__ import annotations

from api.auth import of_one_bureau, principal
from api.command_bodies import Command
from api.fields import Day, Query, Text
from api.giving import casework
from api.resource import Fields, Resource
from api.schemas import described
from api.unit_schemas import FeedList
from casework.domain import codes
from casework.errors import Forbidden, NotFound
from casework.outcome import Context, Outcome

bp = Resource("feeds", __name__, description=__doc__)


class ListFeeds(Query):
    """No parameters."""


class CloseMonth(Command):
    """All of a month has been reported."""

    month = Text(7, pattern="[0-9]{4}-(0[1-9]|1[0-2])", required=True, **described("A month, `YYYY-MM`."))
    closed_on = Day(**described("Default: today."))


@bp.reading("/feeds", ListFeeds, FeedList)
def list_feeds(asked: Fields) -> Fields:
    """List the feeds that ever closed a month, and their months."""
    feeds = casework().registry().feeds
    items = [
        {"bureau": name.partition("/")[0], "area": name.partition("/")[2], "months": sorted(feed.months)}
        for name, feed in sorted(feeds.items())
    ]
    return {"items": items}


@bp.command("/feeds/<bureau>/<area>/closings", CloseMonth, status=201)
def close_month(context: Context, fields: Fields, bureau: str, area: str) -> Outcome:
    """Say that a bureau has reported all of a month in an area; saying it again changes nothing."""
    known = bureau in {row.code for row in codes.bureaus()} and area in {row.code for row in codes.codes("areas")}
    if not known:
        raise NotFound
    if of_one_bureau() and bureau != principal().bureau:
        raise Forbidden("bureau-not-yours")
    fields.setdefault("closed_on", casework().today)
    return casework().close_feed(context, bureau=bureau, area=area, **fields)

"""The yearly selection of exemplars: its rounds, step by step, and the list that the public sees."""

from __future__ import annotations

from typing import Any

from flask import Response, g

from api import round_pages, round_reports
from api.auth import principal
from api.command_bodies import Command, Nothing
from api.fields import Code, Day, Id, Plain, Query, QueryWhole, Several, Text, UnitRef, Whole
from api.giving import casework
from api.report_schemas import ReportAnswer
from api.resource import Fields, Resource, answer
from api.round_schemas import NominationPage, PanelAnswer, PublicList, RoundAnswer, RoundAsked, RoundList
from api.schemas import described
from casework.outcome import Context, Outcome
from casework.projections import jobs

bp = Resource("rounds", __name__, description=__doc__)

ROUND = "/rounds/<int:year>"
KIND = "K[0-9]{2}_[A-Z]{1,40}(_[A-Z]{1,40}){0,3}"
DOCUMENT = "[\u4e00-\u9fff]{1,16}〔[0-9]{4}〕[0-9]{1,6}号|[0-9A-Za-z][0-9A-Za-z._:/-]{0,99}"
"""A document's number, as 郑人社〔2013〕30号, or a reference; never a text."""
SHA256 = "[0-9a-f]{64}"
PANELIST = "[0-9A-Za-z_.@:+/=-]{1,128}"


def document(**kwargs: Any) -> Plain:
    """A field that names a document."""
    return Plain(
        100, pattern=DOCUMENT, **{**described("A number such as 郑人社〔2013〕30号, or a reference."), **kwargs}
    )


class Plainly(Query):
    """No parameters."""


class ListNominations(Query):
    """Filters of a round's nominations."""

    kind = Text(80, pattern=KIND)
    limit = QueryWhole(1, 1000, load_default=50)
    cursor = Text(36, pattern="[0-9a-f-]{36}")


class AskReport(Query):
    """In which format; the language is that of the request."""

    format = Code(round_reports.FORMATS, load_default="json")


class Open(Command):
    """A year's round is opened."""

    year = Whole(2012, 2199, required=True, **described("This year."))
    also = Several(
        Text(80, pattern=KIND), 0, 10, **described("Kinds that are not active in the policy, for this round.")
    )
    approval_ref = document(**described("The licence to award, where there is one."))


class Appoint(Command):
    """Somebody is to score candidates."""

    panelist = Plain(128, pattern=PANELIST, required=True, **described("The `sub` of their tokens."))
    affiliation = UnitRef(required=True, **described("Where they work: recused from what belongs there."))
    kinds = Several(Text(80, pattern=KIND), 1, 20, required=True)


class Publish(Command):
    """The list is shown from today on."""

    notice_to = Day(required=True, **described("The last day on which objections are taken."))
    channels = Several(Code("notice_channels"), 1, 5, required=True)


class Promote(Command):
    """The next reserve moves up."""

    nomination_id = Id(required=True, **described("Who moves up: the next reserve, and nobody else."))
    in_place_of = Id(required=True, **described("Who was removed."))
    notice_to = Day(**described("The last day of its own notice; once the list was published."))


class Sign(Command):
    """The decision is signed for the caller's bureau."""

    document = document(required=True)
    list_sha256 = Plain(64, pattern=SHA256, required=True, **described("Of the final list, as the round tells it."))


class Cancel(Command):
    """The round is given up."""

    reason = Code("cancel_reasons", required=True)


@bp.reading("/rounds", Plainly, RoundList)
def list_rounds(asked: Fields) -> dict[str, Any]:
    """List the rounds, the latest first."""
    return round_pages.rounds()


@bp.command("/rounds", Open, status=201)
def open_round(context: Context, fields: Fields) -> Outcome:
    """Open this year's round under the policy in force, before its nominations close (31 October)."""
    return casework().open_round(context, **fields)


@bp.reading(ROUND, Plainly, RoundAnswer)
def read(asked: Fields, year: int) -> Response:
    """Read a round: under what it runs and how far it has come. Its `ETag` goes with every command on it."""
    return round_pages.head(year)


@bp.reading(f"{ROUND}/list", Plainly, PublicList)
def public_list(asked: Fields, year: int) -> Response:
    """Read the list that was published, without a token.

    Units are named. A person is named only while they agree to publication; no household is ever listed.
    """
    return round_pages.public_list(year)


@bp.downloading(f"{ROUND}/list/report", AskReport, round_reports.MEDIA, answer=ReportAnswer)
def public_report(asked: Fields, year: int) -> Response:
    """Read the published list with the figures behind it, without a token: as JSON, XLSX or a page to print.

    Every number is there with its definition; counts of fewer than five persons are hidden. No household is in it.
    """
    return round_reports.public(year, **asked)


@bp.downloading(f"{ROUND}/report", AskReport, round_reports.MEDIA, answer=ReportAnswer)
def report(asked: Fields, year: int) -> Response:
    """Read all of a round that was ranked: as JSON, XLSX or a page to print.

    Scores with their parts, how sure each rank is, who is not ranked or out and why, school coverage, notice, decision.
    Districts are told by the boundaries of each month end and by the newest ones. People are named while they agree.
    """
    return round_reports.office(year, **asked)


@bp.reading(f"{ROUND}/nominations", ListNominations, NominationPage)
def list_nominations(asked: Fields, year: int) -> Response:
    """List nominations: the office and auditors see all, panelists those of their kinds, bureaus their own."""
    return round_pages.page(year, **asked)


@bp.reading(f"{ROUND}/panel", Plainly, PanelAnswer)
def read_panel(asked: Fields, year: int) -> dict[str, Any]:
    """Read who is on the panel, and how many of their scores are in."""
    return round_pages.panel(year)


@bp.command(f"{ROUND}/panelists", Appoint, status=201)
def appoint(context: Context, fields: Fields, year: int) -> Outcome:
    """Appoint a panelist. From candidates that belong where they work they are recused at once."""
    return casework().appoint_panelist(year, context, **fields)


@bp.asking(f"{ROUND}/freezes", Nothing, RoundAsked)
def freeze(asked: Fields, year: int) -> Response:
    """Count the year as it was known when nominations closed, measure every unit, and freeze it; a job does it."""
    casework().round(year).check_step("freeze", casework().today)
    return _asked("freeze_round", year)


@bp.asking(f"{ROUND}/rankings", Nothing, RoundAsked)
def rank(asked: Fields, year: int) -> Response:
    """Rank the candidates by the frozen figures and the panel's open scores; a job does it."""
    casework().round(year).check_rank(casework().today)
    return _asked("rank_round", year)


@bp.command(f"{ROUND}/score-openings", Command)
def open_scores(context: Context, fields: Fields, year: int) -> Outcome:
    """Open all scores, once all are in. Until then nobody reads any, and after that none is given."""
    return casework().reveal_scores(year, context)


@bp.command(f"{ROUND}/shortlists", Publish, status=201)
def publish(context: Context, fields: Fields, year: int) -> Outcome:
    """Publish the list and its reserves, for at least the working days of the policy."""
    return casework().publish_shortlist(year, context, **fields)


@bp.command(f"{ROUND}/promotions", Promote, status=201)
def promote(context: Context, fields: Fields, year: int) -> Outcome:
    """Let the next reserve move up in place of a candidate that was removed, with a notice of its own."""
    return casework().promote_reserve(year, context, **fields)


@bp.command(f"{ROUND}/finalisations", Command, status=201)
def finalise(context: Context, fields: Fields, year: int) -> Outcome:
    """Make the list final, once every notice is over and every objection answered."""
    return casework().finalise_round(year, context)


@bp.command(f"{ROUND}/commendations", Sign, status=201)
def commend(context: Context, fields: Fields, year: int) -> Outcome:
    """Sign the joint decision for the caller's bureau; with the second signature the list is commended."""
    return casework().sign_commendation(year, context, **fields)


@bp.command(f"{ROUND}/closings", Command, status=201)
def close(context: Context, fields: Fields, year: int) -> Outcome:
    """Close a round that commended."""
    return casework().close_round(year, context)


@bp.command(f"{ROUND}/cancellations", Cancel, status=201)
def cancel(context: Context, fields: Fields, year: int) -> Outcome:
    """Give a round up, as long as its list is not final."""
    return casework().cancel_round(year, context, **fields)


def _asked(kind: str, year: int) -> Response:
    """Ask for the job that takes a round a step on; asked again it is the same job."""
    plain = {"year": year, "actor": principal().sub, "role": g.role}
    with casework().pool.connection() as db:
        id = jobs.ask(db, kind, str(year), plain, again=jobs.OVER)
    place = f"/v1/jobs/{id}"
    return answer(
        {"id": id, "href": place, "round_href": f"/v1/rounds/{year}"}, 202, {"Location": place, "Retry-After": "1"}
    )

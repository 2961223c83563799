"""Makes a round's report of the round, its frozen figures and the names that may be told; nothing else is asked.

The office and auditors see everything after the ranking. The public sees the published list and what is behind it, with
small cells hidden (RULES U17).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Literal, NamedTuple
from uuid import UUID

from casework.domain.calendar import month_ends
from casework.domain.facts_in_place import SchoolCoverage
from casework.domain.kinds import is_for_persons
from casework.domain.measured import UnitMetric
from casework.domain.policy import Kind, Policy
from casework.domain.registry import Registry
from casework.domain.residence import refuse_if
from casework.domain.rounds.nomination import Nomination
from casework.domain.rounds.ranking import is_borderline
from casework.domain.rounds.round import Round
from casework.domain.suppression import hidden_cells
from casework.errors import NotFound
from casework.selection import report
from casework.selection.measures import measured_of, score_of
from casework.selection.papers import decision_of, notice_of
from casework.selection.ranks import kinds_of
from casework.selection.report import Report, Spoken, Status
from casework.selection.report_words import definitions, label_of, word, words
from casework.selection.snapshot import Snapshot


class Sources(NamedTuple):
    """What a report is made of.

    ``registry`` is that of the snapshot's cut; ``names`` has people who agree to publication now, and nobody else.
    """

    opened: Round
    snapshot: Snapshot
    registry: Registry
    names: Mapping[UUID, str]


class _Reader(NamedTuple):
    """Who reads, in which language: ``shown`` are the nominations that they may see of the ranked ones."""

    spoken: Spoken
    shown: frozenset[UUID] | None

    @property
    def sees_all(self) -> bool:
        return self.shown is None


def check_ranked(opened: Round) -> None:
    """Refuse a report of a round without a ranking."""
    refuse_if(not opened.rankings, "round-not-ranked")


def check_published(opened: Round) -> None:
    """NotFound for the public where there is no list that was published."""
    if opened.published is None or opened.cancelled is not None:
        raise NotFound


def office_report(sources: Sources, spoken: Spoken) -> Report:
    """Return all of a round that was ranked, small cells too."""
    check_ranked(sources.opened)
    return _report(sources, _Reader(spoken, None))


def public_report(sources: Sources, spoken: Spoken) -> Report:
    """Return what is published of a round: its list, and the figures of who is on it; NotFound before that."""
    check_published(sources.opened)
    listed, reserves = _on_list(sources.opened)
    return _report(sources, _Reader(spoken, frozenset([*listed, *reserves])))


def _report(sources: Sources, reader: _Reader) -> Report:
    opened, policy, spoken = sources.opened, sources.opened.policy, reader.spoken
    kinds, small = kinds_of(opened, policy), None if reader.sees_all else policy.small_n
    listed, reserves = _on_list(opened)
    labels = {kind.code: kind.label[spoken] for kind in kinds}
    return Report(
        year=opened.begun.year,
        state=opened.state_on(opened.told_on),
        language=spoken,
        title=word("title", spoken, year=opened.begun.year),
        statement=word("statement", spoken),
        small_n=small,
        small_n_label=word("suppressed", spoken, small_n=small) if small is not None else None,
        meta=_meta(sources, policy, spoken),
        listed=_places(sources, listed, labels, spoken),
        reserves=_places(sources, reserves, labels, spoken),
        notice=notice_of(opened, spoken),
        decision=decision_of(opened, spoken),
        kinds=tuple(_table(sources, kind, policy, reader) for kind in kinds),
        school_coverage=tuple(_coverage(each, sources, spoken) for each in sources.snapshot.coverage),
        boundaries=_boundaries(sources, policy, spoken) if reader.sees_all else None,
        definitions=definitions(kinds, policy, spoken),
    )


def _on_list(opened: Round) -> tuple[Sequence[UUID], Sequence[UUID]]:
    """Who is on the list, and who may still move up."""
    if opened.finalised is not None:
        return opened.finalised.listed, ()
    return opened.listed, opened.reserves


def _meta(sources: Sources, policy: Policy, spoken: Spoken) -> report.Meta:
    opened = sources.opened
    frozen, quota = opened.frozen, opened.begun.quota
    assert frozen is not None
    return report.Meta(
        policy=policy.version,
        policy_label=policy.label[spoken],
        policy_sha256=policy.sha256,
        as_of=frozen.as_of,
        known_at=frozen.known_at,
        cut=frozen.cut,
        snapshot_id=frozen.snapshot_id,
        snapshot_sha256=frozen.sha256,
        rows=frozen.rows,
        ranking_sha256=next(each.sha256 for told in opened.rankings.values() for each in told),
        seed=sources.snapshot.seed.hex(),
        code_version=frozen.code_version,
        quota=quota.mode,
        quota_label=words().quotas[quota.mode][spoken],
        seats=quota.total,
    )


def _places(
    sources: Sources, listed: Sequence[UUID], labels: Mapping[str, str], spoken: Spoken
) -> tuple[report.Listed, ...]:
    return tuple(_place(number, sources, each, labels, spoken) for number, each in enumerate(listed, 1))


def _place(
    number: int, sources: Sources, nomination_id: UUID, labels: Mapping[str, str], spoken: Spoken
) -> report.Listed:
    known = sources.opened.nominations[nomination_id]
    assert known.ranked is not None
    unit, name = _named(sources, known, spoken)
    status = _status(sources.opened, known)
    return report.Listed(
        nomination_id=nomination_id,
        unit=unit,
        person_name=name,
        number=number,
        kind=known.kind,
        kind_label=labels[known.kind],
        rank=known.ranked.rank,
        final=known.ranked.final / 100,
        status=status,
        status_label=words().statuses[status][spoken],
        notice_from=known.notice and known.notice.from_,
        notice_to=known.notice and known.notice.to,
    )


def _named(sources: Sources, known: Nomination, spoken: Spoken) -> tuple[report.UnitNamed | None, str | None]:
    unit_id = known.submitted.unit_id
    unit = _unit(sources.registry, unit_id, spoken) if unit_id is not None else None
    return unit, sources.names.get(known.submitted.person_id) if known.submitted.person_id is not None else None


def _unit(registry: Registry, unit_id: UUID, spoken: Spoken) -> report.UnitNamed:
    registered = registry.units[unit_id].registered
    assert registered is not None
    name = registered.name_en if spoken == "en" else None
    return report.UnitNamed(code=registered.code, name=name or registered.name_zh)


def _status(opened: Round, known: Nomination) -> Status:
    listed, reserves = _on_list(opened)
    if known.revoked is not None:
        return "revoked"
    if known.id in listed:
        return "commended" if opened.commended is not None else "listed"
    if known.id in reserves:
        return "reserve"
    return "removed" if known.removed_reason is not None else "not_listed"


def _table(sources: Sources, kind: Kind, policy: Policy, reader: _Reader) -> report.KindTable:
    opened, rows = sources.opened, sources.snapshot.metrics.get(kind.code, ())
    ranked = [each for told in opened.rankings.get(kind.code, ()) for each in told.candidates]
    shown = [each.nomination_id for each in ranked if reader.shown is None or each.nomination_id in reader.shown]
    hides = [frozenset[str]()] * len(rows) if reader.sees_all else hidden_cells(rows, policy.small_n)
    wanted = {opened.nominations[each].candidate for each in shown}
    measured = {
        row.unit: measured_of(row, hide, kind, policy, reader.spoken)
        for row, hide in zip(rows, hides, strict=True)
        if row.unit in wanted
    }
    nominated = [each for each in opened.nominations.values() if each.kind == kind.code and not each.is_withdrawn]
    left_out = [each for each in opened.not_ranked if opened.nominations[each].kind == kind.code]
    return report.KindTable(
        kind=kind.code,
        label=kind.label[reader.spoken],
        project_extension=kind.project_extension,
        seats=next((each.seats for each in opened.rankings.get(kind.code, ())), 0),
        min_size=kind.min_size,
        units_measured=None if is_for_persons(kind.code) else len(rows),
        not_rankable=tuple(_reasons(rows, reader.spoken)),
        ranked=tuple(_ranked(sources, each, measured, policy, reader.spoken) for each in shown),
        not_ranked=tuple(_not_ranked(sources, each, reader.spoken) for each in left_out if reader.sees_all),
        barred=tuple(row for each in nominated if reader.sees_all for row in _barred(each, sources, reader.spoken)),
    )


def _barred(known: Nomination, sources: Sources, spoken: Spoken) -> Iterator[report.Barred]:
    """Why a candidate is out, if it is: what was decided of it, each veto that stands, its removal."""
    unit_id = known.submitted.unit_id

    def row(by: report.BarredBy, labels: Mapping[str, str]) -> report.Barred:
        return report.Barred(
            nomination_id=known.id,
            unit=None if unit_id is None else _unit(sources.registry, unit_id, spoken),
            by=by,
            by_label=words().barred[by][spoken],
            reasons=tuple(labels),
            reason_labels=tuple(labels.values()),
        )

    if known.eligible is False:
        yield row("eligibility", {each: label_of("eligibility_reasons", each, spoken) for each in known.reasons})
    grounds = {each.code: each.label[spoken] for each in sources.opened.policy.selection.veto_grounds}
    for veto in known.standing_vetoes:
        yield row("veto", {veto.ground: grounds[veto.ground]})
    if known.removed_reason is not None:
        yield row("removal", {known.removed_reason: label_of("removal_reasons", known.removed_reason, spoken)})


def _reasons(rows: Sequence[UnitMetric], spoken: Spoken) -> Iterator[report.Reason]:
    for reason, units in sorted(Counter(row.not_ranked for row in rows if row.not_ranked).items()):
        label = label_of("not_ranked_reasons", reason, spoken)
        yield report.Reason(reason=reason, reason_label=label, units=units)


def _ranked(
    sources: Sources, nomination_id: UUID, measured: Mapping[UUID, report.Measured], policy: Policy, spoken: Spoken
) -> report.Ranked:
    known = sources.opened.nominations[nomination_id]
    place, status = known.ranked, _status(sources.opened, known)
    assert place is not None
    unit, name = _named(sources, known, spoken)
    return report.Ranked(
        nomination_id=nomination_id,
        unit=unit,
        person_name=name,
        status=status,
        status_label=words().statuses[status][spoken],
        measured=measured.get(known.candidate),
        panel=place.panel / 100,
        final=place.final / 100,
        rank=place.rank,
        rank_low=place.rank_low,
        rank_median=place.rank_median,
        rank_high=place.rank_high,
        p_selected=place.p_selected / 1000,
        borderline=is_borderline(place, policy),
        tie_break=place.tie_break,
        tie_break_label=words().tie_breaks[place.tie_break][spoken] if place.tie_break else None,
    )


def _not_ranked(sources: Sources, nomination_id: UUID, spoken: Spoken) -> report.NotRanked:
    known, reason = sources.opened.nominations[nomination_id], sources.opened.not_ranked[nomination_id]
    unit, name = _named(sources, known, spoken)
    label = label_of("not_ranked_reasons", reason, spoken)
    return report.NotRanked(nomination_id=nomination_id, unit=unit, person_name=name, reason=reason, reason_label=label)


def _coverage(each: SchoolCoverage, sources: Sources, spoken: Spoken) -> report.Coverage:
    end, ends = each.at_end, month_ends(sources.snapshot.run.year)
    return report.Coverage(
        unit=_unit(sources.registry, each.unit, spoken),
        covered=end.num,
        communities=end.den,
        share=round(end.num / end.den, 4) if end.den else None,
        is_reached=each.is_reached,
        months=tuple(
            report.Covered(on=on, covered=month.num, communities=month.den)
            for on, month in zip(ends, each.months, strict=True)
        ),
    )


def _boundaries(sources: Sources, policy: Policy, spoken: Spoken) -> tuple[report.Boundaries, ...]:
    """The districts by both trees; none of a round whose kinds have no districts."""
    as_now = sources.snapshot.as_now
    told = {each.unit for each in as_now}
    then = [row for rows in sources.snapshot.metrics.values() for row in rows if row.unit in told]
    trees: dict[Literal["then", "now"], Sequence[UnitMetric]] = {"then": then, "now": as_now}
    return tuple(
        report.Boundaries(
            tree=tree,
            tree_label=label_of("trees", tree, spoken),
            ranked_by=tree == "then",
            divisions=tuple(_division(row, sources, policy, spoken) for row in rows),
        )
        for tree, rows in trees.items()
        if rows
    )


def _division(row: UnitMetric, sources: Sources, policy: Policy, spoken: Spoken) -> report.Division:
    labels = {level.code: level.label[spoken] for level in policy.levels}
    return report.Division(
        unit=_unit(sources.registry, row.unit, spoken),
        households=round(float(row.size), 2),
        completeness=_four(row.completeness),
        levels=tuple(
            report.Score(code=code, label=labels[code], score=score_of(level)) for code, level in row.levels.items()
        ),
    )


def _four(share: Fraction | None) -> float | None:
    return round(float(share), 4) if share is not None else None

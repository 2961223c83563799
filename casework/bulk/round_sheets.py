"""A round's report as a workbook: one sheet for each kind of table, numbers as numbers, no cell a formula."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from functools import partial
from typing import Any

from casework.bulk.sheets import harmless
from casework.selection.report import Candidate, KindTable, Ranked, Report, Share
from casework.selection.report_words import Words, word, words

Cell = str | int | float | date | None
Row = Sequence[Cell]

WIDEST, NARROWEST = 60, 8


def workbook(report: Report) -> bytes:
    """Return a report as XLSX."""
    from openpyxl import Workbook

    book = Workbook()
    book.remove(book.worksheets[0])
    for name, rows in _sheets(report):
        _write(book.create_sheet(name), list(rows))
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def _sheets(report: Report) -> Iterator[tuple[str, Iterable[Row]]]:
    told = partial(word, spoken=report.language)
    yield told("about"), _about(report)
    yield told("list"), _listed(report)
    yield told("scores"), _scores(report)
    yield told("indicators"), _indicators(report)
    yield told("facts"), _facts(report)
    yield told("not_ranked"), _not_ranked(report)
    if any(table.barred for table in report.kinds):
        yield told("barred"), _barred(report)
    yield told("school_coverage"), _coverage(report)
    if report.boundaries is not None:
        yield told("boundaries"), _boundaries(report)
    yield told("definitions"), _definitions(report)


def _about(report: Report) -> Iterator[Row]:
    told = partial(word, spoken=report.language)
    yield report.title, None
    yield told("state"), words().states[report.state][report.language]
    yield None, report.statement
    if report.small_n_label is not None:
        yield None, report.small_n_label
    if report.notice is not None:
        yield report.notice.title, report.notice.text
    if report.decision is not None:
        yield report.decision.title, report.decision.text
        yield told("document"), report.decision.document
        yield told("issued_on"), report.decision.issued_on
        yield told("list_sha256"), report.decision.list_sha256
        for each in report.decision.signatories:
            yield each.holder, each.signed_on or told("unsigned")
    meta = report.meta
    yield told("policy"), f"{meta.policy} {meta.policy_label}"
    yield told("seats"), f"{meta.seats}, {meta.quota_label}"
    for name in ("policy_sha256", "as_of", "snapshot_sha256", "ranking_sha256", "seed", "rows", "code_version"):
        yield told(name), getattr(meta, name)
    yield told("known_at"), meta.known_at.isoformat()
    yield told("cut"), " ".join(map(str, meta.cut))


def _listed(report: Report) -> Iterator[Row]:
    told = partial(word, spoken=report.language)
    yield [told(name) for name in ("number", "kind", "code", "candidate")] + [
        *(_number(report, name) for name in ("rank", "final")),
        told("status"),
        told("notice_title"),
        None,
    ]
    for each in (*report.listed, *report.reserves):
        notice = (each.notice_from, each.notice_to)
        yield each.number, each.kind_label, *_who(report, each), each.rank, each.final, each.status_label, *notice


def _scores(report: Report) -> Iterator[Row]:
    """A row for each candidate; the parts and levels of its kind, by name, after what all have."""
    columns = ("rank", "rank_interval", "metric", "panel", "final", "p_selected", "borderline", "tie_break")
    told, number = partial(word, spoken=report.language), partial(_number, report)
    low, median, high = (f"{number('rank_interval')} {each}" for each in ("5 %", "50 %", "95 %"))
    parts = _columns(each.measured.parts for _, each in _ranked(report) if each.measured)
    levels = _columns(each.measured.levels for _, each in _ranked(report) if each.measured)
    heads = [number(name) for name in columns]
    yield [
        *(told("kind"), told("code"), told("candidate"), told("status"), heads[0], low, median, high, *heads[2:]),
        *(number("size"), None, number("completeness"), number("coverage")),
        *(f"{label} ({weight})" for label, weight in parts.values()),
        *(label for label, _ in levels.values()),
    ]
    for table, each in _ranked(report):
        yield [
            *(table.label, *_who(report, each), each.status_label),
            *(each.rank, each.rank_low, each.rank_median, each.rank_high),
            *(each.measured.metric if each.measured else None, each.panel, each.final, each.p_selected),
            *(told("yes" if each.borderline else "no"), each.tie_break_label),
            *_measured(report, each, [code for code, _ in parts], [code for code, _ in levels]),
        ]


def _measured(report: Report, each: Ranked, parts: Sequence[str], levels: Sequence[str]) -> Iterator[Cell]:
    found = each.measured
    if found is None:
        return
    yield found.size.value if found.size.state == "known" else word("hidden", report.language)
    yield found.size.of_label
    yield _share(report, found.completeness)
    yield _share(report, found.coverage)
    scores = {part.code: part.score for part in found.parts}, {level.code: level.score for level in found.levels}
    yield from (scores[0].get(code) for code in parts)
    yield from (scores[1].get(code) for code in levels)


def _columns(of: Iterable[Sequence[Any]]) -> dict[tuple[str, int | None], tuple[str, int | None]]:
    """The scores that any candidate has, by code and weight, in the order in which they come first."""
    return {
        (each.code, getattr(each, "weight", None)): (each.label, getattr(each, "weight", None))
        for scores in of
        for each in scores
    }


def _indicators(report: Report) -> Iterator[Row]:
    told, number = partial(word, spoken=report.language), partial(_number, report)
    columns = [number(name) for name in ("num", "den", "n", "rate")]
    interval = [f"{number('interval')} {each}" for each in ("<", ">")]
    yield [
        *(told("kind"), told("code"), told("candidate"), told("level"), told("indicators"), None, *columns),
        *(*interval, number("shrunk"), number("pooled"), number("m")),
    ]
    for table, each in _ranked(report):
        labels = {level.code: level.label for level in each.measured.levels} if each.measured else {}
        for rate in each.measured.indicators if each.measured else ():
            who = (table.label, *_who(report, each), labels.get(rate.level or ""), rate.code, rate.label)
            if rate.state == "known":
                counted = (rate.num, rate.den, rate.n, rate.rate, rate.low, rate.high)
                yield *who, *counted, rate.shrunk, rate.pooled, rate.m
            else:
                yield *who, told("hidden" if rate.state == "hidden" else "none")


def _facts(report: Report) -> Iterator[Row]:
    told = partial(word, spoken=report.language)
    yield told("kind"), told("code"), told("candidate"), told("code"), told("fact"), told("weight")
    for table, each in _ranked(report):
        for fact in each.measured.facts if each.measured else ():
            score = fact.score if fact.score is not None else told("none")
            yield table.label, *_who(report, each), fact.code, fact.label, score


def _not_ranked(report: Report) -> Iterator[Row]:
    told = partial(word, spoken=report.language)
    yield told("kind"), told("code"), told("candidate"), told("reason")
    for table in report.kinds:
        for each in table.not_ranked:
            yield table.label, *_who(report, each), each.reason_label
    yield ()
    yield told("not_rankable"), None, told("units"), told("reason")
    for table in report.kinds:
        for reason in table.not_rankable:
            yield table.label, None, reason.units, reason.reason_label


def _barred(report: Report) -> Iterator[Row]:
    told = partial(word, spoken=report.language)
    yield [told(name) for name in ("kind", "code", "candidate", "decided_by", "reason")]
    for table in report.kinds:
        for each in table.barred:
            of_unit = (each.unit.code, each.unit.name) if each.unit is not None else None
            who = of_unit or (None, f"{told('nomination')} {each.nomination_id}")
            yield table.label, *who, each.by_label, ", ".join(each.reason_labels)


def _coverage(report: Report) -> Iterator[Row]:
    told = partial(word, spoken=report.language)
    ends = [month.on for each in report.school_coverage[:1] for month in each.months]
    heads = [told(name) for name in ("code", "district", "covered", "communities", "share", "target")]
    yield [*heads, *(on.isoformat() for on in ends)]
    for each in report.school_coverage:
        reached = told("none") if each.is_reached is None else told("yes" if each.is_reached else "no")
        months = [f"{month.covered}/{month.communities}" for month in each.months]
        yield each.unit.code, each.unit.name, each.covered, each.communities, each.share, reached, *months


def _boundaries(report: Report) -> Iterator[Row]:
    told = partial(word, spoken=report.language)
    levels = [
        score.label
        for each in (report.boundaries or ())
        for division in each.divisions[:1]
        for score in division.levels
    ]
    shown = list(dict.fromkeys(levels))
    yield told("tree"), told("code"), told("district"), told("households"), _number(report, "completeness"), *shown
    for tree in report.boundaries or ():
        for each in tree.divisions:
            scores = [score.score for score in each.levels]
            yield tree.tree_label, each.unit.code, each.unit.name, each.households, each.completeness, *scores


def _definitions(report: Report) -> Iterator[Row]:
    told = partial(word, spoken=report.language)
    yield told("group"), told("code"), told("candidate"), told("text")
    for each in report.definitions:
        yield each.group_label, each.code, each.label, each.text


def _ranked(report: Report) -> Iterator[tuple[KindTable, Ranked]]:
    return ((table, each) for table in report.kinds for each in table.ranked)


def _who(report: Report, each: Candidate) -> tuple[str | None, str]:
    if each.unit is not None:
        return each.unit.code, each.unit.name
    return None, each.person_name or word("unnamed", report.language)


def _share(report: Report, share: Share) -> Cell:
    if share.state == "known":
        return share.value
    return word("hidden" if share.state == "hidden" else "none", report.language)


def _number(report: Report, code: str) -> str:
    known: Words = words()
    return next(each.label[report.language] for each in known.numbers if each.code == code)


def _write(sheet: Any, rows: Sequence[Row]) -> None:
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
    from openpyxl.styles import Alignment, Font
    from openpyxl.utils import get_column_letter

    for row in rows:
        sheet.append([harmless(ILLEGAL_CHARACTERS_RE.sub("", cell)) if isinstance(cell, str) else cell for cell in row])
    for cell in sheet[1]:
        cell.font = Font(bold=True)
    sheet.freeze_panes = "A2"
    for place in range(1, sheet.max_column + 1):
        widest = max((_width(row[place - 1]) for row in rows if len(row) >= place), default=0)
        sheet.column_dimensions[get_column_letter(place)].width = min(WIDEST, max(NARROWEST, widest + 2))
    for cells in sheet.iter_rows():
        for cell in cells:
            cell.alignment = Alignment(vertical="top", wrap_text=isinstance(cell.value, str))
            if isinstance(cell.value, float):
                cell.number_format = "0.00##"


def _width(cell: Cell) -> int:
    """How wide a cell is written, in characters of a Latin letter."""
    text = str(cell) if cell is not None else ""
    return sum(2 if ord(char) > 0x2E7F else 1 for char in text)

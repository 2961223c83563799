"""A round's report as a page to read and to print, which needs nothing from elsewhere."""

from __future__ import annotations

from functools import cache, partial
from importlib.resources import files

from jinja2 import Environment, StrictUndefined, Template

from casework.selection.report import Candidate, Report
from casework.selection.report_words import word, words


def page(report: Report) -> str:
    """Return a report as HTML, in its language."""
    spoken = report.language
    numbers = {each.code: each.label[spoken] for each in words().numbers}
    return _template().render(
        report=report, word=partial(word, spoken=spoken), numbers=numbers, who=partial(_who, spoken)
    )


def _who(spoken: str, each: Candidate) -> str:
    return each.unit.name if each.unit is not None else each.person_name or word("unnamed", spoken)


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share:.2%}"


def _two(score: float | None) -> str:
    return "" if score is None else f"{score:.2f}"


@cache
def _template() -> Template:
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {"percent": _percent, "two": _two}
    return environment.from_string(files("casework.data").joinpath("round_report.html").read_text("utf-8"))

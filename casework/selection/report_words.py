"""The words of a round's report in Chinese and English: headings, texts, and what every number in it is.

They stand in ``data/round_report.json``; the numbers that they name come from the round's policy.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from functools import cache
from typing import Any

from casework.domain.codes import Coded, Label, Row, codes, read_data, unit_facts
from casework.domain.kinds import levels_of
from casework.domain.policy import IndicatorPolicy, Kind, LevelPolicy, Policy
from casework.selection.report import Definition


class Number(Coded, frozen=True, kw_only=True):
    """A number of the report, and what it is."""

    text: Label


class Words(Row, frozen=True, kw_only=True):
    """The file of a report's words."""

    words: dict[str, Label]
    states: dict[str, Label]
    statuses: dict[str, Label]
    barred: dict[str, Label]
    parts: dict[str, Label]
    part_texts: dict[str, Label]
    sizes: dict[str, Label]
    tie_breaks: dict[str, Label]
    quotas: dict[str, Label]
    numbers: tuple[Number, ...]
    groups: dict[str, Label]


@cache
def words() -> Words:
    """Return the words of reports."""
    return read_data("round_report.json", Words)


def word(name: str, spoken: str, **values: Any) -> str:
    """Return a heading or text in a language, with what it names filled in."""
    return words().words[name][spoken].format(**values)


def label_of(code_list: str, code: str, spoken: str) -> str:
    """Return what a code of a list is called."""
    return next(each.label[spoken] for each in codes(code_list) if each.code == code)


def definitions(kinds: Iterable[Kind], policy: Policy, spoken: str) -> tuple[Definition, ...]:
    """Define every number that a report of some kinds can hold, each once."""
    known = {(each.group, each.code): each for each in _definitions(list(kinds), policy, spoken)}
    return tuple(known.values())


def _definitions(kinds: list[Kind], policy: Policy, spoken: str) -> Iterator[Definition]:
    values, known = _values(policy), words()

    def told(group: str, code: str, label: Label, text: Label) -> Definition:
        return Definition(
            group=group,
            group_label=known.groups[group][spoken],
            code=code,
            label=label[spoken],
            text=text[spoken].format(**values),
        )

    for number in known.numbers:
        yield told("number", number.code, number.label, number.text)
    for kind in kinds:
        for level in levels_of(kind, policy):
            yield told("level", level.code, level.label, _of_level(level))
            for code in level.indicators:
                rule = policy.indicators[code]
                yield told("indicator", code, rule.label, _of_indicator(rule))
        for part in kind.parts:
            if part in known.part_texts:
                yield told("part", part, known.parts[part], known.part_texts[part])
        for code in kind.facts:
            fact = unit_facts()[code]
            yield told("fact", code, fact.label, _of_fact([item.label for item in fact.items]))
    for name in policy.selection.tie_breaks:
        yield told("tie_break", name, known.tie_breaks[name], known.tie_breaks[name])
    for reason in codes("not_ranked_reasons"):
        yield told("not_ranked", reason.code, reason.label, reason.label)
    quota = policy.selection.quota
    yield told("quota", quota, known.quotas[quota], known.quotas[quota])


def _of_level(level: LevelPolicy) -> Label:
    members = "、".join(level.indicators), ", ".join(level.indicators)
    return Label(f"{members[0]}得分的加权平均，0至100。", f"The weighted mean of {members[1]}, 0 to 100.")


def _of_indicator(rule: IndicatorPolicy) -> Label:
    goal = f"{Fraction(*rule.goal) * 100}%"
    return Label(
        f"分母：{rule.eligible.zh}；分子：{rule.met.zh}。权重{rule.weight}，目标{goal}。",
        f"Of: {rule.eligible.en}. Met: {rule.met.en}. Weight {rule.weight}, goal {goal}.",
    )


def _of_fact(items: list[Label]) -> Label:
    if not items:
        return Label(
            "十二个月末中已落实的比例；未报送按0计。",
            "How far it was in place at the twelve month ends; not reported is 0.",
        )
    return Label(
        f"十二个月末已落实项的比例：{'、'.join(each.zh for each in items)}；未报送按0计。",
        f"Items in place at the twelve month ends: {', '.join(each.en.lower() for each in items)}; not reported is 0.",
    )


def _values(policy: Policy) -> Mapping[str, Any]:
    """The numbers of a policy that the texts name."""
    selection = policy.selection
    panel, draws, share = selection.panel, selection.draws, Fraction(*selection.panel.share)
    return {
        "highest_left_out": panel.highest_left_out,
        "lowest_left_out": panel.lowest_left_out,
        "metric_share": f"{float(1 - share):g}",
        "panel_share": f"{float(share):g}",
        "floor": f"{selection.final_floor / 100:.2f}",
        "draws": draws.count,
        "low": f"{draws.interval[0] / 10:g}",
        "high": f"{draws.interval[1] / 10:g}",
        "border_low": f"{draws.borderline[0] / 1000:.3f}",
        "border_high": f"{draws.borderline[1] / 1000:.3f}",
        "completeness_min": f"{float(Fraction(*selection.completeness_min)):.0%}",
        "wilson_z": f"{float(Fraction(*selection.wilson_z)):g}",
        "m_low": selection.shrinkage[0],
        "m_high": selection.shrinkage[1],
        "referral_working_days": selection.referral_working_days,
        "employed_within_days": selection.employed_within_days,
    }

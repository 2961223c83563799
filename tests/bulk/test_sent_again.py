"""What was undone of an import counts when it is sent again, and once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date
from uuid import UUID

from casework.application import Casework
from casework.bulk import importing, undoing
from casework.bulk.rows import Verdict
from tests.api.conftest import id_number
from tests.bulk.conftest import Clerk
from tests.bulk.lots import delivered
from tests.bulk.test_kinds import PEOPLE, holder
from tests.given import COMMUNITY, by, person, registered

Told = tuple[str, str | None]
DONE, UNCHANGED = ("done", None), ("unchanged", None)
HEADER = "source_ref,id_number,service,occurred_on\n"


def lectures(people: dict[str, UUID], day: str, name: str, service: str = "HLT-EDU") -> str:
    """A row for each household, under references of its own."""
    return HEADER + "".join(f"{name}-{place},{number},{service},{day}\n" for place, number in enumerate(people))


def sent(clerk: Clerk, kind: str, content: str) -> tuple[UUID, list[Told]]:
    id = clerk.uploads(kind, content)
    return id, told(clerk.runs(id, "committed"))


def told(verdicts: dict[int, Verdict]) -> list[Told]:
    return [(verdict.status, verdict.code) for _, verdict in sorted(verdicts.items())]


def undone(casework: Casework, id: UUID) -> dict[str, int]:
    return undoing.run(casework, id, lambda done, total: None)


def test_a_file_that_was_undone_counts_when_it_is_sent_again_and_once_while_it_stands(
    casework: Casework, clerk: Clerk, people: dict[str, UUID]
):
    content = lectures(people, "2013-03-01", "again")
    counted = []

    for _ in range(3):
        id, first = sent(clerk, "services", content)
        _, second = sent(clerk, "services", content)
        counted.append(
            (first == [DONE] * 30, second == [UNCHANGED] * 30, sum(delivered(casework, people, "2013-03-01")))
        )
        assert undone(casework, id) == {"rows": 30, "done": 30, "unchanged": 0, "errors": 0}

    assert counted == [(True, True, 30)] * 3
    assert sum(delivered(casework, people, "2013-03-01")) == 0


def test_the_right_file_counts_under_the_references_of_the_wrong_one(
    casework: Casework, clerk: Clerk, people: dict[str, UUID]
):
    wrong, _ = sent(clerk, "services", lectures(people, "2013-03-02", "right"))
    undone(casework, wrong)

    _, right = sent(clerk, "services", lectures(people, "2013-03-02", "right", "HLT-INFO"))
    _, wrong_again = sent(clerk, "services", lectures(people, "2013-03-02", "right"))

    assert right == [DONE] * 30
    assert wrong_again == [("error", "command-reused")] * 30
    assert delivered(casework, people, "2013-03-02") == [1] * 30


def test_sent_again_by_several_at_once_it_counts_once(casework: Casework, clerk: Clerk, people: dict[str, UUID]):
    content = lectures(people, "2013-03-03", "at-once")
    undone(casework, sent(clerk, "services", content)[0])
    ids = [clerk.uploads("services", content) for _ in range(3)]

    with ThreadPoolExecutor(3) as threads:
        runs = [threads.submit(importing.run, casework, id, "committed", lambda done, total: None) for id in ids]
        counts = [run.result() for run in runs]

    assert delivered(casework, people, "2013-03-03") == [1] * 30
    assert [each["errors"] for each in counts] == [0, 0, 0]
    assert sum(each["done"] for each in counts) == 30


def test_what_was_tried_while_it_stood_counts_if_it_is_undone_before_the_commit(
    casework: Casework, clerk: Clerk, people: dict[str, UUID]
):
    content = lectures(people, "2013-03-04", "tried")
    first, _ = sent(clerk, "services", content)
    second = clerk.uploads("services", content)

    tried = told(clerk.runs(second, "validated"))
    undone(casework, first)
    given = told(clerk.runs(second, "committed"))

    assert (tried, given) == ([UNCHANGED] * 30, [DONE] * 30)
    assert delivered(casework, people, "2013-03-04") == [1] * 30


def test_every_kind_of_row_counts_again(casework: Casework, clerk: Clerk):
    head, wife = id_number("19800302", "501"), id_number("19820402", "502")
    contents = {
        "households": (
            f"source_ref,community,arrived_on,{PEOPLE}\nk-1,{COMMUNITY},2013-01-05,甲,男,1980-03-02,{head},是\n"
        ),
        "members": (
            f"source_ref,household_id_number,joined_on,relation,{PEOPLE}\n"
            f"k-2,{head},2013-02-01,spouse,乙,女,1982-04-02,{wife},是\n"
        ),
        "employments": f"source_ref,id_number,kind,unit,from\nk-3,{wife},employee,emp-1,2013-02-01\n",
        "services": f"{HEADER}k-4,{wife},SSI-CARD,2013-03-01\n",
    }

    came_to = {kind: sent_undone_and_sent_twice(casework, clerk, kind, each) for kind, each in contents.items()}

    assert came_to == {kind: [DONE, DONE, UNCHANGED] for kind in contents}
    home = casework.household(holder(casework, head))
    assert [member.relation for member in home.members] == ["head", "spouse"]
    assert len(home.employments) == 1
    assert [card.voided for card in home.episodes.values()] == ["never_happened", None]


def sent_undone_and_sent_twice(casework: Casework, clerk: Clerk, kind: str, content: str) -> list[Told]:
    id, first = sent(clerk, kind, content)
    assert undone(casework, id)["errors"] == 0
    return [*first, *sent(clerk, kind, content)[1], *sent(clerk, kind, content)[1]]


def test_what_was_voided_by_hand_stays_voided_and_what_could_not_be_undone_counts_once(
    casework: Casework, clerk: Clerk, people: dict[str, UUID]
):
    content = HEADER + "".join(f"hand-{place},{n},SSI-CARD,2013-03-05\n" for place, n in enumerate([*people][:3]))
    id, _ = sent(clerk, "services", content)
    by_hand, kept, _ = homes = list(people.values())[:3]
    voided, ended = ([*casework.household(each).episodes][-1] for each in (by_hand, kept))
    void = {"episode_id": voided, "voided_on": casework.today, "reason": "never_happened"}
    casework.give(by_hand, "void_service", by("supervisor"), **void)
    end = {"episode_id": ended, "ended_on": date(2013, 5, 1), "reason": "withdrawn"}
    casework.give(kept, "end_service", clerk.context(), **end)

    counted = undone(casework, id)
    _, again = sent(clerk, "services", content)

    assert counted == {"rows": 3, "done": 1, "unchanged": 1, "errors": 1}
    assert again == [UNCHANGED, UNCHANGED, DONE]
    cards = [[e for e in casework.household(each).episodes.values() if e.service == "SSI-CARD"] for each in homes]
    assert [sum(card.voided is None for card in each) for each in cards] == [0, 1, 1]


def test_it_counts_in_the_household_to_which_the_people_came_meanwhile(casework: Casework, clerk: Clerk):
    moves, stays = id_number("19800302", "511"), id_number("19810302", "512")
    source, target = (registered(casework, person(id_number=number)).id for number in (moves, stays))
    content = f"{HEADER}merged-1,{moves},HLT-EDU,2013-03-06\n"
    id, _ = sent(clerk, "services", content)
    undone(casework, id)
    casework.merge_households(target, by("supervisor"), from_household=source, merged_on=casework.today)

    came_to = [sent(clerk, "services", content)[1] for _ in range(2)]

    assert came_to == [[DONE], [UNCHANGED]]
    assert [episode.voided for episode in casework.household(target).episodes.values()] == ["never_happened", None]

"""Long work: how far it is, what came of it, and that it is no longer wanted."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Response, g

from api import unit_pages
from api.auth import IMPORTERS, principal
from api.fields import Query
from api.giving import casework
from api.job_schemas import JobAnswer
from api.resource import Fields, Resource, answer
from casework.errors import NotFound
from casework.projections import jobs
from casework.projections.jobs import Job

bp = Resource("jobs", __name__, description=__doc__)

OF_INSTALLATION = ("find_duplicates",)
"""Kinds of jobs that nobody asked for."""
OF_ROUNDS = ("freeze_round", "rank_round")
COMPARISONS = {"try_policy": "what-ifs", "appeal_round": "appeals"}
"""Kinds of jobs whose answer has an address of its own."""
OPEN = ("waiting", "queued", "running")


class Plainly(Query):
    """No parameters."""


@bp.reading("/jobs/<uuid:job_id>", Plainly, JobAnswer)
def read(asked: Fields, job_id: UUID) -> Response:
    """Read a job: its state, how much of it is done, and in the end its result."""
    job = _found(job_id)
    return answer(_told(job), headers={"Retry-After": "1"} if job.state in OPEN else {})


@bp.cancelling("/jobs/<uuid:job_id>", Plainly, JobAnswer)
def cancel(asked: Fields, job_id: UUID) -> Response:
    """Let a job end; one that is over stays as it is. Asking for the same thing again begins it anew."""
    job = _found(job_id)
    if not _may_cancel(job):
        raise NotFound
    with casework().pool.connection() as db:
        jobs.cancel(db, job_id)
    return answer(_told(_found(job_id)))


def _may_cancel(job: Job) -> bool:
    """Whether they asked for it or run the installation; a job about somebody's file is nobody else's."""
    is_own = job.asked.get("actor") == principal().sub
    is_of_file = "import" in job.asked or "export" in job.asked
    return is_own or g.role == "operator" or not (is_of_file or g.role in IMPORTERS)


def _found(job_id: UUID) -> Job:
    with casework().pool.connection() as db:
        job = jobs.find(db, job_id)
    if job is None or job.kind in OF_INSTALLATION:
        raise NotFound
    return job


def _told(job: Job) -> dict[str, Any]:
    return {
        "id": job.id,
        "state": "running" if job.state == "queued" else job.state,
        "progress": {"done": job.done, "total": job.total},
        "result": unit_pages.counted(job) if job.state == "done" and job.kind == "count_units" else None,
        "href": _href(job),
        "error": job.error,
        "created_at": job.created_at,
    }


def _href(job: Job) -> str | None:
    """Where the thing is that the job works on, if it is one of its own."""
    for what in ("import", "export"):
        if what in job.asked:
            return f"/v1/{what}s/{job.asked[what]}"
    if job.kind in COMPARISONS:
        return f"/v1/rounds/{job.asked['year']}/{COMPARISONS[job.kind]}/{job.id}"
    return f"/v1/rounds/{job.asked['year']}" if job.kind in OF_ROUNDS else None

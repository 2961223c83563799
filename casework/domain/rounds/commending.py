"""The commendation, which both signatories sign, and its revocation (plan lines 97 to 99)."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from casework.domain.codes import bureaus
from casework.domain.evidence import field_error
from casework.domain.residence import By, refuse_if
from casework.domain.rounds.events import (
    CommendationIssued,
    CommendationRevoked,
    CommendationSigned,
    RevocationSigned,
    RoundClosed,
)
from casework.domain.rounds.nomination import Nomination
from casework.domain.rounds.notice import NoticeCommands
from casework.errors import Forbidden, Invalid

DUTY = "selection"
"""The duty, in the register of bureaus, of those that commend jointly."""


def signatories() -> tuple[str, ...]:
    """Return the bureaus that commend jointly; whoever holds such a role signs for it."""
    return tuple(bureau.code for bureau in bureaus() if DUTY in bureau.duties)


class CommendingCommands(NoticeCommands):
    """Sign, revoke, close."""

    def sign_commendation(self, by: By, *, bureau: str | None, document: str, list_sha256: str) -> None:
        """Sign the decision for one of the bureaus; with the last signature the list is commended."""
        self._begin(by, "sign_commendation")
        signing = _signatory(bureau)
        refuse_if(signing in self.signed, "signed-already")
        final = self.finalised
        assert final is not None
        refuse_if(list_sha256 != final.list_sha256, "list-differs")
        refuse_if(any(each.document != document for each in self.signed.values()), "documents-differ")
        self.record(
            CommendationSigned(occurred_on=by.today, bureau=signing, document=document, list_sha256=list_sha256)
        )
        if self.signed.keys() == set(signatories()):
            self.record(
                CommendationIssued(
                    occurred_on=by.today,
                    document=document,
                    signatories=signatories(),
                    listed=final.listed,
                    list_sha256=list_sha256,
                )
            )

    def sign_revocation(self, by: By, *, nomination_id: UUID, bureau: str | None, ground: str, document: str) -> None:
        """Sign for one of the bureaus that a title is taken back; with the last signature it is lost."""
        nomination = self._begin_with(by, "sign_revocation", nomination_id)
        signing = _signatory(bureau)
        assert self.commended is not None
        refuse_if(nomination_id not in self.commended.listed, "not-commended")
        refuse_if(nomination.revoked, "commendation-revoked")
        refuse_if(signing in nomination.revoking, "signed-already")
        if ground not in {each.code for each in self.policy.selection.veto_grounds}:
            raise Invalid(errors=(field_error("/ground", "unknown-code"),))
        differ = any((s.ground, s.document) != (ground, document) for s in nomination.revoking.values())
        refuse_if(differ, "documents-differ")
        self.record(
            RevocationSigned(
                occurred_on=by.today, nomination_id=nomination_id, bureau=signing, ground=ground, document=document
            )
        )
        if nomination.revoking.keys() == set(signatories()):
            self._revoke(by.today, nomination, ground, document)

    def close(self, by: By) -> None:
        """Close a round that commended."""
        self._begin(by, "close")
        self.record(RoundClosed(occurred_on=by.today))

    def _revoke(self, on: date, nomination: Nomination, ground: str, document: str) -> None:
        self.record(
            CommendationRevoked(
                occurred_on=on,
                nomination_id=nomination.id,
                ground=ground,
                document=document,
                signatories=signatories(),
            )
        )


def _signatory(bureau: str | None) -> str:
    if bureau is None or bureau not in signatories():
        raise Forbidden("not-a-signatory")
    return bureau

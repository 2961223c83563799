"""What a command tells of a person, as what the append writes beside the event: the vault's row, keys, claims."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from psycopg import Connection

from casework.domain.ids import vault_partition_of
from casework.errors import ClaimTaken, FieldError, Invalid
from casework.log.append import Beside, Claim, SearchKey, VaultRow
from casework.privacy.id_number import parse_id_number
from casework.privacy.search import KeyedHashes
from casework.privacy.vault import Fields, Vault

_ERASED = """
    SELECT gone.subject_id FROM unnest(%b::smallint[], %b::uuid[]) AS asked (partition, subject_id)
    JOIN vault.erased AS gone USING (partition, subject_id)"""
_HOLDERS = "SELECT hash, stream_id FROM casework.claim WHERE hash = ANY (%b::bytea[])"

_FORGET = "SELECT vault.forget_profiles(%b::uuid, %b::int[])"
_HELD = "SELECT stream_id, subject_id FROM casework.claim WHERE hash = %b"
_ASKED_FOR = "SELECT DISTINCT stream_id FROM casework.claim WHERE kind = 'transfer' ORDER BY stream_id"


class Profile(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What names a person. All of it is sealed; of the date of birth, events hold the month."""

    born_on: date
    name: str | None = None
    id_number: str | None = None
    phone: str | None = None
    address: str | None = None

    def is_of_same_person(self, other: Profile) -> bool:
        """Whether both name one person: by ID number where both have one, else by birth date and name."""
        if self.id_number and other.id_number:
            return self.id_number == other.id_number.strip().upper()
        return self.born_on == other.born_on and (not self.name or not other.name or self.name == other.name)


msgspec.json.Decoder(Profile)  # met at the import, as in casework.errors


class Entry(NamedTuple):
    """A person's profile, sealed: its row, the keys to find it by, the claims that it takes, and warnings."""

    row: VaultRow
    search_keys: list[SearchKey]
    claims: list[Claim]
    warnings: tuple[str, ...]

    def beside(self) -> Beside:
        """What the append writes beside the event."""
        return Beside([self.row], self.search_keys, self.claims)


def together(parts: Iterable[Beside]) -> Beside:
    """Several appends' company as one."""
    vault: list[VaultRow] = []
    keys: list[SearchKey] = []
    claims: list[Claim] = []
    released: list[UUID] = []
    for part in parts:
        vault += part.vault
        keys += part.search_keys
        claims += part.claims
        released += part.released
    return Beside(vault, keys, claims, released)


class Persons:
    """Seals profiles and finds them again."""

    def __init__(self, vault: Vault, hashes: KeyedHashes, *, synthetic: bool) -> None:
        self.vault = vault
        self.hashes = hashes
        self.synthetic = synthetic

    def enter(self, person_id: UUID, profile: Profile, *, today: date, sex: str | None = None, at: str = "") -> Entry:
        """Seal a person's profile; ``at`` is the pointer to it in the body, for errors."""
        profile, warnings = self._checked(profile, today, sex, at)
        fields = msgspec.to_builtins(profile)
        return Entry(
            self.vault.seal(person_id, "person", fields),
            self.hashes.search_keys(person_id, fields),
            self.claims(person_id, profile.id_number),
            warnings,
        )

    def tried(
        self, person_id: UUID, profile: Profile, *, today: date, sex: str | None = None, at: str = ""
    ) -> tuple[list[Claim], tuple[str, ...]]:
        """The claims and warnings of :meth:`enter`, refused alike, where nothing will be written."""
        profile, warnings = self._checked(profile, today, sex, at)
        return self.claims(person_id, profile.id_number), warnings

    def claims(self, person_id: UUID, id_number: str | None) -> list[Claim]:
        """What only one open household may hold of a person, and in it nobody else (RULES G13)."""
        mine = [Claim(self.hashes.claim_hash("person", str(person_id)), "person", subject_id=person_id)]
        if id_number is not None:
            hash = self.hashes.claim_hash("id-number", id_number)
            mine.append(Claim(hash, "id-number", subject_id=person_id))
        return mine

    def holders(self, db: Connection[Any], person_ids: Iterable[UUID]) -> dict[UUID, UUID]:
        """In which household some people are active now; those who are in none are left out."""
        hashes = {self.hashes.claim_hash("person", str(person_id)): person_id for person_id in person_ids}
        rows = db.execute(_HOLDERS, (list(hashes),), binary=True).fetchall() if hashes else []
        return {hashes[bytes(hash)]: stream_id for hash, stream_id in rows}

    def held(self, db: Connection[Any], hash: bytes) -> tuple[UUID, UUID | None] | None:
        """Which stream holds a claim, and for whom in it; None where nobody does."""
        row = db.execute(_HELD, (hash,), binary=True).fetchone()
        return None if row is None else (row[0], row[1])

    def asked_for(self, db: Connection[Any]) -> list[UUID]:
        """The households of which another office asked something that was not answered."""
        return [stream_id for (stream_id,) in db.execute(_ASKED_FOR, binary=True)]

    def number(self, text: str, today: date, *, at: str) -> str:
        """An ID number as it is compared; Invalid, pointing at it, where it cannot be one."""
        try:
            return parse_id_number(text, today=today, synthetic=self.synthetic).number
        except Invalid as error:
            raise Invalid(errors=(FieldError(at, error.code, str(error)),)) from None

    def check_claims(self, db: Connection[Any], household_id: UUID, claims: Iterable[Claim]) -> None:
        """Refuse claims that another household holds now, as the append will that takes them."""
        kinds = {claim.hash: claim.kind for claim in claims}
        rows = db.execute(_HOLDERS, (list(kinds),), binary=True).fetchall() if kinds else []
        for hash, stream_id in rows:
            if stream_id != household_id:
                raise ClaimTaken(held_by=stream_id, kind=kinds[bytes(hash)])

    def profile(self, db: Connection[Any], person_id: UUID) -> Profile | None:
        """A person's profile as it stands, or None once it is erased."""
        return self.profiles(db, [person_id]).get(person_id)

    def profiles(self, db: Connection[Any], person_ids: Iterable[UUID]) -> dict[UUID, Profile]:
        """The profiles of some people, as they stand."""
        found = self.vault.latest(db, person_ids)
        return {person_id: msgspec.convert(fields, Profile) for person_id, fields in found.items()}

    def erased(self, db: Connection[Any], person_ids: Iterable[UUID]) -> set[UUID]:
        """Who of some people was erased, in whichever household."""
        asked = list(person_ids)
        partitions = [vault_partition_of(person_id) for person_id in asked]
        return {row[0] for row in db.execute(_ERASED, (partitions, asked))}

    def forget_other_numbers(self, db: Connection[Any], person_ids: Iterable[UUID]) -> None:
        """Delete earlier profiles of some people that hold another ID number than the one that stands, if one does."""
        for person_id in person_ids:
            told = self._numbers_told(db, person_id)
            wrong = [revision for revision, number in told if number not in (None, told[-1][1])]
            if wrong:
                db.execute(_FORGET, (person_id, wrong))

    def forget_told(self, db: Connection[Any], person_id: UUID, told: Mapping[str, Any]) -> None:
        """Delete earlier profiles of a person that hold details of somebody else."""
        *earlier, _ = [row for row in self.vault.revisions(db, person_id) if row.kind == "person"]
        wrong = [row.number for row in earlier if any(row.fields.get(name) == value for name, value in told.items())]
        if wrong:
            db.execute(_FORGET, (person_id, wrong))

    def numbers(self, db: Connection[Any], person_id: UUID) -> set[str]:
        """The ID numbers that profiles of a person hold, the one that stands and earlier ones."""
        return {number for _, number in self._numbers_told(db, person_id) if number is not None}

    def _numbers_told(self, db: Connection[Any], person_id: UUID) -> list[tuple[int, str | None]]:
        rows = self.vault.revisions(db, person_id)
        return [(row.number, row.fields.get("id_number")) for row in rows if row.kind == "person"]

    def changed(self, profile: Profile, changes: Mapping[str, Any]) -> Profile:
        """A profile with some of its fields told anew."""
        return msgspec.structs.replace(profile, **changes)

    def _checked(self, profile: Profile, today: date, sex: str | None, at: str) -> tuple[Profile, tuple[str, ...]]:
        if profile.born_on > today:
            raise Invalid(errors=(FieldError(f"{at}/born_on", "born-later", ""),))
        if profile.id_number is None:
            return profile, ()
        try:
            number = parse_id_number(profile.id_number, today=today, recorded_sex=sex, synthetic=self.synthetic)
        except Invalid as error:
            raise Invalid(errors=(FieldError(f"{at}/id_number", error.code, str(error)),)) from None
        differs = ("born-differs",) if number.born_on != profile.born_on else ()
        return msgspec.structs.replace(profile, id_number=number.number), number.warnings + differs


def sealed_fields(vault: Vault, subject_id: UUID, fields: Fields) -> VaultRow | None:
    """Vault fields of evidence and a remark as one row, if there are any."""
    if not fields:
        return None
    return vault.seal(subject_id, "remark" if set(fields) == {"remark"} else "evidence", fields)

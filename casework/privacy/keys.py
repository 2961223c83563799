"""The keys of the vault: files that only their owner can read, outside the database and its backups.

There are three kinds, because they live differently:

* ``master-<number>-<check>.key`` seal the vault (AES-256-GCM). The highest number is the current one. A new
  one can be added at any time; the older ones are needed until every row is sealed again.
* ``ledger.key`` signs the ledger of erasures (Ed25519), and is made with the first of them.
* ``index.key`` is the one root of all keyed hashes. Claims and commands are kept as hashes only, so it can
  never change, and separate files would have to be kept together for ever anyway: each purpose has a key of
  its own, derived with HKDF (RFC 5869), which tells nothing of the others.

A file holds 32 random bytes and the first 4 bytes of their SHA-256, in hexadecimal: a damaged file is
refused, where it would otherwise quietly make every search and every claim miss.
"""

from __future__ import annotations

import hmac
import os
import re
import stat
from hashlib import sha256
from pathlib import Path
from typing import Literal, Self, get_args

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESSIV
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from casework.domain.codes import bureaus
from casework.errors import CaseworkError

Purpose = Literal["search", "claim", "command", "command-body", "installation", "pseudonym"]

_KEY = 32
_CHECK = 4
_INDEX_FILE = "index.key"
_LEDGER_FILE = "ledger.key"
_MASTER_FILE = re.compile(r"master-([0-9]{4}-[0-9a-f]{8})\.key")


class KeyRing:
    """The keys of one installation, held as ciphers and primed hashers: none is ever shown or logged."""

    def __init__(self, keys_dir: Path) -> None:
        self._keys_dir = keys_dir
        self.reload()
        root = _read_key(keys_dir / _INDEX_FILE)
        self._hashers = {purpose: _hasher(root, purpose) for purpose in get_args(Purpose)}
        self.cursor_cipher = AESSIV(_derived(root, "cursor"))
        self._of_bureaus = {row.code: _permutation(root, row.code) for row in bureaus()}

    @classmethod
    def open(cls, keys_dir: Path, *, create: bool) -> Self:
        """Read the keys in a folder (0700, its files 0600); ``create`` makes the first where there is none.

        Raises ``keys-missing``, ``keys-exposed`` (somebody else could read them) or ``keys-damaged``. An
        ``index.key`` is never made beside master keys: that it got lost must not go unnoticed.
        """
        if create:
            _make_first(keys_dir)
        if not keys_dir.is_dir():
            raise CaseworkError("keys-missing", path=keys_dir)
        _refuse_exposed(keys_dir, keys_dir.stat())
        return cls(keys_dir)

    @property
    def fingerprint(self) -> bytes:
        """What tells this installation's hashes from another's, without telling the key."""
        return self.digest("installation")

    def cipher(self, key_id: str) -> AESGCM:
        """Return a master key's cipher, also where it was added since; else raises ``key-unknown``."""
        if key_id not in self._masters:
            self.reload()
        try:
            return self._masters[key_id]
        except KeyError:
            raise CaseworkError("key-unknown", key_id=key_id) from None

    def digest(self, purpose: Purpose, *parts: bytes) -> bytes:
        """Return the HMAC-SHA-256 of some parts, each after its length, under the key of a purpose."""
        hasher = self._hashers[purpose].copy()
        hasher.update(b"".join(len(part).to_bytes(8) + part for part in parts))
        return hasher.digest()

    def bureau_cipher(self, bureau: str) -> Cipher[ECB]:
        """Return what turns ids into a bureau's own and back, one block each."""
        return self._of_bureaus[bureau]

    def rotate(self) -> str:
        """Add a master key, which is the current one from now on, and return its id.

        Other processes go on with the key that they know, and learn of this one when they start or meet a row
        that it sealed: copy the file to every machine before anything is sealed under it.
        """
        self.reload()
        added = _make_master(self._keys_dir, 1 + int(self.current.split("-")[0]))
        self.reload()
        return added

    def reload(self) -> None:
        """Read the master keys again; ``current`` is the id of the one that seals now."""
        self._masters = _read_masters(self._keys_dir)
        self.current = max(self._masters)

    def __repr__(self) -> str:
        return f"<KeyRing of {len(self._masters)} master keys, current {self.current}>"


def ledger_seed(keys_dir: Path, *, create: bool) -> bytes:
    """Return the private key of the ledger of erasures; ``create`` makes it where there is none."""
    if create and not (keys_dir / _LEDGER_FILE).exists():
        _write_once(keys_dir / _LEDGER_FILE, os.urandom(_KEY))
    return _read_key(keys_dir / _LEDGER_FILE)


def _hasher(root: bytes, purpose: str) -> hmac.HMAC:
    return hmac.new(_derived(root, purpose), digestmod=sha256)


def _permutation(root: bytes, bureau: str) -> Cipher[ECB]:
    """An id is a single block, and no two are the same: here ECB is the keyed permutation that is wanted."""
    return Cipher(AES(_derived(root, f"bureau-id {bureau}")), ECB())


def _derived(root: bytes, purpose: str) -> bytes:
    return HKDF(SHA256(), _KEY, salt=None, info=f"casework {purpose}".encode()).derive(root)


def _read_masters(keys_dir: Path) -> dict[str, AESGCM]:
    named = ((_MASTER_FILE.fullmatch(path.name), path) for path in keys_dir.iterdir())
    masters = {match[1]: AESGCM(_read_key(path, check=match[1][-2 * _CHECK :])) for match, path in named if match}
    if not masters:
        raise CaseworkError("keys-missing", path=keys_dir)
    return masters


def _read_key(path: Path, check: str | None = None) -> bytes:
    try:
        with path.open("rb") as file:
            _refuse_exposed(path, os.fstat(file.fileno()))
            text = file.read(1024)
    except FileNotFoundError:
        raise CaseworkError("keys-missing", path=path) from None
    try:
        content = bytes.fromhex(text.decode("ascii"))
    except ValueError:
        content = b""
    key, found = content[:_KEY], content[_KEY:]
    if len(content) != _KEY + _CHECK or found != _check(key) or check not in (None, found.hex()):
        raise CaseworkError("keys-damaged", path=path)
    return key


def _check(key: bytes) -> bytes:
    return sha256(key).digest()[:_CHECK]


def _refuse_exposed(path: Path, status: os.stat_result) -> None:
    if stat.S_IMODE(status.st_mode) & 0o077 or status.st_uid not in (0, os.geteuid()):
        raise CaseworkError("keys-exposed", path=path)


def _make_first(keys_dir: Path) -> None:
    """Make ``index.key``, then a master key: what was cut between the two is completed by the next start."""
    keys_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    _refuse_exposed(keys_dir, keys_dir.stat())
    if any(_MASTER_FILE.fullmatch(path.name) for path in keys_dir.iterdir()):
        return
    if not (keys_dir / _INDEX_FILE).exists():
        _write_once(keys_dir / _INDEX_FILE, os.urandom(_KEY))
    _make_master(keys_dir, 1)


def _make_master(keys_dir: Path, number: int) -> str:
    key = os.urandom(_KEY)
    key_id = f"{number:04d}-{_check(key).hex()}"
    _write_once(keys_dir / f"master-{key_id}.key", key)
    return key_id


def _write_once(path: Path, key: bytes) -> None:
    """Write a key file whole, or leave the one that is there: another process may have just written it."""
    draft = path.with_name(f".{path.name}.{os.urandom(4).hex()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(f"{(key + _check(key)).hex()}\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    _sync(path.parent)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

"""The node's keys on the disk: a PEM file for each private half, and one list of what is known of them."""

from __future__ import annotations

import fcntl
import json
import os
import re
import stat
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from marrowcount.errors import SettingsError, StorageError
from marrowcount_adapters.smart_backend.keys import Algorithm, SigningKey
from marrowcount_adapters.smart_backend.rotation import KeyRecord, KeyState, in_use, published, shown, states

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Generator, Mapping, Sequence
    from pathlib import Path

__all__ = ["KeyFolder"]

LIST: Final = "keys.json"
LOCK: Final = "keys.lock"
FOR_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
"""Permissions that a private key must not give."""
KEY_ID: Final = re.compile(r"[A-Za-z0-9_-]{43}")
"""A thumbprint, which is also a name of a file."""


@dataclass(frozen=True, slots=True)
class KeyFolder:
    """The keys; commands and services of the node may use them at the same time.

    Attributes:
        folder: made at the first key, for the node's user alone.
        overlap: between publishing a key and signing with it, and between that and the end of the key before it.
    """

    folder: Path
    overlap: timedelta

    def records(self) -> Sequence[KeyRecord]:
        """All keys, the oldest first; none where there is no folder.

        Raises:
            SettingsError: ``keys-unreadable``.
        """
        try:
            entries = json.loads((self.folder / LIST).read_bytes())["keys"]
            return tuple(_record(entry) for entry in entries)
        except FileNotFoundError:
            return ()
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise SettingsError("keys-unreadable", f"{self.folder / LIST}: {_reason(error)}; restore it") from None

    def states(self, now: datetime) -> Mapping[str, KeyState]:
        """What each key is good for, by its id."""
        return states(self.records(), now, self.overlap)

    def public_keys(self, now: datetime) -> Mapping[str, Sequence[Mapping[str, str]]]:
        """The JSON Web Key Set to hand out (RFC 7517 section 5)."""
        return {"keys": [dict(record.public) for record in shown(self.records(), now, self.overlap)]}

    def make(self, algorithm: Algorithm, now: datetime) -> KeyRecord:
        """Make a key, which signs nothing before it is published; destroy those that are retired.

        Raises:
            StorageError: ``keys-unwritable``.
        """
        key = SigningKey.made(algorithm)
        record = KeyRecord(key.key_id, algorithm, key.public_jwk(), now)

        def added(records: Sequence[KeyRecord]) -> Sequence[KeyRecord]:
            self._write(f"{key.key_id}.pem", key.pem())
            return (*shown(records, now, self.overlap), record)

        self._change(added)
        return record

    def note_published(self, now: datetime, key_ids: Collection[str] | None = None) -> bool:
        """From now on those who check signatures can learn of these keys, or of all; whether that was new of any.

        Raises:
            StorageError: ``keys-unwritable``.
        """
        ids = {each.key_id for each in self.records() if each.published_at is None}
        ids &= ids if key_ids is None else set(key_ids)
        if ids:
            self._change(lambda records: published(records, ids, now, self.overlap))
        return bool(ids)

    def find(self, beginning: str) -> str:
        """The id of the one key whose id begins so.

        Raises:
            SettingsError: ``unknown-key``, none does, or several do.
        """
        found = [each.key_id for each in self.records() if each.key_id.startswith(beginning)]
        if len(found) != 1:
            message = f"{len(found)} keys begin with {beginning}: see `marrowcount keys list`"
            raise SettingsError("unknown-key", message)
        return found[0]

    def use(self, key_id: str, now: datetime) -> None:
        """Sign with it from now on: those who check signatures know of it already.

        Raises:
            SettingsError: ``unknown-key``, ``key-unpublished``, or ``key-retired``.
        """

        def begun(records: Sequence[KeyRecord]) -> Sequence[KeyRecord]:
            self._require_usable(key_id, records, now)
            return [replace(each, signs_from=now) if each.key_id == key_id else each for each in records]

        self._change(begun)

    def _require_usable(self, key_id: str, records: Sequence[KeyRecord], now: datetime) -> None:
        record = _known(key_id, records)
        if record.published_at is None:
            message = f"nobody can know of {key_id} yet: run `marrowcount keys publish` first"
            raise SettingsError("key-unpublished", message)
        if states(records, now, self.overlap)[key_id] is KeyState.RETIRED:
            raise SettingsError("key-retired", f"{key_id} is handed out no longer: make a new one")

    def remove(self, key_id: str, now: datetime) -> None:
        """Destroy a key: nobody believes what it signs once the key set without it is published.

        Raises:
            SettingsError: ``unknown-key``, or ``key-in-use``.
        """

        def left(records: Sequence[KeyRecord]) -> Sequence[KeyRecord]:
            record = _known(key_id, records)
            if in_use(records, record.algorithm, now, self.overlap) == record:
                message = f"{key_id} signs: make, publish and use another one first"
                raise SettingsError("key-in-use", message)
            return [each for each in records if each.key_id != key_id]

        self._change(left)

    def signing_key(self, algorithms: Sequence[Algorithm], now: datetime) -> SigningKey:
        """The key to sign with, by the first of the algorithms of which one signs.

        Raises:
            SettingsError: ``no-signing-key``, ``key-exposed``, ``bad-key`` or ``keys-unreadable``.
        """
        records = self.records()
        for algorithm in algorithms:
            record = in_use(records, algorithm, now, self.overlap)
            if record is not None:
                return self._private(record)
        wanted = " or ".join(algorithms)
        message = (
            f"there is no {wanted} key in {self.folder} that may sign: make one by `marrowcount keys new`, hand it "
            "out by `marrowcount keys publish`, and register it at the EHR"
        )
        raise SettingsError("no-signing-key", message)

    def _private(self, record: KeyRecord) -> SigningKey:
        file = self.folder / f"{record.key_id}.pem"
        try:
            with file.open("rb") as opened:
                _require_private(file, os.fstat(opened.fileno()).st_mode)
                key = SigningKey.from_pem(opened.read())
        except OSError as error:
            raise SettingsError("keys-unreadable", f"{file}: {error.strerror}") from None
        except SettingsError as error:
            raise SettingsError(error.code, f"{file}: {error.message}") from None
        if key.key_id != record.key_id:
            raise SettingsError("bad-key", f"{file}: it is another key than its name says; restore it")
        return key

    def _change(self, change: Callable[[Sequence[KeyRecord]], Sequence[KeyRecord]]) -> None:
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with self._alone():
                before = self.records()
                after = change(before)
                self._write(LIST, _encoded(after))
                for gone in {each.key_id for each in before} - {each.key_id for each in after}:
                    (self.folder / f"{gone}.pem").unlink(missing_ok=True)
        except OSError as error:
            raise StorageError("keys-unwritable", f"{self.folder}: {error.strerror}") from None

    @contextmanager
    def _alone(self) -> Generator[None]:
        descriptor = os.open(self.folder / LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _write(self, name: str, content: bytes) -> None:
        """Whole or not at all, for the node's user alone; only one at a time does this."""
        making = self.folder / f".{name}.new"
        making.unlink(missing_ok=True)
        descriptor = os.open(making, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        making.replace(self.folder / name)
        folder = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _require_private(file: Path, mode: int) -> None:
    if mode & FOR_OTHERS:
        message = f"it is open to others (mode {stat.S_IMODE(mode):04o}): chmod 600 {file.name}, and make a new key"
        raise SettingsError("key-exposed", message)


def _known(key_id: str, records: Sequence[KeyRecord]) -> KeyRecord:
    found = next((record for record in records if record.key_id == key_id), None)
    if found is None:
        raise SettingsError("unknown-key", f"there is no key {key_id}: see `marrowcount keys list`")
    return found


def _encoded(records: Sequence[KeyRecord]) -> bytes:
    entries = [
        {
            "public": dict(record.public),
            "made_at": record.made_at.isoformat(),
            "published_at": _text(record.published_at),
            "signs_from": _text(record.signs_from),
        }
        for record in records
    ]
    return json.dumps({"keys": entries}, indent=2).encode("ascii") + b"\n"


def _record(entry: Mapping[str, Any]) -> KeyRecord:
    public = {str(name): str(value) for name, value in entry["public"].items()}
    if not KEY_ID.fullmatch(public["kid"]):
        msg = "a key id is no thumbprint"
        raise ValueError(msg)
    return KeyRecord(
        public["kid"],
        Algorithm(public["alg"]),
        public,
        datetime.fromisoformat(entry["made_at"]),
        _instant(entry["published_at"]),
        _instant(entry["signs_from"]),
    )


def _instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _text(instant: datetime | None) -> str | None:
    return None if instant is None else instant.isoformat()


def _reason(error: Exception) -> str:
    return str(error.strerror) if isinstance(error, OSError) else f"it is no list of keys ({type(error).__name__})"

"""Keeps the index of headers in step with the ledger: what was received, and the results of counted slides."""

from __future__ import annotations

import hashlib
import json
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import structlog

from marrowcount.errors import InstanceError, StorageError
from marrowcount_adapters.dicomweb.attributes import brief_tags
from marrowcount_adapters.dicomweb.dicom_json import json_pieces
from marrowcount_adapters.dicomweb.held import Held
from marrowcount_adapters.dicomweb.index import Entry
from marrowcount_adapters.dicomweb.part10 import opened

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping, Sequence
    from pathlib import Path

    from marrowcount.ports import InstanceStore, Ledger, ReceivedInstance, SlideRecord
    from marrowcount_adapters.dicomweb.index import HeaderIndex

__all__ = ["Holdings"]

LOG: Final = structlog.get_logger()

SHARED_GROUPS: Final = 0x52009229
"""Where the functional groups begin: what comes before is all that a search returns."""
MAX_ELEMENT: Final = 4096
"""Characters of an element's JSON in the index; longer ones, ICC profiles for example, stand in metadata alone."""

DICOM_FILES: Final = "*.dcm"
RESULT: Final = "result "
LONGEST_WAIT_S: Final = 20.0


class Holdings:
    """What can be searched for and retrieved.

    Raises (all methods):
        StorageError: the ledger, the index or the disk fails.
    """

    def __init__(self, ledger: Ledger, store: InstanceStore, results: Path, index: HeaderIndex) -> None:
        self._ledger = ledger
        self._store = store
        self._results = results
        self._turn = threading.Lock()
        self.index = index

    def instance(self, study_uid: str, series_uid: str, sop_instance_uid: str) -> Held | None:
        """One instance; None where the node does not hold it under these UIDs."""
        found = self.index.instance(sop_instance_uid)
        if found is None or not found.path.exists():
            self.bring_up_to_date()
            found = self.index.instance(sop_instance_uid)
        if found is None or (found.study_uid, found.series_uid) != (study_uid, series_uid) or not found.path.exists():
            return None
        return found

    def series(self, study_uid: str, series_uid: str) -> Sequence[Held]:
        """The instances of a series in the order of their receipt."""
        self.bring_up_to_date()
        return [one for one in self.index.series(series_uid) if one.study_uid == study_uid and one.path.exists()]

    def study(self, study_uid: str) -> Sequence[Held]:
        """The instances of a study."""
        self.bring_up_to_date()
        return [one for one in self.index.study(study_uid) if one.path.exists()]

    def bring_up_to_date(self) -> None:
        """Index what came since the last time, and forget results that are superseded.

        Raises:
            StorageError: as all methods; ``index-busy`` where another request has been at it for long, as when an
                index is made anew.
        """
        with self._taking_turns():
            stamps = self.index.stamps()
            slides = self._ledger.slides()
            current = {_result_source(slide): slide.result_folder for slide in slides if slide.result_folder}
            for source, folder in stamps.items():
                if source.startswith(RESULT) and current.get(source) != folder:
                    self.index.forget(source)
            for slide in slides:
                self._index(slide, stamps)

    @contextmanager
    def _taking_turns(self) -> Generator[None]:
        """One at a time; whoever waits long is sent away, lest all threads of the server wait."""
        if not self._turn.acquire(timeout=LONGEST_WAIT_S):
            raise StorageError("index-busy", "The index of headers is being made; ask again in a while.")
        try:
            yield
        finally:
            self._turn.release()

    def _index(self, slide: SlideRecord, stamps: Mapping[str, str]) -> None:
        received, counted = f"slide {slide.series_uid}", _result_source(slide)
        if stamps.get(received) != str(slide.instances):
            new = self._received(slide.series_uid, self.index.known(received))
            self.index.add(received, str(slide.instances), new, brief_tags())
        if slide.result_folder and stamps.get(counted) != slide.result_folder:
            self.index.add(counted, slide.result_folder, self._counted(slide), brief_tags())

    def _received(self, series_uid: str, known: frozenset[str]) -> Iterator[Entry]:
        for received in self._ledger.instances(series_uid):
            if received.facts.sop_instance_uid in known:
                continue
            held = _held(received, self._store.path(received.file.path))
            yield Entry(held, _header(held))

    def _counted(self, slide: SlideRecord) -> Iterator[Entry]:
        for path in sorted((self._results / slide.result_folder).glob(DICOM_FILES)):
            try:
                yield _result(path)
            except (InstanceError, OSError) as error:
                LOG.error("index.result_unreadable", series_instance_uid=slide.series_uid, error=type(error).__name__)  # noqa: TRY400 - the kind says all


def _result_source(slide: SlideRecord) -> str:
    return f"{RESULT}{slide.series_uid}"


def _held(received: ReceivedInstance, path: Path) -> Held:
    facts = received.facts
    return Held(
        study_uid=facts.study_uid,
        series_uid=facts.series_uid,
        sop_instance_uid=facts.sop_instance_uid,
        sop_class_uid=facts.sop_class_uid,
        transfer_syntax_uid=facts.transfer_syntax_uid,
        path=path,
        size_bytes=received.file.size_bytes,
        sha256=received.file.sha256,
    )


def _result(path: Path) -> Entry:
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    header, syntax = _short_values(path)
    study, series, instance, sop_class = (_uid(header, tag) for tag in ("0020000D", "0020000E", "00080018", "00080016"))
    return Entry(Held(study, series, instance, sop_class, syntax, path, path.stat().st_size, sha256), header)


def _header(held: Held) -> Mapping[str, object]:
    """The short values; of a file that cannot be read nothing but what the ledger knows."""
    try:
        return _short_values(held.path)[0]
    except (InstanceError, OSError) as error:
        LOG.error(  # noqa: TRY400 - the kind says all
            "index.instance_unreadable", sop_instance_uid=held.sop_instance_uid, error=type(error).__name__
        )
    uids = {
        "00080016": held.sop_class_uid,
        "00080018": held.sop_instance_uid,
        "0020000D": held.study_uid,
        "0020000E": held.series_uid,
    }
    return {tag: {"vr": "UI", "Value": [uid]} for tag, uid in uids.items()}


def _short_values(path: Path) -> tuple[Mapping[str, object], str]:
    """What stands before the functional groups, but long values; and the Transfer Syntax UID."""
    texts: dict[int, str] = {}
    with opened(path) as source:
        for tag, text in json_pieces(source, "", SHARED_GROUPS):
            so_far = texts.get(tag, "")
            texts[tag] = so_far if len(so_far) > MAX_ELEMENT else so_far + text
        whole = ",".join(text for text in texts.values() if len(text) <= MAX_ELEMENT and "BulkDataURI" not in text)
        parsed: Mapping[str, object] = json.loads(f"{{{whole}}}")
        return parsed, source.transfer_syntax_uid


def _uid(header: Mapping[str, object], tag: str) -> str:
    element = header.get(tag)
    values = element.get("Value") if isinstance(element, dict) else None
    if not values:
        raise InstanceError("missing-attribute", "A result lacks an identifier.")
    return str(values[0])

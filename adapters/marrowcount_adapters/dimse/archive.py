"""An archive by DIMSE: C-FIND to ask; C-MOVE to the listening node, or C-GET into this process, to fetch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pydicom.uid import VLWholeSlideMicroscopyImageStorage
from pynetdicom.presentation import build_context

from marrowcount.errors import DeliveryRefusedError, PeerError
from marrowcount.ports import Archive, FetchFailure, FoundStudy, ListedSeries
from marrowcount.ports.audit import OnQuery, untold
from marrowcount_adapters.dimse.association import Calling, called, echo
from marrowcount_adapters.dimse.contexts import UNCOMPRESSED
from marrowcount_adapters.dimse.getting import Inlet, slide_contexts, slide_role
from marrowcount_adapters.dimse.query import (
    decode_study,
    instance_query,
    listed_slide,
    retrieve_identifier,
    series_query,
    slide_series,
    study_query,
)
from marrowcount_adapters.dimse.retrieving import MODEL_FIND, MODEL_GET, MODEL_MOVE, Transfer, matches, wait_for_silence

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from pydicom.dataset import Dataset
    from pynetdicom.association import Association

    from marrowcount.ports import FetchProgress, WantedStudy
    from marrowcount.workflow.receive import Receiving
    from marrowcount_adapters.dimse.peers import Peer

__all__ = ["GetArchive", "MoveArchive"]

LAST_MESSAGE_ID: Final = 65535


class _QueriedArchive(Archive):
    """What both have in common: the questions; ``on_query`` is told of each."""

    def __init__(self, name: str, peer: Peer, calling: Calling, on_query: OnQuery = untold) -> None:
        self._name = name
        self._peer = peer
        self._calling = calling
        self._on_query = on_query

    @property
    def name(self) -> str:
        """Its name in the settings."""
        return self._name

    def check(self) -> str:
        """C-ECHO; how it answered.

        Raises:
            PeerError: it did not.
        """
        return echo(self._peer, self._calling)

    def find_studies(self, wanted: WantedStudy) -> Sequence[FoundStudy]:
        """The studies that match.

        Raises:
            PeerError: it cannot be reached, or does not answer the query.
        """
        query = study_query(wanted)
        with self._asking() as association:
            return [decode_study(answer) for answer in self._matches(association, query)]

    def list_slides(self, study_uid: str, series_uid: str = "") -> Sequence[ListedSeries]:
        """The slides of a study, or the one that is named.

        Raises:
            PeerError: it cannot be reached, or does not answer the query.
        """
        with self._asking() as association:
            series = slide_series(self._matches(association, series_query(study_uid, series_uid)), series_uid)
            slides = [
                listed_slide(study_uid, uid, counted, self._matches(association, instance_query(study_uid, uid)))
                for uid, counted in series.items()
            ]
        return [slide for slide in slides if slide.instances]

    def _matches(self, association: Association, query: Dataset) -> list[Dataset]:
        return matches(association, self._peer, query, self._on_query)

    def _asking(self) -> AbstractContextManager[Association]:
        return called(self._peer, self._calling, [build_context(MODEL_FIND, list(UNCOMPRESSED))])


class MoveArchive(_QueriedArchive):
    """Sends to the node's listener, which has to run, and whose AE title the archive has to know."""

    def fetch(
        self, slide: ListedSeries, sop_instance_uids: Sequence[str], progress: FetchProgress
    ) -> Sequence[FetchFailure]:
        """C-MOVE to the node.

        Raises:
            PeerError: it cannot be reached, or could not perform it.
            DeliveryRefusedError: ``destination-unknown`` and what else will not change by itself.
        """
        with called(self._peer, self._calling, [build_context(MODEL_MOVE, list(UNCOMPRESSED))]) as association:
            wait_for_silence(association)

            def begin(identifier: Dataset, message_id: int) -> Iterator[tuple[Dataset, Dataset | None]]:
                return association.send_c_move(identifier, self._calling.ae_title, MODEL_MOVE, message_id)

            transfer = Transfer(association, self._peer, "C-MOVE", MODEL_MOVE, begin)
            return _run(transfer, slide, sop_instance_uids, progress)


class GetArchive(_QueriedArchive):
    """Sends on the association that asked, so that the node need not be known to it, nor listen."""

    def __init__(
        self, name: str, peer: Peer, calling: Calling, receiving: Receiving, on_query: OnQuery = untold
    ) -> None:
        super().__init__(name, peer, calling, on_query)
        self._receiving = receiving

    def fetch(
        self, slide: ListedSeries, sop_instance_uids: Sequence[str], progress: FetchProgress
    ) -> Sequence[FetchFailure]:
        """C-GET into the inbox.

        Raises:
            PeerError: it cannot be reached, or could not perform it.
            DeliveryRefusedError: what will not change by itself.
            StorageError: the disk or the ledger can take no more.
        """
        inlet = Inlet(self._receiving, self._peer)

        def checked(done: int, total: int) -> None:
            inlet.check()
            progress(done, total)

        contexts = [build_context(MODEL_GET, list(UNCOMPRESSED)), *slide_contexts()]
        with called(
            self._peer, self._calling, contexts, inlet.handlers(), roles=[slide_role()], prepare=inlet.prepare
        ) as association:
            wait_for_silence(association)
            _require(association, self._peer, MODEL_GET, "C-GET")
            _require(association, self._peer, VLWholeSlideMicroscopyImageStorage, "C-GET of slide images")

            def begin(identifier: Dataset, message_id: int) -> Iterator[tuple[Dataset, Dataset | None]]:
                return association.send_c_get(identifier, MODEL_GET, message_id)

            transfer = Transfer(association, self._peer, "C-GET", MODEL_GET, begin)
            try:
                failures = _run(transfer, slide, sop_instance_uids, checked)
            except PeerError:  # whatever the archive makes of it, the node's own failure is the one to tell
                inlet.check()
                raise
            inlet.check()
        return [*(FetchFailure(uid, reason) for uid, reason in inlet.refused.items()), *failures]


def _require(association: Association, peer: Peer, sop_class_uid: str, service: str) -> None:
    """Refuse where what matters is not among what the archive took of the offers."""
    taken = [context for context in association.accepted_contexts if context.abstract_syntax == sop_class_uid]
    if sop_class_uid == VLWholeSlideMicroscopyImageStorage:  # it is of no use where the role was not granted
        taken = [context for context in taken if context.as_scp]
    if not taken:
        raise DeliveryRefusedError("peer-lacks-service", f"{peer} does not offer {service}; use move or web for it.")


def _run(
    transfer: Transfer, slide: ListedSeries, sop_instance_uids: Sequence[str], progress: FetchProgress
) -> list[FetchFailure]:
    """One request for a series of which nothing is there; else one an instance.

    A list of UIDs in one request would do (PS3.4 C.4.2.1.4.1), but archives exist that heed its first entry alone.
    """
    total = len(sop_instance_uids)
    if {instance.sop_instance_uid for instance in slide.instances} <= set(sop_instance_uids):
        failures = transfer.follow(retrieve_identifier(slide), 1, _counting_from(0, total, progress))
        progress(total, total)
        return failures
    failures = []
    for done, uid in enumerate(sop_instance_uids):
        message_id, counting = done % LAST_MESSAGE_ID + 1, _counting_from(done, total, progress)
        failures += transfer.follow(retrieve_identifier(slide, uid), message_id, counting)
        progress(done + 1, total)
    return failures


def _counting_from(done: int, total: int, progress: FetchProgress) -> Callable[[int], None]:
    return lambda ended: progress(min(done + ended, total), total)

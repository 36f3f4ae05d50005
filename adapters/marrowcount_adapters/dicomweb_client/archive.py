"""An archive by DICOMweb: QIDO-RS to ask, WADO-RS to fetch, instance by instance, streamed to the inbox."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from marrowcount.errors import InstanceError
from marrowcount.ports import Archive, FetchFailure, FoundStudy, ListedSeries
from marrowcount.ports.audit import OnQuery, untold
from marrowcount_adapters.dicomweb_client.asking import Asking, client_for, fault_of
from marrowcount_adapters.dicomweb_client.qido import (
    decode_study,
    listed_slide,
    series_keys,
    slide_series,
    study_keys,
)
from marrowcount_adapters.dicomweb_client.related import SinglePart, boundary_of

if TYPE_CHECKING:
    import ssl
    from collections.abc import Generator, Iterator, Sequence
    from pathlib import Path

    import httpx

    from marrowcount.ports import ArrivingFile, FetchProgress, WantedStudy
    from marrowcount.workflow.receive import Receiving

__all__ = ["WebArchive"]

AS_STORED: Final = 'multipart/related; type="application/dicom"; transfer-syntax=*'
"""Without the last parameter the default is Explicit VR Little Endian: the archive would decompress the slide."""

PIECE_BYTES: Final = 1 << 20
CHECK_EVERY_BYTES: Final = 8 << 20
"""How often a running transfer is held against the limits."""

LACKING: Final = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.GONE})
ANSWERED: Final = frozenset({HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT})


@dataclass(frozen=True, slots=True)
class WebArchive(Archive):
    """A DICOMweb service base.

    Attributes:
        archive_name: in the settings.
        url: of the service base.
        token_file: holds a bearer token; None for none.
        timeout_s: silence after which it is given up, in seconds.
        receiving: takes the instances over.
        tls: for servers that are not signed by those whom the system trusts, or ask for a certificate.
        on_query: told of each query.
    """

    archive_name: str
    url: str
    token_file: Path | None
    timeout_s: float
    receiving: Receiving
    tls: ssl.SSLContext | None = None
    on_query: OnQuery = untold

    @property
    def name(self) -> str:
        """Its name in the settings."""
        return self.archive_name

    def check(self) -> str:
        """Ask for one study.

        Raises:
            PeerError: it does not answer as a DICOMweb server.
        """
        with self._asking() as asking:
            asking.page("studies", {"limit": "1"})
        return "answers QIDO-RS"

    def find_studies(self, wanted: WantedStudy) -> Sequence[FoundStudy]:
        """The studies that match.

        Raises:
            PeerError: it cannot be reached, or does not answer the query.
        """
        with self._asking() as asking:
            return [decode_study(answer) for answer in asking.matches("studies", study_keys(wanted))]

    def list_slides(self, study_uid: str, series_uid: str = "") -> Sequence[ListedSeries]:
        """The slides of a study, or the one that is named.

        Raises:
            PeerError: it cannot be reached, or does not answer the query.
        """
        place = f"studies/{study_uid}/series"
        with self._asking() as asking:
            series = slide_series(asking.matches(place, series_keys(series_uid)), series_uid)
            slides = [
                listed_slide(study_uid, uid, counted, asking.matches(f"{place}/{uid}/instances", {}))
                for uid, counted in series.items()
            ]
        return [slide for slide in slides if slide.instances]

    def fetch(
        self, slide: ListedSeries, sop_instance_uids: Sequence[str], progress: FetchProgress
    ) -> Sequence[FetchFailure]:
        """WADO-RS, one request an instance, so that what came stays when a later one fails.

        Raises:
            PeerError: it cannot be reached, or failed.
            DeliveryRefusedError: what will not change by itself.
            StorageError: the disk or the ledger can take no more.
        """
        place = f"studies/{slide.study_uid}/series/{slide.series_uid}/instances"
        failures: list[FetchFailure] = []
        with self._asking() as asking:
            for done, uid in enumerate(sop_instance_uids):
                failures += self._fetched(asking, f"{place}/{uid}", uid)
                progress(done + 1, len(sop_instance_uids))
        return failures

    @contextmanager
    def _asking(self) -> Generator[Asking]:
        with client_for(self.url, self.token_file, self.timeout_s, self.tls) as client:
            yield Asking(self.archive_name, client, self.on_query)

    def _fetched(self, asking: Asking, path: str, uid: str) -> list[FetchFailure]:
        with asking.streamed(path, AS_STORED) as response:
            if response.status_code in LACKING:
                return [FetchFailure(uid, f"{self.name} does not have it (HTTP {response.status_code})")]
            if response.status_code not in ANSWERED:
                raise fault_of(self.name, response.status_code)
            return self._taken(response, uid)

    def _taken(self, response: httpx.Response, uid: str) -> list[FetchFailure]:
        arriving = self.receiving.arriving()
        try:
            self._write(arriving, response)
            receipt = self.receiving.take(arriving.path, self.name, "", uid, arriving.finish())
        except InstanceError as error:
            return [FetchFailure(uid, f"{error.code}: {error.message}")]
        finally:
            arriving.discard()
        return [] if receipt.taken else [FetchFailure(uid, f"{receipt.code}: {receipt.message}")]

    def _write(self, arriving: ArrivingFile, response: httpx.Response) -> None:
        received = checked = 0
        for piece in _content(response):
            arriving.write(piece)
            received += len(piece)
            if received - checked >= CHECK_EVERY_BYTES:
                checked = received
                self.receiving.check_transfer(received)


def _content(response: httpx.Response) -> Iterator[bytes]:
    """The instance, out of its wrapping where it has one."""
    boundary = boundary_of(response.headers.get("Content-Type", ""))
    if not boundary:
        yield from response.iter_bytes(PIECE_BYTES)
        return
    part = SinglePart(boundary)
    for piece in response.iter_bytes(PIECE_BYTES):
        yield part.feed(piece)
    part.close()

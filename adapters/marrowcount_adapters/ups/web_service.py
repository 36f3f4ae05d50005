"""UPS-RS as user agent (PS3.18 section 11), by httpx."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import httpx
import structlog
from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset

from marrowcount.errors import DeliveryRefusedError, PeerError
from marrowcount.ports.audit import OnQuery, OutgoingQuery, untold
from marrowcount.workitems import FINAL_STATES, UpsStatus, WorkitemState
from marrowcount_adapters.ups.encoding import (
    DECODED,
    MalformedWorkitemError,
    data_set_of,
    encode_state_change,
    state_of,
)
from marrowcount_adapters.ups.worklist import UpsService

if TYPE_CHECKING:
    import ssl
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    from marrowcount_adapters.ups.worklist import Key

__all__ = ["WebUps"]

LOG: Final = structlog.get_logger()

DICOM_JSON: Final = "application/dicom+json"
NEEDED: Final = frozenset(f"{tag_for_keyword(keyword) or 0:08X}" for keyword in DECODED)
PAGE: Final = 100
MOST_PAGES: Final = 10
"""A node that holds a few workitems at a time needs no more than the first thousand."""

LONGEST_ANSWER: Final = 16 << 20
PASSING: Final = frozenset({401, 408, 425, 429, 500, 502, 503, 504})
"""After these the same may succeed later; 401, too, since tokens are renewed by others."""

REFUSED_FOR_STATE: Final = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.CONFLICT})
"""Editions of the standard, and servers, differ in which of both they use for what."""

UNKNOWN: Final = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.GONE})
NO_FILTERS: Final = frozenset({400, 403, 404, 409, 501})

GLOBAL: Final = "1.2.840.10008.5.1.4.34.5"
FILTERED: Final = "1.2.840.10008.5.1.4.34.5.1"

_ALREADY: Final = {
    WorkitemState.COMPLETED: UpsStatus.ALREADY_COMPLETED,
    WorkitemState.CANCELED: UpsStatus.ALREADY_CANCELED,
}


@dataclass(frozen=True, slots=True)
class WebUps(UpsService):
    """A UPS-RS origin server.

    Attributes:
        ae_title: the node's, under which it subscribes.
        token_file: holds a bearer token, read for each request so that it can be renewed; None for none.
        requester_in_path: whether the AE title goes behind ``/state``, as dcm4chee wants it.
        tls: to trust other certificates than the system does, or to show one; None for the system's.
        on_query: told of each search; its later pages are the same search.
    """

    name: str
    base_url: str
    ae_title: str
    token_file: Path | None = None
    timeout_s: float = 30.0
    requester_in_path: bool = False
    tls: ssl.SSLContext | None = None
    on_query: OnQuery = untold

    def find(self, keys: Sequence[Key]) -> Sequence[Dataset]:
        """Workitems that match, page by page."""
        query: list[tuple[str, str]] = [(".".join(path), value) for path, value in keys if value]
        query += [("includefield", ".".join(path)) for path, value in keys if not value]
        found: list[Dataset] = []
        for page in range(MOST_PAGES):
            where = [*query, ("limit", str(PAGE)), ("offset", str(page * PAGE))]
            if not page:
                self._tell(where)
            status, _, content = self._request("GET", "/workitems", params=where)
            self._require(status, {HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT, HTTPStatus.NO_CONTENT})
            datasets = self._datasets(content)
            found += datasets
            if len(datasets) < PAGE:
                break
        return found

    def _tell(self, where: Sequence[tuple[str, str]]) -> None:
        url = httpx.URL(self.base_url.rstrip("/") + "/workitems", params=list(where))
        self.on_query(OutgoingQuery(url.raw_path))

    def get(self, uid: str) -> Dataset | None:
        """A workitem; None where it is not known, or no more."""
        status, _, content = self._request("GET", f"/workitems/{uid}")
        if status in UNKNOWN:
            return None
        self._require(status, {HTTPStatus.OK})
        datasets = self._datasets(content)
        return datasets[0] if datasets else None

    def set(self, uid: str, transaction_uid: str, update: Dataset) -> UpsStatus:
        """Set attributes; the Transaction UID goes into the query and the data set, since servers differ."""
        held = Dataset()
        held.TransactionUID = transaction_uid
        held.update(update)
        status, _, _ = self._request("POST", f"/workitems/{uid}?{transaction_uid}", body=held)
        if status in UNKNOWN:
            return UpsStatus.UNKNOWN
        if status not in REFUSED_FOR_STATE:
            self._require(status, {HTTPStatus.OK})
            return UpsStatus.SUCCESS
        return self._status_of_refused_update(uid)

    def _status_of_refused_update(self, uid: str) -> UpsStatus:
        """Why an update was refused: the answer does not tell reliably, so the workitem is asked."""
        state = self._state(uid)
        if state is None:
            return UpsStatus.UNKNOWN
        if state in FINAL_STATES:
            return UpsStatus.FINAL
        return UpsStatus.WRONG_TRANSACTION if state is WorkitemState.IN_PROGRESS else UpsStatus.NOT_IN_PROGRESS

    def change(self, uid: str, transaction_uid: str, state: WorkitemState) -> UpsStatus:
        """Change the state."""
        where = f"/workitems/{uid}/state" + (f"/{self.ae_title}" if self.requester_in_path else "")
        status, headers, _ = self._request("PUT", where, body=encode_state_change(transaction_uid, state))
        warning = headers.get("Warning", "")
        if status in UNKNOWN:
            return UpsStatus.UNKNOWN
        if state in _ALREADY and "already in the requested state" in warning:
            return _ALREADY[state]
        if status not in REFUSED_FOR_STATE:
            self._require(status, {HTTPStatus.OK})
            return UpsStatus.SUCCESS
        if re.search("Transaction UID is (missing|incorrect)", warning):
            return UpsStatus.WRONG_TRANSACTION
        return self._status_of_refused_change(uid, transaction_uid, state)

    def _status_of_refused_change(self, uid: str, transaction_uid: str, wanted: WorkitemState) -> UpsStatus:
        """Why a change was refused, where the warning leaves it open: the workitem's state says most of it."""
        state = self._state(uid)
        if state is None:
            return UpsStatus.UNKNOWN
        if state in FINAL_STATES:
            return _ALREADY[state] if state is wanted else UpsStatus.FINAL
        if state is WorkitemState.IN_PROGRESS and wanted is WorkitemState.IN_PROGRESS:
            # Whose it is only an update shows: one that sets nothing succeeds with the right lock alone.
            held = self.set(uid, transaction_uid, Dataset())
            return UpsStatus.ALREADY_IN_PROGRESS if held is UpsStatus.SUCCESS else held
        return UpsStatus.REQUIREMENTS_UNMET if state is WorkitemState.IN_PROGRESS else UpsStatus.NOT_IN_PROGRESS

    def _state(self, uid: str) -> WorkitemState | None:
        dataset = self.get(uid)
        if dataset is None:
            return None
        try:
            return state_of(dataset)
        except MalformedWorkitemError as error:
            raise PeerError("odd-answer", f"{self.name}: workitem {uid} has no state") from error

    def subscribe(self, keys: Sequence[Key]) -> str:
        """Subscribe with a filter, or to all where the server has no filters; where the events can be read."""
        if keys:
            wanted = ",".join(f"{'.'.join(path)}={value}" for path, value in keys)
            status, headers, _ = self._request("POST", self._subscriber(FILTERED), params=[("filter", wanted)])
            if status not in NO_FILTERS:
                self._require(status, {HTTPStatus.CREATED, HTTPStatus.OK})
                return self._channel(headers)
        status, headers, _ = self._request("POST", self._subscriber(GLOBAL))
        self._require(status, {HTTPStatus.CREATED, HTTPStatus.OK})
        return self._channel(headers)

    def _subscriber(self, uid: str) -> str:
        return f"/workitems/{uid}/subscribers/{self.ae_title}"

    def _channel(self, headers: Mapping[str, str]) -> str:
        """Where events are read: as the server says, on the same host; the token must not go to another."""
        usual = f"{re.sub('^http', 'ws', self.base_url.rstrip('/'))}/subscribers/{self.ae_title}"
        said = headers.get("Content-Location", "")
        same = said.startswith(("ws://", "wss://")) and httpx.URL(said).host == httpx.URL(self.base_url).host
        secure = said.startswith("wss://") or not self.base_url.startswith("https://")
        return said if same and secure else usual

    def check(self) -> str:
        """Search for one workitem; what it said."""
        where = [("limit", "1")]
        self._tell(where)
        status, _, _ = self._request("GET", "/workitems", params=where)
        self._require(status, {HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT, HTTPStatus.NO_CONTENT})
        return "answers UPS-RS searches"

    def headers(self) -> dict[str, str]:
        """What every request shows.

        Raises:
            PeerError: the token cannot be read.
        """
        if self.token_file is None:
            return {}
        try:
            token = self.token_file.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise PeerError("no-token", f"{self.name}: the bearer token file cannot be read: {error}") from None
        if not token.isprintable():  # the HTTP client's complaint would quote it
            raise PeerError("no-token", f"{self.name}: the bearer token file holds more than one line")
        return {"Authorization": f"Bearer {token}"}

    def _request(
        self, method: str, path: str, *, body: Dataset | None = None, params: Sequence[tuple[str, str]] = ()
    ) -> tuple[int, httpx.Headers, bytes]:
        headers = {"Accept": DICOM_JSON, **self.headers()}
        content = None
        if body is not None:
            headers["Content-Type"] = DICOM_JSON
            content = json.dumps([body.to_json_dict()]).encode()
        url = self.base_url.rstrip("/") + path
        timeout = httpx.Timeout(self.timeout_s, connect=5.0)
        try:
            # No redirects: a token must not follow one to another host.
            with (
                httpx.Client(timeout=timeout, trust_env=False, verify=self.tls or True) as client,
                client.stream(method, url, content=content, headers=headers, params=list(params) or None) as response,
            ):
                return response.status_code, response.headers, self._limited(response)
        except (httpx.HTTPError, httpx.InvalidURL) as error:  # a Location may be no URL
            raise PeerError("no-answer", f"{self.name}: {type(error).__name__}: {error}") from None

    def _limited(self, response: httpx.Response) -> bytes:
        content = bytearray()
        for chunk in response.iter_bytes():
            content += chunk
            if len(content) > LONGEST_ANSWER:
                raise PeerError("answer-too-long", f"{self.name}: an answer is longer than {LONGEST_ANSWER} bytes")
        return bytes(content)

    def _require(self, status: int, wanted: Collection[HTTPStatus]) -> None:
        if status in wanted:
            return
        if status in PASSING:
            raise PeerError(f"http-{status}", f"{self.name}: HTTP {status}")
        raise DeliveryRefusedError(f"http-{status}", f"{self.name}: HTTP {status}")

    def _datasets(self, content: bytes) -> list[Dataset]:
        """The workitems of an answer; one that cannot be read is passed over, so that it does not hide the others."""
        datasets = [_read(document) for document in self._documents(content)]
        if None in datasets:
            LOG.warning("workitem.malformed", worklist=self.name, workitems=datasets.count(None))
        return [dataset for dataset in datasets if dataset is not None]

    def _documents(self, content: bytes) -> list[dict[str, Any]]:
        if not content:
            return []
        try:
            document: Any = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise PeerError("odd-answer", f"{self.name}: an answer is no DICOM JSON") from error
        each = document if isinstance(document, list) else [document]
        if not all(isinstance(one, dict) for one in each):
            raise PeerError("odd-answer", f"{self.name}: an answer is no DICOM JSON")
        return each


def _read(document: dict[str, Any]) -> Dataset | None:
    """What the node needs to know of a workitem, and nothing of the patient; None where it cannot be read."""
    try:
        return data_set_of({tag: element for tag, element in document.items() if tag.upper() in NEEDED})
    except MalformedWorkitemError:
        return None

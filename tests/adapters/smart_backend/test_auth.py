"""Requests with tokens: got when needed, renewed once when refused, shown to nobody else."""

import gzip
import logging
import ssl
import threading
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import httpx
import pytest
import structlog

from marrowcount.errors import DeliveryRefusedError, PeerBusyError, PeerError
from marrowcount.testing import HeldClock
from marrowcount_adapters.smart_backend import Algorithm, Asking, KeyFolder, SmartAuth, SmartClient, TokenCache
from token_server import SCOPE, TokenServer, token_server

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
TLS = ssl.create_default_context()
"""Shared, since making one takes its time."""
SECRET = "SECRET-TOKEN"  # noqa: S105 - of this test


@pytest.fixture
def server() -> Iterator[TokenServer]:
    with token_server() as running:
        yield running


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> KeyFolder:
    folder = KeyFolder(tmp_path_factory.mktemp("keys"), timedelta(days=1))
    folder.make(Algorithm.ES384, NOON)
    folder.note_published(NOON)
    return folder


class Asked:
    """An auth, the monotonic clock of its tokens, and a client that uses it."""

    def __init__(self, server: TokenServer, keys: KeyFolder, **more: object) -> None:
        self.now = 0.0
        client = SmartClient("ehr", server.base, "node", (SCOPE,), **more)  # type: ignore[arg-type] # whatever is tested
        self.auth = SmartAuth(client, keys, TokenCache(lambda: self.now), HeldClock(NOON), Asking(5, TLS))
        self.server = server

    def get(self, url: str = "") -> httpx.Response:
        with httpx.Client(auth=self.auth, verify=TLS) as client:
            return client.get(url or f"{self.server.base}/metadata")


@pytest.fixture
def asked(server: TokenServer, keys: KeyFolder) -> Asked:
    return Asked(server, keys)


def test_a_request_bears_the_token(asked: Asked) -> None:
    """Asked for as RFC 7523 has it, with the scopes of the settings."""
    assert asked.get().status_code == 200
    (form,) = asked.server.forms
    assert len(form.pop("client_assertion")) > 300
    assert form == {
        "grant_type": "client_credentials",
        "scope": SCOPE,
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    }
    assert asked.server.bearers == [f"{SECRET}-1"]


def test_the_next_requests_bear_the_same_one(asked: Asked) -> None:
    """Until it is old; the server is asked for its endpoint once."""
    for _ in range(3):
        asked.get()
    assert (len(asked.server.forms), len(set(asked.server.bearers))) == (1, 1)
    asked.now += 271
    asked.get()
    assert asked.server.bearers[-1] == f"{SECRET}-2"
    assert asked.server.paths.count("/fhir/.well-known/smart-configuration") == 1


def test_the_endpoint_is_asked_for_again_after_an_hour(asked: Asked) -> None:
    """Servers move."""
    asked.get()
    asked.now += 3601
    asked.get()
    assert asked.server.paths.count("/fhir/.well-known/smart-configuration") == 2


def test_the_endpoint_is_asked_for_again_where_it_fails(asked: Asked) -> None:
    """It may have moved meanwhile."""
    moved = asked.server.token_url
    asked.server.discovery = {"token_endpoint": moved.replace("/token", "/gone")}
    asked.server.resource = lambda _: (404, b"")  # type: ignore[method-assign]
    with pytest.raises(PeerError, match="token-http-404"):
        asked.get()
    asked.server.discovery = {}
    asked.get()
    assert len(asked.server.forms) == 1


def test_no_assertion_goes_in_clear(server: TokenServer, keys: KeyFolder) -> None:
    """Not even where somebody named such an endpoint; nobody is called."""
    with pytest.raises(PeerError) as caught:
        Asked(server, keys, token_url="http://auth.example.org/token").get()  # noqa: S106 - no secret
    assert caught.value.code == "insecure"


def test_the_settings_may_name_the_endpoint(server: TokenServer, keys: KeyFolder) -> None:
    """Then the server is not asked for it."""
    Asked(server, keys, token_url=server.token_url).get()
    assert server.paths == ["/token", "/fhir/metadata"]


def test_a_refused_token_is_renewed_once(asked: Asked) -> None:
    """A token may be revoked before its time; the request, body and all, is made again with a new one."""
    asked.get()
    asked.server.refused.add(f"{SECRET}-1")
    with httpx.Client(auth=asked.auth, verify=TLS) as client:
        assert client.post(asked.server.base, content=b"the bundle").status_code == 200
    assert asked.server.bearers == [f"{SECRET}-1", f"{SECRET}-1", f"{SECRET}-2"]
    assert asked.server.bodies == [b"the bundle"] * 2
    assert len(asked.server.forms) == 2


def test_a_second_refusal_is_told(asked: Asked) -> None:
    """There is no third try; the next request begins with a new token."""
    asked.server.refused.add("*")
    with pytest.raises(PeerError) as caught:
        asked.get()
    assert (caught.value.code, caught.value.retryable) == ("token-refused", True)
    assert len(asked.server.bearers) == 2
    asked.server.refused.clear()
    assert asked.get().status_code == 200
    assert asked.server.bearers[-1] == f"{SECRET}-3"


@pytest.mark.parametrize("encoding", ["", "gzip"])
def test_the_body_of_a_refusal_is_not_read(asked: Asked, encoding: str) -> None:
    """It may be as long as the server likes, or unfold to be."""
    asked.server.refused.add(f"{SECRET}-1")
    asked.server.refusal = gzip.compress(b"x" * 50_000_000, 1) if encoding else b"x" * 50_000_000
    asked.server.refusal_headers = {"Content-Encoding": encoding} if encoding else {}
    answer = asked.get()
    assert answer.status_code == 200
    assert answer.history[0].content == b""


@pytest.mark.parametrize("status", [400, 403, 500])
def test_other_failures_are_none_of_its_business(asked: Asked, status: int) -> None:
    """Who made the request judges them; the token is kept."""
    asked.server.resource = lambda bearer: (status, {"bearer": bool(bearer)})  # type: ignore[method-assign]
    assert asked.get().status_code == asked.get().status_code == status
    assert len(asked.server.forms) == 1


def test_a_token_goes_nowhere_else(asked: Asked) -> None:
    """Neither to another port, nor by another scheme, nor to another name of the same machine."""
    port = asked.server.port
    for url in (f"http://localhost:{port}/fhir", f"https://127.0.0.1:{port}/fhir", "http://127.0.0.1:9/fhir"):
        with pytest.raises(DeliveryRefusedError) as caught:
            asked.get(url)
        assert caught.value.code == "foreign-host"
    assert asked.server.forms == asked.server.bearers == []


def test_a_redirection_takes_no_token_along(asked: Asked) -> None:
    """Even where a client follows it."""
    with token_server() as elsewhere:
        asked.server.resource = lambda _: (302, b"", {"Location": f"{elsewhere.base}/metadata"})  # type: ignore[method-assign]
        with httpx.Client(auth=asked.auth, verify=TLS, follow_redirects=True) as client:
            client.get(f"{asked.server.base}/metadata")
        assert elsewhere.bearers == [""]


def test_threads_share_a_token(asked: Asked) -> None:
    """And the request for it."""
    begin = threading.Barrier(8)

    def get() -> int:
        begin.wait(30)
        return asked.get().status_code

    with ThreadPoolExecutor(8) as pool:
        assert {each.result(30) for each in [pool.submit(get) for _ in range(8)]} == {200}
    assert len(asked.server.forms) == 1


@pytest.mark.parametrize(
    ("answer", "code", "said"),
    [
        ((401, {"error": "invalid_client"}), "invalid-client", "register the client id"),
        ((400, {"error": "invalid_client"}), "invalid-client", "keys publish"),
        ((400, {"error": "unauthorized_client"}), "unauthorized-client", "permit"),
        ((400, {"error": "unsupported_grant_type"}), "unsupported-grant-type", "switched on"),
        ((400, {"error": "invalid_request"}), "invalid-request", "smart_token_url"),
        ((400, {"error": "invalid_grant"}), "invalid-grant", "clocks"),
        ((400, {"error": "made_up_SECRET-ASSERTION"}), "token-http-400", "no token"),
        ((404, b""), "token-http-404", "HTTP 404"),
        ((503, {"error": "invalid_client"}), "token-http-503", "HTTP 503"),
        ((302, b"", {"Location": "/elsewhere"}), "token-http-302", "HTTP 302"),
        ((200, b"no JSON"), "no-token", "bearer"),
        ((200, {"access_token": SECRET, "token_type": "mac"}), "no-token", "bearer"),
        ((200, {"access_token": f"{SECRET}\r\nX: y", "token_type": "bearer"}), "no-token", "bearer"),
        ((200, {"access_token": f"{SECRET}é", "token_type": "bearer"}), "no-token", "bearer"),
        ((200, {"access_token": [SECRET], "token_type": "bearer"}), "no-token", "bearer"),
        ((200, b" " * 70_000), "answer-too-long", "65536"),
    ],
)
def test_without_a_token_one_is_told_why(asked: Asked, answer: tuple[int, object], code: str, said: str) -> None:
    """By code and with what to do; deliveries wait, since somebody may set it right. No request goes out."""
    asked.server.answers = [answer]
    with pytest.raises(PeerError, match=said) as caught:
        asked.get()
    assert (caught.value.code, caught.value.retryable) == (code, True)
    assert "SECRET" not in str(caught.value)
    assert asked.server.bearers == []


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ((400, {"error": "invalid_scope"}), "scope-refused"),
        ((200, {"access_token": SECRET, "token_type": "bearer", "scope": "system/Observation.rs"}), "scope-narrowed"),
        ((200, {"access_token": SECRET, "token_type": "bearer", "scope": ""}), "scope-narrowed"),
    ],
)
def test_a_narrower_token_is_not_used(asked: Asked, answer: tuple[int, object], code: str) -> None:
    """Half of a result would arrive; what lacks is named, and a person must look."""
    asked.server.answers = [answer]
    with pytest.raises(DeliveryRefusedError, match=r"system/Observation\.c.*smart_scopes") as caught:
        asked.get()
    assert (caught.value.code, caught.value.retryable) == (code, False)
    assert SECRET not in str(caught.value)
    assert asked.server.bearers == []


@pytest.mark.parametrize("members", [{"scope": None}, {"scope": "system/Observation.read system/Observation.write"}])
def test_a_token_of_the_same_scope_is_used(asked: Asked, members: dict[str, object]) -> None:
    """Where the server says it in the words of version 1, or by silence (RFC 6749 section 5.1)."""
    document = {"access_token": SECRET, "token_type": "Bearer", "expires_in": 300} | members
    asked.server.answers = [(200, {name: value for name, value in document.items() if value is not None})]
    assert asked.get().status_code == 200


@pytest.mark.parametrize(
    ("expires_in", "used_s"),
    [("3600", 3240), (None, 270), ("soon", 270), (float("inf"), 270), (1e300, 77760), (True, 0), (-5, 0), ([1], 270)],
)
def test_odd_lives_are_read_with_care(asked: Asked, expires_in: object, used_s: float) -> None:
    """Some servers write a text, or nothing; no token is used for more than a day."""
    asked.server.expires_in = expires_in  # type: ignore[assignment] # as servers may
    asked.get()
    asked.now += used_s - 0.5
    asked.get()
    assert len(asked.server.forms) == (1 if used_s else 2)
    asked.now += 1
    asked.get()
    assert len(asked.server.forms) == (2 if used_s else 3)


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_a_busy_server_says_when_to_come_back(asked: Asked, form: str) -> None:
    """In seconds or as a date."""
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True)
    asked.server.answers = [(429, b"", {"Retry-After": "100" if form == "seconds" else date})]
    with pytest.raises(PeerBusyError) as caught:
        asked.get()
    assert 60 < caught.value.retry_after_s <= 100


@pytest.mark.parametrize(("ahead_s", "hint"), [(300, "300 s ahead"), (-300, "300 s behind"), (3, "")])
def test_clocks_that_differ_are_told(asked: Asked, ahead_s: int, hint: str) -> None:
    """Assertions that are over when they arrive look like those of an unknown client."""
    date = format_datetime(datetime.now(UTC) - timedelta(seconds=ahead_s), usegmt=True)
    asked.server.answers = [(401, {"error": "invalid_client"}, {"Date": date})]
    with pytest.raises(PeerError) as caught:
        asked.get()
    assert ("clock is" in str(caught.value)) == bool(hint)
    assert hint.rpartition(" s ")[2] in str(caught.value)


def test_the_key_is_chosen_by_what_the_server_takes(server: TokenServer, keys: KeyFolder) -> None:
    """Where the node has no such key, one is told which to make; the delivery waits."""
    server.discovery = {"token_endpoint_auth_signing_alg_values_supported": ["RS384"]}
    with pytest.raises(PeerError, match="no RS384 key") as caught:
        Asked(server, keys).get()
    assert (caught.value.code, caught.value.retryable) == ("no-signing-key", True)
    with pytest.raises(PeerError, match="smart_algorithm"):
        Asked(server, keys, algorithms=(Algorithm.ES384,)).get()
    assert server.forms == []


def test_a_check_asks_anew_and_tells_by_which_key(asked: Asked, keys: KeyFolder) -> None:
    """Also where a token is at hand."""
    asked.get()
    found = asked.auth.check()
    assert (found.key_id, found.algorithm, found.expires_in_s) == (keys.records()[0].key_id, "ES384", 300)
    assert len(asked.server.forms) == 2


def test_nothing_tells_a_token_or_an_assertion(
    asked: Asked, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not the logs of any library at their most talkative, nor an exception with all that hangs on it, nor a repr."""
    caplog.set_level(logging.DEBUG)
    told: list[str] = []
    structlog.configure(processors=[lambda *event: told.append(repr(event)) or "", structlog.processors.JSONRenderer()])
    asked.get()
    asked.server.refused.add("*")
    with pytest.raises(PeerError) as refused:
        asked.get()
    asked.server.answers = [(401, {"error": "invalid_client", "error_description": "SECRET-DESCRIPTION"})]
    with pytest.raises(PeerError) as unknown:
        asked.get()
    told += [line for error in (refused, unknown) for line in traceback.format_exception(error.value)]
    told += [repr(asked.auth), repr(asked.auth.__dict__), caplog.text, *capsys.readouterr()]
    assertions = [form["client_assertion"] for form in asked.server.forms]
    signatures = [assertion.rpartition(".")[2] for assertion in assertions]
    assert len(told) > 10
    assert len(assertions) == 3
    for line in told:
        assert SECRET not in line
        assert "SECRET-DESCRIPTION" not in line
        assert not any(signature in line for signature in signatures)


def test_keys_may_change_while_it_runs(server: TokenServer, tmp_path: Path) -> None:
    """A key made and published after the start signs without a restart."""
    folder = KeyFolder(tmp_path / "keys", timedelta(days=1))
    asked = Asked(server, folder)
    with pytest.raises(PeerError, match="keys new"):
        asked.get()
    folder.make(Algorithm.RS384, NOON)
    folder.note_published(NOON)
    assert asked.get().status_code == 200

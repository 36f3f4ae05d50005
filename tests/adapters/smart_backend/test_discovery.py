"""What is believed of a server's own description."""

import ssl
from collections.abc import Iterator

import pytest

from marrowcount.errors import PeerError
from marrowcount_adapters.smart_backend import Algorithm, Asking
from marrowcount_adapters.smart_backend.asking import require_secure
from marrowcount_adapters.smart_backend.discovery import TokenEndpoint, discover
from token_server import TokenServer, token_server

ASKING = Asking(5, ssl.create_default_context())
ALGORITHMS = "token_endpoint_auth_signing_alg_values_supported"


@pytest.fixture
def server() -> Iterator[TokenServer]:
    with token_server() as running:
        yield running


@pytest.mark.parametrize("slash", ["", "/"])
def test_the_endpoint_is_what_the_server_says(server: TokenServer, slash: str) -> None:
    """Of algorithms, where it says nothing, both may be tried."""
    assert discover(ASKING, server.base + slash) == TokenEndpoint(server.token_url, tuple(Algorithm))
    assert server.paths == ["/fhir/.well-known/smart-configuration"]


@pytest.mark.parametrize(
    ("offered", "found"),
    [
        (["RS384", "ES384", "RS256"], (Algorithm.ES384, Algorithm.RS384)),
        (["RS384"], (Algorithm.RS384,)),
        (["ES384", 7, None], (Algorithm.ES384,)),
        ("RS384", (Algorithm.ES384, Algorithm.RS384)),
    ],
)
def test_the_server_says_by_what_one_may_sign(
    server: TokenServer, offered: object, found: tuple[Algorithm, ...]
) -> None:
    """The favourite first; what is no list says nothing."""
    server.discovery = {ALGORITHMS: offered}
    assert discover(ASKING, server.base).algorithms == found


@pytest.mark.parametrize(
    ("discovery", "code"),
    [
        ((404, {}), "no-smart-configuration"),
        ((200, b"<html>"), "no-smart-configuration"),
        ((200, b"[" * 5000), "no-smart-configuration"),
        ((200, ["token_endpoint"]), "no-smart-configuration"),
        ((302, {}, {"Location": "/elsewhere"}), "no-smart-configuration"),
        ((200, b" " * 70_000), "answer-too-long"),
        ({"token_endpoint": None}, "no-token-endpoint"),
        ({"token_endpoint": ["http://127.0.0.1"]}, "no-token-endpoint"),
        ({"token_endpoint": "http://auth.example.org/token"}, "insecure"),
        ({"token_endpoint": "/token"}, "insecure"),
        ({"token_endpoint": "https://[/token"}, "insecure"),
        ({"grant_types_supported": ["authorization_code"]}, "no-backend-services"),
        ({"token_endpoint_auth_methods_supported": ["client_secret_basic"]}, "no-backend-services"),
        ({ALGORITHMS: ["RS256"]}, "no-common-algorithm"),
        ({ALGORITHMS: []}, "no-common-algorithm"),
    ],
)
def test_what_is_missing_or_odd_is_told_by_code(server: TokenServer, discovery: object, code: str) -> None:
    """Nothing is followed elsewhere, nothing is read without end."""
    server.discovery = discovery  # type: ignore[assignment] # whatever a server may say
    with pytest.raises(PeerError) as caught:
        discover(ASKING, server.base)
    assert caught.value.code == code
    assert len(server.paths) == 1


def test_nobody_there_is_told() -> None:
    """As something that may pass."""
    with pytest.raises(PeerError) as caught:
        discover(ASKING, "http://127.0.0.1:9/fhir")
    assert (caught.value.code, caught.value.retryable) == ("no-answer", True)


@pytest.mark.parametrize(
    "url", ["http://ehr.example.org", "ftp://127.0.0.1", "https://", "", "http://127.0.0.1.evil.org"]
)
def test_nothing_goes_in_clear_beyond_the_machine(url: str) -> None:
    """Whatever looks like loopback and is not."""
    with pytest.raises(PeerError):
        require_secure(url)


@pytest.mark.parametrize(
    "url", ["https://ehr.example.org/x", "http://127.0.0.1:1/x", "http://[::1]/", "http://localhost"]
)
def test_https_and_loopback_are_secure(url: str) -> None:
    """For tests and for proxies on the same machine."""
    require_secure(url)

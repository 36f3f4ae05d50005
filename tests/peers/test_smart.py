"""oidc-provider, a certified OpenID implementation, as an EHR's authorization server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from node_peers import PACKAGES

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.peer

OPENED = "FHIR 4.0.1"


@pytest.fixture(scope="module")
def report(
    program: Callable[[str], str], in_private_network: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory
) -> Any:  # noqa: ANN401 - what the script reports
    node = program("node")
    if not (PACKAGES / "node_modules" / "oidc-provider").is_dir():
        pytest.skip("oidc-provider is not here: run make node-peers")
    return in_private_network("smart_authorization.py", node, str(tmp_path_factory.mktemp("smart")))


def test_both_algorithms_get_tokens(report: dict[str, Any]) -> None:
    """Signed by either, the server grants one by which its FHIR side opens."""
    assert report["algorithms"] == [["ES384", OPENED], ["RS384", OPENED]]


def test_tokens_are_renewed(report: dict[str, Any]) -> None:
    """One serves two requests, another is got before it ends; one that ended at the server, where the node did not
    notice, is renewed when the server says 401."""
    assert report["expired"] == [[OPENED, 1], [OPENED, 1], [OPENED, 2], [OPENED, 3]]


def test_a_scope_that_is_not_granted_is_told(report: dict[str, Any]) -> None:
    """The server leaves out what it does not know and says so; the token is not used."""
    assert report["narrowed"].startswith("[scope-narrowed]")
    assert "without system/Device.c:" in report["narrowed"]


def test_unknown_clients_and_keys_are_told(report: dict[str, Any]) -> None:
    """With what to do."""
    for said in report["unknown"]:
        assert said.startswith("[invalid-client]")
        assert "keys publish" in said


def test_keys_rotate_without_a_failure(report: dict[str, Any]) -> None:
    """The server fetches the node's keys from its web server: the old one signs until the overlap is over, then the
    new one, which the server learns of by itself; a destroyed one opens nothing once the server has fetched the set
    anew, which it does when it meets a key that it does not know."""
    rotation = report["rotation"]
    assert [rotation[step] for step in ("first", "meanwhile", "after", "third")] == [True] * 4
    assert rotation["refetched"] == 1
    assert rotation["revoked"].startswith("[invalid-client]")

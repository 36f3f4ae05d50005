"""Each answer of a FHIR server, by the table of docs/ehr-delivery.md."""

import json
import pickle
from datetime import UTC, datetime
from pathlib import Path

import pytest

from marrowcount.errors import (
    DeliveryForbiddenError,
    DeliveryRefusedError,
    PeerBusyError,
    PeerDeniedError,
    PeerError,
)
from marrowcount_adapters.fhir_client.answers import (
    PASSING_ISSUES,
    RULES,
    SIMPLER_ISSUES,
    Answer,
    Verdict,
    failure,
    seconds_to_wait,
    verdict_of,
)

NOW = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)


def answer(status: int, *codes: str, diagnostics: str = "", **headers: str) -> Answer:
    issues = [{"severity": "error", "code": code, "diagnostics": diagnostics} for code in codes]
    outcome = {"resourceType": "OperationOutcome", "issue": issues} if issues else {}
    return Answer(status, outcome, {name.replace("_", "-"): value for name, value in headers.items()})


@pytest.mark.parametrize(
    ("statuses", "verdict"),
    [
        ((200, 201, 204), Verdict.DONE),
        ((408, 425, 429, 500, 502, 503, 504, 507, 599), Verdict.AGAIN),
        ((401,), Verdict.DENIED),
        ((403,), Verdict.FORBIDDEN),
        ((404, 410), Verdict.GONE),
        ((409, 412), Verdict.CONFLICT),
        ((413,), Verdict.TOO_LARGE),
        ((405, 501), Verdict.SIMPLER),
        ((400, 406, 415, 422, 418, 302, 304, 100), Verdict.REFUSED),
    ],
)
def test_each_status_has_its_rule(statuses: tuple[int, ...], verdict: Verdict) -> None:
    """fhir.md section 3.2, one by one, and what HTTP says of those that are not named."""
    assert {verdict_of(answer(status)) for status in statuses} == {verdict}
    assert {Verdict(rule) for rule in RULES.values()} < set(Verdict)


@pytest.mark.parametrize("code", ["transient", "throttled", "timeout", "lock-error", "no-store"])
@pytest.mark.parametrize("status", [400, 404, 409, 412, 422])
def test_passing_issues_mean_later(code: str, status: int) -> None:
    """Whatever the status above 400, but for those of permission."""
    assert verdict_of(answer(status, "invalid", code)) is Verdict.AGAIN
    assert verdict_of(answer(401, code)) is Verdict.DENIED
    assert verdict_of(answer(403, code)) is Verdict.FORBIDDEN


@pytest.mark.parametrize("code", ["not-supported", "too-costly"])
def test_what_a_server_cannot_do_this_way_it_may_do_another(code: str) -> None:
    """Also where it says so under 400 or 422."""
    assert {verdict_of(answer(status, code)) for status in (400, 422)} == {Verdict.SIMPLER}
    assert verdict_of(answer(409, code)) is Verdict.CONFLICT


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (503, PeerBusyError),
        (409, PeerError),
        (401, PeerDeniedError),
        (403, DeliveryForbiddenError),
        (422, DeliveryRefusedError),
        (413, DeliveryRefusedError),
        (405, DeliveryRefusedError),
        (404, DeliveryRefusedError),
    ],
)
def test_each_failure_has_its_error(status: int, kind: type[PeerError]) -> None:
    """Which is tried again, and which is a dead letter."""
    error = failure("ehr", "POST Observation", answer(status))
    assert type(error) is kind
    assert error.code == f"http-{status}"
    assert error.retryable is (status in {503, 409, 401})


def test_the_servers_words_are_kept_and_not_told() -> None:
    """They may quote the patient: whole in the error's outcome, which crosses processes; only codes in its message."""
    said = answer(422, "value", diagnostics="Patient DOE^JANE is dead")
    error = failure("ehr", "POST Observation", said)
    assert "DOE" not in str(error)
    assert "value at ?" in str(error)
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own
    assert json.loads(again.outcome) == said.resource


@pytest.mark.parametrize(
    "place", ["Bundle.entry[3].resource.subject", "Bundle.where(name='DOE')", ["DOE JANE"], 7, None]
)
def test_places_that_could_quote_are_not_told(place: object) -> None:
    """Only a plain path is."""
    issue = {"code": "DOE^JANE" if place == 7 else "invalid", "expression": [place]}
    error = failure("ehr", "transaction", Answer(400, {"resourceType": "OperationOutcome", "issue": [issue]}))
    assert "DOE" not in str(error)
    assert ("entry[3]" in str(error)) is (place == "Bundle.entry[3].resource.subject")


@pytest.mark.parametrize(
    ("said", "wait_s"),
    [
        ("", 0.0),
        ("120", 120.0),
        (" 7 ", 7.0),
        ("86400", 3600.0),
        ("9" * 400, 3600.0),
        ("Mon, 05 Jan 2026 08:02:00 GMT", 120.0),
        ("Mon, 05 Jan 2026 09:30:00 +0100", 1800.0),
        ("Mon, 05 Jan 2026 07:00:00 GMT", 0.0),
        ("Tue, 06 Jan 2026 08:00:00 GMT", 3600.0),
        ("soon", 0.0),
        ("-5", 0.0),
        ("1.5", 0.0),
    ],
)
def test_retry_after_is_seconds_or_a_date(said: str, wait_s: float) -> None:
    """At most an hour; nonsense and the past are no wait (RFC 9110 10.2.3)."""
    assert seconds_to_wait(answer(503, retry_after=said), NOW) == wait_s


def test_the_documentation_names_each_rule() -> None:
    """Every status with a rule, and every issue code that changes one, stands in the table of answers."""
    text = (Path(__file__).parents[3] / "docs" / "ehr-delivery.md").read_text(encoding="utf-8")
    answers = text.partition("## Answers")[2].partition("## Pauses")[0]
    assert not {status for status in RULES if str(status) not in answers}
    assert not {code for code in PASSING_ISSUES | SIMPLER_ISSUES if f"`{code}`" not in answers}

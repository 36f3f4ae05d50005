"""What each answer of a FHIR server means for a delivery: a table of HTTP statuses and OperationOutcome codes."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from marrowcount.errors import (
    DeliveryForbiddenError,
    DeliveryRefusedError,
    PeerBusyError,
    PeerDeniedError,
    PeerError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["RULES", "Answer", "Verdict", "failure", "seconds_to_wait", "verdict_of"]


class Verdict(StrEnum):
    """What is to be done after an answer; "once" is once for each attempt at a delivery."""

    DONE = "done"
    AGAIN = "again"
    """The same request may succeed later: after the time asked for, else with growing pauses."""
    DENIED = "denied"
    """The token was renewed and is refused still: the destination is paused, and a person told."""
    FORBIDDEN = "forbidden"
    """A matter of scopes or of the server's configuration: dead letter."""
    GONE = "gone"
    """What was found a moment ago is not there: look it up anew, once."""
    CONFLICT = "conflict"
    """Somebody else wrote meanwhile: read anew; stop where a person's result stands there, else write anew, once."""
    TOO_LARGE = "too-large"
    """The document is left out and the rest sent again, once."""
    SIMPLER = "simpler"
    """The server cannot do that: the next simpler way of writing."""
    REFUSED = "refused"
    """What was sent is not taken: dead letter, with what the server said."""


RULES: Final[Mapping[int, Verdict]] = MappingProxyType(
    {
        400: Verdict.REFUSED,
        401: Verdict.DENIED,
        403: Verdict.FORBIDDEN,
        404: Verdict.GONE,
        405: Verdict.SIMPLER,
        406: Verdict.REFUSED,
        408: Verdict.AGAIN,
        409: Verdict.CONFLICT,
        410: Verdict.GONE,
        412: Verdict.CONFLICT,
        413: Verdict.TOO_LARGE,
        415: Verdict.REFUSED,
        422: Verdict.REFUSED,
        425: Verdict.AGAIN,
        429: Verdict.AGAIN,
        500: Verdict.AGAIN,
        501: Verdict.SIMPLER,
        502: Verdict.AGAIN,
        503: Verdict.AGAIN,
        504: Verdict.AGAIN,
    }
)
"""By status (FHIR R4 3.1.0); others of 200 are done, of 500 again, the rest refused: redirects are not followed."""

PASSING_ISSUES: Final = frozenset({"transient", "throttled", "timeout", "lock-error", "no-store"})
"""Issue codes (FHIR R4 IssueType) that mean "later", also under a status of 400 and above."""

SIMPLER_ISSUES: Final = frozenset({"not-supported", "too-costly"})
"""Issue codes that mean "not in this way" under 400 and 422."""

_LASTING_STATUSES: Final = frozenset({400, 422})
_NOT_FOR_ISSUES: Final = frozenset({Verdict.DENIED, Verdict.FORBIDDEN})

LONGEST_WAIT_S: Final = 3600.0
"""A longer Retry-After is cut to this, in seconds."""

LONGEST_OUTCOME: Final = 64 * 1024
"""Characters of a server's words that are kept."""

_CODE: Final = re.compile(r"[a-z-]{1,32}")
_PLACE: Final = re.compile(r"[A-Za-z0-9_.\[\]]{1,120}")


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP response, read whole.

    Attributes:
        status: of HTTP, or of an entry of a transaction response.
        resource: the body as a JSON object; empty where it is none.
        headers: in lower case.
    """

    status: int
    resource: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def issues(self) -> Iterator[Mapping[str, Any]]:
        """Of its OperationOutcome, if it is one."""
        issues = self.resource.get("issue")
        return (issue for issue in issues if isinstance(issue, dict)) if isinstance(issues, list) else iter(())

    @property
    def codes(self) -> frozenset[str]:
        """Of its issues (FHIR R4 IssueType), and of their details."""
        return frozenset(str(issue.get("code")) for issue in self.issues)


def verdict_of(answer: Answer) -> Verdict:
    """What an answer means."""
    by_status = RULES.get(answer.status) or _by_hundred(answer.status)
    if by_status in {Verdict.DONE, *_NOT_FOR_ISSUES}:
        return by_status
    if answer.codes & PASSING_ISSUES:
        return Verdict.AGAIN
    if answer.status in _LASTING_STATUSES and answer.codes & SIMPLER_ISSUES:
        return Verdict.SIMPLER
    return by_status


def _by_hundred(status: int) -> Verdict:
    by_hundred = {2: Verdict.DONE, 5: Verdict.AGAIN}
    return by_hundred.get(status // 100, Verdict.REFUSED)


def failure(name: str, what: str, answer: Answer) -> PeerError:
    """The error that an answer becomes where nothing more is to be tried now.

    Args:
        name: of the destination.
        what: was asked, without patient data.
        answer: not a success.
    """
    code, outcome = f"http-{answer.status}", _outcome(answer)
    said = f"{name}: {what}: HTTP {answer.status}{_places(answer)}"
    match verdict_of(answer):
        case Verdict.AGAIN:
            return PeerBusyError(code, said, seconds_to_wait(answer), outcome=outcome)
        case Verdict.CONFLICT:
            return PeerError(code, f"{said}; somebody else writes the same", outcome=outcome)
        case Verdict.DENIED:
            return PeerDeniedError(code, f"{said}; look at the token or the keys", outcome=outcome)
        case Verdict.FORBIDDEN:
            return DeliveryForbiddenError(code, f"{said}; look at the scopes that the server grants", outcome=outcome)
    return DeliveryRefusedError(code, said, outcome=outcome)


def seconds_to_wait(answer: Answer, now: datetime | None = None) -> float:
    """What Retry-After asks for (RFC 9110 10.2.3), seconds or a date, at most an hour; 0 without one."""
    said = answer.headers.get("retry-after", "").strip()
    if said.isdecimal():
        return min(float(said), LONGEST_WAIT_S)
    try:
        moment = parsedate_to_datetime(said)
    except ValueError:
        return 0.0
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    wait_s = (moment - (now or datetime.now(UTC))).total_seconds()
    return min(max(wait_s, 0.0), LONGEST_WAIT_S)


def _places(answer: Answer) -> str:
    """The codes and places of the faults; not their texts, which may quote what was sent."""
    places = [f"{_plain(_CODE, issue.get('code'))} at {_place(issue)}" for issue in answer.issues][:8]
    return f" ({'; '.join(places)})" if places else ""


def _place(issue: Mapping[str, Any]) -> str:
    said = issue.get("expression") or issue.get("location")
    return _plain(_PLACE, said[0] if isinstance(said, list) and said else None)


def _plain(pattern: re.Pattern[str], said: object) -> str:
    """A word that cannot hold anything of a patient; a question mark in the place of others."""
    return said if isinstance(said, str) and pattern.fullmatch(said) else "?"


def _outcome(answer: Answer) -> str:
    return json.dumps(answer.resource, ensure_ascii=False)[:LONGEST_OUTCOME] if answer.resource else ""

"""DICOMweb as origin server and user agent: resources, statuses, media types, query keys, limits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pydicom.datadict import keyword_for_tag
from tabulating import amount, attribute, documented, name_of, named, seconds, table, vr_of

from marrowcount.errors import DeliveryRefusedError
from marrowcount.workflow.verdicts import Verdict, verdict_of
from marrowcount_adapters.dicomweb.attributes import COUNTED, RETURNED, Level
from marrowcount_adapters.dicomweb.dicom_json import MAX_INLINE_BINARY
from marrowcount_adapters.dicomweb.negotiation import FRAME_MEDIA_TYPES
from marrowcount_adapters.dicomweb.openapi import ANY_STATUSES
from marrowcount_adapters.dicomweb.operations import OPERATIONS
from marrowcount_adapters.dicomweb.query import FLAGS, MAX_PARAMETERS
from marrowcount_adapters.dicomweb.render import LARGEST, THUMBNAIL
from marrowcount_adapters.dicomweb.rendering import MAX_TILES
from marrowcount_adapters.dicomweb.retrieve import MAX_FRAMES
from marrowcount_adapters.dicomweb.store import Reason
from marrowcount_adapters.dicomweb_client.archive import ANSWERED, AS_STORED, LACKING
from marrowcount_adapters.dicomweb_client.asking import PASSING, fault_of
from marrowcount_adapters.dicomweb_client.stow import BUSY, JUDGED
from marrowcount_adapters.web_server.server import HEAD_S, KEEP_ALIVE_S, MAX_HEAD_BYTES, STALL_S

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

MEANINGS: Final = {
    200: "Done. Of a store: every instance is held, also one that was held before.",
    202: "Store: some instances are held; the body says which are not, and why.",
    204: "Search: nothing matches.",
    206: "Retrieve: only the instances that are acceptable as they are held; bulk data: the range asked for.",
    304: "Retrieve: unchanged since the ETag that was sent.",
    400: "The request cannot be read. Of a store: no multipart message, no part, or it broke off before one was whole.",
    401: "No bearer token, or one that is not known.",
    403: "The token is not good for reading, or not for writing.",
    404: "Not held, or no such resource.",
    405: "No such method.",
    406: "Not to be had in an acceptable media type and transfer syntax.",
    408: "Store: slower than 1 KiB a second for `web.pause_s`, or longer than `web.longest_store_s`.",
    409: "Store: no instance is held, for the reasons in the body.",
    413: "Store: every instance is too large, or there are more parts than `web.max_parts`.",
    415: "Store: another body than `multipart/related` of, or one, `application/dicom`.",
    416: "Bulk data: no such range.",
    421: "The server asks for no token, and was called by another name than `localhost` or its address.",
    500: "The node failed; its log tells.",
    503: "Disk below its watermark, ledger away, too many connections or stores; see Retry-After.",
}
"""Of every status that a resource may answer with."""


def resources() -> Iterator[str]:
    """Every resource of the DICOMweb service."""
    rows = (
        (
            f"{operation.method} `{operation.path.replace(':path', '')}`",
            operation.summary,
            "; ".join(f"`{kind}`" for kind in operation.media_types),
            ", ".join(str(status) for status in operation.statuses),
        )
        for operation in OPERATIONS
    )
    return table(("request", "what", "media types of the answer", "statuses"), rows)


ROUTING: Final = (405, 421)
"""What is answered before any resource is found."""


def answered_statuses() -> tuple[int, ...]:
    """All statuses of all resources."""
    return tuple(sorted({*ANY_STATUSES, *ROUTING, *(status for each in OPERATIONS for status in each.statuses)}))


def meanings() -> Iterator[str]:
    """What each status means."""
    return table(("status", "meaning"), ((str(status), MEANINGS[status]) for status in answered_statuses()))


def store_reasons() -> Iterator[str]:
    """Failure Reasons of a store."""
    said = documented(Reason)
    return table(
        ("Failure Reason", "name", "when"),
        ((f"{each:04X}H", named(each), said.get(each.name, NAMELESS.get(each, ""))) for each in Reason),
    )


NAMELESS: Final = {
    Reason.CLASS_NOT_SUPPORTED: "The SOP class is not one of those that the listener takes (1.1).",
    Reason.OUT_OF_RESOURCES: "Larger than `receive.max_instance_gib`, or the disk or the ledger cannot take it now.",
    Reason.CANNOT_UNDERSTAND: "No DICOM, or a part that is not `application/dicom`.",
    Reason.SYNTAX_NOT_SUPPORTED: "The transfer syntax is not one of those that the listener takes for its class (1.1).",
}


def frame_types() -> Iterator[str]:
    """Media types of frames."""
    by_type: dict[str, list[str]] = {}
    for uid, media_type in FRAME_MEDIA_TYPES.items():
        by_type.setdefault(media_type, []).append(uid)
    rows = [(f"`{kind}`", ", ".join(f"{name_of(uid)} `{uid}`" for uid in uids)) for kind, uids in by_type.items()]
    rows.append(
        ("`application/octet-stream`", "uncompressed pixels; with `transfer-syntax=*` the bytes of any of these")
    )
    return table(("media type of a frame", "held in the transfer syntax"), rows)


def search_attributes() -> Iterator[str]:
    """What a search returns, and what can be searched by."""
    rows = (
        (level.name.lower(), attribute(keyword_for_tag(tag)), _matched(tag))
        for level in Level
        for tag in RETURNED[level]
    )
    return table(("level", "attribute returned", "matching key"), rows)


def _matched(tag: str) -> str:
    if tag in COUNTED:
        return ""
    return "by the attributes of its items" if vr_of(keyword_for_tag(tag)) == "SQ" else "yes"


def search_parameters() -> Iterator[str]:
    """Query parameters of a search that are no attribute."""
    meaning = {
        "limit": "at most `web.max_results`; a Warning tells of more",
        "offset": "results passed over",
        "includefield": "keywords, tags or `all`",
        **dict.fromkeys(sorted(FLAGS), "read, and not needed: such values are matched without it"),
        "fuzzymatching": "not supported: literal matching, with a Warning",
    }
    rows = [(f"`{name}`", said) for name, said in meaning.items()]
    rows.append(("any attribute", f"by keyword or tag, with dots into sequences; {MAX_PARAMETERS} parameters at most"))
    return table(("parameter", "meaning"), rows)


def limits() -> Iterator[str]:
    """Limits of the web server."""
    rows = (
        ("connections", "`web.max_connections`", "503"),
        ("stores at a time", "`web.max_stores`", "503 with Retry-After"),
        ("instances in one store", "`web.max_parts`", "202 or 413"),
        ("one instance", "`receive.max_instance_gib`", "Failure Reason A700H"),
        ("head of a request", f"{amount(MAX_HEAD_BYTES)} within {seconds(HEAD_S)}", "the connection is closed"),
        ("an answer that nobody takes", seconds(STALL_S), "the connection is closed"),
        ("idle connection", seconds(KEEP_ALIVE_S), "the connection is closed"),
        ("frames in one request", f"{MAX_FRAMES:,}", "400"),
        ("tiles of one picture", f"{MAX_TILES:,}", "406"),
        (
            "picture",
            f"{LARGEST.width} x {LARGEST.height}; thumbnail {THUMBNAIL.width} x {THUMBNAIL.height}",
            "made smaller",
        ),
        ("binary value within metadata", amount(MAX_INLINE_BINARY), "a Bulk Data URI"),
    )
    return table(("limit", "value", "beyond it"), rows)


def stow_answers() -> Iterator[str]:
    """What answers to STOW-RS mean to the node as user agent."""
    rows = [
        (", ".join(map(str, sorted(JUDGED))), "the body says what became of the instance: see the next rows"),
        ("... stored, also with a Warning Reason", "delivered; the reason is kept with the file"),
        ("... Failure Reason A7xxH or 0213H", _again(verdict_of(0xA700))),
        ("... any other Failure Reason, or 409 without one", _again(verdict_of(0xC000))),
        ("... 202 without a word on the instance", _again(Verdict.TRY_LATER)),
        (", ".join(map(str, sorted(BUSY))), "sent again, not before Retry-After asks for it (an hour at most)"),
        (", ".join(map(str, sorted(PASSING - BUSY))) + ", or no answer", _again(Verdict.TRY_LATER)),
        ("any other, redirects too", _again(Verdict.REFUSED)),
    ]
    return table(("answer received", "what the node does"), rows)


def _again(verdict: Verdict) -> str:
    again = "sent again, with growing pauses, for `outbox.give_up_after_h`"
    return again if verdict is Verdict.TRY_LATER else "dead letter with the reason; a person must look"


def archive_answers() -> Iterator[str]:
    """What answers to QIDO-RS and WADO-RS mean to the node as user agent."""
    rows = [
        (", ".join(str(int(each)) for each in sorted({*ANSWERED, 204})), "none: it is read", ""),
        (
            ", ".join(str(int(each)) for each in sorted(LACKING)) + " of an instance",
            "the instance is named as lacking",
            "yes",
        ),
    ]
    usual = fault_of("archive", 405)
    for status in range(400, 600):
        fault = fault_of("archive", status)
        if fault.code != f"http-{status}" or fault.retryable != usual.retryable:
            rows.append(
                (str(status), f"`{fault.code}`", "yes" if not isinstance(fault, DeliveryRefusedError) else "no")
            )
    rows += [("any other", "`http-NNN`", "no"), ("none", "`no-answer`", "yes")]
    return table(("answer received", "failure reported", "may the same succeed later?"), rows)


def wado_accept() -> Iterator[str]:
    """What the node asks for by WADO-RS."""
    yield f"`Accept: {AS_STORED}`"


WEB_TABLES: Final[Mapping[str, Callable[[], Iterator[str]]]] = {
    "dicomweb": resources,
    "web-statuses": meanings,
    "web-store-reasons": store_reasons,
    "web-frame-types": frame_types,
    "web-search-attributes": search_attributes,
    "web-search-parameters": search_parameters,
    "web-limits": limits,
    "stow-answers": stow_answers,
    "archive-answers": archive_answers,
    "wado-accept": wado_accept,
}

"""How associations are opened and kept: identity, limits, timeouts, rejections."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Final

from created import created_objects
from pydicom.uid import ExplicitVRLittleEndian
from pynetdicom import AE
from pynetdicom.dsutils import create_file_meta
from tabulating import amount, seconds, table

from marrowcount.main.worklists import ANSWER_S
from marrowcount.settings import ArchiveSection
from marrowcount_adapters.dimse import Calling, ListenerSettings
from marrowcount_adapters.dimse.admission import Rejection
from marrowcount_adapters.dimse.contexts import VERIFICATION
from marrowcount_adapters.dimse.destination import LINGER_S
from marrowcount_adapters.dimse.inflow import LONGEST_COMMAND_BYTES, LONGEST_IDENTIFIER_BYTES, MOST_UNANSWERED
from marrowcount_adapters.dimse.listener import LONGEST_NEGOTIATION_S
from marrowcount_adapters.dimse.retrieving import MOST_MATCHES
from marrowcount_adapters.dimse.send import CONVERTIBLE_BYTES, MAX_CONTEXTS
from marrowcount_adapters.dimse.server import CONNECTIONS_PER_ASSOCIATION
from marrowcount_adapters.dimse.sockets import LONGEST_PDU_BYTES, MAX_PDU_BYTES, CallingEntity
from marrowcount_adapters.dimse.transfers import LONGEST_DRAIN_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from pydicom.dataset import FileMetaDataset

RESULTS: Final = {1: "rejected-permanent", 2: "rejected-transient"}
SOURCES: Final = {1: "service user", 2: "service provider (ACSE)", 3: "service provider (presentation)"}
"""PS3.8 Table 9-21."""

LOCAL_LIMIT: Final = (2, 3, 2)
"""What pynetdicom rejects with where `receive.max_associations` are open."""


def _default(kind: type[Calling | ListenerSettings], name: str) -> float:
    return next(float(str(each.default)) for each in fields(kind) if each.name == name)


def identity() -> Iterator[str]:
    """Implementation Class UID and Version Name, wherever they are told."""
    made = created_objects()
    received = create_file_meta(
        sop_class_uid=VERIFICATION, sop_instance_uid=VERIFICATION, transfer_syntax=ExplicitVRLittleEndian
    )
    listening, calling = AE(), CallingEntity()
    rows = (
        (
            "associations that the node accepts",
            listening.implementation_class_uid,
            listening.implementation_version_name,
        ),
        ("associations that it requests", calling.implementation_class_uid, calling.implementation_version_name),
        ("File Meta Information of received files", *_of_file(received)),
        ("File Meta Information of created annotations", *_of_file(made["cells"].file_meta)),
        ("File Meta Information of created reports", *_of_file(made["report"].file_meta)),
    )
    return table(
        ("told in", "Implementation Class UID", "Implementation Version Name"),
        ((where, f"`{uid}`", f"`{name}`") for where, uid, name in rows),
    )


def _of_file(meta: FileMetaDataset) -> tuple[str, str]:
    return str(meta.ImplementationClassUID), str(meta.get("ImplementationVersionName", ""))


def acceptor() -> Iterator[str]:
    """Limits of the listener."""
    silence = seconds(_default(ListenerSettings, "network_timeout_s"))
    rows = (
        ("maximum PDU size offered", amount(MAX_PDU_BYTES), ""),
        ("longest PDU that is read", amount(LONGEST_PDU_BYTES), "the association is aborted"),
        ("associations at once", "`receive.max_associations`", "rejected as transient (local limit exceeded)"),
        ("connections at once", f"{CONNECTIONS_PER_ASSOCIATION} for each association allowed", "closed unheard"),
        (
            "TLS handshake, and then the association request",
            f"{seconds(LONGEST_NEGOTIATION_S)} each",
            "the connection is closed",
        ),
        ("silence, and the time for one whole PDU", silence, "the association is aborted"),
        (
            "asynchronous operations window",
            "not negotiated: one operation at a time",
            f"more than {MOST_UNANSWERED} unanswered instances: aborted",
        ),
        ("command set", amount(LONGEST_COMMAND_BYTES), "the association is aborted"),
        (
            "data set of N-ACTION, N-CREATE, N-EVENT-REPORT",
            amount(LONGEST_IDENTIFIER_BYTES),
            "the association is aborted",
        ),
        ("instance", "`receive.max_instance_gib`", "A701H; the association goes on"),
        (
            "what is read of a refused instance, so that its sender hears the status",
            amount(LONGEST_DRAIN_BYTES),
            "the association is aborted",
        ),
    )
    return table(("limit as acceptor", "value", "beyond it"), rows)


def requestor() -> Iterator[str]:
    """Limits of what the node requests."""
    archive = seconds(ArchiveSection.model_fields["timeout_s"].default)
    rows = (
        ("maximum PDU size offered", amount(MAX_PDU_BYTES)),
        ("asynchronous operations window", "not proposed"),
        ("user identity, SOP class extended negotiation", "not proposed"),
        ("associations at once", "one for each destination, archive and worklist, and one for storage commitment"),
        ("presentation contexts", f"{MAX_CONTEXTS}; where files need more, another association follows"),
        ("TCP connection", seconds(_default(Calling, "connect_s"))),
        ("TLS handshake, and then A-ASSOCIATE-AC or -RJ", f"{seconds(_default(Calling, 'associate_s'))} each"),
        ("answer of a `[[pacs]]` or requester, and silence", seconds(_default(Calling, "answer_s"))),
        ("answer of an `[[archive]]`, and silence", f"`timeout_s`, {archive} unless set"),
        ("answer of a `[[worklist]]`", seconds(ANSWER_S)),
        ("matches of one C-FIND", f"{MOST_MATCHES:,}; then C-CANCEL"),
        ("commitment association kept open for a report on it", seconds(LINGER_S)),
        ("file converted between Explicit and Implicit VR for a peer that takes no other", amount(CONVERTIBLE_BYTES)),
    )
    return table(("limit as requestor", "value"), rows)


def rejections() -> Iterator[str]:
    """Every A-ASSOCIATE-RJ of the listener."""
    when = {
        Rejection.CALLED_AE_TITLE_NOT_RECOGNISED: "the called AE title is not the node's",
        Rejection.CALLING_AE_TITLE_NOT_RECOGNISED: "no rule lets this AE title, address and certificate in",
    }
    rows = [
        (member.value, member.name.replace("_", " ").lower().replace("ae t", "AE t"), when[member])
        for member in Rejection
    ]
    rows.append((LOCAL_LIMIT, "local limit exceeded", "`receive.max_associations` are open: try again"))
    return table(
        ("result", "source", "reason", "meaning", "when"),
        (
            (f"{result} {RESULTS[result]}", f"{source} {SOURCES[source]}", str(reason), meaning, why)
            for (result, source, reason), meaning, why in rows
        ),
    )


ASSOCIATION_TABLES: Final[Mapping[str, Callable[[], Iterator[str]]]] = {
    "implementation": identity,
    "acceptor-limits": acceptor,
    "requestor-limits": requestor,
    "rejections": rejections,
}

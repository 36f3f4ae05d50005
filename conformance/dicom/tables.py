"""The tables of the conformance statement, each a Markdown table made of what the code really does."""

from __future__ import annotations

import ast
import inspect
import itertools
import json
from functools import partial
from typing import TYPE_CHECKING, Final

import highdicom
from created import created_objects, created_tables
from pydantic import BaseModel
from pydicom.uid import UID

from marrowcount.errors import Refusal
from marrowcount.ports import FailureReason
from marrowcount.settings import Settings
from marrowcount.slides.states import DeliveryState, SlideState
from marrowcount_adapters.dicomweb.operations import OPERATIONS
from marrowcount_adapters.dimse.contexts import COMMITMENT, VERIFICATION, accepted_contexts
from marrowcount_adapters.dimse.getting import slide_contexts
from marrowcount_adapters.dimse.retrieving import MODEL_FIND, MODEL_GET, MODEL_MOVE
from marrowcount_adapters.dimse.statuses import ActionStatus, Status, Verdict, verdict_of
from marrowcount_adapters.ups.dimse_service import UPS_EVENT, UPS_PULL, UPS_WATCH
from marrowcount_adapters.wsi.checks import DECODABLE, REQUIRED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from enum import Enum, IntEnum, StrEnum

    from pynetdicom.presentation import PresentationContext

NAMES: Final = {
    "1.2.840.10008.1.2.4.110": "JPEG XL Lossless",
    "1.2.840.10008.1.2.4.111": "JPEG XL JPEG Recompression",
    "1.2.840.10008.1.2.4.112": "JPEG XL",
    "1.2.840.10008.1.2.8.1": "Deflated Image Frame Compression",
}
"""Younger than pydicom's dictionary."""


def table(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """A Markdown table."""
    yield f"| {' | '.join(heading)} |"
    yield f"|{'|'.join('---' for _ in heading)}|"
    for row in rows:
        yield f"| {' | '.join(_cell(value) for value in row)} |"


def _cell(value: str) -> str:
    return " ".join(value.split()).replace("|", "\\|")


def name_of(uid: str) -> str:
    """What the standard calls a UID."""
    return NAMES.get(uid) or UID(uid).name


def documented(kind: type[Enum]) -> Mapping[str, str]:
    """The docstring below each member of an enumeration."""
    (tree,) = ast.parse(inspect.getsource(kind)).body
    body = tree.body if isinstance(tree, ast.ClassDef) else []
    said: dict[str, str] = {}
    for member, text in itertools.pairwise(body):
        match member, text:
            case ast.Assign(targets=[ast.Name(id=name)]), ast.Expr(value=ast.Constant(value=str(words))):
                said[name] = words.replace("``", "`")
    return said


def accepted() -> Iterator[str]:
    """Presentation contexts that the listener takes."""
    rows = (
        (
            name_of(str(context.abstract_syntax)),
            f"`{context.abstract_syntax}`",
            _role(context),
            "; ".join(_short(str(syntax)) for syntax in context.transfer_syntax),
        )
        for context in accepted_contexts()
    )
    return table(("SOP class", "UID", "role of the node", "transfer syntaxes, the preferred first"), rows)


def syntaxes() -> Iterator[str]:
    """Every transfer syntax with its UID."""
    uids = dict.fromkeys(str(syntax) for context in accepted_contexts() for syntax in context.transfer_syntax)
    return table(("transfer syntax", "UID"), ((name_of(uid), f"`{uid}`") for uid in uids))


def _short(uid: str) -> str:
    """The name without the process numbers that nobody reads."""
    return name_of(uid).partition(" (Process")[0].partition(", Non-H")[0]


def _role(context: PresentationContext) -> str:
    # Seen from the requestor, as the standard negotiates them: who accepts with scp_role lets the caller be SCP.
    if context.scp_role:
        return "SCP, and SCU by role selection" if context.scu_role else "SCU, by role selection"
    return "SCP"


def proposed() -> Iterator[str]:
    """What the node asks of others."""
    stored = sorted({str(made.SOPClassUID) for made in created_objects().values()})
    fetched = sorted({str(context.abstract_syntax) for context in slide_contexts()})
    rows = (
        (VERIFICATION, "SCU", "`marrowcount check`"),
        *((uid, "SCU", "results to each `[[pacs]]`") for uid in stored),
        (COMMITMENT, "SCU", "after results were stored"),
        (MODEL_FIND, "SCU", "`marrowcount pull`, and what a workitem names"),
        (MODEL_MOVE, "SCU", "the same; the archive sends to the node's own listener"),
        (MODEL_GET, "SCU", "the same"),
        *((uid, "SCP, by role selection", "the instances of a C-GET, in the syntaxes of 5.1") for uid in fetched),
        (UPS_PULL, "SCU", "`[[worklist]]` of kind dimse"),
        (UPS_WATCH, "SCU", "subscribing to workitems"),
        (UPS_EVENT, "SCU", "N-EVENT-REPORT of workitems, taken by the listener"),
    )
    return table(("SOP class", "UID", "role of the node", "for"), ((name_of(u), f"`{u}`", r, w) for u, r, w in rows))


def dicomweb() -> Iterator[str]:
    """Every resource of the DICOMweb service."""
    rows = (
        (
            f"{operation.method} `{operation.path}`",
            operation.summary,
            "; ".join(f"`{kind}`" for kind in operation.media_types),
            ", ".join(str(status) for status in operation.statuses),
        )
        for operation in OPERATIONS
    )
    return table(("request", "what", "media types of the answer", "statuses"), rows)


def statuses(kind: type[IntEnum] = Status) -> Iterator[str]:
    """What is answered to C-STORE, or what another set of statuses means, and when."""
    said = documented(kind)
    return table(
        ("status", "name", "when"),
        ((f"{member:04X}H", name, said.get(name, "")) for name, member in kind.__members__.items()),
    )


def received_statuses() -> Iterator[str]:
    """What received statuses of C-STORE mean to the node."""
    ranges = (
        ("0000", 0x0000),
        ("B000, B006, B007 and all BxxxH", 0xB000),
        ("A700 to A7FF", 0xA700),
        ("0213", 0x0213),
        ("A900 to A9FF", 0xA900),
        ("C000 to CFFF", 0xC000),
        ("0122", 0x0122),
        ("no answer", None),
    )
    doing = {
        Verdict.TAKEN: "taken; a warning is noted",
        Verdict.TRY_LATER: "kept and sent again, with growing pauses",
        Verdict.REFUSED: "kept as dead letter with the reason; a person must look",
    }
    return table(("status", "what the node does"), ((text, doing[verdict_of(code)]) for text, code in ranges))


def decodable() -> Iterator[str]:
    """What can be counted, of all that is received."""
    rows = ((name_of(uid), f"`{uid}`", ", ".join(sorted(photometric))) for uid, photometric in DECODABLE.items())
    return table(("transfer syntax", "UID", "Photometric Interpretation"), rows)


def required() -> Iterator[str]:
    """Attributes without which a slide is refused."""
    always = ("StudyInstanceUID", "SeriesInstanceUID", "SOPClassUID", "SOPInstanceUID")
    level = ("TotalPixelMatrixColumns", "TotalPixelMatrixRows", "Rows", "Columns", "ImageType")
    yield from table(
        ("attribute", "without it"),
        (
            *((keyword, "the instance is not taken (A900H or C000H)") for keyword in always),
            *((keyword, "a level is not taken (A900H)") for keyword in level[:4]),
            (level[4], "the instance counts as no level"),
            ("PixelSpacing", "the slide is refused: `no-resolution`"),
            *((keyword, "the slide is refused: `not-dicom`") for keyword in REQUIRED),
        ),
    )


def codes(kind: type[StrEnum]) -> Callable[[], Iterator[str]]:
    """A closed set of codes with their meanings."""

    def rows() -> Iterator[str]:
        said = documented(kind)
        return table(
            ("code", "meaning"),
            ((f"`{member.value}`", said.get(name, "")) for name, member in kind.__members__.items()),
        )

    return rows


def settings() -> Iterator[str]:
    """Every setting that bears on DICOM."""
    return table(("parameter", "default", "meaning"), _settings(Settings(), ()))


def _settings(section: BaseModel, path: tuple[str, ...]) -> Iterator[tuple[str, str, str]]:
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        if isinstance(value, BaseModel):
            yield from _settings(value, (*path, name))
        elif path[:1] != ("count",):
            default = json.dumps(value, default=str) if value is not None else "none"
            yield f"`{'.'.join((*path, name))}`", f"`{default}`", (field.description or "").replace("``", "`")


def versions() -> Iterator[str]:
    """The libraries that encode and decode."""
    yield f"Objects are encoded by highdicom {highdicom.__version__.rsplit('.', 1)[0]}."


TABLES: Final[Mapping[str, Callable[[], Iterator[str]]]] = {
    "accepted-contexts": accepted,
    "transfer-syntaxes": syntaxes,
    "proposed-contexts": proposed,
    "dicomweb": dicomweb,
    "sent-statuses": statuses,
    "received-statuses": received_statuses,
    "commitment-answers": partial(statuses, ActionStatus),
    "commitment-failures": partial(statuses, FailureReason),
    "decodable": decodable,
    "required": required,
    "refusals": codes(Refusal),
    "slide-states": codes(SlideState),
    "delivery-states": codes(DeliveryState),
    "settings": settings,
    "versions": versions,
    **created_tables(),
}
"""By the name that a template calls it."""

"""What the node reads, what it says in codes, how it is set up."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

import highdicom
from pydantic import BaseModel
from pydicom.charset import python_encoding
from tabulating import attribute, codes, name_of, table

from marrowcount.cytology import concepts
from marrowcount.cytology.cell_types import CODES, LOCAL_SCHEME, Code
from marrowcount.errors import Refusal
from marrowcount.settings import Settings
from marrowcount.slides.states import DeliveryState, SlideState
from marrowcount_adapters.wsi.checks import DECODABLE, REQUIRED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


def decodable() -> Iterator[str]:
    """What can be counted, of all that is received."""
    rows = ((name_of(uid), f"`{uid}`", ", ".join(sorted(photometric))) for uid, photometric in DECODABLE.items())
    return table(("transfer syntax", "UID", "Photometric Interpretation"), rows)


def required() -> Iterator[str]:
    """Attributes without which a slide is refused."""
    always = ("StudyInstanceUID", "SeriesInstanceUID", "SOPClassUID", "SOPInstanceUID")
    level = ("TotalPixelMatrixColumns", "TotalPixelMatrixRows", "Rows", "Columns")
    rows = (
        *((keyword, "the instance is not taken (A900H or C000H)") for keyword in always),
        *((keyword, "a level is not taken (A900H)") for keyword in level),
        ("ImageType", "the instance counts as no level"),
        ("PixelSpacing", f"the slide is refused: `{Refusal.NO_RESOLUTION}`"),
        *((keyword, f"the slide is refused: `{Refusal.NOT_DICOM}`") for keyword in REQUIRED),
    )
    return table(("attribute", "without it"), ((attribute(keyword), without) for keyword, without in rows))


def classes() -> Iterator[str]:
    """The classes of cells with their codes."""
    rows = (
        (cell_type.label, _code(held.primary), _code(held.modifier) if held.modifier else "", held.local.value)
        for cell_type, held in CODES.items()
    )
    return table(("class", "code", "modifier", f"code in {LOCAL_SCHEME}"), rows)


def _code(code: Code) -> str:
    return f'({code.value}, {code.scheme}, "{code.meaning}")'


def local_codes() -> Iterator[str]:
    """The node's own codes, beside those of the classes."""
    own = [code for code in vars(concepts).values() if isinstance(code, Code) and code.scheme == LOCAL_SCHEME]
    rows = ((code.value, code.meaning) for code in [*own, *concepts.STOPPING_REASONS.values()])
    return table((f"code in {LOCAL_SCHEME}", "meaning"), rows)


def local_scheme() -> Iterator[str]:
    """The node's coding scheme."""
    yield (
        f"Coding Scheme Designator `{LOCAL_SCHEME}`, Coding Scheme UID `{concepts.LOCAL_SCHEME_UID}`, "
        f'Coding Scheme Name "{concepts.LOCAL_SCHEME_NAME}".'
    )


def character_sets() -> Iterator[str]:
    """What can be read."""
    terms = sorted(term for term in python_encoding if term)
    yield ", ".join(f"`{term}`" for term in terms) + "; none for the default repertoire."


def settings() -> Iterator[str]:
    """Every setting that bears on DICOM, beside those of peers."""
    return table(("parameter", "default", "meaning"), _settings(Settings(), ()))


def _settings(section: BaseModel, path: tuple[str, ...]) -> Iterator[tuple[str, str, str]]:
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        if isinstance(value, BaseModel):
            yield from _settings(value, (*path, name))
        elif (path[:1] != ("count",) or name in RESOLUTIONS) and name not in {*PEER_KINDS, "ehr"}:
            default = json.dumps(value, default=str) if value is not None else "none"
            yield f"`{'.'.join((*path, name))}`", f"`{default}`", (field.description or "").replace("``", "`")


def peers() -> Iterator[str]:
    """Settings of the tables that name others; there may be several tables of each kind."""
    rows = (
        (f"`[[{kind}]]` `{name}`", _default(field), (field.description or "").replace("``", "`"))
        for kind in PEER_KINDS
        for name, field in _model_of(kind).model_fields.items()
    )
    return table(("parameter", "default", "meaning"), rows)


RESOLUTIONS: Final = frozenset({"finest_um_per_px", "coarsest_um_per_px"})
"""Of the settings of counting those that bear on which slides are taken."""

PEER_KINDS: Final = ("caller", "pacs", "stow", "requester", "archive", "worklist")


def _model_of(kind: str) -> type[BaseModel]:
    (item, *_) = Settings.model_fields[kind].annotation.__args__  # type: ignore[union-attr]
    return item  # type: ignore[no-any-return]


def _default(field: object) -> str:
    if field.is_required():  # type: ignore[attr-defined]
        return "to be given"
    value = field.get_default(call_default_factory=True)  # type: ignore[attr-defined]
    return "none" if value is None else f"`{json.dumps(value, default=str)}`"


def versions() -> Iterator[str]:
    """The libraries that encode and decode."""
    yield f"Objects are encoded by highdicom {highdicom.__version__.rsplit('.', 1)[0]}."


CONTENT_TABLES: Final[Mapping[str, Callable[[], Iterator[str]]]] = {
    "decodable": decodable,
    "required": required,
    "refusals": codes(Refusal),
    "classes": classes,
    "local-codes": local_codes,
    "local-scheme": local_scheme,
    "slide-states": codes(SlideState),
    "delivery-states": codes(DeliveryState),
    "character-sets": character_sets,
    "settings": settings,
    "peer-settings": peers,
    "versions": versions,
}

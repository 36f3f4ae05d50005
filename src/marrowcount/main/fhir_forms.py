"""The forms in which a report may be written in FHIR, and which health record gets which; nothing that encodes."""

from __future__ import annotations

from pathlib import PurePosixPath
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

from marrowcount.cytology.loinc import CodePolicy
from marrowcount.main.result_files import FHIR_FILE
from marrowcount.ports import DeliveryKind
from marrowcount.workflow.routing import ResultFile

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from marrowcount.settings import EhrSection, Settings

__all__ = ["FHIR_FORMS", "PROJECTIONS", "USUAL", "Form", "form_of", "written_for"]

PROJECTIONS: Final = ("r4-graph", "r4-flat", "eu-lab-document", "r5-graph")


class Form(NamedTuple):
    """How a record wants a report.

    Attributes:
        projection: which resources, and how they are put together.
        policy: which LOINC terms classes carry.
    """

    projection: str
    policy: CodePolicy

    @property
    def file(self) -> str:
        """Its name: ``fhir.json`` for the usual form; others say what is unusual of them."""
        odd = [str(part) for part, usual in zip(self, USUAL, strict=True) if part != usual]
        return ".".join(["fhir", *odd, "json"]) if odd else FHIR_FILE


USUAL: Final = Form("r4-graph", CodePolicy.STRICT)
"""Written of every report, since people may look at it."""

FHIR_FORMS: Final[Mapping[str, Form]] = MappingProxyType(
    {form.file: form for form in (Form(projection, policy) for projection in PROJECTIONS for policy in CodePolicy)}
)
"""Every form by the name of its file."""


def form_of(ehr: EhrSection) -> Form:
    """The form that a record wants."""
    return Form(ehr.projection, CodePolicy(ehr.code_policy))


def written_for(settings: Settings, fhir_file: str) -> Iterator[ResultFile]:
    """Which record gets which file.

    Args:
        settings: that name the records.
        fhir_file: the usual form below the results folder; the others lie beside it.
    """
    for ehr in settings.ehr:
        path = PurePosixPath(fhir_file).with_name(form_of(ehr).file)
        yield ResultFile(str(path), frozenset({DeliveryKind.FHIR}), destination=ehr.name)

"""Profiles of what the node writes (projection r4-graph), made from the codes and words that the encoders use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from fhir_elements import Part, components, element, one_category, one_of, pattern, profile, rule, term, unit_of
from fhir_metadata import LOCAL_SYSTEM, TERMINOLOGY, Json, canonical
from fhir_terminology import NDC_VALUE_SET, STOPPING_VALUE_SET

from marrowcount.cytology.cell_types import CODES, NDC_CLASSES, CellType
from marrowcount.cytology.concepts import (
    AUTOMATED_IMAGE_ANALYSIS,
    BMME,
    BONE_MARROW_ASPIRATE,
    CHI_SQUARE_DISTANCE,
    CONVERGENCE,
    COUNT,
    DIFFERENTIAL_PANEL,
    IHCT,
    INTERVAL_HIGH,
    INTERVAL_LOW,
    MACHINE_COUNT,
    MARROW_REPORT,
    ME_RATIO,
    STOPPING_REASON,
    STOPPING_RULE,
    TILES_COUNTED,
    TILES_LOOKED_AT,
    TOTAL_COUNTED,
)
from marrowcount.result import RESEARCH_USE_ONLY
from marrowcount.review import ReportStatus
from marrowcount_adapters.fhir.statuses import REPORT_STATUS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from marrowcount.cytology.cell_types import Code

WITHOUT_FIGURES: Final = "status = 'entered-in-error' or status = 'cancelled'"
MEMBERS: Final = len(NDC_CLASSES) + 3
"""Of a panel: the classes, the total, two ratios."""


AI_LABEL: Final = f"meta.security.where(system = '{TERMINOLOGY}v3-ObservationValue' and code = 'AIAST').exists()"


def _observation(name: str, title: str, description: str, rules: Sequence[Json], *elements: Json) -> Json:
    """A figure: complete by itself, since a health record may show it alone."""
    common = [
        rule("1", "It says that it is for research use only.", f"note.where(text = '{RESEARCH_USE_ONLY}').exists()"),
        rule("2", "It is labelled as asserted by artificial intelligence, whoever verified it.", AI_LABEL),
        rule("3", "Its status is one of a report's life.", f"status in {one_of([*ReportStatus])}"),
        rule(
            "4",
            "Withdrawn or not counted, it has no number, and says why.",
            f"({WITHOUT_FIGURES}) implies (value.empty() and component.empty() and dataAbsentReason.exists())",
        ),
    ]
    return profile(
        "Observation",
        name,
        title,
        description,
        element("Observation", constraint=[*common, *rules]),
        element("Observation.meta", min=1),
        element("Observation.meta.security", min=1, mustSupport=True),
        element("Observation.identifier", min=1, mustSupport=True, short="The same over all versions of the report"),
        element("Observation.status", mustSupport=True),
        *one_category("Observation", term("observation-category", "laboratory")),
        element(
            "Observation.subject", min=1, mustSupport=True, short="The patient by their number; never created here"
        ),
        element("Observation.issued", min=1, mustSupport=True),
        element("Observation.performer", min=1, mustSupport=True, short="The laboratory; the person who verified it"),
        element("Observation.note", min=1, mustSupport=True),
        element("Observation.method", min=1, patternCodeableConcept=pattern(AUTOMATED_IMAGE_ANALYSIS)),
        element("Observation.specimen", min=1),
        element("Observation.device", min=1, short="The software with its models"),
        element("Observation.derivedFrom", min=1, short="The slide's images"),
        *elements,
    )


VALUE_OR_REASON: Final = rule(
    "5", "It has a value or a reason for none.", "value.exists() xor dataAbsentReason.exists()"
)


def _quantity(unit: str) -> Json:
    return element("Observation.value[x]", type=[{"code": "Quantity"}], patternQuantity=unit_of(unit), mustSupport=True)


def _has_components(*codes: Code) -> str:
    return " and ".join(f"component.code.coding.where(code = '{code.value}').exists()" for code in codes)


def class_share() -> Json:
    """One class of the differential."""
    local = one_of([CODES[each].local.value for each in NDC_CLASSES])
    return _observation(
        "class-share",
        "Share of a class of cells in the nucleated differential count",
        "Percentage of one of the twelve classes of the differential (ICSH 2008), with the cells counted and the exact "
        "95 % interval, which covers sampling error only. Coded by the local code always; by LOINC where a term fits.",
        [
            VALUE_OR_REASON,
            rule(
                "6",
                "A share stands with its count and both bounds of its interval.",
                f"value.exists() implies ({_has_components(COUNT, INTERVAL_LOW, INTERVAL_HIGH)})",
            ),
            rule(
                "7",
                "One local code says which class it is.",
                f"code.coding.where(system = '{LOCAL_SYSTEM}' and code in {local}).count() = 1",
            ),
            rule("8", "A share is none of a negative number and not over one hundred.", _within_bounds()),
        ],
        element("Observation.code", binding={"strength": "extensible", "valueSet": NDC_VALUE_SET}, mustSupport=True),
        _quantity("%"),
        *components(
            Part(COUNT, unit="{cells}"),
            Part(INTERVAL_LOW, unit="%"),
            Part(INTERVAL_HIGH, unit="%"),
            Part(MACHINE_COUNT, unit="{cells}"),
        ),
    )


def _within_bounds() -> str:
    return "value.ofType(Quantity).value.all($this >= 0 and $this <= 100)"


def total() -> Json:
    """The denominator."""
    return _observation(
        "total",
        "Nucleated cells counted",
        "How many cells are in the denominator of the differential (ICSH 2008).",
        [VALUE_OR_REASON],
        element("Observation.code", patternCodeableConcept=pattern(TOTAL_COUNTED)),
        _quantity("{cells}"),
        element("Observation.component", max="0"),
    )


def ratio() -> Json:
    """Either ratio."""
    codes = one_of([ME_RATIO.value, BMME.value])
    return _observation(
        "ratio",
        "Ratio of myeloid to erythroid cells",
        "After ICSH 2008 (LOINC) or as the paper of the method has it (BMME, local). Without an erythroblast it is "
        "undefined: it has a reason and no value.",
        [VALUE_OR_REASON, rule("9", "It says which ratio it is.", f"code.coding.where(code in {codes}).count() = 1")],
        _quantity("{ratio}"),
        element("Observation.component", max="0"),
    )


def histogram() -> Json:
    """The IHCT."""
    classes = [CODES[each].local for each in CellType]
    reading = (TILES_COUNTED, TILES_LOOKED_AT, CHI_SQUARE_DISTANCE, STOPPING_REASON, CONVERGENCE, STOPPING_RULE)
    return _observation(
        "histogram",
        "Integrated histogram of cell types",
        "The machine's raw counts of all 19 classes, and how its reading of the slide ended. No person changes it.",
        [
            rule(
                "10",
                "All classes, and how the count ended.",
                f"({WITHOUT_FIGURES}) or ({_has_components(*classes, *reading)})",
            )
        ],
        element("Observation.code", patternCodeableConcept=pattern(IHCT)),
        element("Observation.value[x]", max="0"),
        *components(
            *(Part(code, unit="{objects}") for code in classes),
            Part(TILES_COUNTED, unit="{tiles}"),
            Part(TILES_LOOKED_AT, unit="{tiles}"),
            Part(CHI_SQUARE_DISTANCE, unit="1"),
            Part(STOPPING_REASON, "CodeableConcept", bound_to=STOPPING_VALUE_SET),
            Part(CONVERGENCE, "boolean"),
            Part(STOPPING_RULE, "string"),
        ),
    )


def panel() -> Json:
    """The differential as a whole."""
    targets = [canonical("StructureDefinition", name) for name in ("class-share", "total", "ratio")]
    return _observation(
        "panel",
        "Nucleated differential count of bone marrow",
        "Groups the figures; has no value of its own. Its notes say what a reader must know of the count. It is "
        "derived from the histogram, which therefore is no member.",
        [
            rule(
                "11",
                f"It has {MEMBERS} members, or says why there is no count.",
                f"dataAbsentReason.exists() or hasMember.count() = {MEMBERS}",
            )
        ],
        element("Observation.code", patternCodeableConcept=pattern(DIFFERENTIAL_PANEL)),
        element("Observation.value[x]", max="0"),
        element("Observation.component", max="0"),
        element("Observation.hasMember", type=[{"code": "Reference", "targetProfile": targets}], mustSupport=True),
    )


def report() -> Json:
    """The diagnostic report."""
    released = one_of(["final", "corrected", "appended"])
    return profile(
        "DiagnosticReport",
        "report",
        "Report of a bone marrow smear counted by software",
        "What stands at the top. A machine's report is preliminary or cancelled; all else is a person's doing.",
        element(
            "DiagnosticReport",
            constraint=[
                rule("1", "It says that it is for research use only.", f"conclusion.contains('{RESEARCH_USE_ONLY}')"),
                rule("2", "It is labelled as asserted by artificial intelligence, whoever verified it.", AI_LABEL),
                rule("3", "Its status is one of a report's life.", f"status in {one_of([*REPORT_STATUS.values()])}"),
                rule(
                    "12",
                    "A person answers for what is given out.",
                    f"status in {released} implies resultsInterpreter.exists()",
                ),
                rule(
                    "13",
                    "Nobody answers for a preliminary one.",
                    "status = 'preliminary' implies resultsInterpreter.empty()",
                ),
                rule(
                    "14",
                    "Withdrawn or not counted, it shows no document.",
                    f"({WITHOUT_FIGURES}) implies presentedForm.empty()",
                ),
            ],
        ),
        element("DiagnosticReport.meta", min=1),
        element("DiagnosticReport.meta.security", min=1, mustSupport=True),
        element("DiagnosticReport.text", min=1, mustSupport=True),
        element("DiagnosticReport.identifier", min=1, mustSupport=True),
        element("DiagnosticReport.status", mustSupport=True),
        *one_category("DiagnosticReport", term("v2-0074", "LAB")),
        element("DiagnosticReport.code", patternCodeableConcept=pattern(MARROW_REPORT), mustSupport=True),
        element("DiagnosticReport.subject", min=1, mustSupport=True),
        element("DiagnosticReport.issued", min=1, mustSupport=True),
        element("DiagnosticReport.performer", min=1, mustSupport=True),
        element("DiagnosticReport.resultsInterpreter", mustSupport=True, short="The person who answers for it"),
        element("DiagnosticReport.specimen", min=1, max="1"),
        element("DiagnosticReport.result", min=1, mustSupport=True),
        element("DiagnosticReport.imagingStudy", min=1),
        element("DiagnosticReport.conclusion", min=1, mustSupport=True),
        element("DiagnosticReport.presentedForm.size", min=1),
        element("DiagnosticReport.presentedForm.hash", min=1),
    )


def specimen() -> Json:
    """The smear."""
    return profile(
        "Specimen",
        "smear",
        "Smear of a bone marrow aspirate on a slide",
        "Created where the receiver has none with the identifier.",
        element("Specimen.identifier", min=1, mustSupport=True),
        element("Specimen.type", min=1, patternCodeableConcept=pattern(BONE_MARROW_ASPIRATE)),
        element("Specimen.subject", min=1),
        element("Specimen.container", min=1, max="1"),
    )


def device() -> Json:
    """The software."""
    return profile(
        "Device",
        "software",
        "marrowcount with its models",
        "Another version, or a model with other weights, is another device. It has no UDI: it is for research only.",
        element(
            "Device",
            constraint=[
                rule(
                    "1",
                    "It says that it is for research use only.",
                    f"note.where(text = '{RESEARCH_USE_ONLY}').exists()",
                )
            ],
        ),
        element("Device.identifier", min=1, mustSupport=True),
        element("Device.manufacturer", min=1),
        element("Device.deviceName", min=1),
        element("Device.type", min=1),
        element("Device.version", min=2, short="Of the software, and the SHA-256 of each model's weights"),
    )


def provenance() -> Json:
    """Who made a version."""
    author = f"coding.where(system = '{TERMINOLOGY}provenance-participant-type' and code = 'author').exists()"
    return profile(
        "Provenance",
        "provenance",
        "Who made a version of the report",
        "The software is an author of every version, since its count is under all of them; persons stand beside it.",
        element("Provenance", constraint=[rule("15", "The first agent is an author.", f"agent.first().type.{author}")]),
        element("Provenance.reason", min=1, mustSupport=True),
        element("Provenance.entity", min=1),
    )


MAKERS: Final = (class_share, total, ratio, histogram, panel, report, specimen, device, provenance)


def profiles() -> list[Json]:
    """All of them."""
    return [make() for make in MAKERS]


def profile_of(written: Mapping[str, Any]) -> str | None:
    """URL of the profile that a resource of the projection r4-graph keeps; None where there is none for its kind."""
    kind = written["resourceType"]
    if kind == "Observation":
        return canonical("StructureDefinition", _observation_profile(written))
    names = {"DiagnosticReport": "report", "Specimen": "smear", "Device": "software", "Provenance": "provenance"}
    return canonical("StructureDefinition", names[kind]) if kind in names else None


def _observation_profile(written: Mapping[str, Any]) -> str:
    names = {
        TOTAL_COUNTED.value: "total",
        ME_RATIO.value: "ratio",
        BMME.value: "ratio",
        IHCT.value: "histogram",
        DIFFERENTIAL_PANEL.value: "panel",
    }
    codes = [coding["code"] for coding in written["code"]["coding"]]
    return next((names[code] for code in codes if code in names), "class-share")

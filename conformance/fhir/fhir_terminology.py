"""The local codes with their definitions, the sets they are used in, and what of LOINC and SNOMED CT they relate to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fhir_metadata import LOCAL_SYSTEM, LOINC, SNOMED, Json, canonical, resource

from marrowcount.cytology import concepts
from marrowcount.cytology.cell_types import CODES, LOCAL_SCHEME, MYELOID_CLASSES, NDC_CLASSES, CellType, Code
from marrowcount.cytology.concepts import LOCAL_SCHEME_NAME, LOCAL_SCHEME_UID, STOPPING_REASONS
from marrowcount.cytology.loinc import LoincMethod, loinc_terms

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

NDC_VALUE_SET: Final = canonical("ValueSet", "ndc-classes")
CLASSES_VALUE_SET: Final = canonical("ValueSet", "cell-classes")
STOPPING_VALUE_SET: Final = canonical("ValueSet", "stopping-reasons")

CLASS_DEFINITIONS: Final[Mapping[CellType, str]] = {
    CellType.NEUTROPHIL: "Band or segmented neutrophil; the two are not told apart.",
    CellType.METAMYELOCYTE: "Metamyelocyte of any granulocytic lineage.",
    CellType.MYELOCYTE: "Myelocyte of any granulocytic lineage.",
    CellType.PROMYELOCYTE: "Promyelocyte, normal or neoplastic.",
    CellType.BLAST: "Blast of any lineage; lineages are not told apart, and none is claimed.",
    CellType.ERYTHROBLAST: "Nucleated red cell of any stage, from the proerythroblast to the orthochromatic one.",
    CellType.MEGAKARYOCYTE_NUCLEUS: "Nucleus of a megakaryocyte that has lost its cytoplasm.",
    CellType.LYMPHOCYTE: "Lymphocyte of any maturity and kind but a plasma cell.",
    CellType.MONOCYTE: "Monocyte or promonocyte.",
    CellType.PLASMA_CELL: "Plasma cell, normal or neoplastic.",
    CellType.EOSINOPHIL: "Mature eosinophil.",
    CellType.BASOPHIL: "Basophil.",
    CellType.MEGAKARYOCYTE: "Megakaryocyte with its cytoplasm.",
    CellType.OTHER_CELL: "A cell that was not classified with certainty; blasts may hide in it.",
    CellType.DEBRIS: "Debris, a smudged cell or an artefact; no cell of the count.",
    CellType.HISTIOCYTE: "Histiocyte or macrophage.",
    CellType.PLATELET: "A single platelet.",
    CellType.PLATELET_CLUMP: "Several platelets that lie together.",
    CellType.MAST_CELL: "Mast cell.",
}
"""What each class holds."""

DEFINITIONS: Final[Mapping[str, str]] = {
    "NDC_PERCENT": "Cells of a class in percent of the nucleated differential count (ICSH 2008).",
    "CI95_LOW": "Lower bound of a share's exact binomial 95 % interval (Clopper and Pearson): sampling error only.",
    "CI95_HIGH": "Upper bound of a share's exact binomial 95 % interval (Clopper and Pearson): sampling error only.",
    "BMME": (
        "Blasts, promyelocytes, myelocytes, metamyelocytes, neutrophils and eosinophils over erythroblasts (Tayebi "
        "2022, Eq. 2); other than the M:E ratio of ICSH 2008 it leaves out basophils and monocytes."
    ),
    "IHCT": "Objects of each of the 19 classes in all tiles that were counted (Tayebi 2022).",
    "TILES_COUNTED": "Tiles whose objects are in the count.",
    "TILES_LOOKED_AT": "Tiles that the region model judged, counted or not.",
    "CHI_SQUARE": "Distance between the histograms before and after the last tile (Tayebi 2022, Eq. 1), 0 for none.",
    "STOP_REASON": "Why no further tile was read.",
    "STOP_RULE": "Name and parameters of the rule that ends a count.",
    "MACHINE_COUNT": "Cells of a class that the machine counted, where a person counted otherwise.",
    "CONVERGENCE": "Whether the histogram of cell types no longer changed with further tiles when reading ended.",
    "IMAGE_ANALYSIS": "Cells found and classified in a digital image by software, without a person.",
    "ROI_COUNTED": "Tiles whose objects are in the count.",
    "ROI_LOOKED_AT": "Tiles that the region model judged.",
    "ROI_REJECTED": "Tiles that the region model found unfit for cytology.",
    "CONVERGED": "The histogram of cell types no longer changed with further tiles.",
    "PRECISE_ENOUGH": "The interval of the class that was watched became narrow enough.",
    "CAP": "As many tiles were read as are allowed; the rule was not met, the count is incomplete.",
    "SLIDE_EXHAUSTED": "No suitable tile was left; the rule was not met, the count is incomplete.",
}
"""What the other local codes mean."""

NARROWER_SNOMED: Final[Mapping[CellType, str]] = {
    CellType.METAMYELOCYTE: "SNOMED CT's concept is the neutrophilic one; the class holds the others as well.",
    CellType.MYELOCYTE: "SNOMED CT's concept is the neutrophilic one; the class holds the others as well.",
    CellType.HISTIOCYTE: "The class holds macrophages as well.",
    CellType.DEBRIS: "The class holds smudged cells and artefacts as well.",
}
WIDER_SNOMED: Final[Mapping[CellType, str]] = {
    CellType.MEGAKARYOCYTE_NUCLEUS: "The nucleus of any cell; DICOM says of which by a modifier.",
    CellType.OTHER_CELL: "Any cell.",
}


def local_codes() -> list[Code]:
    """Every code of the house, classes first, in the order of the code."""
    classes = [CODES[cell_type].local for cell_type in CellType]
    others = [each for each in vars(concepts).values() if isinstance(each, Code) and each.scheme == LOCAL_SCHEME]
    return list({code.value: code for code in (*classes, *others, *STOPPING_REASONS.values())}.values())


def definition(code: Code) -> str:
    """What a local code means.

    Raises:
        KeyError: nobody has said it yet.
    """
    by_value = {CODES[cell_type].local.value: words for cell_type, words in CLASS_DEFINITIONS.items()}
    return {**by_value, **DEFINITIONS}[code.value]


def code_system() -> Json:
    """All local codes."""
    listed = [{"code": c.value, "display": c.meaning, "definition": definition(c)} for c in local_codes()]
    made = resource(
        "CodeSystem",
        "local-codes",
        LOCAL_SCHEME_NAME,
        "Codes for what a machine's count of a bone marrow smear says and no verified standard code means. A class "
        "as the code of an Observation is its share of the nucleated differential count; as the code of a component of "
        f"the histogram (IHCT) it is how many were found. In DICOM the coding scheme is {LOCAL_SCHEME}.",
        identifier=[{"system": "urn:ietf:rfc:3986", "value": LOCAL_SYSTEM}],
        caseSensitive=True,
        valueSet=canonical("ValueSet", "all-local-codes"),
        content="complete",
        count=len(listed),
        concept=listed,
    )
    return {**made, "url": f"urn:oid:{LOCAL_SCHEME_UID}"}


def value_sets() -> Iterator[Json]:
    """The sets that profiles bind to."""
    yield resource(
        "ValueSet",
        "all-local-codes",
        "All local codes",
        "Every code of the code system.",
        compose={"include": [{"system": LOCAL_SYSTEM}]},
    )
    yield _value_set("cell-classes", "The 19 classes of objects", [CODES[each].local for each in CellType])
    yield _value_set(
        "ndc-classes",
        "Classes of the nucleated differential count (ICSH 2008)",
        [CODES[each].local for each in NDC_CLASSES],
    )
    yield _value_set("stopping-reasons", "Why a count ended", STOPPING_REASONS.values())


def _value_set(name: str, title: str, codes: Iterable[Code]) -> Json:
    listed = [{"code": code.value, "display": code.meaning} for code in codes]
    include = [{"system": LOCAL_SYSTEM, "concept": listed}]
    return resource("ValueSet", name, title, f"{title}, {len(listed)} codes.", compose={"include": include})


def concept_map() -> Json:
    """From local codes to what LOINC and SNOMED CT have that is nearest, and how near that is."""
    return resource(
        "ConceptMap",
        "local-to-standard",
        "Local codes to LOINC and SNOMED CT",
        "To LOINC a class stands for its share of the nucleated cells of the marrow; to SNOMED CT for the kind "
        "of object. The equivalence is that of the target to the local code: wider means that the standard code says "
        "less.",
        sourceUri=canonical("ValueSet", "all-local-codes"),
        group=[
            {"source": LOCAL_SYSTEM, "target": LOINC, "element": list(_to_loinc())},
            {"source": LOCAL_SYSTEM, "target": SNOMED, "element": list(_to_snomed())},
        ],
    )


def _mapped(code: Code, target: Json) -> Json:
    return {"code": code.value, "display": code.meaning, "target": [target]}


def _to_loinc() -> Iterator[Json]:
    for cell_type in CellType:
        term = loinc_terms().get(cell_type)
        if term is None:
            yield _mapped(CODES[cell_type].local, {"equivalence": "unmatched", "comment": "LOINC has no term."})
            continue
        equivalence, comment = _nearness(cell_type, term.method)
        yield _mapped(
            CODES[cell_type].local,
            {
                "code": term.value,
                "display": term.display,
                "equivalence": equivalence,
                "comment": f"{comment} Verified to grade {term.grade.value}.",
            },
        )
    ratio = concepts.ME_RATIO
    yield _mapped(
        concepts.BMME,
        {
            "code": ratio.value,
            "display": ratio.meaning,
            "equivalence": "inexact",
            "comment": f"LOINC's ratio is sent as ICSH 2008 defines it, over {len(MYELOID_CLASSES)} myeloid classes.",
        },
    )


def _nearness(cell_type: CellType, method: LoincMethod) -> tuple[str, str]:
    if cell_type not in NDC_CLASSES:
        return "inexact", "The class is not in the denominator of the differential: only its count is sent."
    if method is LoincMethod.MANUAL:
        return "inexact", (
            "LOINC's term is a count by a person: sent only under the policy nearest, where a person answers for it."
        )
    return "wider", "LOINC's term says nothing of how cells were counted."


def _to_snomed() -> Iterator[Json]:
    for cell_type in CellType:
        primary, local = CODES[cell_type].primary, CODES[cell_type].local
        if primary.scheme != "SCT":
            comment = "No concept was found that means the class and no more."
            yield _mapped(local, {"equivalence": "unmatched", "comment": comment})
            continue
        target = {"code": primary.value, "display": primary.meaning, **_nearness_of_kind(cell_type)}
        yield _mapped(local, target)


def _nearness_of_kind(cell_type: CellType) -> Json:
    if cell_type in NARROWER_SNOMED:
        return {"equivalence": "narrower", "comment": NARROWER_SNOMED[cell_type]}
    if cell_type in WIDER_SNOMED:
        return {"equivalence": "wider", "comment": WIDER_SNOMED[cell_type]}
    return {"equivalence": "equivalent"}

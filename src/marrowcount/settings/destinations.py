"""Where results go."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from marrowcount.settings.kinds import LOOPBACK, AeTitle, Authority, Section

__all__ = ["EhrSection", "Hl7Section", "PacsSection", "StowSection"]

SMART_SCOPES: Final = (
    "system/Patient.rs",
    "system/ServiceRequest.rs",
    "system/Observation.crus",
    "system/DiagnosticReport.crus",
    "system/Specimen.crs",
    "system/Device.crs",
    "system/ImagingStudy.crs",
    "system/DocumentReference.crs",
    "system/Provenance.c",
)
"""What the delivery of a result does: whom it is of is looked up, never written; nothing is deleted."""


class DestinationSection(Section):
    """What every destination is called, and whose results it gets."""

    name: Annotated[str, Field(min_length=1, max_length=64)]
    """Name in tables and logs; unique."""
    senders: tuple[str, ...] = ()
    """Only results of slides from these callers: AE titles, `*` and `?` stand for any letters. Empty: from all."""
    institutions: tuple[str, ...] = ()
    """Only results of slides whose Institution Name (0008,0080) is one of these, with `*` and `?`, in any case."""


class WebDestinationSection(DestinationSection):
    """How every destination on the web is called."""

    bearer_token_file: Path | None = None
    """File that holds a bearer token; read at every delivery, never logged."""
    timeout_s: Annotated[float, Field(gt=0, le=600)] = 60.0
    """Silence after which it is given up, in seconds."""
    tls_authorities: Path | None = None
    """PEM file of those who sign the server's certificate; unset: those that the system trusts."""
    tls_show_certificate: bool = False
    """Show the certificate of section ``tls`` to a server that asks for one (mutual TLS)."""


class PacsSection(DestinationSection):
    """A PACS that gets annotations and reports by C-STORE."""

    ae_title: AeTitle
    """Its AE title."""
    host: Annotated[str, Field(min_length=1)]
    """Host name or address."""
    port: Annotated[int, Field(ge=1, le=65535)]
    """TCP port."""
    commitment: bool = True
    """Ask for storage commitment after sending."""
    tls: bool = False
    """Call it over TLS (PS3.15 B.12), showing the certificate of section ``tls`` where that names one."""
    tls_authorities: Path | None = None
    """PEM file of those who sign its certificate; unset: those of section ``tls``, else those the system trusts."""
    tls_check_host: bool = True
    """Its certificate must name the host. Turn it off only where it cannot, and name authorities of the house then."""
    back_to_sender: bool = False
    """Only results of slides that this PACS sent itself."""
    modalities: tuple[Literal["ANN", "SR", "SEG", "DOC"], ...] = ()
    """Only these kinds of objects: annotations, structured reports, maps of tiles, report documents (PDF). Empty: all.
    Notes that take results back always go to whoever has those."""


class StowSection(WebDestinationSection):
    """A DICOMweb server that gets annotations and reports by STOW-RS."""

    url: Annotated[str, Field(pattern=r"^https?://[^\s?#]+$")]
    """DICOMweb service base, such as ``https://pacs.example.org/dicom-web``."""
    modalities: tuple[Literal["ANN", "SR", "SEG", "DOC"], ...] = ()
    """Only these kinds of objects: annotations, structured reports, maps of tiles, report documents (PDF). Empty: all.
    Notes that take results back always go to whoever has those."""


class EhrSection(WebDestinationSection):
    """A FHIR server that gets the differential."""

    base_url: Annotated[str, Field(pattern=r"^https?://[^\s?#]+$")]
    """FHIR service base, such as ``https://ehr.example.org/fhir``."""
    projection: Literal["r4-graph", "r4-flat", "eu-lab-document", "r5-graph"] = "r4-graph"
    """What the server takes: all resources as one transaction (``r4-graph``, ``r5-graph``), single laboratory
    observations with the PDF as a document (``r4-flat``), or a document after HL7 Europe (``eu-lab-document``)."""
    code_policy: Literal["strict", "nearest"] = "strict"
    """LOINC terms of classes beside the node's own codes: those without a method only (``strict``), or also those "by
    Manual count" once a person answers for the count (``nearest``), if the laboratory wants that."""
    smart_client_id: str = ""
    """Client id by which the EHR registered the node for SMART Backend Services: it then gets its tokens by the node's
    keys (section ``keys``), and ``bearer_token_file`` stays unset. Empty: no SMART."""
    smart_scopes: tuple[Annotated[str, Field(pattern=r'^[^\s"\\]+$')], ...] = SMART_SCOPES
    """Scopes to ask for. A token that lacks one of them is not used; version 1's ``.read`` and ``.write`` count as
    ``.rs`` and ``.cud``."""
    smart_token_url: Annotated[str, Field(pattern=r"^(https?://[^\s?#]+(\?[^\s#]*)?)?$")] = ""
    """URL of the token endpoint, for EHRs without ``/.well-known/smart-configuration``; empty: the EHR says it."""
    smart_algorithm: Literal["any", "ES384", "RS384"] = "any"
    """How assertions are signed; ``any``: as the EHR takes them and a key is there, ES384 first."""

    look_up_patient: bool = True
    """Ask the server for the patient of each result, where it can be searched for patients. One is found: the result
    points to it. None or several: the delivery is held, and looked at again. Off: the identifier alone is sent."""
    writes: Literal["auto", "transaction", "single", "search"] = "auto"
    """How results are written: as one transaction, as single conditional creates, or each resource searched for first.
    By itself the node takes the best that the server's CapabilityStatement offers."""
    needs_each_version: bool = False
    """The server must see each version of a result, such as preliminary before final: a newer one takes the place of
    none that waits."""

    @model_validator(mode="after")
    def _authorised_one_way(self) -> EhrSection:
        if not self.smart_client_id:
            if self.smart_token_url:
                msg = "smart_token_url needs smart_client_id"
                raise ValueError(msg)
            return self
        if self.bearer_token_file is not None:
            msg = "smart_client_id and bearer_token_file exclude each other: tokens come from one place"
            raise ValueError(msg)
        if not self.smart_scopes:
            msg = "smart_client_id needs smart_scopes: a token without any permits nothing"
            raise ValueError(msg)
        for url in filter(None, (self.base_url, self.smart_token_url)):
            if not url.startswith("https:") and urlsplit(url).hostname not in LOOPBACK:
                msg = f"SMART needs https, and {url} is none: tokens would go in clear"
                raise ValueError(msg)
        return self


class Hl7Section(DestinationSection):
    """An interface engine that gets the differential as HL7 v2.5.1 ORU^R01 by MLLP."""

    host: Annotated[str, Field(min_length=1)]
    """Host name or address."""
    port: Annotated[int, Field(ge=1, le=65535)]
    """TCP port."""
    timeout_s: Annotated[float, Field(gt=0, le=600)] = 30.0
    """Wait so long for an acknowledgement, in seconds."""
    tls: bool = False
    """Call it over TLS, showing the certificate of section ``tls`` where that names one."""
    tls_authorities: Path | None = None
    """PEM file of those who sign its certificate; unset: those of section ``tls``, else those the system trusts."""
    tls_check_host: bool = True
    """Its certificate must name the host. Turn it off only where it cannot, and name authorities of the house then."""
    sending_application: Authority = "MARROWCOUNT"
    """MSH-3: a name, or with a universal id ``NAME&1.2.3.4&ISO``. It gives out the numbers of reports (OBR-3), too."""
    sending_facility: Authority | Literal[""] = ""
    """MSH-4, likewise."""
    receiving_application: Authority | Literal[""] = ""
    """MSH-5, likewise."""
    receiving_facility: Authority | Literal[""] = ""
    """MSH-6, likewise."""
    assigning_authorities: dict[str, Authority] = Field(default_factory=dict)
    """Who gave a number (PID-3, OBR-3, SPM-2) for each text of an issuer in slides' headers, "" for none given: such as
    ``HOSP&1.2.3.4&ISO`` for ``GENERAL HOSPITAL``. A delivery whose patient's issuer stands neither here nor in
    ``patient_id_systems`` is held."""
    processing_id: Literal["P", "T", "D"] = "P"
    """MSH-11: production, training or debugging."""
    character_set: Literal["utf-8", "iso-8859-1"] = "utf-8"
    """Encoding of messages, which MSH-18 names. In the second one a name that it cannot write is a dead letter."""
    acknowledgement: Literal["original", "enhanced"] = "original"
    """Wait for the application's acknowledgement (AA, AE, AR), or for that of the receiving system (CA, CE, CR)."""
    accession_as: Literal["field", "placer", "filler"] = "field"
    """Where the accession number stands, beside OBR-18: there alone, or in OBR-2 as the order's number, or in OBR-3 as
    the report's. The last one only where an accession has one slide: or the second's report replaces the first's."""
    code_policy: Literal["strict", "nearest"] = "strict"
    """LOINC terms of classes: those without a method only, or, once a person answers for the count, those "by Manual
    count" as well. marrowcount's own code stands beside them in any case."""
    me_ratio_as: Literal["SN", "NM"] = "SN"
    """M:E ratio as a ratio to 1, or as a plain number."""
    with_details: bool = True
    """Raw counts, bounds of intervals and the histogram beside percentages, total and ratios."""
    with_pdf: bool = False
    """The report as PDF within the message; longer than the 65,536 characters of 2.5.1, so ask the receiver before."""

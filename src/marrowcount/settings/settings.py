"""All settings together."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Final

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from marrowcount.settings.archives import ArchiveSection
from marrowcount.settings.audit import AuditSection
from marrowcount.settings.callers import CallerSection
from marrowcount.settings.completeness import CompletenessSection
from marrowcount.settings.convert import ConvertSection
from marrowcount.settings.counting import CountSection
from marrowcount.settings.destinations import EhrSection, Hl7Section, PacsSection, StowSection
from marrowcount.settings.evidence import EvidenceSection
from marrowcount.settings.giving import CommitmentSection, OutboxSection, RequesterSection
from marrowcount.settings.keys import KeysSection
from marrowcount.settings.kinds import LOOPBACK, Zone
from marrowcount.settings.node import NodeSection
from marrowcount.settings.practitioners import PractitionerSection
from marrowcount.settings.receive import ReceiveSection
from marrowcount.settings.report import ReportSection
from marrowcount.settings.tls import TlsSection
from marrowcount.settings.web import WebSection
from marrowcount.settings.worklist import WorklistSection

__all__ = ["ENVIRONMENT_PREFIX", "Settings"]

ENVIRONMENT_PREFIX: Final = "MARROWCOUNT_"


class Settings(BaseSettings):
    """All settings; every one has a default that runs on one machine without any server."""

    model_config: ClassVar[SettingsConfigDict] = SettingsConfigDict(
        env_prefix=ENVIRONMENT_PREFIX,
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
    )

    node: NodeSection = NodeSection()
    """Who the node is."""
    receive: ReceiveSection = ReceiveSection()
    """What it takes."""
    completeness: CompletenessSection = CompletenessSection()
    """What says that a slide is whole, beside its own frames."""
    web: WebSection = WebSection()
    """What it offers over HTTP."""
    convert: ConvertSection = ConvertSection()
    """How slides of scanners' own formats become DICOM."""
    count: CountSection = CountSection()
    """How it counts."""
    evidence: EvidenceSection = EvidenceSection()
    """What a result consists of as DICOM."""
    report: ReportSection = ReportSection()
    """What it makes for people to read."""
    outbox: OutboxSection = OutboxSection()
    """How long it tries to give results back."""
    commitment: CommitmentSection = CommitmentSection()
    """Who answers for what."""
    tls: TlsSection = TlsSection()
    """How connections are secured."""
    keys: KeysSection = KeysSection()
    """By what it proves to EHRs who it is."""
    audit: AuditSection = AuditSection()
    """What a privacy officer can read of."""
    caller: tuple[CallerSection, ...] = ()
    """Who may call, by certificate, address and service."""
    pacs: tuple[PacsSection, ...] = ()
    """Where annotations and reports go."""
    stow: tuple[StowSection, ...] = ()
    """Where annotations and reports go by DICOMweb."""
    ehr: tuple[EhrSection, ...] = ()
    """Where the differential goes."""
    hl7: tuple[Hl7Section, ...] = ()
    """Where the differential goes as messages of HL7 v2."""
    practitioner: tuple[PractitionerSection, ...] = ()
    """Who may answer for reports: without one, every report stays preliminary."""
    requester: tuple[RequesterSection, ...] = ()
    """Who asks for storage commitment and listens where no PACS table says."""
    archive: tuple[ArchiveSection, ...] = ()
    """Where slides are fetched from."""
    worklist: tuple[WorklistSection, ...] = ()
    """Where work is scheduled for the node; without one it counts whatever slide it receives."""
    patient_id_systems: dict[str, str] = Field(default_factory=dict)
    """URI of the patient identifier system for each text of Issuer of Patient ID (0010,0021); "" for none given."""
    organisation: str = "marrowcount site"
    """Name of the laboratory, as performer of the observations."""
    timezone: Zone = "UTC"
    """IANA zone for times in headers that give none."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment wins over the file, which comes in as arguments; nothing else is read."""
        del settings_cls, dotenv_settings, file_secret_settings
        return env_settings, init_settings

    @model_validator(mode="after")
    def _consistent(self) -> Settings:
        receive = self.receive
        named = receive.allowed_callers or self.caller
        if self.node.host not in LOOPBACK and not named and not receive.allow_any_caller:
            msg = (
                f"node.host {self.node.host} can be reached from the network: name receive.allowed_callers "
                "or tables caller, or set receive.allow_any_caller to true"
            )
            raise ValueError(msg)
        if self.tls.authorities is None and any(caller.certificates for caller in self.caller):
            msg = "caller.certificates are checked against tls.authorities: name that file"
            raise ValueError(msg)
        if complaint := self.web.complaint(self.tls) or self.keys.complaint(self.web):
            raise ValueError(complaint)
        names = [
            *(each.name for each in self.pacs),
            *(each.name for each in self.stow),
            *(each.name for each in self.ehr),
            *(each.name for each in self.hl7),
        ]
        if len(set(names)) < len(names):
            msg = f"destination names must be unique, these stand: {', '.join(names)}"
            raise ValueError(msg)
        accounts = [each.account for each in self.practitioner]
        if len(set(accounts)) < len(accounts):
            msg = f"accounts of practitioners must be unique, these stand: {', '.join(accounts)}"
            raise ValueError(msg)
        archives = [archive.name for archive in self.archive]
        if len(set(archives)) < len(archives):
            msg = f"archive names must be unique, these stand: {', '.join(archives)}"
            raise ValueError(msg)
        worklists = [worklist.name for worklist in self.worklist]
        if len(set(worklists)) < len(worklists):
            msg = f"worklist names must be unique, these stand: {', '.join(worklists)}"
            raise ValueError(msg)
        if self.count.finest_um_per_px >= self.count.coarsest_um_per_px:
            msg = "count.finest_um_per_px must be below count.coarsest_um_per_px"
            raise ValueError(msg)
        return self

    @property
    def database_url(self) -> str:
        """The database in force."""
        return self.node.database_url or f"sqlite:///{self.node.data_folder.absolute() / 'ledger.sqlite'}"

    @property
    def results_folder(self) -> Path:
        """Where results lie."""
        return self.node.data_folder / "results"

    @property
    def keys_folder(self) -> Path:
        """Where the keys for EHRs lie."""
        return self.node.data_folder / "keys"

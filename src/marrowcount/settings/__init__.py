"""Settings of the node: one TOML file and ``MARROWCOUNT_*`` environment variables, read once, then frozen.

The environment wins over the file; ``MARROWCOUNT_<SECTION>__<NAME>`` names a field, a list is written as JSON.
An unknown or wrong setting is refused with its name, its value and what is allowed.
"""

from marrowcount.settings.archives import ArchiveSection
from marrowcount.settings.audit import AuditSection
from marrowcount.settings.callers import CallerSection
from marrowcount.settings.convert import ConvertSection
from marrowcount.settings.counting import CountSection, StoppingSection
from marrowcount.settings.destinations import EhrSection, Hl7Section, PacsSection, StowSection
from marrowcount.settings.evidence import EvidenceSection
from marrowcount.settings.giving import CommitmentSection, OutboxSection, RequesterSection
from marrowcount.settings.keys import KeysSection
from marrowcount.settings.node import NodeSection
from marrowcount.settings.practitioners import PractitionerSection
from marrowcount.settings.reading import read_settings, variable_names
from marrowcount.settings.receive import ReceiveSection
from marrowcount.settings.report import ReportSection
from marrowcount.settings.settings import ENVIRONMENT_PREFIX, Settings
from marrowcount.settings.tls import TlsSection
from marrowcount.settings.web import WebSection
from marrowcount.settings.worklist import WorklistSection, code_of

__all__ = [
    "ENVIRONMENT_PREFIX",
    "ArchiveSection",
    "AuditSection",
    "CallerSection",
    "CommitmentSection",
    "ConvertSection",
    "CountSection",
    "EhrSection",
    "EvidenceSection",
    "Hl7Section",
    "KeysSection",
    "NodeSection",
    "OutboxSection",
    "PacsSection",
    "PractitionerSection",
    "ReceiveSection",
    "ReportSection",
    "RequesterSection",
    "Settings",
    "StoppingSection",
    "StowSection",
    "TlsSection",
    "WebSection",
    "WorklistSection",
    "code_of",
    "read_settings",
    "variable_names",
]

"""The audit trail of PS3.15 A.5: messages in XML, spooled on the disk, handed on by syslog (RFC 5424) or to a file."""

from marrowcount_adapters.audit.files import AuditFile
from marrowcount_adapters.audit.messages import AuditSource, PatientDetail, encode_message
from marrowcount_adapters.audit.sending import AuditSender, Transport
from marrowcount_adapters.audit.spool import Spool, SpooledAudit
from marrowcount_adapters.audit.syslog import SyslogHeader, TlsSyslog, UdpSyslog

__all__ = [
    "AuditFile",
    "AuditSender",
    "AuditSource",
    "PatientDetail",
    "Spool",
    "SpooledAudit",
    "SyslogHeader",
    "TlsSyslog",
    "Transport",
    "UdpSyslog",
    "encode_message",
]

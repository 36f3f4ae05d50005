"""The ledger on SQLite (one machine) or PostgreSQL (several), by SQLAlchemy; Alembic brings the tables up to date.

No patient data is stored: UIDs, AE titles, codes, digests, what the scanner's header says of the picture, and for each
report who signed it, with the comment that goes into it.
"""

from marrowcount_adapters.sql.commitments import SqlCommitments
from marrowcount_adapters.sql.database import SqlDatabase
from marrowcount_adapters.sql.decisions import SqlDecisions
from marrowcount_adapters.sql.expectations import SqlExpectations
from marrowcount_adapters.sql.ledger import SqlLedger
from marrowcount_adapters.sql.opening import open_ledger
from marrowcount_adapters.sql.reports import SqlReports
from marrowcount_adapters.sql.tasks import SqlTasks

__all__ = [
    "SqlCommitments",
    "SqlDatabase",
    "SqlDecisions",
    "SqlExpectations",
    "SqlLedger",
    "SqlReports",
    "SqlTasks",
    "open_ledger",
]

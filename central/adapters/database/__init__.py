"""The fleet's database: SQLite in a file, or PostgreSQL where its URL is given."""

from central.adapters.database.enrolment import SqlEnrolment
from central.adapters.database.fleet import SqlFleet
from central.adapters.database.inbox import SqlInbox
from central.adapters.database.opening import Database
from central.adapters.database.plans import SqlPlans
from central.adapters.database.reports import SqlReports

__all__ = [
    "Database",
    "SqlEnrolment",
    "SqlFleet",
    "SqlInbox",
    "SqlPlans",
    "SqlReports",
]

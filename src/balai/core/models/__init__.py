from balai.core.models.documents import Document
from balai.core.models.jobs import Counter, HealthRecord, Periodic, Worker
from balai.core.models.ledger import Cursor, Entry, LedgerHead
from balai.core.models.messages import Follow, Mail, Notification, Preference
from balai.core.models.search import SearchDocument

__all__ = [
    "Counter",
    "Cursor",
    "Document",
    "Entry",
    "Follow",
    "HealthRecord",
    "LedgerHead",
    "Mail",
    "Notification",
    "Periodic",
    "Preference",
    "SearchDocument",
    "Worker",
]

"""What can happen to a household: the events of DOMAIN 8.2, as they stand in the log for ever.

``occurred_on`` is the only date of what an event says happened; commands and answers call it ``granted_on``,
``moved_on`` and so on. An ending event's ``occurred_on`` is the first day outside; ``to``, ``valid_to`` and
``until`` name the last day inside. Events hold codes, ids and birth months, never what names a person;
``commitment`` is the salted digest of what the vault holds beside the event.

Each module tells of one noun. Whoever imports one of them has registered the types of all.
"""

from casework.domain.events import (  # noqa: F401 - whoever meets one meets them all
    consents,
    corrections,
    livelihood,
    membership,
    regrouping,
    residence,
    services,
    transfers,
)

"""What the adversary can do: one name for each, so that what was never done can be told."""

from __future__ import annotations

from enum import StrEnum


class Fault(StrEnum):
    """Everything that goes wrong in some seed. A kind that no seed ever hit fails the run.

    The numbers are those of `python -m tests.faults`; that the promise holds all the same is what
    the oracle asserts after every seed.
    """

    # an order on its way
    REFUSED_CONNECTION = "refused-connection"
    """F-1."""
    DROP_BEFORE = "drop-before"
    """F-8."""
    DROP_AFTER = "drop-after"
    """F-5, F-6."""
    ERROR_BEFORE = "error-before"
    """F-27."""
    ERROR_AFTER = "error-after"
    """F-28."""
    GATEWAY_BEFORE = "gateway-before"
    """F-29."""
    GATEWAY_AFTER = "gateway-after"
    """F-29."""
    ODD_STATUS = "odd-status"
    """408, 409 or 425; the order was taken or not (F-30)."""
    JUNK_AFTER = "junk-after"
    """F-13, F-56."""
    CUT_BODY = "cut-body"
    """A 200 whose body breaks off; the order was taken (F-12)."""
    HANG_BEFORE = "hang-before"
    """F-8."""
    HANG_AFTER = "hang-after"
    """F-7."""
    SLOW = "slow"
    LATE = "late"
    """Cut off, and taken later, within the settle window (F-9)."""
    LATE_TOO = "late-too"
    """Cut off, and taken after the settle window: not covered, so it must be flagged (F-10)."""
    PROXY_TWICE = "proxy-twice"
    """Something in between sends the order twice: not covered, so it must be flagged (F-11)."""
    SWAPPED_ID = "swapped-id"
    """The answer carries another row's request_id (F-22)."""
    TOO_MANY = "too-many"
    """F-31."""
    TOO_MANY_AFTER = "too-many-after"
    """429 with the API's own words, although the order was taken (F-32)."""
    REFUSED_ROW = "refused-row"
    REFUSED_AFTER_DOUBT = "refused-after-doubt"
    """422 to the second try of a row whose first try got lost (F-37)."""
    REDIRECT = "redirect"
    KILLED_ON_THE_WIRE = "killed-on-the-wire"
    """The process died during the call, and the order arrives all the same, later."""

    # a time in which all orders fare alike
    STORM = "storm"
    """429 to everything for a while (F-31)."""
    NO_TOKENS = "no-tokens"
    """F-33."""
    FLAPPING_TOKENS = "flapping-tokens"
    """F-34."""
    KEY_REVOKED = "key-revoked"
    """F-35."""

    # the list
    LIST_ERROR = "list-error"
    LIST_TOO_MANY = "list-too-many"
    LIST_HANG = "list-hang"
    LIST_DROP = "list-drop"
    LIST_JUNK = "list-junk"
    LIST_OUTAGE = "list-outage"
    """No list at all, for up to fifteen minutes (F-42)."""
    LIST_LAG = "list-lag"
    """F-38."""
    LIST_BACKWARDS = "list-backwards"
    """F-39."""
    LIST_RESHUFFLED = "list-reshuffled"
    """The order of the list changes between two pages (F-40)."""
    INSERT_WHILE_PAGING = "insert-while-paging"
    """F-41."""
    WRONG_TOTAL = "wrong-total"
    """F-45."""
    FILTER_IGNORED = "filter-ignored"
    """F-43."""
    SMALL_PAGES = "small-pages"
    """F-44."""
    SHORT_MEMORY = "short-memory"
    """The list forgets what is older than a day (F-49)."""
    ODD_TIMES = "odd-times"
    """`created_at` with a zone, without one, with fractions, cut to the second (F-50)."""

    # what becomes of an order
    STATUS_BACKWARDS = "status-backwards"
    """F-53."""
    STRANGE_STATUS = "strange-status"
    """F-52."""
    NO_LINK = "no-link"
    """Completed, and no link to the output (F-53)."""
    STUCK = "stuck"
    """Queued, whatever the time (F-54)."""
    FORGOTTEN = "forgotten"
    """Neither by its id nor in the list is it known any more, once it was asked about (F-23)."""
    UNKNOWN_ID = "unknown-id"
    """Its id is unknown now and then; the list has it (F-23)."""
    FOREIGN_ECHO = "foreign-echo"
    """Only where its reference_id is asked for does it carry it; else it carries another."""

    # the server's clock as it is shown
    NO_DATE = "no-date"
    """F-51."""
    CACHED_DATE = "cached-date"
    """F-51."""
    SKEWED_NODES = "skewed-nodes"
    """F-51."""
    CACHED_ANSWER = "cached-answer"

    # our own machine
    KILL_STEP = "kill-step"
    KILL_BEFORE_COMMIT = "kill-before-commit"
    KILL_AFTER_COMMIT = "kill-after-commit"
    KILL_IN_RECOVERY = "kill-in-recovery"
    """A run that began with rows in doubt dies as well."""
    POWER_CUT = "power-cut"
    COMMIT_FAILS = "commit-fails"
    INTERRUPT = "interrupt"
    INTERRUPT_TWICE = "interrupt-twice"
    OVERLAP = "overlap"
    WALL_JUMP_RUNNING = "wall-jump-running"
    """F-108."""
    WALL_JUMP_BETWEEN = "wall-jump-between"
    """F-108."""
    LEDGER_DELETED = "ledger-deleted"
    LEDGER_DELETED_RUNNING = "ledger-deleted-running"
    LEDGER_RESTORED = "ledger-restored"

    # people
    NEW_KEY = "new-key"
    OTHER_ACCOUNT = "other-account"
    """F-107."""
    ROW_REMOVED = "row-removed"
    """F-61."""
    ROW_ADDED = "row-added"
    REORDERED = "reordered"
    """F-61."""
    SIGNATURE_ROTATED = "signature-rotated"
    """F-59."""
    MEDIA_CHANGED = "media-changed"
    """F-58."""
    OLDER_ORDER = "older-order"
    """F-47."""
    ANOTHER_MACHINE = "another-machine"
    """Somebody else orders under the same reference_ids: not covered, so it must be flagged.

    F-48, F-106.
    """
    DUB_FAILS = "dub-fails"
    """F-55."""


ORDER_FAULTS = (
    Fault.REFUSED_CONNECTION, Fault.DROP_BEFORE, Fault.DROP_AFTER, Fault.ERROR_BEFORE,
    Fault.ERROR_AFTER, Fault.GATEWAY_BEFORE, Fault.GATEWAY_AFTER, Fault.ODD_STATUS,
    Fault.JUNK_AFTER, Fault.CUT_BODY, Fault.HANG_BEFORE, Fault.HANG_AFTER, Fault.SLOW, Fault.LATE,
    Fault.SWAPPED_ID, Fault.TOO_MANY, Fault.TOO_MANY_AFTER, Fault.REFUSED_ROW,
    Fault.REFUSED_AFTER_DOUBT, Fault.REDIRECT,
)  # fmt: skip
"""What can befall one order, with a probability."""

LIST_FAULTS = (
    Fault.LIST_ERROR, Fault.LIST_TOO_MANY, Fault.LIST_HANG, Fault.LIST_DROP, Fault.LIST_JUNK,
    Fault.LIST_BACKWARDS, Fault.LIST_RESHUFFLED, Fault.INSERT_WHILE_PAGING, Fault.WRONG_TOTAL,
    Fault.FILTER_IGNORED, Fault.CACHED_ANSWER,
)  # fmt: skip
"""What can befall one look-up, with a probability."""

POLL_FAULTS = (
    Fault.STATUS_BACKWARDS, Fault.STRANGE_STATUS, Fault.NO_LINK, Fault.STUCK, Fault.FORGOTTEN,
    Fault.UNKNOWN_ID, Fault.FOREIGN_ECHO,
)  # fmt: skip
"""What can befall what is shown of one order while its dub is made, with a probability."""

WINDOW_FAULTS = (
    Fault.STORM, Fault.NO_TOKENS, Fault.FLAPPING_TOKENS, Fault.KEY_REVOKED, Fault.LIST_OUTAGE,
)  # fmt: skip
"""What lasts for a while."""

EDITS = (
    Fault.ROW_REMOVED, Fault.ROW_ADDED, Fault.REORDERED, Fault.SIGNATURE_ROTATED,
    Fault.MEDIA_CHANGED,
)  # fmt: skip
"""What people do to a manifest between two runs."""

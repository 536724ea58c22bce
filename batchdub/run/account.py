"""The pin: a ledger belongs to one API and one account, because its proofs hold only there."""

from __future__ import annotations

import hashlib
import random

from batchdub.errors import ApiUnavailableError, LedgerUnusableError
from batchdub.ledger import Ledger, Queries
from batchdub.redact import Secret
from batchdub.run.asking import Asking
from batchdub.run.context import RunContext
from batchdub.wire import CallFailedError

_NO_ANSWER_YET = "api_no_answer_yet"
"""The ledger's note that it is bound to an address that has never answered like the API."""


def bind_to_api(ledger: Ledger, target: str) -> str | None:
    """Bind a new ledger to an API, or require that it is bound to this one.

    `target` is the base URL, or `sandbox`. A mistyped address must not cost a ledger: one that has
    never answered gives way to the next. Gives that one, if it did. Raises LedgerUnusableError.
    """
    require_bound_to(ledger, target)
    bound = ledger.meta("api")
    if bound == target:
        return None
    with ledger.transaction():
        ledger.set_meta("api", target)
        ledger.set_meta(_NO_ANSWER_YET, target)
    return bound


def note_answer(ledger: Ledger) -> None:
    """Note that the API has answered, in the caller's transaction: the ledger is bound for good."""
    if ledger.meta(_NO_ANSWER_YET):
        ledger.set_meta(_NO_ANSWER_YET, "")


def may_be_bound_anew(ledger: Queries) -> bool:
    """Whether a ledger is bound to nothing that has ever answered, so that no order is its."""
    bound = ledger.meta("api")
    return bound is None or (
        ledger.meta(_NO_ANSWER_YET) == bound
        and not ledger.ever_ordered()
        and ledger.newest_request_id() is None
    )


def require_bound_to(ledger: Queries, target: str) -> None:
    """Require that a ledger is bound to an API, or may be yet. Raises LedgerUnusableError."""
    bound = ledger.meta("api")
    if bound != target and not may_be_bound_anew(ledger):
        knows_orders = (
            ledger.may_have_ordered()
            or ledger.may_lack_orders()
            or ledger.newest_request_id() is not None
        )
        raise LedgerUnusableError(
            f"{ledger.path}: this ledger was made against {bound}, not {target}",
            "name another ledger with --ledger"
            + ("" if knows_orders else ", or delete this one: nothing was ordered from it"),
        )


async def require_same_account(context: RunContext, key: Secret) -> None:
    """Let a new key work on a known ledger only if it sees that ledger's requests; then pin it.

    The API has answered by then. Raises as `require_account`.
    """
    ledger = context.ledger
    salt = ledger.meta("key_salt") or random.SystemRandom().randbytes(16).hex()
    await require_account(context, ledger, key)
    print_now = _fingerprint(key, salt)
    if ledger.meta("key_fingerprint") != print_now or ledger.meta(_NO_ANSWER_YET):
        with ledger.transaction():
            note_answer(ledger)
            ledger.set_meta("key_salt", salt)
            ledger.set_meta("key_fingerprint", print_now)


async def require_account(asking: Asking, ledger: Queries, key: Secret) -> None:
    """Require that a key that the ledger does not know sees the ledger's requests.

    A ledger that was rebuilt knows requests, and no key yet: there every key is new.
    Raises LedgerUnusableError if it does not, ApiUnavailableError if it cannot be asked.
    """
    salt, pinned = ledger.meta("key_salt"), ledger.meta("key_fingerprint")
    if salt is None or pinned != _fingerprint(key, salt):
        await _require_known_request(asking, ledger, first=pinned is None)


async def _require_known_request(asking: Asking, ledger: Queries, *, first: bool) -> None:
    known = ledger.newest_request_id()
    if known is None:
        # Before a first key is known no order was sent, so there is none that it could not see.
        if not first and ledger.may_have_ordered():
            raise LedgerUnusableError(
                f"{ledger.path}: the key is new, and no request is known by which to tell"
                " whether it belongs to the same account; orders of the old key are in doubt",
                "run once more with the old key, or name another ledger with --ledger",
            )
        return
    await asking.look_pace.slot()
    try:
        request = await asking.api.get_request(known)
    except CallFailedError as error:
        raise ApiUnavailableError(
            f"nothing was sent: the key is new, and its account cannot be checked: {error.message}",
            "run the same command again later",
        ) from None
    if request is None:
        raise LedgerUnusableError(
            f"{ledger.path}: this key does not see request {known} of this ledger:"
            " it belongs to another account",
            "use the account's own key, or name another ledger with --ledger",
        )


def _fingerprint(key: Secret, salt: str) -> str:
    # Salted and stretched: the ledger may be shown around, and a short key must not be guessed.
    digest = hashlib.pbkdf2_hmac("sha256", key.reveal().encode(), bytes.fromhex(salt), 100_000)
    return digest.hex()[:32]

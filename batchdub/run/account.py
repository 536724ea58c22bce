"""The pin: a ledger belongs to one API and one account, because its proofs hold only there."""

from __future__ import annotations

import hashlib
import random

from batchdub.errors import ApiUnavailableError, LedgerUnusableError
from batchdub.ledger import Ledger, Queries
from batchdub.redact import Secret
from batchdub.run.context import RunContext
from batchdub.wire import CallFailedError


def bind_to_api(ledger: Ledger, target: str) -> None:
    """Bind a new ledger to an API, or require that it is bound to this one.

    `target` is the base URL, or `sandbox`. Raises LedgerUnusableError.
    """
    if ledger.meta("api") is None:
        with ledger.transaction():
            ledger.set_meta("api", target)
    require_bound_to(ledger, target)


def require_bound_to(ledger: Queries, target: str) -> None:
    """Require that a ledger is bound to an API, or to none yet. Raises LedgerUnusableError."""
    bound = ledger.meta("api")
    if bound not in {None, target}:
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
    """Let a new key work on a known ledger only if it sees that ledger's requests.

    A ledger that was rebuilt knows requests, and no key yet: there every key is new.
    Raises LedgerUnusableError if it does not, ApiUnavailableError if it cannot be asked.
    """
    ledger = context.ledger
    salt = ledger.meta("key_salt")
    if salt is None:
        salt = random.SystemRandom().randbytes(16).hex()
    print_now = _fingerprint(key, salt)
    pinned = ledger.meta("key_fingerprint")
    if pinned != print_now:
        await _require_known_request(context, first=pinned is None)
        with ledger.transaction():
            ledger.set_meta("key_salt", salt)
            ledger.set_meta("key_fingerprint", print_now)


async def _require_known_request(context: RunContext, *, first: bool) -> None:
    known = context.ledger.newest_request_id()
    if known is None:
        # Before a first key is known no order was sent, so there is none that it could not see.
        if not first and context.ledger.may_have_ordered():
            raise LedgerUnusableError(
                f"{context.ledger.path}: the key is new, and no request is known by which to tell"
                " whether it belongs to the same account; orders of the old key are in doubt",
                "run once more with the old key, or name another ledger with --ledger",
            )
        return
    await context.look_pace.slot()
    try:
        request = await context.api.get_request(known)
    except CallFailedError as error:
        raise ApiUnavailableError(
            f"nothing was sent: the key is new, and its account cannot be checked: {error.message}",
            "run the same command again later",
        ) from None
    if request is None:
        raise LedgerUnusableError(
            f"{context.ledger.path}: this key does not see request {known} of this ledger:"
            " it belongs to another account",
            "use the account's own key, or name another ledger with --ledger",
        )


def _fingerprint(key: Secret, salt: str) -> str:
    # Salted and stretched: the ledger may be shown around, and a short key must not be guessed.
    digest = hashlib.pbkdf2_hmac("sha256", key.reveal().encode(), bytes.fromhex(salt), 100_000)
    return digest.hex()[:32]

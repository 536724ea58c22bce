"""The wire: everything that talks to the API, and nothing that decides about a job.

It sends a request once, says honestly how that ended (`Outcome`, `CallFailedError`), and keeps
the pace. Nothing in here retries an order, and nothing else in batchdub imports an HTTP library.
"""

from batchdub.wire.address import PRODUCTION_URL, STAGING_URL, check_base_url, check_key
from batchdub.wire.backoff import backoff_s, may_try_again, try_row
from batchdub.wire.body import GenerateBody, generate_body
from batchdub.wire.client import ApiClient
from batchdub.wire.download import DownloadClient
from batchdub.wire.download_head import DownloadFailedError, Head, Resume, Trouble
from batchdub.wire.failures import CallFailedError
from batchdub.wire.hook import deliver
from batchdub.wire.listing import Listing, list_all
from batchdub.wire.looking import LookPacer
from batchdub.wire.media import MediaClient
from batchdub.wire.outcomes import classify_error, classify_reply
from batchdub.wire.pacing import Pacer
from batchdub.wire.proxy import find_proxy, proxy_for
from batchdub.wire.reply import Reply
from batchdub.wire.transport import build_transport

__all__ = [
    "PRODUCTION_URL",
    "STAGING_URL",
    "ApiClient",
    "CallFailedError",
    "DownloadClient",
    "DownloadFailedError",
    "GenerateBody",
    "Head",
    "Listing",
    "LookPacer",
    "MediaClient",
    "Pacer",
    "Reply",
    "Resume",
    "Trouble",
    "backoff_s",
    "build_transport",
    "check_base_url",
    "check_key",
    "classify_error",
    "classify_reply",
    "deliver",
    "find_proxy",
    "generate_body",
    "list_all",
    "may_try_again",
    "proxy_for",
    "try_row",
]

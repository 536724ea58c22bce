"""Sending a hook's message over the network, through the proxy that the environment asks for."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from batchdub.errors import UnusableInputError
from batchdub.notify.hooks import DeliveryError, Post
from batchdub.redact import Secret
from batchdub.wire import deliver, find_proxy


def poster(environ: Mapping[str, str]) -> Post:
    """Make what sends messages; it raises DeliveryError for one that did not arrive."""

    def post(url: Secret, content: bytes, content_type: str) -> None:
        try:
            proxy = find_proxy(url.reveal(), environ)
            wrong = asyncio.run(deliver(url, content, content_type, proxy=proxy))
        except (UnusableInputError, ValueError) as error:
            # A ValueError of a URL's parser would repeat the URL.
            wrong = error.message if isinstance(error, UnusableInputError) else "not a URL"
        if wrong:
            raise DeliveryError(wrong)

    return post

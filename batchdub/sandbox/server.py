"""The sandbox on a port of this machine: in the foreground, or in a thread beside a run."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import socket
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING

import uvicorn

from batchdub.errors import UnusableInputError
from batchdub.sandbox.app import SandboxApp

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

    from batchdub.sandbox.media_host import MediaHost
    from batchdub.sandbox.provider import Provider

LOOPBACK = "127.0.0.1"
# Longer than clients keep an idle connection: a close at the very moment of its reuse would be
# a fault that nobody asked for and no seed repeats.
_KEEP_ALIVE_S = 75
_GRACE_S = 1
_START_TIMEOUT_S = 30.0
_STOP_TIMEOUT_S = 10.0


def serve(
    host: str,
    port: int,
    provider: Provider,
    on_ready: Callable[[str], None],
    media: MediaHost | None = None,
) -> None:
    """Serve until SIGINT or SIGTERM, then close and let the signal take its usual course.

    So Ctrl-C ends in KeyboardInterrupt. `on_ready` gets the base URL once calls are answered;
    nothing is printed here. Port 0 takes a free one. Raises UnusableInputError if `host` is not
    this machine's loopback or the port cannot be had.
    """
    listening = _listen(host, port)
    url = _base_url(listening)
    with listening:
        app = SandboxApp(provider, media)
        asyncio.run(_Server(app, lambda: on_ready(url)).serve([listening]))


class RunningSandbox:
    """A sandbox in a daemon thread, for as long as the `with` block lasts.

    `base_url` is `http://127.0.0.1:PORT/api`. Leaving the block closes every connection, also
    those whose answer is still held back. Only the sandbox's thread may call the provider's
    `handle`; counting its `orders` from outside is safe.
    """

    def __init__(self, provider: Provider, port: int = 0, media: MediaHost | None = None) -> None:
        self.provider = provider
        self._media = media
        self._port = port
        self._ready: Future[None] = Future()

    def __enter__(self) -> Self:
        listening = _listen(LOOPBACK, self._port)
        self.base_url = _base_url(listening)
        app = SandboxApp(self.provider, self._media)
        self._server = _Server(app, lambda: self._ready.set_result(None))
        self._thread = threading.Thread(
            target=self._run, args=(listening,), name="batchdub-sandbox", daemon=True
        )
        self._thread.start()
        self._ready.result(_START_TIMEOUT_S)
        return self

    def _run(self, listening: socket.socket) -> None:
        try:
            with listening:
                asyncio.run(self._server.serve([listening]))
        except BaseException as error:
            # Whoever waits for the start must hear of it, whatever it is.
            if not self._ready.done():
                self._ready.set_exception(error)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.should_exit = True
        self._thread.join(_STOP_TIMEOUT_S)


class _Server(uvicorn.Server):
    """uvicorn without a word of its own, that tells when it is ready."""

    def __init__(self, app: SandboxApp, on_ready: Callable[[], None]) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http="h11",
                ws="none",
                lifespan="off",
                log_config=None,
                log_level=logging.CRITICAL,
                access_log=False,
                date_header=False,
                server_header=False,
                proxy_headers=False,
                timeout_keep_alive=_KEEP_ALIVE_S,
                timeout_graceful_shutdown=_GRACE_S,
            )
        )
        self._sandbox_app = app
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._sandbox_app.stop()
        await super().shutdown(sockets)


def _listen(host: str, port: int) -> socket.socket:
    address = LOOPBACK if host == "localhost" else host
    if not _is_loopback(address):
        raise UnusableInputError(
            f"`{host}` is not this machine's loopback", f"the sandbox listens on {LOOPBACK} only"
        )
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    # Named as TCP, or asyncio does not turn Nagle off, and each answer takes 40 ms.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((address, port))
        listening.listen()
    except (OSError, OverflowError) as error:
        listening.close()
        reason = error.strerror if isinstance(error, OSError) else "there is no such port"
        raise UnusableInputError(
            f"port {port} of {address}: {reason}", "give another `--port`; 0 takes a free one"
        ) from error
    return listening


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def _base_url(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}/api" if ":" in host else f"http://{host}:{port}/api"

"""Who is told: a command, a web hook, a ping that a dead man's switch waits for, and services.

Each is tried on its own. What went wrong is given back as a line, without the URL's secrets.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from batchdub.errors import UnusableInputError
from batchdub.notify.message import Message
from batchdub.redact import Secret
from batchdub.settings import without_keys

_COMMAND_PATIENCE_S = 60.0
_HINT = "install them with `pip install 'batchdub[notify]'`"

Post = Callable[[Secret, bytes, str], None]
"""Sends a body of a content type to a URL. Raises DeliveryError."""


class DeliveryError(Exception):
    """Somebody was not told; the message says why, without secrets."""


@dataclass(frozen=True, slots=True)
class Hooks:
    """Who is told. The URLs are secret: most of them carry a token.

    `command` is for a shell, `services` are URLs as apprise understands them.
    """

    command: str = ""
    webhook: Secret | None = None
    ping: Secret | None = None
    services: tuple[Secret, ...] = ()

    @property
    def any(self) -> bool:
        """Whether anybody is told."""
        return bool(self.command or self.webhook or self.ping or self.services)

    def require_usable(self) -> None:
        """Raise UnusableInputError for what can be known to fail before the run."""
        for name, url in (("--webhook", self.webhook), ("--ping", self.ping)):
            if url is not None and not url.reveal().startswith(("https://", "http://")):
                raise UnusableInputError(f"{name}: not an http(s) URL")
        if self.services:
            _load_services(self.services)


def tell_begin(hooks: Hooks, post: Post) -> list[str]:
    """Tell that a run begins: only the ping wants to know. Gives what went wrong."""
    if hooks.ping is None:
        return []
    ping = _beneath(hooks.ping, "start")
    return _failures([("--ping", lambda: post(ping, b"", "text/plain"))])


def tell_end(hooks: Hooks, message: Message, post: Post) -> list[str]:
    """Tell everybody how a run ended. Gives what went wrong."""
    return _failures(_tellers(hooks, message, post))


def tell_test(hooks: Hooks, message: Message, post: Post) -> list[str]:
    """Tell everybody a test message, beginning and end. Gives what went wrong."""
    return [*tell_begin(hooks, post), *tell_end(hooks, message, post)]


Teller = tuple[str, Callable[[], None]]


def _failures(tellers: list[Teller]) -> list[str]:
    found = []
    for name, tell in tellers:
        try:
            tell()
        except DeliveryError as error:
            found.append(f"{name}: {error}; the run itself is not affected")
    return found


def _tellers(hooks: Hooks, message: Message, post: Post) -> list[Teller]:
    return [*_web_tellers(hooks, message, post), *_local_tellers(hooks, message)]


def _web_tellers(hooks: Hooks, message: Message, post: Post) -> Iterator[Teller]:
    if (webhook := hooks.webhook) is not None:
        # `text` is what chat services show of a hook's body; the rest is for programs.
        body = {"text": f"{message.title}\n{message.text()}", **message.as_dict()}
        content = json.dumps(body, ensure_ascii=False).encode()
        yield "--webhook", lambda: post(webhook, content, "application/json")
    if (ping := hooks.ping) is not None:
        end = ping if message.fine else _beneath(ping, "fail")
        text = f"{message.title}\n{message.text()}".encode()
        yield "--ping", lambda: post(end, text, "text/plain; charset=utf-8")


def _local_tellers(hooks: Hooks, message: Message) -> Iterator[Teller]:
    if hooks.command:
        yield "--on-finish", lambda: _run_command(hooks.command, message, os.environ)
    if hooks.services:
        yield "--notify", lambda: _notify_services(hooks.services, message)


def _beneath(url: Secret, word: str) -> Secret:
    """Give the URL of a word beneath a ping's, before its query."""
    path, mark, query = url.reveal().partition("?")
    return Secret(f"{path.rstrip('/')}/{word}{mark}{query}")


def _run_command(command: str, message: Message, environ: Mapping[str, str]) -> None:
    """Run a command in a shell, with the message as JSON on its input and in its environment.

    The API key is taken out of that environment: a chat script needs none.
    """
    facts = {
        "BATCHDUB_EXIT_CODE": str(int(message.exit_code)),
        "BATCHDUB_RUN_ID": message.run_id,
        "BATCHDUB_TITLE": message.title,
    }
    try:
        done = subprocess.run(  # noqa: S602  a command of the operator's own, for a shell
            command,
            shell=True,
            check=False,
            input=json.dumps(message.as_dict(), ensure_ascii=False).encode(),
            stdout=2,  # standard output is the run's own data
            timeout=_COMMAND_PATIENCE_S,
            env={**without_keys(environ), **facts},
        )
    except subprocess.TimeoutExpired:
        raise DeliveryError(f"did not end within {_COMMAND_PATIENCE_S:.0f} s") from None
    except OSError as error:
        raise DeliveryError(f"could not be run: {error.strerror}") from None
    if done.returncode:
        raise DeliveryError(f"ended with {done.returncode}")


def _load_services(services: tuple[Secret, ...]) -> Callable[[str, str], bool]:
    try:
        from apprise import Apprise  # noqa: PLC0415  an extra, and slow to import
    except ImportError:
        raise UnusableInputError("--notify: the services are not installed", _HINT) from None
    everyone = Apprise()
    for number, service in enumerate(services, 1):
        if not everyone.add(service.reveal()):
            kind = service.reveal().partition(":")[0]
            raise UnusableInputError(f"--notify: URL {number} ({kind}:) is none that is known")
    return lambda title, body: bool(everyone.notify(title=title, body=body))


def _notify_services(services: tuple[Secret, ...], message: Message) -> None:
    if not _load_services(services)(message.title, message.text() or message.title):
        raise DeliveryError("a service did not take the message")

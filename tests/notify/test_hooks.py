"""Everybody who is to know is told once, and whoever cannot be told costs the run nothing."""

from __future__ import annotations

import json
import sys

import pytest
from apprise import Apprise

from batchdub.errors import UnusableInputError
from batchdub.exits import Exit
from batchdub.notify import Hooks, Message, tell_begin, tell_end, tell_test
from batchdub.notify import hooks as hooks_module
from batchdub.notify.hooks import DeliveryError
from batchdub.notify.message import title_of
from batchdub.redact import Secret

HOOK = Secret("https://chat.example.com/hooks/T0/planted-token")
PING = Secret("https://hc.example.com/ping/planted-uuid?rid=1")
GOOD = Message("batchdub: 2 of 2 ordered (exit 0)", Exit.DONE, ("2 rows: 2 submitted",), (), "R1")
BAD = Message("batchdub: 1 of 2 ordered, 1 need you (exit 8)", Exit.ROWS_FAILED,
              ("a.csv:2: `x`: rejected",), ("batchdub show x",), "R2")  # fmt: skip


@pytest.fixture
def posted():
    """What was posted, as URL, body and type; `posted.fails` makes the next ones fail."""

    class Posted(list):
        fails = ""

        def __call__(self, url, content, content_type):
            self.append((url.reveal(), content.decode(), content_type))
            if self.fails:
                raise DeliveryError(self.fails)

    return Posted()


def test_a_dead_mans_switch_hears_the_beginning_and_the_end(posted):
    """Healthchecks' own form: URL/start, then URL, or URL/fail; its query stays."""
    hooks = Hooks(ping=PING)

    tell_begin(hooks, posted)
    tell_end(hooks, GOOD, posted)
    tell_end(hooks, BAD, posted)

    assert [url.removeprefix("https://hc.example.com/ping/") for url, _, _ in posted] == [
        "planted-uuid/start?rid=1", "planted-uuid?rid=1", "planted-uuid/fail?rid=1",
    ]  # fmt: skip
    assert posted[2][1] == f"{BAD.title}\na.csv:2: `x`: rejected\nnext: batchdub show x"


@pytest.mark.parametrize(
    ("code", "fine"),
    [(code, code in {Exit.DONE, Exit.CAP}) for code in Exit],
)
def test_only_our_own_cap_is_no_failure(code, fine):
    """Being woken for a cap that one has set oneself teaches to sleep through the rest."""
    assert Message("", code).fine is fine


def test_a_web_hook_has_words_for_chat_and_facts_for_programs(posted):
    """Chat services show `text`."""
    tell_end(Hooks(webhook=HOOK), BAD, posted)

    ((url, content, content_type),) = posted
    body = json.loads(content)
    assert (url, content_type) == (HOOK.reveal(), "application/json")
    assert body["text"].startswith(BAD.title)
    assert (body["exit_code"], body["fine"], body["run_id"]) == (8, False, "R2")
    assert body["next_commands"] == ["batchdub show x"]


def test_whoever_cannot_be_told_is_named_and_the_others_are_told(posted):
    """A chat that is down must not silence the dead man's switch."""
    posted.fails = "chat.example.com: HTTP 500"

    wrong = tell_end(Hooks("exit 3", HOOK, PING), GOOD, posted)

    assert len(posted) == 2
    assert wrong == [
        "--webhook: chat.example.com: HTTP 500; the run itself is not affected",
        "--ping: chat.example.com: HTTP 500; the run itself is not affected",
        "--on-finish: ended with 3; the run itself is not affected",
    ]


@pytest.mark.real_time
def test_a_command_gets_the_message_and_not_the_key(tmp_path, monkeypatch, posted):
    """As JSON on its input, and in its environment; a chat script needs no key."""
    monkeypatch.setenv("CHAMELAION_API_KEY", "planted-key")
    script = (
        "import json,os,sys; json.dump([json.load(sys.stdin), dict(os.environ)],"
        f" open({str(tmp_path / 'got')!r}, 'w'))"
    )

    wrong = tell_end(Hooks(command=f'{sys.executable} -c "{script}"'), BAD, posted)

    message, environ = json.loads((tmp_path / "got").read_text())
    assert not wrong
    assert message["title"] == BAD.title
    assert (environ["BATCHDUB_EXIT_CODE"], environ["BATCHDUB_RUN_ID"]) == ("8", "R2")
    assert "planted-key" not in str(environ)


@pytest.mark.real_time
def test_a_command_that_hangs_is_given_up(monkeypatch, posted):
    """The next night must not wait for it."""
    monkeypatch.setattr(hooks_module, "_COMMAND_PATIENCE_S", 0.05)

    assert "did not end within 0 s" in tell_end(Hooks(command="exec sleep 30"), GOOD, posted)[0]


def test_services_are_those_of_apprise(monkeypatch, posted):
    """Any of a hundred; the message has a title and a text."""
    told = []
    monkeypatch.setattr(
        Apprise, "notify", lambda _self, **said: told.append(said) or len(told) == 1
    )
    hooks = Hooks(services=(Secret("json://localhost/planted"),))

    assert tell_end(hooks, BAD, posted) == []
    assert told == [{"title": BAD.title, "body": BAD.text()}]
    assert "a service did not take the message" in tell_end(hooks, GOOD, posted)[0]


@pytest.mark.parametrize(
    ("hooks", "words"),
    [
        (Hooks(webhook=Secret("ftp://planted")), "--webhook: not an http(s) URL"),
        (Hooks(ping=Secret("planted")), "--ping: not an http(s) URL"),
        (Hooks(services=(Secret("nosuch://planted"),)), "--notify: URL 1 (nosuch:) is none that"),
    ],
)
def test_what_cannot_work_is_known_before_the_run(hooks, words):
    """Without the token that it holds."""
    with pytest.raises(UnusableInputError) as raised:
        hooks.require_usable()
    assert raised.value.message.startswith(words)
    assert "planted" not in raised.value.message


def test_without_apprise_one_is_told_how_to_get_it(monkeypatch):
    """It is an extra."""
    monkeypatch.setitem(sys.modules, "apprise", None)

    with pytest.raises(UnusableInputError) as raised:
        Hooks(services=(Secret("json://localhost"),)).require_usable()
    assert "batchdub[notify]" in raised.value.hint


def test_a_test_tells_beginning_and_end(posted):
    """Or one would learn of a wrong address in the night."""
    assert tell_test(Hooks(ping=PING), GOOD, posted) == []
    assert len(posted) == 2
    assert not Hooks().any


def test_a_title_says_how_many_need_somebody():
    """A status meeting needs no more."""
    said = "412 of 430 ordered, 18 need you"
    assert title_of(said, Exit.ROWS_FAILED) == f"batchdub: {said} (exit 8)"

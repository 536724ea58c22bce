"""The program, started from a process that has imported it already.

Most of a short run's time is spent on imports, which bear on no state. Here a process that has
them is forked for each run; what comes after is the real command line, with the real system
calls, and strace is attached before the first of them.

    python -m tests.crash.warm

Reads one line of JSON for each run: `module`, `arguments`, `output` (a file for all it says) and
`held` (stop before the first step, until SIGCONT). Answers with the pid, and at the end with the
status of `waitpid`.
"""

from __future__ import annotations

import ctypes
import json
import os
import pkgutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path

import batchdub

_POLL_S = 0.002
_PR_SET_PTRACER = 0x59616D61
_PR_SET_PTRACER_ANY = ctypes.c_ulong(-1)


def main():
    """Fork a run for each line until nobody asks any more."""
    for module in pkgutil.walk_packages(batchdub.__path__, "batchdub."):
        if not module.name.endswith("__main__"):
            import_module(module.name)
    for line in sys.stdin:
        wanted = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _become(**wanted)
        _say(pid)
        _say(os.waitpid(pid, 0)[1])


def _become(module, arguments, output, *, held):
    """Be the program: what a fresh interpreter would do from here on."""
    code = 1
    try:
        _redirect(output)
        if held:
            # Where only parents may trace, strace is none of ours.
            ctypes.CDLL(None).prctl(_PR_SET_PTRACER, _PR_SET_PTRACER_ANY, 0, 0, 0)
            os.kill(os.getpid(), signal.SIGSTOP)
        code = _entry(module)(arguments)
        sys.stdout.flush()
        sys.stderr.flush()
    except BaseException:
        sys.excepthook(*sys.exc_info())
        sys.stderr.flush()
    finally:
        os._exit(code)


def _redirect(output):
    nothing = os.open(os.devnull, os.O_RDONLY)
    file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    for handle, ours in ((nothing, 0), (file, 1), (file, 2)):
        os.dup2(handle, ours)
    os.close(nothing)
    os.close(file)


def _entry(module):
    if module == "batchdub":
        return import_module("batchdub.cli.main").run_command
    return import_module(module).main


def _say(number):
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


class Warm:
    """The other end of it, for one thread."""

    def __init__(self, environment) -> None:
        self._process = subprocess.Popen(  # noqa: S603  our own program
            [sys.executable, "-m", __name__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
            cwd=Path(__file__).parents[2],
        )

    def __del__(self) -> None:
        self._process.communicate()

    def run(self, module, arguments, under, timeout_s):
        """Run a module's command line; gives its return code, negative for a signal, and its talk.

        One that hangs is killed, and has 124.
        """
        with tempfile.NamedTemporaryFile("r", errors="replace") as output:
            wanted = {"module": module, "arguments": arguments, "output": output.name}
            self._process.stdin.write(json.dumps(wanted | {"held": bool(under)}) + "\n")
            self._process.stdin.flush()
            pid, hung = int(self._process.stdout.readline()), threading.Event()
            with _killed_after(timeout_s, pid, hung), _traced(under, pid):
                status = int(self._process.stdout.readline())
            return 124 if hung.is_set() else os.waitstatus_to_exitcode(status), output.read()


@contextmanager
def _killed_after(timeout_s, pid, hung):
    def kill():
        hung.set()
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)

    timer = threading.Timer(timeout_s, kill)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


@contextmanager
def _traced(under, pid):
    """Let a held process go once strace has it; without `under` it was never held."""
    if not under:
        yield
        return
    _wait_until(lambda: _status(pid)[0] in "Tt")
    with subprocess.Popen([*under, "-p", str(pid)], stderr=subprocess.PIPE, text=True) as strace:  # noqa: S603  ours
        _wait_until(lambda: _status(pid)[1] or strace.poll() is not None)
        assert strace.poll() is None, strace.communicate()
        os.kill(pid, signal.SIGCONT)
        yield


def _status(pid):
    """Give a process's state as one letter, and the pid of who traces it (0: nobody)."""
    text = Path(f"/proc/{pid}/status").read_text()
    fields = dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)
    return fields["State"][0], int(fields["TracerPid"])


def _wait_until(condition):
    while not condition():
        time.sleep(_POLL_S)


if __name__ == "__main__":
    main()

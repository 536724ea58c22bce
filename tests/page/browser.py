"""A headless Chromium, driven over a pipe by its own protocol: no driver, no port, no library."""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import time
from contextlib import contextmanager

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-dev-shm-usage", "--remote-debugging-pipe",
)  # fmt: skip
_PATIENCE_S = 60


@contextmanager
def open_browser(profile):
    """Start a Chromium whose profile is an empty folder; gives a `Browser`."""
    to_read, to_write = os.pipe(), os.pipe()
    # The protocol's pipe is at file descriptors 3 and 4, which only a shell puts there.
    redirect = f'exec "$@" 3<&{to_read[0]} 4>&{to_write[1]}'
    process = subprocess.Popen(  # noqa: S603  fixed words
        ["bash", "-c", redirect, "bash", CHROMIUM, *_FLAGS, f"--user-data-dir={profile}"],  # noqa: S607
        pass_fds=(to_read[0], to_write[1]),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(to_read[0])
    os.close(to_write[1])
    browser = Browser(to_write[0], to_read[1])
    try:
        yield browser
        browser.send("Browser.close")
    finally:
        os.close(to_read[1])
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        os.close(to_write[0])


class Browser:
    """One connection: calls wait for their answers, and what happens meanwhile is kept."""

    def __init__(self, incoming, outgoing):
        self.events = []
        self._incoming, self._outgoing = incoming, outgoing
        self._number = 0
        self._rest = b""

    def send(self, method, session=None, **params):
        """Call a method of the protocol, and give what it answers."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        message |= {"sessionId": session} if session else {}
        os.write(self._outgoing, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._receive()
            if answer.get("id") == self._number:
                assert "error" not in answer, answer["error"]
                return answer["result"]
            self.events.append(answer)

    def _receive(self):
        deadline = time.monotonic() + _PATIENCE_S
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._incoming], [], [], deadline - time.monotonic())
            assert ready, "the browser does not answer"
            piece = os.read(self._incoming, 1 << 20)
            assert piece, "the browser has gone"
            self._rest += piece
        text, _, self._rest = self._rest.partition(b"\0")
        return json.loads(text)

    def open(self, path, *, width=1280, height=900, scheme="light", fragment=""):
        """Open a file in a tab of its own, and wait until its rows are there; gives a `Tab`."""
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        tab = Tab(self, session, target)
        for domain in ("Page", "Runtime", "Log", "Network"):
            tab.send(f"{domain}.enable")
        tab.look(width, height, scheme)
        tab.send("Page.navigate", url=path.absolute().as_uri() + fragment)
        tab.wait_for("document.body?.dataset.ready !== undefined")
        return tab


class Tab:
    """A tab: what its script says, how it looks, and what went wrong in it."""

    def __init__(self, browser, session, target):
        self.browser, self.session, self.target = browser, session, target

    def send(self, method, **params):
        return self.browser.send(method, self.session, **params)

    def look(self, width=1280, height=900, scheme="light"):
        """Set the window's size, and whether the reader likes it light or dark."""
        self.send("Emulation.setDeviceMetricsOverride", width=width, height=height,
                  deviceScaleFactor=1, mobile=width < 600)  # fmt: skip
        wanted = [{"name": "prefers-color-scheme", "value": scheme}]
        self.send("Emulation.setEmulatedMedia", features=wanted)

    def ask(self, expression):
        """Give what an expression of JavaScript is."""
        answer = self.send("Runtime.evaluate", expression=expression, returnByValue=True,
                           awaitPromise=True)  # fmt: skip
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def wait_for(self, expression):
        """Wait until an expression is true."""
        deadline = time.monotonic() + _PATIENCE_S
        while not self.ask(expression):
            assert time.monotonic() < deadline, expression
            time.sleep(0.01)

    def press(self, *keys):
        """Press keys, one after the other."""
        codes = {"Tab": 9, "Enter": 13}
        for key in keys:
            typed = {"text": "\r"} if key == "Enter" else {}
            for kind in ("keyDown", "keyUp"):
                self.send("Input.dispatchKeyEvent", type=kind, key=key, code=key,
                          windowsVirtualKeyCode=codes[key], **typed)  # fmt: skip

    def picture(self, path, *, whole=True):
        """Save what the page looks like."""
        shot = self.send("Page.captureScreenshot", format="png", captureBeyondViewport=whole,
                         **({"clip": self._whole()} if whole else {}))  # fmt: skip
        path.write_bytes(base64.b64decode(shot["data"]))

    def _whole(self):
        size = self.send("Page.getLayoutMetrics")["cssContentSize"]
        return {"x": 0, "y": 0, "width": size["width"], "height": min(size["height"], 6000),
                "scale": 1}  # fmt: skip

    def printed(self, path):
        """Save what the page is on paper, as a PDF."""
        answer = self.send("Page.printToPDF", preferCSSPageSize=True, paperWidth=8.27,
                           paperHeight=11.69)  # fmt: skip
        path.write_bytes(base64.b64decode(answer["data"]))

    def faults(self):
        """Give what went wrong: errors, refusals by the page's policy, calls to any network."""
        found = []
        for event in self.browser.events:
            if event.get("sessionId") != self.session:
                continue
            method, params = event["method"], event["params"]
            if method == "Runtime.exceptionThrown":
                found.append(params["exceptionDetails"].get("exception", params))
            elif method == "Runtime.consoleAPICalled":
                found.append([each.get("value") for each in params["args"]])
            elif method == "Log.entryAdded":
                found.append(params["entry"]["text"])
            elif method == "Network.requestWillBeSent":
                url = params["request"]["url"]
                found += [] if url.startswith(("file:", "data:", "about:")) else [url]
        return found

    def close(self):
        self.browser.send("Target.closeTarget", targetId=self.target)

"""A real browser, told what to do over WebDriver (W3C) by plain HTTP."""

import base64
import json
import tempfile
import urllib.request
from collections.abc import Sequence
from typing import Any

from tests.functional.processes import Process, Stage, free_port, program

SLOW = 60.0
"""Seconds that a browser may take to start on a busy machine."""

TAB, ENTER, SPACE = "\ue004", "\ue007", " "
"""Keys, as WebDriver section 17.4.2 numbers them."""


class Browser:
    """Chromium without a window; it writes to the folder of its stage alone."""

    def __init__(self, stage: Stage) -> None:
        chromium, port = program("chromium"), free_port()
        folder = tempfile.mkdtemp(dir=stage.folder)
        driver = Process(
            stage,
            [program("chromedriver"), f"--port={port}"],
            {"HOME": folder, "TMPDIR": folder},
        )
        driver.wait_for("started successfully")
        flags = ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage")
        options = {
            "binary": chromium,
            "args": [*flags, "--hide-scrollbars", f"--user-data-dir={folder}/profile"],
        }
        wanted = {
            "goog:chromeOptions": options,
            "goog:loggingPrefs": {"browser": "ALL"},
        }
        self._base = f"http://127.0.0.1:{port}/session"
        session = self._call("POST", "", {"capabilities": {"alwaysMatch": wanted}})
        self._base += f"/{session['sessionId']}"
        stage.at_end(self._call, "DELETE", "")

    def open(self, url: str) -> None:
        """Open a page, and wait until it is there."""
        self._call("POST", "/url", {"url": url})

    def run(self, script: str) -> Any:
        """Run a function's body in the page; return what it returns."""
        return self._call("POST", "/execute/sync", {"script": script, "args": []})

    def text(self, selector: str) -> str:
        """Return what the first such element says."""
        found = f"document.querySelector({json.dumps(selector)})"
        return str(self.run(f"return {found}.textContent"))

    def press(self, keys: str) -> None:
        """Press and release keys, wherever the focus is."""
        strokes = [
            {"type": kind, "value": key}
            for key in keys
            for kind in ("keyDown", "keyUp")
        ]
        keyboard = {"type": "key", "id": "keyboard", "actions": strokes}
        self._call("POST", "/actions", {"actions": [keyboard]})

    def tell(self, command: str, **words: object) -> Any:
        """Give a command of the DevTools, which tests of a page's looks need."""
        return self._call(
            "POST", "/goog/cdp/execute", {"cmd": command, "params": words}
        )

    def show(self, width: int, height: int, scheme: str) -> None:
        """Have a window of this size, and its user prefer light or dark."""
        size = {"width": width, "height": height}
        self.tell(
            "Emulation.setDeviceMetricsOverride",
            **size,
            deviceScaleFactor=1,
            mobile=False,
        )
        preferred = {"name": "prefers-color-scheme", "value": scheme}
        self.tell("Emulation.setEmulatedMedia", features=[preferred])

    def picture(self) -> bytes:
        """Return what is seen, as PNG."""
        return base64.b64decode(self.tell("Page.captureScreenshot")["data"])

    def complaints(self) -> Sequence[str]:
        """Return what the console has since the last time: errors, and what the
        Content-Security-Policy forbade."""
        return [
            it["message"] for it in self._call("POST", "/se/log", {"type": "browser"})
        ]

    def _call(self, method: str, path: str, words: object = None) -> Any:
        body = None if words is None else json.dumps(words).encode()
        asked = urllib.request.Request(self._base + path, body, method=method)
        with urllib.request.urlopen(asked, timeout=SLOW) as reply:
            return json.load(reply)["value"]

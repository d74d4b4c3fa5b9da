"""A headless Chromium, driven over a pipe in its own protocol (https://chromedevtools.github.io/devtools-protocol)."""

import base64
import itertools
import json
import os
import select
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PATIENCE = 300
"""Seconds of silence after which a browser counts as stuck."""


class Browser:
    """One page, opened from a file, with a profile and a folder for downloads of its own.

    Args:
        folder: of both.
        size: of the window, in pixels.
    """

    def __init__(self, folder: Path, size: tuple[int, int] = (900, 1400)) -> None:
        self.downloads = folder / "downloads"
        self.downloads.mkdir(parents=True, exist_ok=True)
        to_browser, self._write = os.pipe()
        self._read, from_browser = os.pipe()
        line: Sequence[str] = [
            str(CHROMIUM),
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--remote-debugging-pipe",
            f"--window-size={size[0]},{size[1]}",
            f"--user-data-dir={folder / 'profile'}",
            "about:blank",
        ]

        def as_three_and_four() -> None:
            os.dup2(to_browser, 13)
            os.dup2(from_browser, 14)
            os.dup2(13, 3)
            os.dup2(14, 4)

        self._process = subprocess.Popen(
            line, close_fds=False, preexec_fn=as_three_and_four, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        os.close(to_browser)
        os.close(from_browser)
        self._numbers = itertools.count(1)
        self._left = b""
        self._events: list[dict[str, Any]] = []
        self._call("Target.setDiscoverTargets", discover=True)  # tells of the page, made already or still to come
        while (page := self._wait("Target.targetCreated")["targetInfo"])["type"] != "page":
            pass
        attached = self._call("Target.attachToTarget", targetId=page["targetId"], flatten=True)
        self._session = attached["sessionId"]
        self._call(
            "Browser.setDownloadBehavior", behavior="allow", downloadPath=str(self.downloads), eventsEnabled=True
        )
        self.tell("Page.enable")
        self.tell("Page.setLifecycleEventsEnabled", enabled=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._write)
        os.close(self._read)

    def open(self, file: Path) -> None:
        """Open a file and wait until it is there."""
        self._load("Page.navigate", url=file.resolve().as_uri())

    def reload(self) -> None:
        """Load the page anew, as a reader does, and wait until it is there."""
        self._load("Page.reload")

    def _load(self, method: str, **parameters: Any) -> None:
        """Load a document, and wait for it: the load event of the one before may still be on its way."""
        before = self.tell("Page.getFrameTree")["frameTree"]["frame"]["loaderId"]
        self._events.clear()
        self.tell(method, **parameters)
        while True:
            told = self._wait("Page.lifecycleEvent")
            if told["name"] == "load" and told["loaderId"] != before:
                return

    def save(self, selector: str, name: str) -> Path:
        """Click what downloads a file, and return the file once the browser says that it is whole."""
        self._events.clear()
        self.run(f"document.querySelector({json.dumps(selector)}).click()")
        while self._wait("Browser.downloadProgress")["state"] != "completed":
            pass
        return self.downloads / name

    def picture(self) -> bytes:
        """Return the whole page as PNG."""
        found = self.tell("Page.captureScreenshot", captureBeyondViewport=True)
        return base64.b64decode(found["data"])

    def run(self, script: str) -> Any:
        """Return what an expression of JavaScript is; a promise is waited for."""
        found = self.tell("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in found:
            raise AssertionError(found["exceptionDetails"]["exception"].get("description"))
        return found["result"].get("value")

    def tell(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send a command about the page, and return its answer."""
        return self._call(method, self._session, **parameters)

    def _call(self, method: str, session: str | None = None, **parameters: Any) -> dict[str, Any]:
        number = next(self._numbers)
        message: dict[str, Any] = {"id": number, "method": method, "params": parameters}
        if session is not None:
            message["sessionId"] = session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if "method" in answer:
                self._events.append(answer)
            if answer.get("id") == number:
                if "error" in answer:
                    raise AssertionError(f"{method}: {answer['error']}")
                result: dict[str, Any] = answer["result"]
                return result

    def _wait(self, event: str) -> dict[str, Any]:
        """Return what the next event of a kind tells."""
        while True:
            told = self._events.pop(0) if self._events else self._next()
            if told.get("method") == event:
                parameters: dict[str, Any] = told["params"]
                return parameters

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._left:
            if not select.select([self._read], [], [], PATIENCE)[0]:
                raise AssertionError(f"the browser said nothing for {PATIENCE} s")
            read = os.read(self._read, 1 << 16)
            if not read:
                raise AssertionError("the browser ended")
            self._left += read
        text, self._left = self._left.split(b"\0", 1)
        message: dict[str, Any] = json.loads(text)
        return message

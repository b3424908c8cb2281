"""A headless Chromium, as far as the test of the portal's page needs one: by the DevTools protocol."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Optional

import httpx
from websockets.sync.client import connect

PATIENCE = 60.0
"""Seconds after which a page is not waited for any more."""


class Browser:
    """A browser with one page."""

    def __init__(self, folder: Path) -> None:
        program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
        assert program, "the test of the page needs Chromium: install it, for example with apt-get install chromium"
        self._process = subprocess.Popen(
            [
                program,
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--remote-debugging-port=0",
                "--remote-allow-origins=*",
                f"--user-data-dir={folder}",
                "about:blank",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        port = self._port(folder / "DevToolsActivePort")
        pages = httpx.get(f"http://127.0.0.1:{port}/json").json()
        page = next(page for page in pages if page["type"] == "page")
        self._stack = ExitStack()
        self._socket = self._stack.enter_context(connect(page["webSocketDebuggerUrl"], max_size=None))
        self._last = 0

    def _port(self, file: Path) -> str:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if file.exists() and (lines := file.read_text().splitlines()):
                return lines[0]
            assert self._process.poll() is None, "Chromium ended"
            time.sleep(0.05)
        raise TimeoutError("Chromium does not answer")

    def __enter__(self) -> Browser:
        return self

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self._stack.close()
        self._process.kill()
        self._process.wait()

    def _ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._last += 1
        self._socket.send(json.dumps({"id": self._last, "method": method, "params": parameters}))
        while True:
            answer = json.loads(self._socket.recv(timeout=PATIENCE))
            if answer.get("id") == self._last:
                result: dict[str, Any] = answer["result"]
                return result

    def open(self, address: str) -> None:
        """Goes to a page."""
        self._ask("Page.navigate", url=address)

    def run(self, script: str) -> Any:
        """What an expression gives in the page."""
        answer = self._ask("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def until(self, condition: str) -> None:
        """Waits until an expression is true in the page."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if self.run(f"Boolean({condition})"):
                return
            time.sleep(0.05)
        page = self.run("document.body.innerText")
        raise TimeoutError(f"{condition} is never true; the page says: {page}")

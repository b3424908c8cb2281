"""The portal, used as a page uses it: over HTTP by a client that comes again with `Last-Event-ID`, and in a browser.
It is killed and started again in the middle of a run."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from browser import Browser

HERE = Path(__file__).parent


class Portal:
    """A portal in a process of its own."""

    def __init__(self, data_dir: Path, port: int = 0) -> None:
        program = [sys.executable, str(HERE / "portal.py"), str(data_dir), str(port)]
        self.process = subprocess.Popen(program, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line.startswith("portal on "), line
        self.base = line.removeprefix("portal on ").strip()
        self.client = httpx.Client(base_url=self.base, headers={"x-portal-user": "ana"}, timeout=60)

    def post(self, path: str, body: object = None) -> httpx.Response:
        return self.client.post(path, json=body or {})

    def release(self, **parameters: str) -> str:
        answer = self.post("/pipelines/release/runs", {"parameters": parameters})
        assert answer.status_code == 201, answer.text
        run: str = answer.json()["id"]
        return run

    def follow(self, run: str, last: str | None = None) -> Iterator[tuple[str, dict[str, Any]]]:
        """The events of a run with their ids, as a browser reads them. A killed portal ends them."""
        headers = {} if last is None else {"last-event-id": last}
        try:
            with self.client.stream("GET", f"/runs/{run}/events", headers=headers) as answer:
                fields: dict[str, str] = {}
                for line in answer.iter_lines():
                    if line:
                        name, _, value = line.partition(": ")
                        fields[name] = value
                    else:
                        yield fields["id"], json.loads(fields["data"])
        except httpx.TransportError:
            return

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(timeout=60) in (0, -signal.SIGTERM)


@pytest.fixture
def portals(tmp_path: Path) -> Iterator[Callable[..., Portal]]:
    started: list[Portal] = []

    def start(port: int = 0) -> Portal:
        started.append(Portal(tmp_path / "data", port))
        return started[-1]

    yield start
    for portal in started:
        portal.kill()
        portal.client.close()
        assert portal.process.stdout is not None
        portal.process.stdout.close()


def test_a_run_survives_the_portal_and_its_follower_misses_nothing(portals: Callable[..., Portal]) -> None:
    portal = portals()
    run = portal.release(VERSION="2.0.0")

    # Killed in the middle of the build …
    seen: list[tuple[str, dict[str, Any]]] = []
    for item in portal.follow(run):
        seen.append(item)
        if item[1]["type"] == "log" and portal.process.poll() is None:
            portal.kill()

    # … and again, in good order, while a person is waited for.
    portal = portals()
    for item in portal.follow(run, seen[-1][0]):
        seen.append(item)
        if item[1]["type"] == "approvalRequested":
            break
    portal.stop()

    portal = portals()
    assert portal.post(f"/runs/{run}/tasks/sign-off/approve", {"reason": "looks good"}).status_code == 204
    seen.extend(portal.follow(run, seen[-1][0]))

    everything = list(portal.follow(run))
    assert seen == everything
    logs = {"build": "", "rollout": ""}
    for _, event in everything:
        if event["type"] == "log":
            logs[event["task"]] += event["text"]
    assert logs == {
        "build": "building core of 2.0.0\nbuilding docs of 2.0.0\nbuilding web of 2.0.0\n",
        "rollout": "rolling out release-2.0.0.tar\n",
    }
    assert everything[-1][1]["state"] == "succeeded"
    # A browser that has everything is told not to come again.
    headers = {"last-event-id": everything[-1][0]}
    assert portal.client.get(f"/runs/{run}/events", headers=headers).status_code == 204


def test_mistakes_are_answered_in_words(portals: Callable[..., Portal]) -> None:
    portal = portals()
    answer = portal.post("/pipelines/relase/runs")
    assert (answer.status_code, answer.json()["code"]) == (404, "noSuchPipeline")
    answer = portal.post("/pipelines/release/runs", {"parameters": {"VERSON": "1"}})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalidPipeline")
    run = portal.release()
    events = portal.follow(run)
    assert any(event["type"] == "log" for _, event in events)
    assert portal.post(f"/runs/{run}/cancel", {"reason": "not today"}).status_code == 204
    assert [event["state"] for _, event in events if event["type"] == "runFinished"] == ["cancelled"]
    assert portal.client.get(f"/runs/{run}").json()["status"] == "cancelled"
    assert portal.post(f"/runs/{run}/cancel").status_code == 409


def test_the_page_goes_on_over_a_restart_of_the_portal(portals: Callable[..., Portal], tmp_path: Path) -> None:
    # The page comes back to the same address.
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    portal = portals(port)
    with Browser(tmp_path / "browser") as browser:
        browser.open(portal.base)
        browser.until("document.querySelector('#go')")
        browser.run("document.querySelector('[name=VERSION]').value = '3.0.0'")
        browser.run("document.querySelector('[name=PACE]').value = '1'")
        browser.run("document.querySelector('#go').click()")
        browser.until("document.querySelector('#log').textContent.includes('building core of 3.0.0')")
        portal.kill()
        portals(port)
        browser.until("document.querySelector('#approve')")
        assert browser.run("document.querySelector('#approve').textContent") == "Ship release-3.0.0.tar?"
        browser.run("document.querySelector('#approve').click()")
        browser.until("document.querySelector('#status').textContent == 'succeeded'")
        log = browser.run("document.querySelector('#log').textContent")
        assert re.findall(r"building (\w+)", log) == ["core", "docs", "web"], "nothing is missing, and nothing there twice"
        assert log.endswith("rolling out release-3.0.0.tar\n")

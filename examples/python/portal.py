"""A small portal: an HTTP API and a page over an engine, with FastAPI.

    python portal.py .windlass 8080

It holds no state of its own: stop it, or kill it, in the middle of a run, and start it again. Steps went on meanwhile, and a page
that followed a run goes on after the last event that arrived (`Last-Event-ID`).

A real portal has a login in front, which knows who somebody is. Here the header `x-portal-user` says so.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

import uvicorn
import windlass
from fastapi import Depends, FastAPI, Header, Request, Response
from fastapi.responses import FileResponse, JSONResponse, StreamingResponse
from pydantic import BaseModel
from windlass import Engine, Pipeline

HERE = Path(__file__).parent

STATUS: dict[type[windlass.WindlassError], int] = {
    windlass.InvalidError: 422,
    windlass.NotFoundError: 404,
    windlass.ConflictError: 409,
    windlass.UnsupportedError: 501,
    windlass.UnavailableError: 503,
}


class Start(BaseModel):
    """What a run is started with."""

    parameters: dict[str, str] = {}


class Reason(BaseModel):
    """Why somebody does something."""

    reason: str = ""


async def engine_of(request: Request) -> Engine:
    """The engine of this process."""
    engine: Engine = request.app.state.engine
    return engine


Portal = Annotated[Engine, Depends(engine_of)]
User = Annotated[str, Header(alias="x-portal-user")]


def portal(data_dir: str, base_url: str) -> FastAPI:
    """The application. One process has one engine: run it with one worker."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        # Takes up what an earlier process left unfinished. At the end steps go on, and the next process takes them up.
        async with await Engine.open(data_dir=data_dir, base_url=base_url) as engine:
            try:
                await engine.pipelines.create(Pipeline.from_file(HERE / "release.yaml"), "portal")
            except windlass.ConflictError as error:
                if error.code != "pipelineExists":
                    raise
            app.state.engine = engine
            yield

    app = FastAPI(title="portal", lifespan=lifespan)

    @app.exception_handler(windlass.WindlassError)
    async def refused(_: Request, error: windlass.WindlassError) -> JSONResponse:
        """The kind of an error decides about the status; its code and message go to the page."""
        return JSONResponse({"code": error.code, "message": str(error)}, STATUS.get(type(error), 500))

    @app.get("/")
    async def page() -> FileResponse:
        return FileResponse(HERE / "portal.html")

    @app.get("/pipelines")
    async def pipelines(engine: Portal) -> list[dict[str, object]]:
        found: list[dict[str, object]] = []
        for listing in await engine.pipelines.list():
            parameters = (await engine.pipelines.get(listing.name)).definition.parameters or []
            dynamic = [parameter.to_dict() for parameter in parameters if parameter.dynamic]
            found.append({"name": listing.name, "version": listing.version, "parameters": dynamic})
        return found

    @app.post("/pipelines/{name}/runs", status_code=201)
    async def start(name: str, body: Start, engine: Portal, user: User) -> dict[str, object]:
        run = await engine.pipelines.run(name, parameters=body.parameters, actor=user)
        return {"id": run.id, "number": run.number}

    @app.get("/runs/{id}")
    async def show(id: str, engine: Portal) -> dict[str, object]:
        summary = await (await engine.run(id)).summary()
        tasks = [{"task": task.task, "status": task.status} for task in summary.tasks]
        return {"id": summary.id, "status": summary.status, "tasks": tasks}

    @app.get("/runs/{id}/events", response_model=None)
    async def events(id: str, engine: Portal, last_event_id: Annotated[int, Header()] = 0) -> Response:
        """The events of a run with its log, to the end of the run. 204 tells a browser that has all of them not to come again."""
        run = await engine.run(id)
        summary = await run.status()
        if summary not in ("queued", "running") and await anext(run.events(after=last_event_id), None) is None:
            return Response(status_code=204)

        async def lines() -> AsyncIterator[str]:
            async for event in run.events(after=last_event_id):
                yield f"id: {event.seq}\nevent: {event.type}\ndata: {event.to_json()}\n\n"

        return StreamingResponse(lines(), media_type="text/event-stream")

    @app.post("/runs/{id}/tasks/{task}/approve", status_code=204)
    async def approve(id: str, task: str, body: Reason, engine: Portal, user: User) -> None:
        await (await engine.run(id)).approve(task, user, body.reason)

    @app.post("/runs/{id}/tasks/{task}/reject", status_code=204)
    async def reject(id: str, task: str, body: Reason, engine: Portal, user: User) -> None:
        await (await engine.run(id)).reject(task, user, body.reason)

    @app.post("/runs/{id}/cancel", status_code=204)
    async def cancel(id: str, body: Reason, engine: Portal, user: User) -> None:
        await (await engine.run(id)).cancel(user, body.reason)

    return app


def main() -> None:
    """Serves on a port of this machine; 0 takes a free one."""
    data_dir = sys.argv[1] if len(sys.argv) > 1 else ".windlass"
    port = sys.argv[2] if len(sys.argv) > 2 else "8080"
    listener = socket.create_server(("127.0.0.1", int(port)))
    base = f"http://127.0.0.1:{listener.getsockname()[1]}"
    app = portal(data_dir, base)
    print(f"portal on {base}", flush=True)
    # Followers may go on for days: a stop does not wait for them, they come again.
    config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1)
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()

"""The ASGI application: what comes in is bounded, handed to the pool, and counted."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import NamedTuple

try:
    from starlette.applications import Starlette
    from starlette.exceptions import HTTPException
    from starlette.requests import ClientDisconnect, Request
    from starlette.responses import JSONResponse, Response
    from starlette.routing import Route
except ImportError as error:
    raise ImportError(f'{error}; install the extra: pip install "declutter-text[serve]"', name=error.name) from error

from declutter import __version__
from declutter.cleaner import Cleaner
from declutter.serve.answer import Question, RefusedError
from declutter.serve.metrics import CONTENT_TYPE, Metrics
from declutter.serve.openapi import description
from declutter.serve.pool import Pool

HELD_BODIES = 16  # bodies of the greatest size that are held in memory at once; what comes above that gets a 503
KINDS = {"/clean": "page", "/clean/raw": "raw", "/clean/pages": "pages"}


class Limits(NamedTuple):
    """What one request may take."""

    body_bytes: int = 10_000_000
    pages: int = 1000
    seconds: float = 30.0  # for the body to come, to wait for a process, and to be cleaned: for each of them


class Service:
    """The routes of the service and what they share."""

    def __init__(self, cleaner: Cleaner, n_workers: int, limits: Limits):
        self.limits = limits
        self.pool = Pool(cleaner, n_workers, limits.seconds)
        self.metrics = Metrics()
        self._description = description(limits.pages)
        self._held_bytes = 0

    @asynccontextmanager
    async def lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        """The processes run from the first request to the last."""
        await self.pool.start()
        try:
            yield
        finally:
            await self.pool.close()

    async def clean(self, request: Request) -> Response:
        """Any of the three endpoints that clean."""
        started = time.perf_counter()
        path = request.url.path
        status = 500
        try:
            response = await self._answered(request, KINDS[path])
            status = response.status_code
            return response
        except RefusedError as error:
            status = error.status
            return _error(status, str(error))
        except ClientDisconnect:  # nobody is there to read the answer
            status = 499
            return _error(400, "the client has gone")
        finally:
            self.metrics.observe(path, status, time.perf_counter() - started)

    async def _answered(self, request: Request, kind: str) -> Response:
        body = bytearray()
        try:
            await asyncio.wait_for(self._read(request, body), self.limits.seconds)
            self.metrics.totals["declutter_body_bytes_total"] += len(body)
            content_type = request.headers.get("content-type", "")
            query = tuple(request.query_params.multi_items())
            answer = await self.pool.ask(Question(kind, content_type, query, bytes(body), self.limits.pages))
        except asyncio.TimeoutError as error:  # the built-in TimeoutError only from Python 3.11 on
            raise RefusedError(f"the body did not come within {self.limits.seconds:g} seconds", 408) from error
        finally:
            self._held_bytes -= len(body)
        self.metrics.totals["declutter_pages_total"] += answer.n_pages
        self.metrics.totals["declutter_failed_pages_total"] += answer.n_failed
        headers = {"Retry-After": "1"} if answer.status == 503 else None
        return Response(answer.body, answer.status, headers, "application/json")

    async def _read(self, request: Request, body: bytearray) -> None:
        limit = self.limits.body_bytes
        declared = request.headers.get("content-length", "")
        too_large = RefusedError(f"the body is larger than {limit} bytes", 413)
        if declared.isdigit() and int(declared) > limit:
            raise too_large
        async for chunk in request.stream():
            if len(body) + len(chunk) > limit:
                raise too_large
            if self._held_bytes + len(chunk) > HELD_BODIES * limit:
                raise RefusedError("too much is waiting; try again later", 503)
            body += chunk
            self._held_bytes += len(chunk)

    async def health(self, _request: Request) -> Response:
        """Answers while pages are cleaned, as that happens in other processes."""
        return JSONResponse({"status": "ok", "version": __version__})

    async def show_metrics(self, _request: Request) -> Response:
        self.metrics.totals["declutter_lost_workers_total"] = self.pool.n_lost
        gauges = {
            "declutter_workers": self.pool.n_workers,
            "declutter_busy_workers": self.pool.n_busy,
            "declutter_waiting_requests": self.pool.n_waiting,
        }
        return Response(self.metrics.text(gauges), media_type=CONTENT_TYPE)

    async def openapi(self, _request: Request) -> Response:
        return JSONResponse(self._description)


def make_app(cleaner: Cleaner, n_workers: int = 1, limits: Limits | None = None) -> Starlette:
    """The application, for any ASGI server. Its processes start and end with the server's lifespan.

    Give it to one server process: it keeps its own `n_workers` processes, and its own counts.
    """
    service = Service(cleaner, n_workers, limits or Limits())
    routes = [Route(path, service.clean, methods=["POST"]) for path in KINDS]
    gets: dict[str, Callable[[Request], Awaitable[Response]]] = {
        "/health": service.health,
        "/metrics": service.show_metrics,
        "/openapi.json": service.openapi,
    }
    routes += [Route(path, answer, methods=["GET"]) for path, answer in gets.items()]
    handlers = {HTTPException: _http_error, Exception: _unexpected}
    return Starlette(routes=routes, exception_handlers=handlers, lifespan=service.lifespan)


async def _http_error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # what it is registered for
    return JSONResponse({"error": str(error.detail)}, error.status_code, error.headers)


async def _unexpected(_request: Request, _error_raised: Exception) -> Response:
    """Starlette logs the traceback; the client sees none of it."""
    return _error(500, "internal error")


def _error(status: int, message: str) -> Response:
    return JSONResponse({"error": message}, status, {"Retry-After": "1"} if status == 503 else None)

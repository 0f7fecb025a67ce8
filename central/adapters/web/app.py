"""The routes: what can be asked of central, and how its answers look in HTTP."""

import json
import logging
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route

from central.adapters.web.body import Limits, Room, read_body, wrong_form
from central.adapters.web.files import RepositoryFiles
from central.adapters.web.peer import PEER
from central.adapters.web.tally import Tally
from central.core.answer import Answer, Verdict
from central.ports.intake import Intake, Shown

_LOG: Final = logging.getLogger("forewarn.central")
_PROMETHEUS: Final = "text/plain; version=0.0.4; charset=utf-8"
_MAX_ENROLMENT_BYTES: Final = 4096
# What a header says beside the status.
_HEADERS: Final = {
    Verdict.UNKNOWN: {"WWW-Authenticate": "Bearer"},
    Verdict.NOT_READ: {"Accept-Encoding": "gzip"},
    Verdict.NO_LENGTH: {"Connection": "close"},
    Verdict.TOO_SLOW: {"Connection": "close"},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """A question about a report, or for a token, and what came of it."""

    answer: Answer
    host_id: str | None = None
    length: int = 0


def app_of(
    intake: Intake, *, repository: Path, limits: Limits, tally: Tally
) -> Starlette:
    """Return central as an ASGI application.

    Args:
        intake: Takes what is handed in.
        repository: Folder of the signed repository; `metadata` and `targets` of it are
            served, whether they are there yet or not.
        limits: Of what is handed in.
        tally: Counts it.
    """
    door = _Door(intake, limits=limits, tally=tally)
    files = [
        Mount(f"/{name}", RepositoryFiles(repository / name))
        for name in ("metadata", "targets")
    ]
    routes = [
        Route("/api/v1/reports", door.report, methods=["POST"]),
        Route("/api/v1/enroll", door.enrol, methods=["POST"]),
        Route("/healthz", door.healthz),
        Route("/metrics", door.metrics),
        *files,
    ]
    return Starlette(routes=routes)


class _Door:
    """Answers what is asked under `/api`, `/healthz` and `/metrics`."""

    def __init__(self, intake: Intake, *, limits: Limits, tally: Tally) -> None:
        self._intake = intake
        self._limits = limits
        self._room = Room(limits.max_waiting_bytes)
        self._tally = tally

    async def report(self, request: Request) -> Response:
        began_s = time.monotonic()
        asked = await self._reported(request)
        self._tally.report(
            asked.answer.verdict,
            length=asked.length,
            seconds=time.monotonic() - began_s,
        )
        self._tell("report_refused", asked)
        return _response(asked.answer)

    async def enrol(self, request: Request) -> Response:
        limits = self._limits
        body = await read_body(
            request, limit=_MAX_ENROLMENT_BYTES, deadline_s=limits.deadline_s
        )
        token = body if isinstance(body, Answer) else await self._intake.enrol(body)
        if isinstance(token, Answer):
            self._tally.enrolment(token.verdict)
            self._tell("enrolment_refused", _Asked(answer=token))
            return _response(token)
        self._tally.enrolment(Verdict.TAKEN)
        return JSONResponse({"token": token}, headers={"Cache-Control": "no-store"})

    async def healthz(self, request: Request) -> Response:
        answer = await self._intake.check()
        if answer is None:
            return JSONResponse({"status": "ok"})
        self._tell("not_healthy", _Asked(answer=answer))
        return _response(answer)

    async def metrics(self, request: Request) -> Response:
        text = self._tally.text(waiting_bytes=self._room.waiting_bytes)
        return PlainTextResponse(text, media_type=_PROMETHEUS)

    async def _reported(self, request: Request) -> _Asked:
        wrong = wrong_form(request.headers, limit=self._limits.max_report)
        if wrong is not None:
            return _Asked(answer=wrong)
        host_id = await self._intake.admit(_shown(request))
        if isinstance(host_id, Answer):
            return _Asked(answer=host_id)
        with self._room.reserved(int(request.headers["Content-Length"])) as full:
            if full is not None:
                return _Asked(answer=full, host_id=host_id)
            return await self._handed_in(request, host_id=host_id)

    async def _handed_in(self, request: Request, *, host_id: str) -> _Asked:
        limits = self._limits
        body = await read_body(
            request, limit=limits.max_report, deadline_s=limits.deadline_s
        )
        if isinstance(body, Answer):
            return _Asked(answer=body, host_id=host_id)
        answer = await self._intake.take(body, host_id=host_id)
        return _Asked(answer=answer, host_id=host_id, length=len(body))

    def _tell(self, name: str, asked: _Asked) -> None:
        """Log a refusal as one line; what others wrote is quoted, and no secret."""
        if not asked.answer.is_refusal:
            return
        verdict, reason = asked.answer.verdict, json.dumps(asked.answer.reason)
        _LOG.warning(
            "%s host_id=%s answer=%s reason=%s", name, asked.host_id, verdict, reason
        )


def _shown(request: Request) -> Shown:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    is_bearer = scheme.lower() == "bearer"
    return Shown(
        token=token.strip() if is_bearer else None, name=request.scope.get(PEER)
    )


def _response(answer: Answer) -> Response:
    said: dict[str, object] = {}
    if answer.is_refusal:
        said["error"] = answer.words
    if answer.received_through is not None:
        said["received_through"] = answer.received_through
    headers = dict(_HEADERS.get(answer.verdict, {}))
    if answer.retry_after_s is not None:
        headers["Retry-After"] = str(answer.retry_after_s)
    return JSONResponse(said, status_code=answer.status, headers=headers)

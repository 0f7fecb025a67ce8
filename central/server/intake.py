"""Central's door, at work: what is quick at once, the rest in threads."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import partial
from typing import Final, TypeVar

from agent.errors import StateError, UnavailableError
from central.core.answer import Answer, Verdict
from central.core.bucket import Bucket, drawn
from central.flows.admit import admit, enrol
from central.flows.ingest import busy, opened, store, understood
from central.ports.fleet import Arrival
from central.ports.intake import Shown
from central.server.turns import Most, Turns
from central.server.writer import Writer
from central.wiring.serving import Serving

_READERS: Final = 2
_NO_TOKEN: Final = "0" * 64
_MOST: Final = Most()
T = TypeVar("T")


class LiveIntake:
    """Takes in what comes, for one event loop; to be closed.

    Args:
        serving: Where it is kept, and who may come.
        most: How much is at hand.
    """

    def __init__(self, serving: Serving, *, most: Most = _MOST) -> None:
        self._serving = serving
        self._turns = Turns(most)
        self._buckets: dict[str, Bucket] = {}
        self._threads: Executor = ThreadPoolExecutor(_READERS, "reader")
        self._writer = Writer(partial(store, reports=serving.reports))
        self._writer.start()

    def close(self) -> None:
        """Store what was taken in, and end the threads."""
        self._threads.shutdown()
        self._writer.close()

    async def admit(self, shown: Shown) -> str | Answer:
        """Return which host this is; or why it may not come in, or not now."""
        host = await self._asked(
            partial(admit, shown, enrolment=self._serving.enrolment)
        )
        return host if isinstance(host, Answer) else self._in_time(host)

    async def take(self, body: bytes, *, host_id: str) -> Answer:
        """Take in a report; it is durable when the answer says so."""
        limit = self._serving.limits.max_unpacked
        document = await self._in_thread(partial(opened, body, max_unpacked=limit))
        if isinstance(document, Answer):
            return document
        async with self._turns.turn(len(document)) as is_ours:
            if not is_ours:
                return busy("too many unpacked bytes wait to be stored")
            read = partial(
                understood,
                document,
                length=len(body),
                host_id=host_id,
                now=self._serving.now(),
            )
            return await self._stored(await self._in_thread(read))

    async def enrol(self, asked: bytes) -> str | Answer:
        """Return the token that a host has from now on; or why it gets none."""
        serving = self._serving
        return await self._asked(
            partial(
                enrol,
                asked,
                enrolment=serving.enrolment,
                draw=serving.draw,
                now=serving.now(),
            )
        )

    async def check(self) -> Answer | None:
        """Return why nothing can be taken in now; None: it can."""
        found = await self._asked(partial(self._serving.enrolment.host_of, _NO_TOKEN))
        return found if isinstance(found, Answer) else None

    async def _stored(self, arrival: Arrival | Answer) -> Answer:
        if isinstance(arrival, Answer):
            return arrival
        return await asyncio.wrap_future(self._writer.put(arrival))

    def _in_time(self, host_id: str) -> str | Answer:
        """Return the host, unless it comes too often."""
        bucket, wait_s = drawn(
            self._buckets.get(host_id),
            a_minute=self._serving.limits.reports_a_minute,
            now=self._serving.now(),
        )
        self._buckets[host_id] = bucket
        if not wait_s:
            return host_id
        limit = self._serving.limits.reports_a_minute
        words = f"expected at most {limit} reports a minute of a host, got more"
        return Answer(verdict=Verdict.TOO_OFTEN, reason=words, retry_after_s=wait_s)

    async def _asked(self, question: Callable[[], T]) -> T | Answer:
        """Return what the database answers; or that it cannot be had now."""
        try:
            return await self._in_thread(question)
        except (UnavailableError, StateError) as error:
            return busy(str(error))

    async def _in_thread(self, call: Callable[[], T]) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, call)

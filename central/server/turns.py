"""Turns: how much is understood at once, and how much may wait for it, by length."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Most:
    """How much of unpacked reports is at hand, in bytes; one alone always is.

    Attributes:
        at_once: Understood and not stored yet; they take up to sixteen times as much.
        waiting: These, and those whose turn comes.
    """

    at_once: int = 8_000_000
    waiting: int = 64_000_000


class Turns:
    """Lets reports be understood in the order in which they came; for one event loop.

    Args:
        most: How much at once.
    """

    def __init__(self, most: Most) -> None:
        self._most = most
        self._first = asyncio.Lock()
        self._freed = asyncio.Event()
        self._at_once = 0
        self._waiting = 0

    @asynccontextmanager
    async def turn(self, length: int) -> AsyncIterator[bool]:
        """Wait for one's turn and hold it; yield False at once if too many wait."""
        if self._waiting and self._waiting + length > self._most.waiting:
            yield False
            return
        self._waiting += length
        try:
            await self._come(length)
            try:
                yield True
            finally:
                self._at_once -= length
                self._freed.set()
        finally:
            self._waiting -= length

    async def _come(self, length: int) -> None:
        # Who is first waits alone: many short ones never overtake a long one.
        async with self._first:
            while self._at_once and self._at_once + length > self._most.at_once:
                self._freed.clear()
                await self._freed.wait()
            self._at_once += length

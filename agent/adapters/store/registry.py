"""The courier's side of the state database: releases, line-ups, events."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final, TypeVar

from agent.adapters.store import reads, rows, statements
from agent.adapters.store.connection import reported
from agent.adapters.store.handle import WritingHandle
from agent.core.channel import Channel
from agent.core.lineup import LineUp
from agent.core.manifest import parse_manifest
from agent.core.release import LIVES, Release, ReleaseState
from agent.core.trust import Floor, SignedRole, Trust
from agent.errors import IllegalTransitionError, StateError, TrustError

_FLOOR: Final = "floor"
_Shape = TypeVar("_Shape")


class SqliteRegistry(WritingHandle):
    """Releases, line-ups and trust, as the courier and the commands change them."""

    def admit(
        self,
        *,
        digest: str,
        manifest: bytes,
        at: datetime,
        chain: Sequence[SignedRole] = (),
    ) -> None:
        """Add a release, staged, with the roles that vouched for it.

        Raises:
            ManifestError: This program does not understand the manifest.
            StateError: The release was taken in before; nothing has changed.
            TrustError: Another release of this task and version was taken in.
        """
        parsed = parse_manifest(manifest)
        task, version = parsed.task, parsed.version
        known = self._digest_of(task, version=version)
        if known is not None and known != digest:
            raise TrustError(
                f"release {task} {version}: expected digest {known[:12]}, "
                f"as it was taken in before, got {digest[:12]}"
            )
        self._write(
            f"admitting release {digest[:12]}",
            "insert into releases"
            " (digest, task, version, state, manifest, admitted_at, chain)"
            " values (?, ?, ?, ?, ?, ?, ?)",
            digest,
            task,
            version,
            ReleaseState.STAGED,
            manifest,
            rows.stamp(at),
            rows.text(chain),
        )

    def set_state(self, digest: str, state: ReleaseState) -> None:
        """Say how far a release has come; to say it twice changes nothing.

        Raises:
            IllegalTransitionError: No event leads there from where it is.
            StateError: No release has this digest.
        """
        before = ReleaseState(self._manifest_and_state(digest)[1])
        if before is not state and not _leads(before, state):
            raise IllegalTransitionError(f"no release that is {before} becomes {state}")
        self._write(
            f"release {digest[:12]} becomes {state}",
            statements.STATE,
            state,
            digest,
        )

    def set_lineup(self, lineup: LineUp) -> None:
        """Say which releases are at work for a task.

        Raises:
            StateError: A slot holds a release that was not taken in, or two hold one.
        """
        self._write(
            f"line-up of {lineup.task}", statements.LINEUP, *rows.lineup_row(lineup)
        )

    def lineups(self) -> tuple[LineUp, ...]:
        """Return the line-up of every task, by name."""
        return self._read(reads.lineups)

    def releases(self) -> tuple[Release, ...]:
        """Return every release that this program understands, by task and version."""
        return self._read(reads.releases)

    def manifest_of(self, digest: str) -> bytes:
        """Return a release's manifest, byte for byte as it was signed.

        Raises:
            StateError: No release has this digest.
        """
        return self._manifest_and_state(digest)[0]

    def floors(self) -> tuple[Floor, ...]:
        """Return the oldest version of each role that may still be taken."""
        return tuple(self._documents(_FLOOR, Floor))

    def set_floors(self, floors: Sequence[Floor]) -> None:
        """Remember floors in place of those of the same roles."""
        for floor in floors:
            self._remember(_FLOOR, floor.role, floor)

    def channel(self, task: str) -> Channel:
        """Return what was last heard of a task's channel."""
        return next(
            self._documents(reads.CHANNEL, Channel, name=task), Channel(task=task)
        )

    def set_channel(self, channel: Channel) -> None:
        """Remember what was heard of a task's channel."""
        self._remember(reads.CHANNEL, channel.task, channel)

    def trust(self) -> Trust:
        """Return how this host stands with its repository."""
        return self._read(reads.trust)

    def set_trust(self, trust: Trust) -> None:
        """Remember how this host stands with its repository."""
        self._remember(reads.TRUST, "", trust)

    def add_crash(self, digest: str, *, at: datetime) -> None:
        """Remember that the daemon died while this release was scoring."""
        self._write(
            "recording a crash",
            "insert into crashes (digest, at) values (?, ?)",
            digest,
            rows.stamp(at),
        )

    def crashes(self, digest: str, *, since: datetime, until: datetime) -> int:
        """Return how often the daemon died so."""
        found: int
        ((found,),) = self._rows(
            "select count(*) from crashes where digest = ? and at between ? and ?",
            digest,
            rows.stamp(since),
            rows.stamp(until),
        )
        return found

    def _documents(
        self, kind: str, shape: type[_Shape], *, name: str | None = None
    ) -> Iterator[_Shape]:
        with reported(self._path, "reading"):
            yield from reads.documents(self._connection, kind, shape, name=name)

    def _remember(self, kind: str, name: str, document: object) -> None:
        self._write(
            f"remembering {kind} {name}".rstrip(),
            "insert into trust (kind, name, document) values (?, ?, ?)"
            " on conflict (kind, name) do update set document = excluded.document",
            kind,
            name,
            rows.text(document),
        )

    def _manifest_and_state(self, digest: str) -> tuple[bytes, str]:
        row: tuple[bytes, str] | None = self._row(
            "select manifest, state from releases where digest = ?", digest
        )
        if row is None:
            raise StateError(f"{self._path}: no release {digest[:12]}")
        return row

    def _digest_of(self, task: str, *, version: int) -> str | None:
        row = self._row(
            "select digest from releases where task = ? and version = ?", task, version
        )
        return None if row is None else row[0]


def _leads(before: ReleaseState, state: ReleaseState) -> bool:
    return any(origin is before and end is state for (origin, _), end in LIVES.items())

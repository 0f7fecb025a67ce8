"""Publishes what has its signatures, in an order that no client can stumble over."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from tuf.api.metadata import (  # type: ignore[attr-defined] # public, handed on unmarked
    MetaFile,
    Snapshot,
    Timestamp,
)

from central.adapters.repository.book import Book
from central.adapters.repository.disk import Disk, Signed, View, delegated
from central.adapters.repository.signatures import (
    add,
    complete,
    is_signed,
    keys_of,
    lacking,
)
from central.adapters.repository.signers import Signers
from central.core.profile import TOP
from central.core.roles import Settled, Waiting, upward, with_awaited

# The most at once: a new root may need the new targets, and they the new root.
_UPPER: Final[tuple[tuple[str, ...], ...]] = (
    ("root", "targets"),
    ("root",),
    ("targets",),
    (),
)


def settle(book: Book, *, disk: Disk, signers: Signers) -> Settled:
    """Publish what is complete together, and keep the rest where it is signed.

    Either all of a change becomes visible or nothing: what is served always verifies
    as a whole. What an interrupted call leaves, the next goes on with.

    Raises:
        StateError: A key of an online role is not what it should be.
        OSError: A file cannot be written.
    """
    chosen = _complete(book)
    online: View = {}
    if chosen is not None:
        online = _renewed(book, chosen=chosen, signers=signers)
    after = {**book.published, **(chosen or {}), **online}
    offline = [row for role in online for row in lacking(after, role)]
    if chosen is None or offline:
        chosen, online = {}, {}
    for role in upward(book.changed - chosen.keys()):
        disk.keep(role, book.drafts[role])
        book.changed.discard(role)
    _publish(book, chosen=chosen, online=online, disk=disk)
    for role in book.done:
        disk.clear(role)
    return Settled(
        published=(*chosen, *online), waiting=with_awaited([*_rows(book), *offline])
    )


def _complete(book: Book) -> View | None:
    """Return the drafts that can be published; None: nothing whole can be served."""
    for upper in _UPPER:
        chosen = {role: book.drafts[role] for role in upper if role in book.drafts}
        view = {**book.published, **chosen}
        chosen |= {
            role: draft
            for role, draft in book.drafts.items()
            if role not in TOP and is_signed({**view, role: draft}, role)
        }
        if _is_whole({**view, **chosen}, before=book.published.get("root")):
            return chosen
    return None


def _is_whole(view: View, *, before: Signed | None) -> bool:
    """Return whether every role that clients may ask for has its signatures."""
    root = view.get("root")
    is_same = before is not None and root is before
    return (
        is_signed(view, "root", before=None if is_same else before)
        and is_signed(view, "targets")
        and all(is_signed(view, role) for role in delegated(view))
    )


def _renewed(book: Book, *, chosen: View, signers: Signers) -> View:
    """Return the online roles that are to be signed anew, as far as they can be."""
    view = {**book.published, **chosen}
    online: View = {}
    if chosen.keys() - {"root"} or _is_due(book, "snapshot", view=view):
        names = ("targets", *delegated(view))
        meta = {f"{n}.json": MetaFile(view[n].signed.version) for n in names}
        online["snapshot"] = book.next_version("snapshot", Snapshot(meta=meta))
        _sign(book, "snapshot", online["snapshot"], view=view, signers=signers)
    if online or _is_due(book, "timestamp", view=view):
        timestamp = Timestamp(snapshot_meta=_snapshot_meta(book, online))
        online["timestamp"] = book.next_version("timestamp", timestamp)
        _sign(book, "timestamp", online["timestamp"], view=view, signers=signers)
    return online


def _is_due(book: Book, role: str, *, view: View) -> bool:
    """Return whether an online role is to be signed anew although nothing changed."""
    is_other = keys_of(view, role) != keys_of(book.published, role)
    return role in book.stale or is_other or not is_signed(view, role)


def _snapshot_meta(book: Book, online: View) -> Any:  # noqa: ANN401 - tuf's own type
    new = online.get("snapshot")
    if new is None:
        return book.published["timestamp"].signed.snapshot_meta
    return MetaFile.from_data(new.signed.version, new.to_bytes(), ["sha256"])


def _sign(
    book: Book, role: str, metadata: Signed, *, view: View, signers: Signers
) -> None:
    # With the keys before a change of root, too: so it holds under both roots.
    known = [*keys_of(view, role), *keys_of(book.published, role)]
    keys = list({key.keyid: key for key in known}.values())
    add(role, metadata, signers=signers.at_hand(keys))


def _publish(book: Book, *, chosen: View, online: View, disk: Disk) -> None:
    """Write what is complete; the timestamp shows all of it at once, but for the root.

    A client reads the root before anything else. So the root comes last where the rest
    holds under the one before, too. Where it does not, because a key is lost, it comes
    first, and the rest is kept for the next call before.
    """
    below = {role: md for role, md in chosen.items() if role != "root"} | online
    order = [*below]
    if "root" in chosen and _holds_before(book, below):
        order = [*below, "root"]
    elif "root" in chosen:
        order = ["root", *below]
        # Before there is any repository, its founding simply begins anew.
        for role in upward(chosen) if book.published else ():
            disk.keep(role, chosen[role])
    for role in order:
        disk.publish(role, (below | chosen)[role])
    book.settled(chosen, online=online)


def _holds_before(book: Book, below: View) -> bool:
    view = {**book.published, **below}
    return all(is_signed(view, role) for role in TOP)


def _rows(book: Book) -> Iterator[Waiting]:
    """Yield what each draft still lacks; one row where nothing does."""
    before = book.published.get("root")
    for role in book.drafts:
        rows = lacking(book.newest, role, before=before)
        for row in rows or [complete(book.newest, role)]:
            yield replace(row, dropped=book.dropped.get(role, 0))

"""Putting labelled samples where training reads them: claim, write, clear."""

from central.ports.dataset import Dataset, Inbox


def shelve(inbox: Inbox, dataset: Dataset, *, limit: int) -> int:
    """Move samples from the inbox into files; return how many, 0 when it is empty.

    Exactly once in effect: a batch that was written but not cleared is claimed again
    and becomes the same file again.

    Args:
        inbox: Where samples wait.
        dataset: Where they are kept.
        limit: Samples that are held at once, about.

    Raises:
        UnavailableError: One of the two cannot be had now; what was not cleared stays
            claimed, and comes first the next time.
    """
    moved = 0
    for batch in inbox.claim(limit=limit):
        dataset.add(batch)
        inbox.clear(batch.id)
        moved += len(batch.rows)
    return moved

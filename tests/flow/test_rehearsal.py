"""A rehearsal has the very moments that the live path had, and what came of them."""

from datetime import timedelta

import numpy as np
import pytest

from agent.core.manifest import parse_manifest
from agent.core.moment import OutcomeKind, Role
from agent.core.rehearsal import rehearse
from tests.fakes.host import ScriptedHost
from tests.fakes.ledger import START
from tests.fakes.life import (
    ACTIVE,
    CPU,
    DISK,
    INTERVAL_S,
    InMemory,
    Life,
    disk_manifest,
    manifest_of,
    value_manifest,
    walk,
)

ROWS = 500
DISKS = tuple(DISK.replace("$entity", mount) for mount in ("/", "/var"))
TASKS = {
    "an event": manifest_of(),
    "an event of longer standing": manifest_of(
        target={"sustained": "20s", "onset": False}, score_every="20s"
    ),
    "a limit of its own past": manifest_of(
        target={"condition": f"> quantile_over_time(0.8, {CPU}[10m])"},
        features=[f"avg_over_time({CPU}[5m]) / $limit"],
        missing="skip",
    ),
    "an event of many entities": disk_manifest(),
    "a value": value_manifest(),
    "a change": value_manifest(as_="change", quantiles=(0.5,)),
}


def columns(*, has_gaps):
    """Return a host whose second disk comes up late, and that may start anew once."""
    busy, full, other = (np.array(walk(ROWS, seed=n)) for n in (8, 9, 10))
    if not has_gaps:
        busy, full, other = map(np.nan_to_num, (busy, full, other))
    restarts_at = 200 if has_gaps else ROWS
    uptime = [10.0 * n - 1995 * (n >= restarts_at) for n in range(ROWS)]
    return {CPU: busy, DISKS[0]: full, DISKS[1]: other, "system.uptime": uptime}


def script(*, has_gaps):
    host = ScriptedHost.of_columns(columns(has_gaps=has_gaps))
    late = [
        {name: value for name, value in row.items() if number > 50 or name != DISKS[1]}
        for number, row in enumerate(host._rows)
    ]
    return ScriptedHost(late)


def instants(*, has_gaps):
    """Return when the host is sampled: with gaps, with holes, and a clock put back."""
    every = [START + timedelta(seconds=INTERVAL_S * n) for n in range(ROWS)]
    if not has_gaps:
        return every
    back = timedelta(seconds=600)
    there = [at if n < 400 else at - back for n, at in enumerate(every)]
    return [at for n, at in enumerate(there) if n % 17 and not 300 <= n < 312]


def lived(document, *, has_gaps, folder):
    """Return the ledger's moments with an outcome that is not void, by time."""
    bench = InMemory(folder)
    bench.take_in(document, ACTIVE)
    bench.line_up(task=parse_manifest(document).task, active=ACTIVE)
    life = Life(bench, script(has_gaps=has_gaps))
    for now in instants(has_gaps=has_gaps):
        life.tick_at(now)
    return [
        (moment, outcome)
        for moment, outcome in bench.moments()
        if outcome is not None and outcome.kind is not OutcomeKind.VOID
    ]


def rehearsed(document, *, has_gaps):
    host, manifest = script(has_gaps=has_gaps), parse_manifest(document)
    samples = [host.sample(now) for now in instants(has_gaps=has_gaps)]
    origin_s = START.timestamp()
    done = rehearse(samples, interval_s=INTERVAL_S, origin_s=origin_s, tasks=[manifest])
    return done[manifest.task]


def told_live(moment, outcome):
    came = outcome.value
    if came is None:
        came = float(outcome.kind is OutcomeKind.HAPPENED)
    at = outcome.happened_at
    return (
        moment.at.timestamp(),
        moment.entity,
        moment.origin,
        moment.limit,
        came,
        None if at is None else at.timestamp(),
        moment.by(Role.BASELINE).values,
        moment.features.tobytes(),
    )


def told(rows, row):
    return (
        rows.at_s[row],
        rows.entity[row],
        rows.origin[row],
        None if np.isnan(rows.limit[row]) else rows.limit[row],
        rows.outcome[row],
        None if np.isnan(rows.happened_s[row]) else rows.happened_s[row],
        tuple(rows.baseline[row]),
        rows.features[row].tobytes(),
    )


@pytest.mark.parametrize("document", TASKS.values(), ids=TASKS)
def test_a_rehearsal_has_the_moments_of_the_live_path(document, tmp_path):
    live = lived(document, has_gaps=False, folder=tmp_path)
    rows = rehearsed(document, has_gaps=False)
    assert len(rows) > 50
    assert [told(rows, n) for n in range(len(rows))] == [told_live(*m) for m in live]


@pytest.mark.parametrize("document", TASKS.values(), ids=TASKS)
def test_beside_gaps_it_leaves_out_only_what_would_not_have_been_seen_not_to_happen(
    document, tmp_path
):
    live = [
        told_live(*each) for each in lived(document, has_gaps=True, folder=tmp_path)
    ]
    rows = rehearsed(document, has_gaps=True)
    known = [told(rows, n) for n in range(len(rows))]
    assert set(known) <= set(live)
    assert len(known) > 50
    left_out = set(live) - set(known)
    assert {each[4] for each in left_out} <= {1.0}

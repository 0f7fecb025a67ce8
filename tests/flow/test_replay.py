"""Replay: a recorded host gives the very numbers that it gave when it was live.

FOREWARN_TRACES names a folder of recorded hosts, one folder a dataset; without it the
folder `../shared/data` beside the repository is used, if it is there.
"""

import csv
import os
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from agent.adapters.store.archive import Archive
from agent.adapters.store.registry import SqliteRegistry
from agent.adapters.trace import Trace, TraceHost, read_trace
from agent.core.event import AUDIT
from agent.core.manifest import parse_manifest
from agent.core.moment import OutcomeKind
from agent.core.policy import Policy
from agent.core.release import ReleaseState
from agent.flows.replay import replay, unmet
from agent.flows.tick import Ticker
from agent.wiring.replay import Offer, named_release, replaying
from tests.fakes.host import ScriptedHost
from tests.fakes.life import (
    ACTIVE,
    CPU,
    EVERYTHING,
    SHADOW,
    InSqlite,
    KeptEvidence,
    Life,
    disk_manifest,
    manifest_of,
    recounted,
    story,
    value_manifest,
    walk,
)
from tests.fakes.models import FixedModels, logistic
from tests.fakes.vouchers import FixedVoucher

BESIDE = Path(__file__).resolve().parents[3] / "shared" / "data"
FOLDER = Path(os.environ.get("FOREWARN_TRACES", BESIDE))
MACHINE_ROWS = 3_000
VALUE, DISK = "d" * 64, "e" * 64


def small_tasks():
    return {
        ACTIVE: manifest_of(version=2),
        SHADOW: manifest_of(version=3, features=[f"stddev_over_time({CPU}[5m])"]),
        VALUE: value_manifest(),
        DISK: disk_manifest(),
    }


def tasks_of_days():
    """Return the same tasks, on windows of days that have hardly begun."""
    early = {"min_coverage": 0.0001}
    limit = {"condition": f">= quantile_over_time(0.8, {CPU}[7d])"}
    features = [f"avg_over_time({CPU}[7h])", f"share_above({CPU}[2d], $limit)"]
    return small_tasks() | {
        ACTIVE: manifest_of(version=2, target=limit, features=features, **early),
        SHADOW: manifest_of(
            version=3, target=limit, features=[f"max_over_time({CPU}[1d])"], **early
        ),
    }


def machine_tasks():
    """Return the same tasks, as slow as a machine that is sampled every minute."""
    slow = {"condition": ">= 0.15", "within": "15m", "sustained": "2m"}
    features = [f"last_over_time({CPU}[1m])", f"avg_over_time({CPU}[30m])"]
    load = "system.cpu.load_average.1m"
    return {
        ACTIVE: manifest_of(target=slow, features=features, score_every="2m"),
        SHADOW: manifest_of(version=2, target=slow, features=[f"delta({load}[10m])"]),
        VALUE: value_manifest(features=features, score_every="5m", ahead="10m"),
    }


def line_up(bench, tasks):
    for digest, document in tasks.items():
        bench.take_in(document, digest)
    bench.line_up(task="cpu-busy", active=ACTIVE, shadow=SHADOW)
    bench.line_up(task="cpu-load", active=VALUE)
    if DISK in tasks:
        bench.line_up(task="disk-full", active=DISK)
    with SqliteRegistry.open(bench.path) as registry:
        for release in registry.releases():
            live = (ReleaseState.SHADOW, ReleaseState.PROBATION)
            if release.state is ReleaseState.STAGED:
                for state in live[: 1 if release.digest == SHADOW else 2]:
                    registry.set_state(release.digest, state)


def models():
    quantiles = [[0.2, 0.4, 0.6]]
    return FixedModels(
        {ACTIVE: logistic, SHADOW: 0.4, DISK: logistic, VALUE: quantiles}
    )


def replayed(folder, trace, tasks):
    folder.mkdir()
    bench = InSqlite(folder)
    line_up(bench, tasks)
    seen = []
    ticker = Ticker(
        host=TraceHost(trace),
        ledger=bench.ledger,
        models=models(),
        voucher=FixedVoucher(),
        interval_s=trace.interval_s,
        origin_s=float(trace.instants_s[0]),
        commit_every_s=1000 * trace.interval_s,
        is_allowed=lambda task: True,
        policy=Policy(),
        evidence=KeptEvidence(),
    )
    came = replay(trace.instants, ticker=ticker, on_tick=lambda: seen.append(1))
    assert came.ticks == len(seen) == len(trace.instants)
    return bench, came


def lived(folder, trace, tasks, *, commit_every):
    """Live through the same samples as a daemon does that is restarted half way."""
    folder.mkdir()
    bench = InSqlite(folder)
    line_up(bench, tasks)
    rows = [dict(zip(trace.layout, row, strict=True)) for row in trace.values.tolist()]
    life = Life(
        bench,
        ScriptedHost(rows),
        models=models(),
        interval_s=trace.interval_s,
        origin_s=float(trace.instants_s[0]),
        commit_every_s=commit_every * trace.interval_s,
    )
    for number, now in enumerate(trace.instants):
        if number == len(rows) // 2:
            life.restart()
        life.tick_at(now)
    life.ticker.close(life.now)
    return bench


def decided(bench):
    """Return every turn in the life of the releases, with the guard's own words."""
    with Archive.open(bench.path) as archive:
        return archive.history(names=AUDIT, limit=EVERYTHING)


def check_same(tmp_path, trace, tasks):
    played, came = replayed(tmp_path / "replayed", trace, tasks)
    live = lived(tmp_path / "lived", trace, tasks, commit_every=7)
    moments, cards = story(played)
    assert (moments, cards) == story(live)
    leading = {
        manifest.task: manifest
        for manifest in (parse_manifest(tasks[d]) for d in tasks if d != SHADOW)
    }
    assert cards == recounted(played, leading=leading)
    outcomes = [outcome for _, outcome in moments]
    assert came.moments == len(moments)
    assert came.resolved == sum(outcome is not None for outcome in outcomes)
    assert came.still_open == came.moments - came.resolved
    turns = decided(played)
    assert turns == decided(live)
    kinds = {outcome.kind for outcome in outcomes if outcome is not None}
    assert kinds == set(OutcomeKind)
    played.close()
    live.close()


def recorded(path, *, rows=600):
    """Write a recorded host with gaps in its cells and in its rows, as CSV."""
    disk = 'system.filesystem.utilization{mountpoint="/"}'
    start = datetime(2026, 3, 1, 20, 0, 3, tzinfo=UTC).timestamp()
    keeps = np.random.default_rng(5).random(rows) > 0.03
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["timestamp", CPU, disk, "system.uptime"])
        for number, (busy, full) in enumerate(
            zip(walk(rows, seed=8), walk(rows, seed=9), strict=True)
        ):
            if not keeps[number] or 300 <= number < 320:
                continue
            at = datetime.fromtimestamp(start + 10 * number, UTC).isoformat()
            cells = ["" if np.isnan(value) else repr(value) for value in (busy, full)]
            uptime = 10 * number if number < 200 else 10 * number - 1995
            writer.writerow([at, *cells, uptime])
    return path


def test_a_replay_gives_number_for_number_what_the_live_path_gave(tmp_path):
    trace = read_trace(recorded(tmp_path / "host.csv"))
    assert trace.interval_s == 10.0
    check_same(tmp_path, trace, small_tasks())


def test_so_it_is_on_windows_of_days(tmp_path):
    check_same(tmp_path, read_trace(recorded(tmp_path / "host.csv")), tasks_of_days())


def test_a_real_machine_gives_number_for_number_what_the_live_path_gave(tmp_path):
    machines = sorted(FOLDER.glob("smd/*.parquet"))
    if not machines:
        pytest.skip(f"no recorded machines in {FOLDER.name}: set FOREWARN_TRACES")
    whole = read_trace(machines[0])
    trace = Trace(
        name=whole.name,
        instants_s=whole.instants_s[:MACHINE_ROWS],
        layout=whole.layout,
        values=whole.values[:MACHINE_ROWS].copy(),
        interval_s=whole.interval_s,
        dropped=0,
    )
    # A machine that is never away would leave nothing void.
    trace.values[1_000:1_040] = np.nan
    check_same(tmp_path, trace, machine_tasks())


def test_a_replay_of_nothing_is_nothing(tmp_path):
    bench = InSqlite(tmp_path)
    life = Life(bench, ScriptedHost([{CPU: 0.5}]))
    came = replay([], ticker=life.ticker, on_tick=lambda: None)
    assert (came.ticks, came.moments, came.events) == (0, 0, [])
    bench.close()


def test_what_a_recorded_host_lacks_is_named_in_order():
    tasks = [parse_manifest(document) for document in (manifest_of(), disk_manifest())]
    mounts = 'system.filesystem.utilization{mountpoint="/var"}'
    assert unmet(tasks[0], [CPU]) == ()
    assert [str(series) for series in unmet(tasks[1], [CPU])] == [
        'system.filesystem.utilization{mountpoint="$entity"}'
    ]
    assert unmet(tasks[1], [mounts]) == ()


def test_a_task_that_predicted_nothing_is_told_with_what_kept_it(tmp_path):
    busy = [f"{60 * n},0.99" for n in range(1, 40)]
    path = tmp_path / "busy.csv"
    path.write_text("\n".join(["timestamp,system.cpu.utilization", *busy]))
    trace = read_trace(path)
    offers = [Offer(named_release("cpu-saturation"))]
    with replaying(trace, offers, state_dir=tmp_path / "state") as (ticker, schedule):
        done = replay(
            trace.instants, ticker=ticker, on_tick=lambda: None, schedule=schedule
        )
    assert done.silent == {"cpu-saturation": "holds already"}

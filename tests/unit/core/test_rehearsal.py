"""A rehearsal: rows of resolved moments, extras, and what a recording may lack.

That its moments are those of the live path is shown in `tests/flow/test_rehearsal.py`.
"""

from datetime import timedelta

import numpy as np
import pytest

from agent.core.expression import parse
from agent.core.manifest import parse_manifest
from agent.core.rehearsal import rehearse
from agent.core.sample import Sample
from agent.errors import ExpressionError
from tests.fakes.ledger import START
from tests.fakes.life import (
    CPU,
    DISK,
    INTERVAL_S,
    disk_manifest,
    manifest_of,
    value_manifest,
)

MOUNT = DISK.replace("$entity", "/")


def samples(columns, *, steps=None):
    """Return a recording of these series, a row at each step from START."""
    names = tuple(columns)
    rows = list(zip(*columns.values(), strict=True))
    return [
        Sample(
            at=START + timedelta(seconds=INTERVAL_S * step),
            layout=names,
            values=np.array(row, dtype=np.float32),
        )
        for step, row in zip(steps or range(len(rows)), rows, strict=True)
    ]


def rehearsed(recording, document, **options):
    manifest = parse_manifest(document)
    done = rehearse(
        recording,
        interval_s=INTERVAL_S,
        origin_s=START.timestamp(),
        tasks=[manifest],
        **options,
    )
    return done[manifest.task]


def onsets(count=60):
    """Return a processor that is at 0.95 for one sample in twelve."""
    return {CPU: [0.95 if n % 12 == 11 else 0.2 for n in range(count)]}


def seconds(rows):
    return (rows.at_s - START.timestamp()).tolist()


def test_an_event_within_the_horizon_is_a_one_with_its_instant():
    rows = rehearsed(samples(onsets(24)), manifest_of())
    # Every 30 s; within 60 s of the sample at 110 s.
    assert seconds(rows) == [0, 30, 60, 90, 120, 150]
    assert rows.outcome.tolist() == [0, 0, 1, 1, 0, 0]
    happened = rows.happened_s - START.timestamp()
    assert happened[2:4].tolist() == [110, 110]
    assert np.isnan(happened[[0, 1, 4, 5]]).all()
    assert rows.limit.tolist() == [float(np.float32(0.9))] * 6
    assert rows.features.dtype == np.float32
    assert rows.features.shape == (len(rows), 2)
    assert rows.entity == ("",) * 6


def test_the_baseline_of_a_row_has_seen_only_what_was_known_then():
    rows = rehearsed(samples(onsets()), manifest_of())
    # FAR, or what crosses: no outcome is known within the first horizon.
    assert rows.baseline[0, 0] == rows.baseline[1, 0] == pytest.approx(0.05)
    cut = rehearsed(samples(onsets())[:30], manifest_of())
    assert rows.baseline[: len(cut)].tolist() == cut.baseline.tolist()


def test_extras_are_computed_at_the_same_moments_with_their_limit():
    wanted = {"cpu-busy": [parse(f"max_over_time({CPU}[5m]) / $limit"), parse("2")]}
    rows = rehearsed(samples(onsets()), manifest_of(), extras=wanted)
    plain = rehearsed(samples(onsets()), manifest_of())
    assert rows.features.tobytes() == plain.features.tobytes()
    assert rows.extras.shape == (len(rows), 2)
    assert plain.extras.shape == (len(rows), 0)
    assert set(rows.extras[:, 1].tolist()) == {2.0}
    assert rows.extras[-1, 0] == pytest.approx(0.95 / 0.9)
    assert np.isnan(rows.extras[0, 0])


def test_a_gap_in_an_extra_keeps_no_row_from_a_task_that_skips_gaps():
    wanted = {"cpu-busy": [parse("0 / 0")]}
    feature = [f"last_over_time({CPU}[10s])"]
    document = manifest_of(missing="skip", features=feature)
    rows = rehearsed(samples(onsets()), document, extras=wanted)
    assert len(rows) == len(rehearsed(samples(onsets()), document)) > 0


def test_a_task_that_could_predict_nothing_tries_again_with_the_next_sample():
    busy = {CPU: [0.95] * 4 + [0.1] * 20}
    rows = rehearsed(samples(busy), manifest_of())
    assert seconds(rows)[:2] == [40, 70]


def test_a_task_that_skips_gaps_waits_for_all_its_features():
    document = manifest_of(missing="skip", features=[f"avg_over_time({CPU}[1m])"])
    rows = rehearsed(samples({CPU: [0.1] * 30}), document)
    assert seconds(rows)[0] == 40
    assert not np.isnan(rows.features).any()


def test_what_lies_across_a_hole_in_time_is_left_out():
    steps = [*range(12), *range(112, 136)]
    rows = rehearsed(samples({CPU: [0.1] * len(steps)}, steps=steps), manifest_of())
    # Of (60, 120] five samples of six are there, of (90, 150] two.
    assert seconds(rows) == [0, 30, 60, *range(1120, 1300, 30)]


def test_where_the_clock_goes_back_what_is_open_is_left_out():
    recording = samples({CPU: [0.1] * 40}, steps=[*range(20), *range(5, 25)])
    rows = rehearsed(recording, manifest_of())
    assert seconds(rows) == [0, 30, 60, 90, 120, 50, 80, 110, 140, 170]


def test_an_event_that_may_hold_already_is_predicted_where_it_does():
    onset = rehearsed(samples(onsets()), manifest_of(score_every="10s"))
    every = rehearsed(
        samples(onsets()), manifest_of(score_every="10s", target={"onset": False})
    )
    assert len(every) == len(onset) + 4


def test_a_host_that_lacks_the_series_has_no_row():
    rows = rehearsed(samples(onsets()), disk_manifest())
    assert (len(rows), rows.features.shape, rows.baseline.shape) == (0, (0, 1), (0, 1))
    value = rehearsed(samples({MOUNT: [0.1] * 20}), value_manifest())
    assert (len(value), value.baseline.shape) == (0, (0, 3))


def test_every_entity_has_rows_of_its_own():
    mounts = {DISK.replace("$entity", name): [0.1] * 20 for name in ("/", "/var")}
    rows = rehearsed(samples(mounts), disk_manifest())
    assert rows.entity[:4] == ("/", "/var", "/", "/var")


def test_a_value_is_an_outcome_with_the_baselines_quantiles():
    climbing = {CPU: [n / 100 for n in range(40)]}
    change = rehearsed(samples(climbing), value_manifest(as_="change"))
    level = rehearsed(samples(climbing), value_manifest())
    assert change.outcome == pytest.approx([0.03] * len(change), abs=1e-6)
    assert level.outcome == pytest.approx(level.origin + 0.03, abs=1e-6)
    assert change.baseline.shape == (len(change), 3)
    assert change.baseline[-1] == pytest.approx([0.03] * 3, abs=1e-6)
    assert np.isnan(change.limit).all()
    assert np.isnan(change.happened_s).all()


def test_a_value_whose_entity_is_gone_is_left_out():
    document = value_manifest(
        entity="mountpoint", features=[f"sum_over_time({DISK}[1m])"]
    )
    wanted = document.replace(
        f"last_over_time({CPU}[10s])".encode(),
        f"last_over_time({DISK}[10s])".replace('"', '\\"').encode(),
    )
    there = samples({MOUNT: [0.1] * 10})
    # Enough other series come up that the window forgets the one that is gone.
    others = {DISK.replace("$entity", f"/{n}"): [0.2] * 400 for n in range(40)}
    later = samples(others, steps=range(200, 600))
    rows = rehearsed([*there, *later], wanted)
    assert "/" in rows.entity
    assert "/7" in rows.entity


def test_many_tasks_are_rehearsed_in_one_pass():
    both = {**onsets(), MOUNT: [0.2] * 60}
    seen = []
    tasks = [parse_manifest(manifest_of()), parse_manifest(disk_manifest())]
    done = rehearse(
        samples(both),
        interval_s=INTERVAL_S,
        origin_s=START.timestamp(),
        tasks=tasks,
        on_sample=lambda: seen.append(1),
    )
    assert len(seen) == 60
    assert sorted(done) == ["cpu-busy", "disk-full"]
    alone = rehearsed(samples(both), manifest_of())
    assert done["cpu-busy"].outcome.tolist() == alone.outcome.tolist()
    assert done["cpu-busy"].features.tobytes() == alone.features.tobytes()


def test_no_task_is_no_row():
    assert rehearse(samples(onsets()), interval_s=INTERVAL_S, tasks=[]) == {}


def test_an_expression_that_reads_no_point_of_the_grid_is_refused():
    feature = [f"avg_over_time({CPU}[1s] offset 2s)"]
    with pytest.raises(ExpressionError):
        rehearsed(samples(onsets()), manifest_of(features=feature))


def test_rows_can_be_taken_by_a_mask():
    rows = rehearsed(samples(onsets()), manifest_of())
    taken = rows.at(rows.outcome == 1)
    assert len(taken) == np.count_nonzero(rows.outcome)
    assert set(taken.outcome.tolist()) == {1.0}
    assert len(taken.entity) == len(taken)

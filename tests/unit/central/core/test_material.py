"""Material: what is learnt from keeps what was measured apart from what was made."""

import numpy as np
import pytest

from central.core.curves import KINDS
from central.core.material import disks, memories, processors
from central.core.plan import PLANS
from central.core.recording import HostTrace

CPU, MEMORY, FILES = PLANS


def trace(host, top=1.0):
    values = np.linspace(0, top, 1000, dtype=np.float32)
    return HostTrace(host=host, sha256=f"{host}-hash", interval_s=60.0, values=values)


TRACES = [trace("machine-1-3"), trace("machine-1-4", 0.5), trace("machine-3-3")]


def test_a_processor_is_as_measured_first_and_then_shifted_to_the_limit():
    found = processors(CPU, TRACES)
    recording = found.recordings[1]
    assert recording.serving.tolist()[0]
    assert not recording.serving[1:].any()
    assert recording.values[:, 0].tolist() == TRACES[1].values.tolist()
    assert (recording.values[:, 1:] >= np.float32(0.9)).any(axis=0).all()


def test_levels_above_the_limit_are_left_out():
    (recording, _) = processors(CPU, [trace("host", 10.0)]).recordings
    assert recording.values.shape == (1000, 1)


def test_every_host_comes_at_two_speeds_and_twins_are_one_group():
    found = processors(CPU, TRACES)
    assert found.hosts == 3
    assert [r.interval_s for r in found.recordings] == [60.0] * 3 + [10.0] * 3
    assert [r.group for r in found.recordings] == [
        "machine-1-3",
        "machine-1-3",
        "machine-3-3",
    ] * 2


def test_no_memory_is_as_measured_and_none_is_stretched_beyond_the_bounds():
    found = memories(MEMORY, TRACES, rng=np.random.default_rng(0))
    for recording in found.recordings:
        assert not recording.serving.any()
        spread = np.ptp(recording.values, axis=0)
        assert (spread <= 0.801).all()


def test_some_memories_are_calm_and_never_come_near_the_limit():
    for seed in range(10):
        found = memories(MEMORY, TRACES[:1], rng=np.random.default_rng(seed))
        values = found.recordings[0].values
        assert (values[:, -3:] < 0.86).all()
        assert (values[:, -3:] >= 0).all()
        assert (values[:, :-3] >= np.float32(0.9)).any(axis=0).all()


def test_most_file_systems_stand_still_or_nearly_so():
    found = disks(FILES, rng=np.random.default_rng(0), batches=1, each=1)
    counts = {}
    for recording in found.recordings:
        counts[recording.name] = recording.values.shape[1]
    assert counts["flat"] + counts["slow growth"] > sum(counts.values()) / 2
    assert found.hosts == 2 * sum(counts.values())
    assert any(f"{counts['flat']} flat" in note for note in found.notes)


def test_the_digest_hangs_on_every_file():
    one = processors(CPU, TRACES).digest
    assert one == processors(CPU, TRACES).digest
    assert one != processors(CPU, TRACES[:2]).digest


def test_disks_are_of_every_kind_in_every_batch_and_come_again_from_their_seed():
    found, again, other = (
        disks(FILES, rng=np.random.default_rng(seed), batches=2, each=1)
        for seed in (1, 1, 2)
    )
    assert found.hosts == sum(r.values.shape[1] for r in found.recordings)
    assert {(r.name, r.group, r.interval_s) for r in found.recordings} == {
        (kind, f"batch-{batch}", interval_s)
        for kind in KINDS
        for batch in range(2)
        for interval_s in (10.0, 60.0)
    }
    assert found.digest == again.digest != other.digest


@pytest.mark.parametrize(
    "made",
    [
        processors(CPU, TRACES),
        memories(MEMORY, TRACES, rng=np.random.default_rng(0)),
        disks(FILES, rng=np.random.default_rng(0), batches=1, each=1),
    ],
    ids=["processors", "memories", "disks"],
)
def test_every_interval_has_its_pace(made):
    assert {r.interval_s for r in made.recordings} == set(made.every)
    assert made.notes
    assert made.split

"""The recipe's outside: recorded hosts read, folders written, reasons printed."""

import hashlib

import numpy as np
import pytest

pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
parquet = pytest.importorskip("pyarrow.parquet")
pytest.importorskip("lightgbm", reason="lightgbm is not installed")
pytest.importorskip("onnx", reason="onnx is not installed")

from click.testing import CliRunner  # noqa: E402

from agent.core.manifest import parse_manifest  # noqa: E402
from agent.errors import TraceError  # noqa: E402
from central.adapters.folder import FolderOfReleases  # noqa: E402
from central.adapters.parquet import ParquetTraces  # noqa: E402
from central.adapters.trees import TreeTrainer  # noqa: E402
from central.cli.starters import main  # noqa: E402
from central.core.plan import PLANS  # noqa: E402
from central.core.surveys import CPU_PEAK, UNUSUAL  # noqa: E402
from central.flows.starters import make_starters  # noqa: E402
from tests.fakes.recipe import made_of  # noqa: E402

CPU = "system.cpu.utilization"
MEMORY = "system.memory.utilization.norm"


def recorded(folder, host="machine-1-3", *, steps_s=60, rows=3000, seed=0):
    """Write a host that runs into the limit now and then."""
    rng = np.random.default_rng(seed)
    level = np.clip(0.5 + 0.1 * np.cumsum(rng.normal(0, 0.3, rows)) % 0.6, 0, 1)
    at = np.cumsum(np.broadcast_to(steps_s, rows)) * 1000
    table = pa.table(
        {"timestamp": at.astype("datetime64[ms]"), CPU: level, MEMORY: level[::-1]}
    )
    folder.mkdir(exist_ok=True)
    parquet.write_table(table, folder / f"{host}.parquet")


def test_a_recorded_host_comes_with_its_interval_and_the_hash_of_its_file(tmp_path):
    recorded(tmp_path)
    traces = ParquetTraces(tmp_path)
    found = traces.read("machine-1-3", column=CPU)
    content = (tmp_path / "machine-1-3.parquet").read_bytes()
    assert traces.hosts() == ("machine-1-3",)
    assert found.interval_s == 60.0
    assert found.values.dtype == np.float32
    assert found.values.shape == (3000,)
    assert found.sha256 == hashlib.sha256(content).hexdigest()


def test_a_folder_without_recorded_hosts_is_refused(tmp_path):
    with pytest.raises(TraceError, match=r"expected Parquet files in .*, got none"):
        ParquetTraces(tmp_path / "nowhere")


def test_a_column_that_is_not_there_is_refused(tmp_path):
    recorded(tmp_path)
    with pytest.raises(TraceError, match="recorded host machine-1-3: "):
        ParquetTraces(tmp_path).read("machine-1-3", column="system.uptime")


def test_a_file_that_is_no_parquet_is_refused(tmp_path):
    (tmp_path / "host.parquet").write_bytes(b"no parquet")
    with pytest.raises(TraceError, match="recorded host host: "):
        ParquetTraces(tmp_path).read("host", column=CPU)


def test_uneven_steps_are_refused(tmp_path):
    recorded(tmp_path, steps_s=np.array([60, 60, 90]), rows=3)
    with pytest.raises(TraceError, match="expected a sample every 75 s, got steps"):
        ParquetTraces(tmp_path).read("machine-1-3", column=CPU)


def test_a_release_is_written_anew_and_nothing_is_left_beside_it(tmp_path):
    folder = FolderOfReleases(tmp_path / "new")
    folder.write("task", {"a": b"old"})
    folder.write("task", {"a": b"new", "b": b"1"})
    found = {p.name: p.read_bytes() for p in (tmp_path / "new/task").iterdir()}
    assert found == {"a": b"new", "b": b"1"}


def test_the_model_answers_as_the_booster_does_gaps_and_ties_included():
    rng = np.random.default_rng(1)
    features = rng.normal(size=(4000, 3)).round(1).astype(np.float32)
    features[rng.random(4000) < 0.2, 1] = np.nan
    happened = np.nan_to_num(features[:, 1]) + features[:, 0] > 1
    trainer = TreeTrainer(seed=1)
    booster = trainer._booster(features, happened, signs=[1, 0, 0])
    model = trainer.train(features, happened, signs=[1, 0, 0])
    is_gap = rng.random(features.shape) < 0.1
    # Only where gaps were learnt: what LightGBM makes of others is not wanted.
    is_gap[:, [0, 2]] = False
    probes = np.where(is_gap, np.nan, features)
    assert model.score(probes.astype(np.float32)).tolist() == pytest.approx(
        booster.predict(probes).tolist(), abs=1e-6
    )


@pytest.mark.parametrize("sign", [1, -1])
def test_a_gap_that_was_never_learnt_goes_where_most_examples_went(sign):
    rng = np.random.default_rng(1)
    features = sign * rng.uniform(0.1, 1, (4000, 1)).astype(np.float32)
    happened = np.abs(features[:, 0]) < 0.3
    model = TreeTrainer(seed=1, rounds=20).train(features, happened, signs=[-sign])
    nothing, near, far = sign * np.array([[np.nan], [0.1], [0.9]], dtype=np.float32)
    scores = model.score(np.array([nothing, near, far]))
    assert scores[0] == scores[2] < scores[1]


def test_the_same_examples_make_the_same_file():
    rng = np.random.default_rng(2)
    features = rng.normal(size=(3000, 2)).astype(np.float32)
    one, other = (
        TreeTrainer(seed=1).train(features, features[:, 0] > 1, signs=[1, 0]).document
        for _ in range(2)
    )
    assert one == other


def test_no_features_have_no_scores():
    features = np.random.default_rng(3).normal(size=(3000, 2)).astype(np.float32)
    model = TreeTrainer(seed=1).train(features, features[:, 0] > 1, signs=[1, 0])
    assert model.score(features[:0]).shape == (0,)


@pytest.mark.parametrize("plan", PLANS[:2], ids=lambda plan: plan.task)
def test_recorded_hosts_make_a_release(plan, tmp_path):
    for number, host in enumerate(["machine-1-3", "machine-1-4", "machine-3-3"]):
        recorded(tmp_path / "smd", host, seed=number)
    made = make_starters(
        traces=ParquetTraces(tmp_path / "smd"),
        trainer=TreeTrainer(seed=1, rounds=5),
        releases=FolderOfReleases(tmp_path / "out"),
        plans=[plan],
    )
    (starter,) = made
    assert starter.task == plan.task
    assert {p.name for p in (tmp_path / "out" / plan.task).iterdir()} == {
        "manifest.json",
        "model.onnx",
        "card.md",
    }


def restless(folder, host, *, rows, steps_s, columns, seed=0):
    """Write a host with a daily rhythm, some noise and a burst every other hour."""
    rng = np.random.default_rng(seed)
    at_s = np.arange(1, rows + 1) * steps_s
    burst = 0.3 * (at_s % 7200 < 600)
    table = {"timestamp": (at_s * 1000).astype("datetime64[ms]")}
    for column in columns:
        rhythm = 0.3 + 0.1 * np.sin(2 * np.pi * at_s / 86400)
        noise = rng.normal(0, 0.05, rows)
        table[column] = np.clip(rhythm + noise + burst * rng.random(rows) * 2, 0, 1)
    folder.mkdir(exist_ok=True)
    parquet.write_table(pa.table(table), folder / f"{host}.parquet")


def test_hosts_that_were_lived_through_make_releases_the_same_ones_again(tmp_path):
    surveys = (UNUSUAL[0], UNUSUAL[2])
    columns = [survey.column for survey in surveys]
    for n, host in enumerate(["machine-1-3", "machine-1-4", "machine-3-3"]):
        restless(tmp_path, host, rows=6000, steps_s=60, columns=columns, seed=n)
    steps = []
    written = made_of(surveys, tmp_path, steps=steps)
    assert list(written) == ["cpu-unusual", "memory-unusual"]
    assert steps[0] == "lives through machine-1-3"
    assert steps[3].startswith("cpu-unusual: learns from ")
    for task, files in written.items():
        assert sorted(files) == ["card.md", "curves.png", "manifest.json", "model.onnx"]
        manifest = parse_manifest(files["manifest.json"])
        assert manifest.task == task
        assert manifest.calibration == "local"
        assert files["curves.png"][:4] == b"\x89PNG"
        evaluation = manifest.provenance["evaluation"]
        assert len(evaluation["comparison"]) == 3
        assert b"Beside what an operator has today" in files["card.md"]
    again = made_of(surveys, tmp_path, only=frozenset({"memory-unusual"}))
    assert again == {"memory-unusual": written["memory-unusual"]}


def test_many_hosts_are_left_out_in_folds(tmp_path):
    for n in range(21):
        restless(
            tmp_path,
            f"vm-{n:02}",
            rows=900,
            steps_s=300,
            columns=CPU_PEAK.columns,
            seed=n,
        )
    steps = []
    (files,) = made_of([CPU_PEAK], tmp_path, steps=steps).values()
    assert sum("learns from" in step for step in steps) == 6 + 1
    manifest = parse_manifest(files["manifest.json"])
    assert str(manifest.target.series) == "system.cpu.utilization"
    assert "taught again" in files["card.md"].decode()


def test_a_release_that_is_interrupted_leaves_the_old_one_as_it_was(tmp_path):
    folder = FolderOfReleases(tmp_path)
    folder.write("task", {"a": b"old", "b": b"old"})
    with pytest.raises(TypeError):
        folder.write("task", {"a": b"new", "b": None})
    assert (tmp_path / "task/a").read_bytes() == b"old"
    assert (tmp_path / "task/b").read_bytes() == b"old"


def test_without_the_recorded_hosts_the_command_says_so_and_fails(tmp_path):
    ran = CliRunner().invoke(
        main, [str(tmp_path / "out"), "--data", str(tmp_path / "nowhere")]
    )
    assert ran.exit_code == 1
    assert "recorded hosts: expected Parquet files in" in ran.output
    assert not (tmp_path / "out").exists()

"""The recipe of the value starters: trees in the host's own units, whole releases."""

import hashlib

import numpy as np
import pytest

pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
parquet = pytest.importorskip("pyarrow.parquet")
pytest.importorskip("lightgbm", reason="lightgbm is not installed")
pytest.importorskip("onnx", reason="onnx is not installed")
pytest.importorskip("matplotlib", reason="matplotlib is not installed")

from agent.core.manifest import parse_manifest  # noqa: E402
from agent.errors import TraceError  # noqa: E402
from central.adapters.bands import BandPlots  # noqa: E402
from central.adapters.folder import FolderOfReleases  # noqa: E402
from central.adapters.parquet import ParquetTraces  # noqa: E402
from central.adapters.trees.changes import ChangeTrainer  # noqa: E402
from central.core.plan_values import VALUE_PLANS  # noqa: E402
from central.flows.starter_values import make_value_starters  # noqa: E402

LEVELS = (0.1, 0.5, 0.9)
HOSTS = ("machine-1-3", "machine-1-4", "machine-3-3")


def recorded(folder, host, *, days=2, seed=0):
    """Write a host whose use comes and goes by the hour and by the day."""
    rng = np.random.default_rng(seed)
    minute = np.arange(days * 1440)
    waves = 0.2 * np.sin(minute / 1440 * 2 * np.pi) + 0.1 * np.sin(minute / 20)
    level = np.clip(0.5 + waves + rng.normal(0, 0.02, len(minute)), 0, 1)
    table = {"timestamp": (minute * 60_000).astype("datetime64[ms]")}
    table |= {plan.column: level for plan in VALUE_PLANS}
    folder.mkdir(exist_ok=True)
    parquet.write_table(pa.table(table), folder / f"{host}.parquet")


def examples(count=3000):
    rng = np.random.default_rng(1)
    features = rng.normal(size=(count, 3)).astype(np.float32)
    features[:, 2] = 10.0 ** rng.uniform(-4, 4, count)
    features[rng.random(count) < 0.2, 1] = np.nan
    return features, features[:, 0] + rng.normal(size=count)


def made(folder, out, *, only=None):
    return list(
        make_value_starters(
            traces=ParquetTraces(folder),
            trainer=ChangeTrainer(seed=1, rounds=10),
            sketch=BandPlots(),
            releases=FolderOfReleases(out),
            only=only,
        )
    )


def test_the_model_answers_in_the_unit_of_the_host():
    features, change = examples()
    learnt = ChangeTrainer(seed=1).learn(features, change, levels=LEVELS)
    shifts = (-0.5, 0.0, 0.25)
    said = learnt.model(shifts).score(features) / features[:, 2:]
    wanted = np.sort(learnt.quantiles(features) + shifts, axis=1)
    assert said == pytest.approx(wanted, abs=1e-5)


def test_the_unit_itself_teaches_nothing():
    features, change = examples()
    learnt = ChangeTrainer(seed=1).learn(features, change, levels=LEVELS)
    other = features.copy()
    other[:, 2] = 1.0
    assert np.array_equal(learnt.quantiles(features), learnt.quantiles(other))


def test_of_a_host_without_a_unit_it_says_that_nothing_changes():
    features, change = examples()
    learnt = ChangeTrainer(seed=1, rounds=5).learn(features, change, levels=LEVELS)
    features[:, 2] = np.nan
    assert not learnt.model((0.0, 0.0, 0.0)).score(features).any()


def test_quantiles_that_would_cross_come_in_rising_order():
    features, change = examples()
    learnt = ChangeTrainer(seed=1, rounds=5).learn(features, change, levels=LEVELS)
    found = learnt.model((9.0, 0.0, -9.0)).score(features)
    assert (np.diff(found, axis=1) >= 0).all()


def test_the_same_examples_make_the_same_file():
    features, change = examples()
    one, other = (
        ChangeTrainer(seed=1, rounds=5)
        .learn(features, change, levels=LEVELS)
        .model((0.0, 0.0, 0.0))
        .document
        for _ in range(2)
    )
    assert one == other


def test_recorded_hosts_make_the_releases_of_all_values(tmp_path):
    for number, host in enumerate(HOSTS):
        recorded(tmp_path / "smd", host, seed=number)
    starters = made(tmp_path / "smd", tmp_path / "out")
    assert [starter.task for starter in starters] == [p.task for p in VALUE_PLANS]
    for plan, starter in zip(VALUE_PLANS, starters, strict=True):
        written = {p.name for p in (tmp_path / "out" / plan.task).iterdir()}
        assert written == {"manifest.json", "model.onnx", "card.md", "bands.png"}
        manifest = parse_manifest(starter.files["manifest.json"])
        document = starter.files["model.onnx"]
        assert manifest.model.sha256 == hashlib.sha256(document).hexdigest()
        assert manifest.provenance["hosts"] == len(HOSTS)
        assert any(None in golden.features for golden in manifest.golden)
        assert starter.files["bands.png"].startswith(b"\x89PNG")


def test_one_task_can_be_made_alone(tmp_path):
    for number, host in enumerate(HOSTS[1:]):
        recorded(tmp_path / "smd", host, days=1, seed=number)
    (starter,) = made(
        tmp_path / "smd", tmp_path / "out", only=frozenset({"memory-change"})
    )
    assert starter.task == "memory-change"


def test_a_host_without_the_column_is_refused_before_anything_is_written(tmp_path):
    recorded(tmp_path / "smd", HOSTS[0])
    minute = np.arange(10) * 60_000
    table = pa.table({"timestamp": minute.astype("datetime64[ms]")})
    parquet.write_table(table, tmp_path / "smd" / "zzz.parquet")
    with pytest.raises(TraceError, match="recorded host zzz: "):
        made(tmp_path / "smd", tmp_path / "out")
    assert not (tmp_path / "out").exists()

"""Trees that a cluster grows are those that one machine grows, or nearly so."""

import logging
from multiprocessing import resource_tracker

import pytest

pytest.importorskip("pyarrow", reason="pyarrow is not installed")
pytest.importorskip("lightgbm", reason="lightgbm is not installed")
pytest.importorskip("distributed", reason="distributed is not installed")
pytest.importorskip("sklearn", reason="sklearn is not installed")

import numpy as np
from distributed import LocalCluster

from agent.errors import StateError, UnavailableError
from central.adapters.dataset import opened
from central.adapters.trees.cluster import ClusterLearner, connected
from central.adapters.trees.learner import TreeLearner
from central.core.settings import Settings
from central.ports.learning import Lesson
from central.wiring.cluster import opened_cluster
from tests.fakes.central import central_folder
from tests.fakes.dataset import DAY, RELEASE, batch

ROWS_A_DAY = 1500
SETTINGS = Settings(rounds=30, smallest=10, seed=7)
DAY_S = 86_400


@pytest.fixture(scope="module")
def cluster():
    with LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        processes=True,
        host="127.0.0.1",
        dashboard_address="127.0.0.1:0",
        silence_logs=logging.ERROR,
    ) as cluster:
        yield cluster
    # Python keeps a child to tidy up after the workers; other tests count children.
    resource_tracker._resource_tracker._stop()


@pytest.fixture
def client(cluster):
    with connected(cluster.scheduler_address) as client:
        yield client


def day_of(number, *, rng):
    """Return a day's samples of two hosts, of which one teaches; the label is known."""
    rows = []
    for host in ("host-0001", "host-0002"):
        for row in batch(range(ROWS_A_DAY // 2), day=number, host=host).rows:
            x, y = rng.normal(size=2)
            chance = 1 / (1 + np.exp(-(2 * x - 1)))
            changes = {
                "features": (None if y > 1 else float(y), float(x), 0.0),
                "label": float(rng.uniform() < chance),
            }
            fields = {f: getattr(row.row, f) for f in row.row.__struct_fields__}
            rows.append((row, {**fields, **changes}))
    return rows


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    return str(tmp_path_factory.mktemp("dataset"))


@pytest.fixture(scope="module")
def dataset(url):
    rng = np.random.default_rng(1)
    dataset = opened(url)
    for number in range(3):
        rows = tuple(
            type(row)(
                host_id=row.host_id,
                sequence=1000 * number + row.sequence,
                place=row.place,
                row=type(row.row)(**fields),
                weight=row.weight,
            )
            for row, fields in day_of(number, rng=rng)
        )
        dataset.add(batch_of(number, rows))
    return dataset


def batch_of(number, rows):
    sample = batch([0], day=number)
    return type(sample)(id=number, task="cpu", day=sample.day, rows=rows)


LESSON = Lesson(
    task="cpu",
    releases=frozenset([RELEASE]),
    hosts=frozenset(["host-0001"]),
    until=DAY.timestamp() + 2 * DAY_S + 3000,
)


def taught(dataset):
    samples = dataset.read("cpu", releases=[RELEASE])
    return samples.where((samples.host == "host-0001") & (samples.at < LESSON.until))


@pytest.mark.parametrize(
    ("settings", "signs"),
    [
        pytest.param(SETTINGS, (0, 0, 0), id="an_event"),
        pytest.param(SETTINGS, (-1, 1, 0), id="with_signs"),
        pytest.param(Settings(rounds=20, bags=2), (0, 0, 0), id="several_bags"),
        pytest.param(Settings(rounds=20, levels=(0.1, 0.9)), (0, 0, 0), id="a_value"),
    ],
)
def test_a_cluster_learns_what_one_machine_learns(settings, signs, client, dataset):
    rows = taught(dataset)
    wish = {"lesson": LESSON, "signs": signs, "settings": settings}
    there = ClusterLearner(client, dataset=dataset).learn(rows, **wish)
    here = TreeLearner().learn(rows, **wish)
    features = dataset.read("cpu", releases=[RELEASE]).features
    apart = np.abs(there.raw(features) - here.raw(features))
    assert len(there.boosters) == len(here.boosters)
    assert np.mean(apart) < 0.1
    model = there.model(slope=1.0, shift=0.0)
    assert len(model.document) > 1000


def test_the_settings_are_those_of_one_machine(client, dataset):
    rows = taught(dataset)
    wish = {"lesson": LESSON, "signs": (0, 1, 0), "settings": SETTINGS}
    there = ClusterLearner(client, dataset=dataset).learn(rows, **wish)
    (booster,) = there.boosters
    told = booster.model_to_string()
    for line in (
        "num_leaves: 8",
        "lambda_l2: 5",
        "min_data_in_leaf: 10",
        "seed: 7",
        "max_bin: 127",
        "learning_rate: 0.05",
        "objective: binary",
        "num_iterations: 30",
        "tree_learner: data",
    ):
        assert f"[{line}]" in told


def test_a_cluster_reads_the_dataset_of_fleet_toml(cluster, dataset, url, tmp_path):
    folder = central_folder(
        tmp_path / "central", settings=f'[dataset]\nurl = "{url}"\n'
    )
    with opened_cluster(folder, cluster.scheduler_address) as learner:
        found = learner.learn(
            taught(dataset), lesson=LESSON, signs=(0, 0, 0), settings=SETTINGS
        )
    assert len(found.boosters) == 1


def test_no_rows_for_its_workers_is_told(client, tmp_path, dataset):
    learner = ClusterLearner(client, dataset=opened(str(tmp_path)))
    with pytest.raises(
        UnavailableError, match=r"they must reach the same dataset\.url"
    ):
        learner.learn(
            taught(dataset), lesson=LESSON, signs=(0, 0, 0), settings=SETTINGS
        )


def test_a_damaged_file_is_named_by_the_worker_that_finds_it(client, tmp_path):
    dataset = opened(str(tmp_path))
    dataset.add(batch(range(10)))
    rows = dataset.read("cpu", releases=[RELEASE])
    (path,) = tmp_path.rglob("*.parquet")
    path.write_bytes(b"PAR1")
    with pytest.raises(StateError, match=path.name):
        ClusterLearner(client, dataset=dataset).learn(
            rows, lesson=LESSON, signs=(0, 0, 0), settings=SETTINGS
        )


def test_no_scheduler_is_told(monkeypatch):
    monkeypatch.setattr("central.adapters.trees.cluster._PATIENCE_S", 0.5)
    with (
        pytest.raises(UnavailableError, match="expected a Dask scheduler, got none"),
        connected("tcp://127.0.0.1:9"),
    ):
        pass


def test_no_worker_is_told(monkeypatch):
    monkeypatch.setattr("central.adapters.trees.cluster._PATIENCE_S", 2.0)
    with (
        LocalCluster(
            n_workers=0,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            processes=True,
        ) as cluster,
        pytest.raises(UnavailableError, match="expected a worker or more, got none"),
        connected(cluster.scheduler_address),
    ):
        pass

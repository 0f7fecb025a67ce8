"""A host and the real central: enrolled, reporting, revoked, and without a network."""

import json
import shutil
import subprocess
import sys

import pytest

from agent.adapters.clock import SystemClock
from agent.adapters.identity import host_id
from central.wiring.fleet import opened_fleet
from tests.fakes.central import MAIN, central_folder, join_token, serving
from tests.fakes.commands import ROOT, document, forewarn
from tests.fakes.onnx_files import logistic, manifest_of
from tests.fakes.signed import Publisher

MODEL = logistic()


@pytest.fixture
def central(tmp_path):
    """Return central's folder with a signed repository in it."""
    publisher = Publisher(tmp_path / "made", now=SystemClock().now())
    publisher.offer("cpu-busy", manifest_of(MODEL), MODEL)
    folder = central_folder(tmp_path / "central")
    shutil.copytree(publisher.folder, folder / "repository", dirs_exist_ok=True)
    return folder


@pytest.fixture
def config(tmp_path):
    (tmp_path / "etc").mkdir()
    path = tmp_path / "etc" / "config.toml"
    path.write_text(f'[agent]\nstate_dir = "{tmp_path / "state"}"\n')
    return path


def enrolled(central, url, config):
    """Enrol a host, and let it take in its first release."""
    (config.parent / "join").write_text(join_token(central))
    done = forewarn(
        *("enroll", url, "--trust-on-first-use"),
        *("--join-token-file", config.parent / "join", "--config", config),
    )
    assert done.returncode == 0, done
    done = forewarn("update", "--config", config)
    assert "taken in as active" in done.stdout, done


def forewarn_central(*arguments):
    return subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", MAIN, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd=ROOT,
    )


def reports_at(central):
    with opened_fleet(central) as fleet:
        (host,) = [h for h in fleet.fleet.hosts() if h.host_id == host_id()]
        return host.received_through


def test_a_host_enrols_reports_and_is_revoked(central, config):
    with serving(central) as server:
        enrolled(central, server.url, config)
        for number in (1, 2):
            done = document("report", "--config", config)
            assert done["result"]["sent"]["sent"] == [number]
        revoked = forewarn_central("hosts", "revoke", host_id(), "--dir", central)
        assert revoked.returncode == 0, revoked
        done = forewarn("report", "--config", config)
        assert (done.returncode, "`forewarn enroll`" in done.stderr) == (78, True)
        assert server.stop() == 0
    assert reports_at(central) == 2
    assert "3 " in forewarn("report", "list", "--config", config).stdout


def test_a_host_renews_its_token_and_is_let_in_again_by_name_only(central, config):
    def anew():
        return forewarn(
            *("enroll", server.url, "--trust-on-first-use", "--anew"),
            *("--join-token-file", config.parent / "join", "--config", config),
        )

    with serving(central) as server:
        enrolled(central, server.url, config)
        join_token(central)
        assert anew().returncode == 0
        assert document("report", "--config", config)["result"]["sent"]["sent"] == [1]
        (token,) = config.parent.glob("*.token")
        token.write_text("another")
        join_token(central)
        lost = anew()
        assert (lost.returncode, "enrolled already" in lost.stderr) == (78, True)
        forewarn_central("hosts", "revoke", host_id(), "--dir", central)
        assert anew().returncode == 78
        join_token(central, host_id=host_id())
        assert anew().returncode == 0
        assert document("report", "--config", config)["result"]["sent"]["sent"] == [2]


def test_a_host_that_lost_its_state_goes_on_where_central_is(central, config, tmp_path):
    with serving(central) as server:
        enrolled(central, server.url, config)
        for _ in "ab":
            document("report", "--config", config)
        shutil.rmtree(tmp_path / "state")
        assert forewarn("update", "--config", config).returncode == 0
        done = document("report", "--config", config)
        assert done["result"]["sent"]["sent"] == [3]


def test_reports_are_carried_and_the_receipt_brought_back(central, config, tmp_path):
    with serving(central) as server:
        enrolled(central, server.url, config)
    archive, receipt = tmp_path / "reports.tar", tmp_path / "receipt.json"
    assert forewarn("export", archive, "--config", config).returncode == 0
    done = forewarn_central(
        *("hosts", "receive", archive, "--receipt", receipt, "--dir", central)
    )
    assert done.returncode == 0, done
    assert json.loads(receipt.read_text())["host_id"] == host_id()
    done = forewarn("import", receipt, "--config", config)
    assert done.stdout == "1 reports acknowledged, 0 wait\n", done
    assert reports_at(central) == 1

"""Killed in the middle of its work, central has all that it acknowledged, and once."""

from threading import Thread

import httpx
import pytest

from central.adapters.database import Database, SqlFleet
from tests.fakes.central import HostAt, central_folder, join_token, packed, serving
from tests.fakes.commands import eventually
from tests.fakes.told import START, TASK, full_report

HOSTS = [f"host-{number:06}" for number in range(4)]
SAMPLES = 3
MOST = 1_000_000
SETTINGS = """
[serve]
reports_a_minute = 100000
[database]
url = "{url}"
"""


class Load:
    """Hosts that report one after another, each until the server is gone."""

    def __init__(self, url, tokens):
        self.acknowledged = dict.fromkeys(tokens, 0)
        self.strange = []
        self._hosts = [
            HostAt(url, host_id, token=token) for host_id, token in tokens.items()
        ]
        self._threads = [Thread(target=self._run, args=(each,)) for each in self._hosts]

    def start(self):
        for thread in self._threads:
            thread.start()

    def join(self):
        for thread in self._threads:
            thread.join(timeout=30)
            assert not thread.is_alive()
        for host in self._hosts:
            host.client.close()

    def _run(self, host):
        for sequence in range(1, MOST):
            envelope = full_report(sequence, host_id=host.host_id, samples=SAMPLES)
            try:
                answer = host.sends(packed(envelope))
            except httpx.TransportError:
                return
            if answer.json() != {"received_through": sequence}:
                self.strange.append(answer.text)
                return
            self.acknowledged[host.host_id] = sequence


def stored(url):
    """Return each host's highest number, and how many samples ever came in."""
    with Database.open(url) as database:
        fleet = SqlFleet(database)
        rows = fleet.hosts()
        samples = fleet.count(TASK, since=START).rows
    assert not [row for row in rows if row.holes]
    return {row.host_id: row.received_through for row in rows}, samples


@pytest.mark.parametrize("reports", [1, 8])
def test_what_was_acknowledged_is_there_and_nothing_is_there_twice(
    tmp_path, fleet_url, reports
):
    folder = central_folder(
        tmp_path / "central", settings=SETTINGS.format(url=fleet_url)
    )
    tokens = {}
    with serving(folder) as server:
        join = join_token(folder, uses=len(HOSTS))
        for host_id in HOSTS:
            with HostAt(server.url, host_id) as host:
                host.enrols(join)
                tokens[host_id] = host.token
        load = Load(server.url, tokens)
        load.start()
        eventually(lambda: min(load.acknowledged.values()) >= reports)
        server.kill()
        load.join()
    assert load.strange == []
    through, samples = stored(fleet_url)
    assert samples == SAMPLES * sum(through.values())
    assert all(
        0 <= through[host_id] - acknowledged <= 1
        for host_id, acknowledged in load.acknowledged.items()
    )
    # As a host does after a crash: what it never heard of comes again, and more.
    with serving(folder) as server:
        for host_id, token in tokens.items():
            with HostAt(server.url, host_id, token=token) as host:
                last = load.acknowledged[host_id]
                for sequence in (last, last + 1, last + 2):
                    envelope = full_report(sequence, host_id=host_id, samples=SAMPLES)
                    answer = host.sends(packed(envelope))
                    assert answer.json()["received_through"] >= sequence
    again, samples = stored(fleet_url)
    assert again == {host: last + 2 for host, last in load.acknowledged.items()}
    assert samples == SAMPLES * sum(again.values())

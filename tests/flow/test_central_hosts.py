"""`forewarn-central hosts`: who reports, who may, and reports that come by file."""

import io
import json
import tarfile

import msgspec
import pytest

from agent.core.carriage import MANIFEST, SCHEMA, Manifest, load
from central.cli import main
from central.flows.admit import digest
from central.wiring.fleet import opened_fleet
from tests.fakes.central import central_folder, packed
from tests.fakes.told import HOST, START, arrival, full_report, report

OTHER = "host-000002"


@pytest.fixture
def central(tmp_path, capsys):
    return Central(central_folder(tmp_path / "central"), capsys)


class Central:
    def __init__(self, folder, capsys):
        self.folder = folder
        self._capsys = capsys

    def hosts(self, *arguments, status=0):
        """Run `hosts`; return its stdout and stderr."""
        given = ["hosts", *map(str, arguments), "--dir", str(self.folder)]
        assert main(given) == status, self._capsys.readouterr()
        return self._capsys.readouterr()

    def listed(self):
        return json.loads(self.hosts("--json").out)

    def stores(self, *envelopes):
        with opened_fleet(self.folder) as state:
            state.reports.store_many([arrival(each) for each in envelopes])

    def revokes(self, host_id):
        with opened_fleet(self.folder) as state:
            state.enrolment.revoke(host_id, now=START)


def test_an_empty_fleet_is_told_in_words(central):
    assert central.hosts().out == "no host has enrolled or reported yet\n"
    assert central.listed() == []


def test_hosts_are_listed_with_their_holes(central):
    labels = {"role": "db", "cluster": "west"}
    central.stores(
        report(1, host_name="db1", labels=labels),
        report(5, host_name="db1", labels=labels),
        report(7, host_name="db1", labels=labels),
        report(1, host_id=OTHER),
    )
    central.revokes(OTHER)
    lines = [line.split() for line in central.hosts().out.splitlines()]
    assert lines[1][:4] == [HOST, "db1", "cluster=west,role=db", "1.0"]
    assert lines[1][5:] == ["7", "2-4,6", "silent"]
    assert (lines[2][0], lines[2][-1]) == (OTHER, "revoked")
    first, second = central.listed()
    assert (first["standing"], second["standing"]) == ("silent", "revoked")
    assert first["row"]["holes"] == [[2, 4], [6, 6]]


def test_a_join_token_is_shown_once_and_lets_hosts_enrol(central):
    told = central.hosts("join-token", "--uses", 2, "--expires", "1h")
    assert "lets 2 host(s) enrol until" in told.err
    join = digest(told.out.strip())
    with opened_fleet(central.folder) as state:
        refusals = [
            state.enrolment.enrol(
                f"host-{n:06}", join=join, token=digest(str(n)), now=START
            )
            for n in range(3)
        ]
    assert [refusal is None for refusal in refusals] == [True, True, False]
    database = (central.folder / "fleet.db").read_bytes()
    assert told.out.strip().encode() not in database
    assert [each["standing"] for each in central.listed()] == ["new", "new"]


def test_a_join_token_for_one_host_alone_lets_it_in_again(central):
    central.revokes(HOST)
    told = central.hosts("join-token", "--host", HOST)
    assert f"lets host {HOST} enrol until" in told.err
    join = digest(told.out.strip())
    with opened_fleet(central.folder) as state:
        door = state.enrolment
        assert door.enrol(OTHER, join=join, token=digest("1"), now=START) is not None
        assert door.enrol(HOST, join=join, token=digest("2"), now=START) is None
    assert [each["standing"] for each in central.listed()] == ["new"]


@pytest.mark.parametrize("command", [("join-token", "--host"), ("revoke",)])
def test_what_is_no_id_of_a_host_is_told(central, command):
    told = central.hosts(*command, "Web Server", status=78)
    assert "expected the id of a host" in told.err
    assert central.listed() == []


def test_a_wrong_span_is_told(central):
    assert (
        "number and a unit"
        in central.hosts("join-token", "--expires", "soon", status=2).err
    )


def test_a_host_that_nobody_knows_is_revoked_and_told_to_be_unknown(central):
    told = central.hosts("revoke", HOST)
    assert told.out == f"revoked {HOST}\n"
    assert "is its id right?" in told.err
    assert [each["standing"] for each in central.listed()] == ["revoked"]


def test_a_host_is_revoked_and_its_reports_stay(central):
    central.stores(report(3))
    assert central.hosts("revoke", HOST).out == f"revoked {HOST}\n"
    assert [each["row"]["received_through"] for each in central.listed()] == [3]


# By file ----------------------------------------------------------------------------


def archive(path, bodies, *, host_id=HOST, sequences=None, schema=SCHEMA, first=None):
    """Write what a host writes for central: a manifest, and its reports."""
    numbers = sequences or range(1, len(bodies) + 1)
    loads = [load(number, body) for number, body in zip(numbers, bodies, strict=True)]
    manifest = Manifest(
        schema=schema, host_id=host_id, agent="1.0", at=START, reports=tuple(loads)
    )
    files = [(each.file, body) for each, body in zip(loads, bodies, strict=True)]
    with tarfile.open(path, "w") as tar:
        for name, content in [
            (MANIFEST, first or msgspec.json.encode(manifest)),
            *files,
        ]:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path


def bodies(*numbers, host_id=HOST):
    return [packed(full_report(n, host_id=host_id, samples=2)) for n in numbers]


def receipt_of(path):
    return json.loads(path.with_name(path.name + ".receipt.json").read_text())


def test_what_was_carried_is_stored_and_acknowledged_by_a_receipt(central, tmp_path):
    carried = archive(tmp_path / "r.tar", bodies(1, 2, 3))
    told = central.hosts("receive", carried)
    assert told.out == f"3 reports of {HOST}, 3 of them new\n"
    assert receipt_of(carried) == {
        "host_id": HOST,
        "received": [
            {"sequence": number, "sha256": load(number, body).sha256}
            for number, body in enumerate(bodies(1, 2, 3), 1)
        ],
    }
    assert [each["row"]["received_through"] for each in central.listed()] == [3]


def test_the_same_archive_again_gives_the_same_receipt_and_stores_nothing(
    central, tmp_path
):
    carried = archive(tmp_path / "r.tar", bodies(1, 2))
    central.hosts("receive", carried)
    before = receipt_of(carried)
    again = central.hosts("receive", carried, "--receipt", tmp_path / "r.json")
    assert "2 reports" in again.out
    assert "0 of them new" in again.out
    assert json.loads((tmp_path / "r.json").read_text()) == before


def test_a_report_that_is_turned_away_is_told_and_the_others_are_taken(
    central, tmp_path
):
    foreign = bodies(2, host_id=OTHER)[0]
    carried = archive(tmp_path / "r.tar", [*bodies(1), foreign, *bodies(3), b"no gzip"])
    told = central.hosts("receive", carried, status=3)
    assert "2.json.gz: foreign" in told.err
    assert "4.json.gz: malformed" in told.err
    assert [each["sequence"] for each in receipt_of(carried)["received"]] == [1, 3]


def test_a_number_of_another_report_is_told(central, tmp_path):
    central.stores(report(1))
    carried = archive(tmp_path / "r.tar", bodies(1))
    assert "number_taken" in central.hosts("receive", carried, status=3).err
    assert receipt_of(carried)["received"] == []


def test_a_report_under_another_number_than_its_own_is_turned_away(central, tmp_path):
    carried = archive(tmp_path / "r.tar", bodies(1), sequences=[2])
    told = central.hosts("receive", carried, status=3)
    assert "expected report 2, as manifest.json says, got 1" in told.err


def test_a_report_that_changed_on_the_way_is_turned_away(central, tmp_path):
    carried = archive(tmp_path / "r.tar", bodies(1))
    content = carried.read_bytes()
    body = bodies(1)[0]
    carried.write_bytes(content.replace(body, body[:-1] + b"x"))
    assert "expected digest" in central.hosts("receive", carried, status=3).err


def test_a_revoked_host_is_not_let_in_by_file_either(central, tmp_path):
    central.stores(report(1))
    central.revokes(HOST)
    carried = archive(tmp_path / "r.tar", bodies(2))
    assert "was revoked" in central.hosts("receive", carried, status=1).err
    assert not (tmp_path / "r.tar.receipt.json").exists()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(b"no archive", "r.tar: expected an archive", id="no_archive"),
        pytest.param(b"", "r.tar: expected an archive", id="empty"),
        pytest.param(
            {"first": b"{}"}, "manifest.json: Object missing", id="no_manifest"
        ),
        pytest.param({"schema": 2}, "expected schema 1, got 2", id="a_newer_one"),
    ],
)
def test_what_is_no_archive_of_a_host_is_told_and_gives_no_receipt(
    central, tmp_path, content, words
):
    path = tmp_path / "r.tar"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        archive(path, bodies(1), **content)
    assert words in central.hosts("receive", path, status=1).err
    assert central.listed() == []
    assert not (tmp_path / "r.tar.receipt.json").exists()


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"type": tarfile.SYMTYPE, "linkname": "/etc/passwd"}, id="link"),
        pytest.param({"type": tarfile.DIRTYPE}, id="folder"),
        pytest.param({"type": tarfile.FIFOTYPE}, id="pipe"),
    ],
)
def test_what_is_no_plain_file_is_not_read(central, tmp_path, change):
    path = tmp_path / "r.tar"
    info = tarfile.TarInfo(MANIFEST)
    for name, value in change.items():
        setattr(info, name, value)
    with tarfile.open(path, "w") as tar:
        tar.addfile(info)
    assert "expected a file of at most" in central.hosts("receive", path, status=1).err


def test_an_archive_that_breaks_off_gives_no_receipt_and_may_come_again(
    central, tmp_path
):
    whole = archive(tmp_path / "r.tar", bodies(1, 2)).read_bytes()
    half = tmp_path / "half.tar"
    half.write_bytes(whole[: whole.index(bodies(2)[0]) + 10])
    assert (
        "half.tar: expected an archive" in central.hosts("receive", half, status=1).err
    )
    assert not (tmp_path / "half.tar.receipt.json").exists()
    assert "2 reports" in central.hosts("receive", tmp_path / "r.tar").out


def test_what_is_not_there_is_told(central, tmp_path):
    assert "No such file" in central.hosts("receive", tmp_path / "no", status=1).err

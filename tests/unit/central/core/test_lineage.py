"""Lineage: back to the first release, and no further than what is published."""

import pytest

from agent.core.manifest import parse_manifest
from central.core.lineage import Published, grounds, is_retrained, lineage
from tests.fakes.onnx_files import logistic, manifest_of

MODEL = logistic()


def release(version, *, model=MODEL, **provenance):
    document = manifest_of(model, version=version, provenance=provenance)
    return Published(digest=f"{version:064x}", manifest=parse_manifest(document))


FIRST = release(1, model=None)
SECOND = release(2, parent=FIRST.digest, data_sha256="c" * 64)
THIRD = release(3, parent=SECOND.digest, rows=7, evaluation={"skill": 0.2}, other=1)


def test_a_lineage_goes_back_to_the_first():
    found = lineage(THIRD, among=[FIRST, SECOND, THIRD])
    assert [step.version for step in found.steps] == [3, 2, 1]
    assert [step.is_survey for step in found.steps] == [False, False, True]
    assert found.missing is None
    assert found.steps[0].provenance["rows"] == 7


@pytest.mark.parametrize("parent", ["d" * 64, f"{9:064x}", f"{3:064x}"])
def test_a_parent_that_is_none_ends_it(parent):
    odd = release(3, parent=parent)
    found = lineage(odd, among=[FIRST, odd, release(9)])
    assert ([step.version for step in found.steps], found.missing) == ([3], parent)


def test_what_speaks_for_a_release_is_told_and_nothing_else():
    assert grounds(THIRD.manifest.provenance) == {
        "parent": SECOND.digest,
        "rows": 7,
        "evaluation": {"skill": 0.2},
    }


def test_what_was_retrained_names_its_parent_and_its_rows():
    found = [is_retrained(each.manifest) for each in (FIRST, SECOND, THIRD)]
    assert found == [False, True, False]

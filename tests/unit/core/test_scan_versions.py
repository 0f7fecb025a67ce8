"""The versions of a model are read from its bytes, whatever the bytes are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import ModelProto, helper

from agent.core.scan.versions import Versions, versions
from tests.fakes.onnx_files import IR, OPSET, logistic

MODEL = logistic()


def importing(*pairs):
    model = ModelProto()
    model.ParseFromString(MODEL)
    del model.opset_import[:]
    model.opset_import.extend(helper.make_opsetid(*pair) for pair in pairs)
    return model.SerializeToString()


def test_a_model_names_its_versions():
    assert versions(MODEL) == Versions(opset=OPSET, ir=IR)
    assert versions(memoryview(MODEL)) == versions(MODEL)


@pytest.mark.parametrize(
    ("pairs", "opset"),
    [
        pytest.param([("ai.onnx.ml", 3), ("", 13)], 13, id="another_domain_first"),
        pytest.param([("ai.onnx", 15)], 15, id="the_default_by_its_name"),
        pytest.param([("", 13), ("ai.onnx", 15)], 13, id="the_first_of_two"),
        pytest.param([("ai.onnx.ml", 3)], None, id="only_another_domain"),
        pytest.param([], None, id="none"),
    ],
)
def test_the_operator_set_is_that_of_the_default_domain(pairs, opset):
    assert versions(importing(*pairs)) == Versions(opset=opset, ir=IR)


@pytest.mark.parametrize("document", [b"garbage", b"<html></html>", MODEL[:-1]])
def test_what_is_no_model_names_none(document):
    assert versions(document) == Versions()


@given(st.binary(max_size=200))
def test_no_bytes_are_too_odd(document):
    versions(document)

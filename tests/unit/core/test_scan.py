"""The structural scan: each rule, what passes, and that no bytes make it raise."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import ModelProto, TensorProto, helper

from agent.core.scan import (
    MAX_FINDINGS,
    MEANINGS,
    OPERATORS,
    Finding,
    Rule,
    ScanPolicy,
    scan,
    wire,
)
from tests.fakes.hostile_onnx import CASES, changed, loop, nested, node
from tests.fakes.onnx_files import IR, OPSET, logistic, model, sized
from tests.fakes.seeds_onnx import SEEDS
from tests.fakes.wire import field, varint

GOOD = [make() for make in SEEDS.values()]
# Opset 17 of the default domain, file format 8.
VERSIONS = b"\x08\x08" + field(8, b"\x10\x11")


def rules(document, **options):
    return [finding.rule for finding in scan(document, **options)]


def of_graph(content: bytes) -> bytes:
    return VERSIONS + field(7, content)


def of_tensor(content: bytes) -> bytes:
    return of_graph(field(5, content))


def sum_of(*constants):
    """Return a model that adds constants, each given as the attribute of its node."""
    names = [f"c{n}" for n, _ in enumerate(constants)]
    nodes = [
        helper.make_node("Constant", [], [name], **value)
        for name, value in zip(names, constants, strict=True)
    ]
    return model([*nodes, node("Sum", ["features", *names])])


@pytest.mark.parametrize(("make", "rule"), CASES.values(), ids=CASES)
def test_a_hostile_model_breaks_its_rule(make, rule):
    assert rule in rules(make())


@pytest.mark.parametrize("make", SEEDS.values(), ids=SEEDS)
def test_a_fair_model_passes(make):
    assert scan(make(), opset=OPSET, ir=IR) == ()


def test_every_rule_has_its_meaning_and_a_case():
    assert set(MEANINGS) == set(Rule)
    assert {rule for _, rule in CASES.values()} == set(Rule)


def test_a_finding_is_one_line():
    make, rule = CASES["ext_plain"]
    assert rule is Rule.EXTERNAL_DATA
    assert list(map(str, scan(make()))) == [
        'external-data: tensor "w" keeps its data in a file'
    ]


@given(st.binary(max_size=300))
def test_no_bytes_make_it_raise(document):
    assert scan(document)


@given(st.sampled_from(GOOD), st.data())
def test_a_model_cut_anywhere_is_refused(document, data):
    length = data.draw(st.integers(0, len(document) - 1))
    assert scan(document[:length])


@given(st.sampled_from(GOOD), st.data())
def test_no_changed_bytes_make_it_raise(document, data):
    changed = bytearray(document)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(document) - 1))
        changed[place] = data.draw(st.integers(0, 255))
    found = scan(bytes(changed))
    assert len(found) <= MAX_FINDINGS
    assert all("\n" not in str(finding) for finding in found)
    assert scan(memoryview(changed)) == found


@given(st.lists(st.sampled_from(GOOD), min_size=2, max_size=3))
def test_two_models_are_none(documents):
    assert Rule.TRAILING_DATA in rules(b"".join(documents))


def test_findings_are_bounded_and_all_different():
    nodes = [node(f"Op{n // 2}", ["features"]) for n in range(100)]
    for number, each in enumerate(nodes):
        each.output[0] = f"v{number}"
    found = scan(model(nodes))
    assert len(found) == MAX_FINDINGS
    assert len(set(found)) == MAX_FINDINGS
    assert found[0] == Finding(Rule.OP, 'operator "Op0" is not on the list')


@pytest.mark.parametrize(
    ("options", "detail"),
    [
        ({"opset": 18}, "opset: default domain: the manifest says 18, the model 17"),
        ({"ir": 9}, "ir: file format: the manifest says 9, the model 8"),
    ],
)
def test_the_model_is_of_the_versions_that_the_manifest_names(options, detail):
    assert list(map(str, scan(logistic(), **options))) == [detail]


def test_the_default_domain_may_be_named_twice_if_alike():
    again = changed(lambda m: m.opset_import.add(domain="ai.onnx", version=OPSET))
    assert scan(again()) == ()


def test_a_site_may_widen_the_list_and_narrow_the_bounds():
    graphs = ScanPolicy(extra_ops=frozenset({"Loop"}))
    assert scan(loop(), policy=graphs) == ()
    assert rules(loop()) == [Rule.OP]
    assert rules(logistic(), policy=ScanPolicy(max_nodes=2)) == [Rule.TOO_MANY_NODES]
    assert rules(logistic(), policy=ScanPolicy(max_opset=16)) == [Rule.OPSET]
    assert rules(logistic(), policy=ScanPolicy(max_ir=7)) == [Rule.IR]
    flat = ScanPolicy(max_nesting=1, extra_ops=frozenset({"Loop"}))
    assert rules(loop(), policy=flat) == [Rule.NESTING]
    assert rules(nested(2), policy=ScanPolicy(max_nesting=3)) == [Rule.OP]


def test_an_added_operator_is_named_with_its_domain():
    make, _ = CASES["custom_domain"]
    assert scan(make(), policy=ScanPolicy(extra_ops=frozenset({"Fast"})))
    added = frozenset({"com.example.Fast"})
    assert scan(make(), policy=ScanPolicy(extra_ops=added)) == ()


def sizes_from(steps, *, initializers=()):
    """Return the findings of a model whose last step makes the shape "size"."""
    nodes = [helper.make_node(k, i, [o], **a) for k, i, o, a in steps]
    nodes.append(helper.make_node("ConstantOfShape", ["size"], ["zeros"]))
    nodes.append(node("Add", ["features", "zeros"]))
    return rules(model(nodes, initializers=initializers))


TABLE = [sized("table", [1, 1, 10**9]), sized("one", [1])]
SHAPE = ("Shape", ["features"], "shape", {})


@pytest.mark.parametrize(
    "steps",
    [
        pytest.param([("Shape", ["features"], "size", {})], id="shape"),
        pytest.param([("Identity", ["table"], "size", {})], id="constant"),
        pytest.param([("Constant", [], "size", {"value_ints": [3]})], id="node"),
        pytest.param([SHAPE, ("Gather", ["shape", "one"], "size", {})], id="picked"),
        pytest.param(
            [SHAPE, ("Concat", ["shape", "one"], "size", {"axis": 0})], id="joined"
        ),
    ],
)
def test_a_size_may_be_constant_or_come_from_a_shape(steps):
    assert sizes_from(steps, initializers=TABLE) == []


@pytest.mark.parametrize(
    "steps",
    [
        pytest.param([("Cast", ["features"], "size", {"to": 7})], id="values"),
        pytest.param([SHAPE, ("Mul", ["shape", "shape"], "size", {})], id="computed"),
        pytest.param(
            [SHAPE, ("Gather", ["table", "shape"], "size", {})], id="table_of_sizes"
        ),
        pytest.param(
            [SHAPE, ("Concat", ["shape", "features"], "size", {"axis": 0})],
            id="joined_with_values",
        ),
        pytest.param([("Identity", ["size"], "size", {})], id="itself"),
        pytest.param([("Identity", [], "size", {})], id="nothing"),
        pytest.param([("NonZero", ["features"], "size", {})], id="unlisted"),
    ],
)
def test_a_size_may_not_hang_on_values(steps):
    assert Rule.SHAPE_FROM_VALUES in sizes_from(steps, initializers=TABLE)


def test_no_listed_operator_answers_as_much_as_the_values_say():
    forbidden = {"Loop", "Scan", "If", "NonZero", "Compress", "Unique", "Range", "Tile"}
    assert forbidden.isdisjoint(OPERATORS)
    assert not any("Random" in name or "Sequence" in name for name in OPERATORS)


def test_an_input_that_may_be_left_out_is_no_finding():
    top = helper.make_tensor("top", TensorProto.FLOAT, [], [1])
    clip = node("Clip", ["features", "", "top"])
    assert scan(model([clip], initializers=[top])) == ()
    assert rules(model([node("Clip", ["", "", "top"])])) == [Rule.EMPTY_INPUT]


@pytest.mark.parametrize(
    "tensor",
    [
        helper.make_tensor("t", TensorProto.FLOAT, [2], [1, 2]),
        helper.make_tensor("t", TensorProto.DOUBLE, [2], [1, 2]),
        helper.make_tensor("t", TensorProto.INT64, [2], [-1, 2**40]),
        helper.make_tensor("t", TensorProto.UINT64, [1], [2**63]),
        helper.make_tensor("t", TensorProto.BOOL, [2], [True, False]),
        helper.make_tensor("t", TensorProto.STRING, [2], [b"a", b"\xff"]),
        helper.make_tensor("t", TensorProto.FLOAT, [], [1]),
        helper.make_tensor("t", TensorProto.FLOAT, [0], []),
        helper.make_tensor("t", TensorProto.FLOAT16, [1], b"\0\0", raw=True),
        helper.make_tensor("t", TensorProto.INT64, [70_000], [2**62] * 70_000),
    ],
    ids=lambda tensor: f"{tensor.data_type}_{list(tensor.dims)}",
)
def test_a_tensor_that_is_what_it_says_passes(tensor):
    assert scan(sum_of({"value": tensor})) == ()
    tensor.dims.append(3)
    wrong = [] if 0 in tensor.dims else [Rule.RAW_DATA_LENGTH]
    assert rules(sum_of({"value": tensor})) == wrong


FOUR_FLOATS = b"".join(b"\x25" + bytes(4) for _ in range(4))


@pytest.mark.parametrize(
    ("content", "found"),
    [
        pytest.param(b"\x10\x01\x0a\x02\x02\x02" + FOUR_FLOATS, [], id="packed_dims"),
        pytest.param(b"\x10\x01\x08\x02\x08\x02" + FOUR_FLOATS, [], id="plain_dims"),
        pytest.param(b"\x10\x07\x08\x01\x38\x05", [], id="plain_data"),
        pytest.param(
            b"\x10\x08\x08\x01" + field(9, b"a"), ["raw-data-length"], id="raw"
        ),
        pytest.param(b"\x10\x01\x08\x80", ["not-a-model"], id="number_cut"),
        pytest.param(b"\x10\x01\x0a\x01\x80", ["not-a-model"], id="packed_number_cut"),
        pytest.param(b"\x08" + b"\xff" * 10 + b"\x01", ["not-a-model"], id="too_long"),
        pytest.param(b"\x10\x01\x08\x00\x70\x00", [], id="here"),
        pytest.param(b"\x10\x01\x08\x00\x70\x01", ["external-data"], id="elsewhere"),
        pytest.param(b"\x10\x01" + b"\x08\x01" * 9, ["dims"], id="nine_dims"),
        pytest.param(
            b"\x10\x01\x0a\x09" + b"\x01" * 9, ["dims"], id="nine_packed_dims"
        ),
        pytest.param(b"\x25\x00\x00", ["not-a-model"], id="float_cut"),
        pytest.param(b"\x10\x01\x10\x01", ["trailing-data"], id="type_twice"),
        pytest.param(b"\x1a\x00", ["not-a-model"], id="segment"),
    ],
)
def test_a_tensor_by_its_bytes(content, found):
    assert rules(of_tensor(content)) == found


@pytest.mark.parametrize(
    ("document", "rule"),
    [
        pytest.param(
            of_graph(field(1, field(5, b"") * 129)),
            Rule.TOO_MANY_NODES,
            id="many_attributes",
        ),
        pytest.param(
            of_graph(field(1, field(4, b"Add") + field(5, field(11, b"") * 10_000))),
            Rule.TOO_MANY_NODES,
            id="many_graphs",
        ),
        pytest.param(of_graph(field(2, b"\xff")), Rule.BAD_NAME, id="no_utf8"),
        pytest.param(
            of_graph(field(1, field(4, b"Add") + field(1, "\u202e".encode()))),
            Rule.BAD_NAME,
            id="turns_the_line_around",
        ),
        pytest.param(b"\x88\x00\x08" + VERSIONS, Rule.TRAILING_DATA, id="long_tag"),
        pytest.param(varint(2**70), Rule.NOT_A_MODEL, id="no_tag"),
    ],
)
def test_what_no_exporter_writes_is_refused(document, rule):
    assert rule in rules(document)


def test_numbers_that_nobody_looks_at_are_still_read():
    floats = node("Sum", ["features"], weights=[0.5] * 1000, ids=list(range(1000)))
    document = model([floats])
    assert scan(document) == ()
    attribute = field(1, b"ids") + b"\x40\x80"
    cut = of_graph(field(1, field(4, b"Sum") + field(5, attribute)))
    assert rules(cut) == [Rule.NOT_A_MODEL]


def test_who_made_a_model_is_nobodys_business():
    made = ModelProto.FromString(logistic())
    made.producer_name = "an exporter"
    assert scan(made.SerializeToString()) == ()


def test_reading_is_bounded(monkeypatch):
    monkeypatch.setattr(wire, "MAX_FIELDS", 10)
    assert rules(logistic()) == [Rule.NOT_A_MODEL]


def test_names_are_bounded(monkeypatch):
    monkeypatch.setattr(wire, "MAX_NAMES", 5)
    assert rules(logistic()) == [Rule.NOT_A_MODEL]


def test_a_chain_of_as_many_nodes_as_may_be_passes():
    names = ["features", *(f"v{n}" for n in range(9_999)), "probability"]
    nodes = [helper.make_node("Identity", [a], [b]) for a, b in pairwise(names)]
    assert scan(model(nodes)) == ()

"""Tiny models of the operators of ai.onnx.ml, each attribute to be changed."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from tests.fakes.onnx_files import model

_DOMAIN = "ai.onnx.ml"
_TREE: Mapping[str, Any] = {
    "nodes_treeids": [0, 0, 0],
    "nodes_nodeids": [0, 1, 2],
    "nodes_featureids": [0, 0, 0],
    "nodes_modes": ["BRANCH_LEQ", "LEAF", "LEAF"],
    "nodes_values": [0.5, 0.0, 0.0],
    "nodes_truenodeids": [1, 0, 0],
    "nodes_falsenodeids": [2, 0, 0],
}


def tree(**changes: Any) -> bytes:
    """Return a regression tree of one split."""
    attributes = {
        "n_targets": 1,
        **_TREE,
        "target_treeids": [0, 0],
        "target_nodeids": [1, 2],
        "target_ids": [0, 0],
        "target_weights": [0.5, 0.9],
    }
    return ml_model([ml_node("TreeEnsembleRegressor", **{**attributes, **changes})])


def forest(**changes: Any) -> bytes:
    """Return the same tree, of the operator that later versions have for all trees."""
    attributes = {
        "n_targets": 1,
        "tree_roots": [0],
        "nodes_featureids": [0],
        "nodes_modes": numpy_helper.from_array(np.zeros(1, dtype=np.uint8)),
        "nodes_splits": numpy_helper.from_array(np.array([0.5], dtype=np.float32)),
        "nodes_truenodeids": [0],
        "nodes_trueleafs": [1],
        "nodes_falsenodeids": [1],
        "nodes_falseleafs": [1],
        "leaf_targetids": [0, 0],
        "leaf_weights": numpy_helper.from_array(np.array([0.5, 0.9], dtype=np.float32)),
    }
    return ml_model([ml_node("TreeEnsemble", **{**attributes, **changes})], version=5)


def classifier(**changes: Any) -> bytes:
    """Return a classification tree of one split; the label is nobody's."""
    attributes = {
        **_TREE,
        "class_treeids": [0, 0, 0, 0],
        "class_nodeids": [1, 1, 2, 2],
        "class_ids": [0, 1, 0, 1],
        "class_weights": [0.5, 0.5, 0.1, 0.9],
        "classlabels_int64s": [0, 1],
    }
    outputs = ["label", "probability"]
    kind = "TreeEnsembleClassifier"
    return ml_model([ml_node(kind, outputs=outputs, **{**attributes, **changes})])


def svm(**changes: Any) -> bytes:
    """Return a support vector machine that always answers one half."""
    attributes = {
        "n_supports": 1,
        "support_vectors": [0.5, 0.5],
        "coefficients": [0.0],
        "rho": [0.5],
        "kernel_type": "LINEAR",
        "kernel_params": [1.0, 0.0, 3.0],
    }
    return ml_model([ml_node("SVMRegressor", **{**attributes, **changes})])


def scaled(**changes: Any) -> bytes:
    """Return a logistic regression of features that are filled up and scaled first."""
    attributes = {
        "coefficients": [-1.0, -1.0, 1.0, 1.0],
        "intercepts": [0.0, 0.0],
        "classlabels_ints": [0, 1],
        "post_transform": "SOFTMAX",
    }
    filled = {"imputed_value_floats": [0.0, 0.0], "replaced_value_float": float("nan")}
    steps = [
        ml_node("Imputer", ["features"], ["filled"], **filled),
        ml_node("Scaler", ["filled"], ["scaled"], offset=[0.0, 0.0], scale=[2.0, 2.0]),
        ml_node("Normalizer", ["scaled"], ["normal"], norm="L2"),
        ml_node(
            "LinearClassifier",
            ["normal"],
            ["label", "probability"],
            **{**attributes, **changes},
        ),
    ]
    return ml_model(steps)


def encoded() -> bytes:
    """Return a model that looks up the sign of the first feature in a table."""
    table = {"keys_floats": [-1.0, 0.0, 1.0], "values_floats": [0.1, 0.5, 0.9]}
    return ml_model(
        [
            helper.make_node("Constant", [], ["first"], value_ints=[0]),
            ml_node("ArrayFeatureExtractor", ["features", "first"], ["one"]),
            helper.make_node("Sign", ["one"], ["sign"]),
            ml_node("LabelEncoder", ["sign"], default_float=0.5, **table),
        ]
    )


def ml_node(
    kind: str,
    inputs: Sequence[str] = ("features",),
    outputs: Sequence[str] = ("probability",),
    **attributes: Any,
) -> Any:
    """Return a node of the domain."""
    return helper.make_node(kind, inputs, outputs, domain=_DOMAIN, **attributes)


def ml_model(nodes: Sequence[Any], *, version: int = 3) -> bytes:
    """Return the bytes of a model with operators of the domain."""
    proto = onnx.load_model_from_string(model(nodes))
    proto.opset_import.add(domain=_DOMAIN, version=version)
    return bytes(proto.SerializeToString())

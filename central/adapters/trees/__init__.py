"""Boosted trees: grown by LightGBM, written as plain ONNX, run by ONNX Runtime."""

from central.adapters.trees.boosted import BoostedTrees, QuantileTrees
from central.adapters.trees.learner import TreeLearner
from central.adapters.trees.onnx import OnnxTrees
from central.adapters.trees.trainer import TreeTrainer

__all__ = ["BoostedTrees", "OnnxTrees", "QuantileTrees", "TreeLearner", "TreeTrainer"]

"""ONNX Runtime: models in this process, and their trial in a child of it."""

from agent.adapters.runtime.model import OnnxModel, OnnxModels

__all__ = ["OnnxModel", "OnnxModels"]

"""ONNX Runtime: models in this process, and their trial in a child of it."""

from agent.adapters.runtime.model import OnnxModel
from agent.adapters.runtime.models import Guard, OnnxModels

__all__ = ["Guard", "OnnxModel", "OnnxModels"]

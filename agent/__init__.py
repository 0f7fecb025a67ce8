"""forewarn: a host that predicts its own trouble and keeps score of itself.

Two settings must be made before numpy and ONNX Runtime are first imported, by whatever
door a process comes in; this package is every door.
"""

import os

# ONNX Runtime 1.29 and later send telemetry from Linux unless told before import.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
# OpenBLAS starts a thread per core at import; our matrices are a few rows high.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

__version__ = "0.1.0"

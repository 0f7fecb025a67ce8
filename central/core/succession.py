"""Succession: the manifest of a retrained release, as its forebear's heir."""

import json
from typing import Final

from central.core.dossier import Dossier, provenance
from central.core.kin import Forebear
from central.core.quantiles import reference
from central.core.samples import Samples

# Of a model or its training; an heir has its own.
_OWN: Final = ("model", "decision", "golden", "reference", "provenance")
_INPUT: Final = "features"


def successor(of: Forebear, *, known: Dossier, teach: Samples, card: str) -> bytes:
    """Return the draft of a manifest: target, features and limits stay as they are.

    What the model's file shows and its golden vectors are filled in by publishing.

    Args:
        of: Whose features the samples have.
        known: The dossier.
        teach: What taught, against which drift is measured.
        card: Where the card is, as the provenance names it.
    """
    before = json.loads(of.document)
    content = {key: value for key, value in before.items() if key not in _OWN}
    content["version"] = known.version
    content["model"] = {"format": "onnx", "input": _INPUT, "output": "quantiles"}
    if known.threshold is not None:
        content["model"]["output"] = "probability"
        content["decision"] = {
            "threshold": known.threshold.threshold,
            "clear": known.threshold.clear,
        }
    content["reference"] = {
        "quantiles": reference(teach.features, weight=teach.weight),
        "rows": len(teach),
    }
    content["provenance"] = provenance(known, card=card)
    signs = before.get("provenance", {}).get("signs")
    if signs is not None:
        content["provenance"]["signs"] = signs
    return json.dumps(content, allow_nan=False).encode()

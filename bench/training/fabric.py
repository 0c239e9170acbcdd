"""Lightning Fabric, imported without torchmetrics.

Fabric imports all of torchmetrics, and with it torchvision and transformers, only to compare its version for a monitor
that is not used here. Every process of a run would spend five seconds on it.
"""

from __future__ import annotations

import sys

__all__ = ["Fabric"]

_hidden = "torchmetrics" not in sys.modules
if _hidden:
    sys.modules["torchmetrics"] = None  # type: ignore[assignment]  # imports of it raise ImportError
try:
    from lightning_fabric import Fabric
finally:
    if _hidden:
        del sys.modules["torchmetrics"]

"""Fabric is imported without the packages that it does not need."""

import subprocess
import sys


def test_fabric_is_imported_without_torchmetrics_and_its_company() -> None:
    code = (
        "import sys; from bench.training.fabric import Fabric; "
        "print(sorted({'torchmetrics', 'torchvision', 'transformers'} & set(sys.modules))); "
        "import torchmetrics; print(torchmetrics.__version__[0])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.split() == ["[]", "1"]

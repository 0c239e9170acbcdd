"""The versions of the plugins that a run used, as its document records them.

They are not part of the run's key: the keys of the steps that a plugin does contain its version already.
"""

from __future__ import annotations

from bench.plugin_version import version_of
from bench.run.resolve import Resolved


def plugin_versions(resolved: Resolved) -> dict[str, int]:
    """Return the version of every method, network and encoder of a run, by entry-point group and name."""
    encoders = [*resolved.encoders, *([resolved.text_encoder] if resolved.text_encoder is not None else [])]
    return {
        **{f"methods:{arm.name}": version_of(arm.method) for arm in resolved.arms if arm.ready is None},
        **{f"downstream:{network.name}": version_of(network.plugin) for network in resolved.networks},
        **{f"encoders:{encoder.name}": encoder.version for encoder in encoders},
    }

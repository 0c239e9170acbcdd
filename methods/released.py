"""Released networks for use in programs of your own: `load(name, path)` returns a network that computes what it did.

>>> from methods.released import NAMES
>>> sorted(NAMES)
['histodiffusion-classifier', 'pathdiff', 'sdm']
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from bench.errors import ConfigError

NAMES: Mapping[str, str] = {
    "histodiffusion-classifier": "methods.latent.released_load:load_classifier",
    "pathdiff": "methods.pathdiff.released:load_pathdiff",
    "sdm": "methods.sdm.released_load:load_sdm",
}
"""Where the function that loads each network is: `module:function`, called as `function(path, **settings)`."""


def load(name: str, path: str | Path, **settings: Any) -> Any:
    """Return a released network, frozen, on the CPU and in float32.

    - `"sdm"`: `network(x, times, labels)` returns the prediction for noisy images x (n, 3, h, w) in [-1, 1] at their
      steps, given label maps (n, classes + 2, h, w): one-hot over background and classes, then the edges.
    - `"histodiffusion-classifier"`: `network(latents, times)` returns logits (n, classes).
    - `"pathdiff"`: an object whose `eps(latents, times, context, hint=None)` returns the predicted noise.

    Args:
        name: one of the names above.
        path: the file of the release.
        settings: settings of the network, by our names or by those of the original code. Those that are left out are
            read off the shapes of the file's tensors; `head_channels` cannot be, and is in proportion to the width as
            in the release.

    Raises:
        ConfigError: there is no such network, or no such setting.
        DataError: the file cannot be read, or does not fit the settings.
    """
    if name not in NAMES:
        raise ConfigError("There is no such released network", got=str(name), fix=f"give one of {', '.join(NAMES)}")
    module, function = NAMES[name].split(":")
    return getattr(import_module(module), function)(Path(path).expanduser(), **settings)

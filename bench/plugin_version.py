"""The version of a plugin in the keys of its steps."""

from __future__ import annotations

from inspect import getattr_static


def version_of(plugin: object, function: str = "") -> int:
    """Return the version of a plugin, or of the class that defines one of its functions.

    Every class may state a `version`. The version of a plugin counts how often its class or a base class was raised:
    a raised SDM also raises DiffMix, whatever version DiffMix states. DiffMix inherits `fit` from SDM, so the version
    of its `fit` is SDM's: both share one trained network, and a raised DiffMix draws its images again but trains
    nothing. A function of a mixin without a version counts as the class's own.

    Args:
        plugin: a method, network, encoder or evaluation, or its class.
        function: a function of the plugin; empty for the whole class.

    >>> class Base:
    ...     version = 2
    ...     def fit(self): ...
    >>> class Derived(Base):
    ...     version = 5
    >>> version_of(Base), version_of(Derived), version_of(Derived, "fit")
    (2, 6, 2)
    """
    kind = plugin if isinstance(plugin, type) else type(plugin)
    stated = [base for base in kind.__mro__ if "version" in dir(base)]
    if function:
        wanted = getattr_static(kind, function)
        kind = [base for base in stated if getattr_static(base, function, None) is wanted][-1]
        stated = [base for base in kind.__mro__ if base in stated]
    raised = (int(vars(base)["version"]) - 1 for base in stated if "version" in vars(base))
    return 1 + sum(raised)

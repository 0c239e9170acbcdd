"""Names of metrics and parameters on a tracking server, by meaning and of the characters that it allows."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reports.columns import Column


def allowed(name: str) -> str:
    """Return a name with only characters that MLflow allows in one.

    >>> allowed("fd@random-convnet (a)")
    'fd:random-convnet -a-'
    """
    return re.sub(r"[^A-Za-z0-9_\-. :/]", "-", name.replace("@", ":"))


def metric_name(column: Column) -> str:
    """Return the name of a column's numbers: `pq`, `pq_pooled`, `f_type epithelial`, `kd_test:random-convnet`.

    A mean over images has no aggregation in its name; every other aggregation and the encoder are part of it.
    """
    metric, _, encoder = column.metric.partition("@")
    family, _, aggregation = metric.partition("/")
    parts = [family, aggregation if aggregation != "image" else "", column.split if column.encoder else ""]
    name = "_".join(part.replace(" ", "_") for part in parts if part)
    about = ":".join(part for part in (name, encoder, column.tag) if part)
    kind = {"score": "", "cost": ""}.get(column.kind, column.kind)
    return allowed(" ".join(part for part in (about, column.class_, kind) if part))

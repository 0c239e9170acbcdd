"""The output of `bench score classes --json`."""

from __future__ import annotations

from pydantic import Field

from bench.scoring.output import Bounds, Number, Output


class ClassScores(Output):
    """One class against the rest; null where undefined."""

    f1: Number
    sensitivity: Number
    specificity: Number
    auroc: Number = Field(description="null without scores")
    n_true: int = Field(description="images of the class")
    n_pred: int = Field(description="images predicted as the class")


class ClassesIntervals(Output):
    """95 % intervals over groups; null with fewer than two groups."""

    accuracy: Bounds
    f1_macro: Bounds
    f1_weighted: Bounds
    sensitivity_macro: Bounds
    sensitivity_weighted: Bounds
    specificity_macro: Bounds
    specificity_weighted: Bounds


class ClassesReport(Output):
    """Predicted image classes against true ones, from one pooled confusion matrix."""

    n: int = Field(description="images")
    n_groups: int = Field(description="groups that the intervals are over; n without a column `group`")
    classes: list[str] = Field(description="in the order of `confusion`")
    accuracy: float
    f1_macro: Number = Field(description="mean over the classes that occur in the truth")
    f1_weighted: Number = Field(description="weighted by how often a class occurs in the truth")
    sensitivity_macro: Number
    sensitivity_weighted: Number = Field(description="equals the accuracy")
    specificity_macro: Number
    specificity_weighted: Number
    auroc: Number = Field(description="mean over classes of one against the rest; null without scores")
    per_class: dict[str, ClassScores]
    confusion: list[list[int]] = Field(description="images by true (row) and predicted (column) class")
    ci: ClassesIntervals

"""`bench score classes`: predicted image classes against true ones, with the evaluation `tissue`'s scores."""

from __future__ import annotations

from bench.contract import DatasetInfo
from bench.evaluation.registered import prediction_evaluation
from bench.evaluation.statistics import Statistics, columns_of
from bench.evaluation.tissue_scores import tissue_row
from bench.scoring.class_tables import Predictions
from bench.scoring.classes_report import ClassesIntervals, ClassesReport, ClassScores
from bench.scoring.estimates import estimates, value_of

EVALUATION = "tissue"
OF_CLASS = ("f1", "sensitivity", "specificity", "auroc")


def score_predictions(predictions: Predictions) -> ClassesReport:
    """Return the scores of predictions from one pooled confusion matrix; intervals are over groups.

    Args:
        predictions: true and predicted classes, scores and groups.

    Raises:
        DataError: there are no images.
    """
    from metrics.classification import confusion_matrix

    names = predictions.classes
    confusion = confusion_matrix(predictions.true, predictions.pred, len(names))
    evaluation, statistics = prediction_evaluation(EVALUATION), _statistics(predictions)
    known = evaluation.scores(DatasetInfo("tables", "test", "tissue", (), names, 0.0))
    scores = [score for score in known if predictions.scores is not None or not score.metric.startswith("auroc")]
    whole = estimates(evaluation, [score for score in scores if not score.class_], statistics)
    found = {metric: estimate for (metric, _), estimate in whole.items()}
    of_class = {(score.metric, score.class_): value_of(score, statistics) for score in scores if score.class_}
    return ClassesReport(
        n=len(statistics),
        n_groups=len(set(predictions.groups)),
        classes=list(names),
        **{"auroc": None} | {name: estimate.value for name, estimate in found.items()},
        per_class={
            name: ClassScores(
                **{metric: of_class.get((f"{metric}_class", name)) for metric in OF_CLASS},
                n_true=int(confusion[index].sum()),
                n_pred=int(confusion[:, index].sum()),
            )
            for index, name in enumerate(names)
        },
        confusion=confusion.tolist(),
        ci=ClassesIntervals(**{name: estimate.bounds for name, estimate in found.items() if name != "auroc"}),
    )


def _statistics(predictions: Predictions) -> Statistics:
    rows = []
    for index, group in enumerate(predictions.groups):
        scores = None if predictions.scores is None else predictions.scores[index]
        label, seen = int(predictions.true[index]), int(predictions.pred[index])
        kept = tissue_row(label, seen, scores, len(predictions.classes))
        rows.append({"id": str(index), "group": group, **kept})
    return Statistics(columns_of(rows))

"""The pictures and confusion matrices that evaluations show, drawn from what the steps of a run left."""

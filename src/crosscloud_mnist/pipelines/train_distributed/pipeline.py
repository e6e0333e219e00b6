"""The order of ``train_distributed``."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from crosscloud_mnist.pipelines.train_distributed.figures import (
    draw_confusion_matrix,
    draw_learning_curves,
)
from crosscloud_mnist.pipelines.train_distributed.nodes import (
    assemble,
    evaluate,
    log_model,
    make_plan,
    trace_lineage,
    train,
)

_SETTINGS = "params:train_distributed.settings"


def create_pipeline() -> Pipeline:
    """Return ``train_distributed``: shards in; figures, signed bundle and logged model out."""
    return Pipeline(
        [
            Node(
                make_plan,
                [
                    _SETTINGS,
                    "params:train_distributed.records",
                    "training@shards",
                    "validation@shards",
                ],
                "plan",
                name="make_plan",
            ),
            Node(
                trace_lineage,
                ["data_card", "params:train_distributed.git_commit"],
                "lineage",
                name="trace_lineage",
            ),
            Node(
                train,
                ["launcher", "tracker", "plan", "params:train_distributed.mode", "lineage"],
                ["weights", "training_history", "training_proofs"],
                name="train",
            ),
            Node(
                evaluate,
                ["tracker", "plan", "weights", "test"],
                ["test_predictions", "evaluation", "test_accuracy", "test_loss"],
                name="evaluate",
            ),
            Node(
                draw_learning_curves,
                "training_history",
                "learning_curves",
                name="draw_learning_curves",
            ),
            Node(
                draw_confusion_matrix,
                "test_predictions",
                "confusion_matrix",
                name="draw_confusion_matrix",
            ),
            Node(
                assemble,
                [
                    "plan",
                    _SETTINGS,
                    "lineage",
                    "weights",
                    "validation@arrays",
                    "evaluation",
                    "training_proofs",
                    "params:train_distributed.golden_pictures_per_digit",
                    "training_profile",
                ],
                "bundle",
                name="assemble_bundle",
            ),
            Node(
                log_model,
                ["source_registry", "tracker", "bundle", _SETTINGS, "lineage", "evaluation"],
                "model_uri",
                name="log_model",
            ),
        ]
    )

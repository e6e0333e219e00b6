"""The order of ``train_distributed``."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from crosscloud_mnist.pipelines.train_distributed.figures import (
    draw_comparison,
    draw_confusion_matrix,
    draw_learning_curves,
)
from crosscloud_mnist.pipelines.train_distributed.nodes import (
    assemble,
    evaluate,
    log_model,
    trace_lineage,
    train,
)
from crosscloud_mnist.pipelines.train_distributed.plans import make_plans

_SETTINGS = "chosen_settings"
_GRID = "params:train_distributed.grid"
_MODE = "params:train_distributed.mode"


def create_pipeline() -> Pipeline:
    """Return ``train_distributed``: shards in; figures, signed bundle and logged model out."""
    return Pipeline(
        [
            Node(
                make_plans,
                [
                    "params:train_distributed.settings",
                    _GRID,
                    _MODE,
                    "params:train_distributed.records",
                    "training@shards",
                    "validation@shards",
                ],
                "plans",
                name="make_plans",
            ),
            Node(
                trace_lineage,
                ["data_card", "params:train_distributed.git_commit"],
                "lineage",
                name="trace_lineage",
            ),
            Node(
                train,
                ["launcher", "tracker", "plans", _GRID, _MODE, "lineage"],
                [
                    "weights",
                    "training_history",
                    "training_proofs",
                    "chosen_settings",
                    "comparison",
                ],
                name="train",
            ),
            Node(
                evaluate,
                ["tracker", _SETTINGS, "weights", "test"],
                ["test_predictions", "test_answers", "evaluation", "test_accuracy", "test_loss"],
                name="evaluate",
            ),
            Node(
                draw_learning_curves,
                "training_history",
                "learning_curves",
                name="draw_learning_curves",
            ),
            Node(draw_comparison, "comparison", "comparison_figure", name="draw_comparison"),
            Node(
                draw_confusion_matrix,
                "test_predictions",
                "confusion_matrix",
                name="draw_confusion_matrix",
            ),
            Node(
                assemble,
                [
                    _SETTINGS,
                    "lineage",
                    "weights",
                    "validation@arrays",
                    "evaluation",
                    "training_proofs",
                    "test_answers",
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

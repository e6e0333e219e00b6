"""The order of ``train_distributed``."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from crosscloud_mnist.pipelines.train_distributed.figures import (
    draw_comparison,
    draw_confusion_matrix,
    draw_learning_curves,
)
from crosscloud_mnist.pipelines.train_distributed.jobs import build_jobs
from crosscloud_mnist.pipelines.train_distributed.nodes import (
    build_bundle_contents,
    build_lineage,
    evaluate,
    log_model,
    train,
)

_SETTINGS = "chosen_settings"
_GRID = "params:train_distributed.grid"
_MODE = "params:train_distributed.mode"


def create_pipeline() -> Pipeline:
    """Return ``train_distributed``: shards in; figures, signed bundle and logged model out."""
    return Pipeline(
        [
            Node(
                build_jobs,
                [
                    "params:train_distributed.settings",
                    _GRID,
                    _MODE,
                    "params:train_distributed.checkpoint_dir",
                    "training@shards",
                    "validation@shards",
                ],
                "jobs",
                name="build_jobs",
            ),
            Node(
                build_lineage,
                ["data_card", "params:train_distributed.git_commit"],
                "lineage",
                name="build_lineage",
            ),
            Node(
                train,
                ["launcher", "tracker", "jobs", _GRID, _MODE, "lineage"],
                [
                    "weights",
                    "training_history",
                    "worker_reports",
                    "chosen_settings",
                    "grid_comparison",
                ],
                name="train",
            ),
            Node(
                evaluate,
                ["tracker", _SETTINGS, "weights", "test_set"],
                ["test_predictions", "test_answers", "evaluation", "test_accuracy", "test_loss"],
                name="evaluate",
            ),
            Node(
                draw_learning_curves,
                "training_history",
                "learning_curves",
                name="draw_learning_curves",
            ),
            Node(
                draw_comparison, "grid_comparison", "grid_comparison_figure", name="draw_comparison"
            ),
            Node(
                draw_confusion_matrix,
                "test_predictions",
                "confusion_matrix",
                name="draw_confusion_matrix",
            ),
            Node(
                build_bundle_contents,
                [
                    _SETTINGS,
                    "lineage",
                    "weights",
                    "validation@arrays",
                    "evaluation",
                    "worker_reports",
                    "test_answers",
                    "params:train_distributed.golden_images_per_digit",
                    "training_profile",
                ],
                "bundle",
                name="build_bundle_contents",
            ),
            Node(
                log_model,
                ["source_registry", "tracker", "bundle", _SETTINGS, "lineage", "evaluation"],
                "model_uri",
                name="log_model",
            ),
        ]
    )

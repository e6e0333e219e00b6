"""The nodes of ``train_distributed`` and their data."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from crosscloud_mnist.pipelines.train_distributed.bundle_contents import (
    build_bundle_contents,
    build_model_card,
    export_model,
    select_golden_set,
)
from crosscloud_mnist.pipelines.train_distributed.evaluation import (
    EvaluationOutputs,
    evaluate,
    predict,
    summarize_model,
)
from crosscloud_mnist.pipelines.train_distributed.examples import select_examples
from crosscloud_mnist.pipelines.train_distributed.figures import (
    draw_comparison,
    draw_confusion_matrix,
    draw_learning_curves,
)
from crosscloud_mnist.pipelines.train_distributed.nodes import (
    SelectedModel,
    build_lineage,
    describe_run,
    log_model,
    select_model,
    train,
)
from crosscloud_mnist.pipelines.train_distributed.trials import build_trials

_PARAMETERS, _CONTRACT = "params:train_distributed", "params:contract"
_MODEL = ["selected_settings", "weights", _CONTRACT]


def create_pipeline() -> Pipeline:
    """Return ``train_distributed``: shards in; figures, signed bundle and logged model out."""
    nodes = [*_training_nodes(), *_evaluation_nodes(), *_bundle_nodes()]
    return Pipeline(nodes, tags="train")


def _training_nodes() -> list[Node]:
    return [
        Node(
            build_trials,
            ["tracker", _PARAMETERS, _CONTRACT, "training@shards", "validation@shards"],
            "trials",
            name="build_trials",
        ),
        Node(build_lineage, ["data_card", _PARAMETERS], "lineage", name="build_lineage"),
        Node(
            train,
            ["launcher", "tracker", "trials", _PARAMETERS, "lineage"],
            "training_results",
            name="train",
        ),
        Node(
            select_model,
            ["trials", "training_results"],
            {name: name for name in SelectedModel.__annotations__},
            name="select_model",
        ),
        Node(
            draw_learning_curves, "training_history", "learning_curves", name="draw_learning_curves"
        ),
        Node(draw_comparison, "grid_comparison", "grid_comparison_figure", name="draw_comparison"),
    ]


def _evaluation_nodes() -> list[Node]:
    return [
        Node(summarize_model, _MODEL, "model_summary", name="summarize_model"),
        Node(predict, [*_MODEL, "test_set"], "test_predictions", name="predict_test_set"),
        Node(
            evaluate,
            "test_predictions",
            {name: name for name in EvaluationOutputs.__annotations__},
            name="evaluate",
        ),
        Node(
            draw_confusion_matrix,
            ["test_predictions", _CONTRACT],
            "confusion_matrix",
            name="draw_confusion_matrix",
        ),
    ]


def _bundle_nodes() -> list[Node]:
    return [
        Node(
            predict,
            [*_MODEL, "validation@arrays"],
            "validation_predictions",
            name="predict_validation_set",
        ),
        Node(export_model, _MODEL, "exported_model", name="export_model"),
        Node(
            select_golden_set,
            ["validation@arrays", "validation_predictions", _CONTRACT, _PARAMETERS],
            "golden_set",
            name="select_golden_set",
        ),
        Node(select_examples, ["test_set", "test_predictions"], "examples", name="select_examples"),
        Node(describe_run, "tracker", "training_run", name="describe_run"),
        Node(
            build_model_card,
            {
                "settings": "selected_settings",
                "lineage": "lineage",
                "evaluation": "evaluation",
                "worker_reports": "worker_reports",
                "training_profile": "training_profile",
                "validation_predictions": "validation_predictions",
                "test_predictions": "test_predictions",
                "data_card": "data_card",
                "training_history": "training_history",
                "run": "training_run",
            },
            "model_card",
            name="build_model_card",
        ),
        Node(
            build_bundle_contents,
            {
                "exported_model": "exported_model",
                "golden_set": "golden_set",
                "test_predictions": "test_predictions",
                "model_card": "model_card",
                "examples": "examples",
                "contract": _CONTRACT,
            },
            "bundle",
            name="build_bundle_contents",
        ),
        Node(
            log_model,
            {
                "registry": "source_registry",
                "tracker": "tracker",
                "bundle": "bundle",
                "settings": "selected_settings",
                "lineage": "lineage",
                "evaluation": "evaluation",
            },
            "model_uri",
            name="log_model",
        ),
    ]

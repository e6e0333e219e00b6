"""The order of ``register_remote``."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from crosscloud_mnist.pipelines.register_remote.nodes import check_gates, fetch_candidate
from crosscloud_mnist.pipelines.register_remote.publication import (
    move_alias,
    publish,
    remove_version,
    report_gates,
    verify_copy,
)

_PRODUCTION, _PARAMETERS = "params:production", "params:register_remote"


def create_pipeline() -> Pipeline:
    """Return ``register_remote``: a logged model's URI in; a registered version out.

    Before ``publish`` writes to production: the candidate's signature and digest, its accuracy, the
    comparison with the champion, the contract and the approval. After it, on the copy: signature,
    digest and golden set. The alias moves last.
    """
    return Pipeline(
        [
            Node(
                remove_version,
                ["target_registry", "verifier", _PRODUCTION, _PARAMETERS],
                "removed_versions",
                name="remove_version",
                tags="production",
            ),
            Node(
                fetch_candidate,
                {
                    "source": "source_registry",
                    "target": "target_registry",
                    "verifier": "verifier",
                    "model_uri": "model_uri",
                    "production": _PRODUCTION,
                    "parameters": _PARAMETERS,
                    "_removed": "removed_versions",
                },
                "candidate",
                name="fetch_candidate",
            ),
            Node(
                check_gates,
                {
                    "source": "source_registry",
                    "target": "target_registry",
                    "verifier": "verifier",
                    "record": "candidate",
                    "production": _PRODUCTION,
                    "contract": "params:contract",
                    "parameters": _PARAMETERS,
                },
                "checked_candidate",
                name="check_gates",
            ),
            Node(
                publish,
                ["target_registry", "checked_candidate", _PRODUCTION, _PARAMETERS],
                "publication",
                name="publish",
                tags="production",
            ),
            Node(
                verify_copy,
                ["target_registry", "verifier", "publication", "checked_candidate"],
                "gate_results",
                name="verify_copy",
                tags="production",
            ),
            Node(report_gates, "gate_results", "promotion_gates", name="report_gates"),
            Node(
                move_alias,
                {
                    "target": "target_registry",
                    "checked": "checked_candidate",
                    "publication": "publication",
                    "results": "gate_results",
                    "production": _PRODUCTION,
                    "parameters": _PARAMETERS,
                    "_report": "promotion_gates",
                },
                "registered_model",
                name="move_alias",
                tags="production",
            ),
        ],
        tags="register",
    )

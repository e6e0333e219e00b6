"""A model is trained by code whose commit is recorded, where the environment demands it."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from crosscloud_mnist.errors import ConfigurationError
from crosscloud_mnist.hooks.source_commit import SourceCommitHooks
from crosscloud_mnist.pipelines import history, train_distributed

TRAINING, OTHER = train_distributed.create_pipeline(), history.create_pipeline()


def hooks(commit: str, *, is_required: bool = True) -> SourceCommitHooks:
    created = SourceCommitHooks()
    settings = {"git_commit": commit, "require_git_commit": is_required}
    created.after_context_created(SimpleNamespace(config_loader={"globals": settings}))
    return created


@pytest.mark.parametrize("commit", ["unknown", "ab" * 20 + "-dirty", "", "${bundle.git.commit}"])
def test_training_without_a_commit_of_clean_sources_is_rejected(commit):
    with pytest.raises(ConfigurationError, match="expected that of clean sources"):
        hooks(commit).before_pipeline_run(TRAINING)


def test_training_with_a_commit_is_allowed():
    hooks("ab" * 20).before_pipeline_run(TRAINING)


def test_nothing_is_demanded_of_other_pipelines_and_environments():
    hooks("unknown").before_pipeline_run(OTHER)
    hooks("unknown", is_required=False).before_pipeline_run(TRAINING)

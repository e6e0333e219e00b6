"""What a candidate's version says about where it comes from."""

from __future__ import annotations

from pathlib import Path

from crosscloud_mnist.bundle import Bundle
from crosscloud_mnist.ports import LoggedModel
from crosscloud_mnist.promotion.candidate import Candidate
from crosscloud_mnist.promotion.lineage import Lineage

LINEAGE = Lineage("mnist", "ab" * 32, "cd" * 20, "12" * 32, {"test_accuracy": 0.99})


def candidate(uri, run_id, **tags):
    model = LoggedModel(uri, "ef" * 32, run_id, tags)
    return Candidate(model, "https://gcp", Bundle(Path(), model.digest), LINEAGE)


def test_a_logged_model_is_named_with_its_run():
    logged = candidate("models:/m-1", "2")
    assert logged.tags()["source_run_id"] == "2"
    assert logged.description().startswith("models:/m-1 of run 2 in https://gcp, trained on mnist")


def test_a_shared_version_has_no_run_and_no_empty_tag():
    shared = candidate("models:/shared.deploy.mnist/3", "")
    assert "source_run_id" not in shared.tags()
    assert all(shared.tags().values())
    assert shared.description().startswith("models:/shared.deploy.mnist/3 in https://gcp, trained")


def test_the_origin_of_a_promoted_version_is_kept_where_its_tags_are_readable():
    promoted = candidate(
        "models:/staging.deploy.mnist/3", "", source_model="models:/m-1", source_run_id="2"
    )
    assert promoted.tags()["source_model"] == "models:/staging.deploy.mnist/3"
    assert promoted.tags()["origin_model"] == "models:/m-1"
    assert promoted.tags()["origin_run_id"] == "2"
    assert "origin_workspace" not in promoted.tags()

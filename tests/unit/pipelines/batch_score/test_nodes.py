"""What ``batch_score`` accepts, prints and fails for."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from crosscloud_mnist.errors import DataError
from crosscloud_mnist.pipelines.batch_score.console import FORMATTERS
from crosscloud_mnist.pipelines.batch_score.nodes import assert_scored
from crosscloud_mnist.pipelines.batch_score.parameters import BatchScoreParameters
from crosscloud_mnist.pipelines.batch_score.report import ScoringReport


def report(images, errors, earlier_images=0, earlier_errors=0):
    return ScoringReport(
        model_name="mnist_cnn",
        model_version="4",
        digest="ab" * 32,
        location="images",
        scores="scores",
        images=images,
        errors=errors,
        earlier_images=earlier_images,
        earlier_errors=earlier_errors,
        seconds=1.0,
        images_per_second=None,
    )


@pytest.mark.parametrize("counts", [(2, 2), (0, 0, 3, 3), (1, 1, 3, 3)])
def test_a_run_that_scored_nothing_fails_also_the_second_time(counts):
    with pytest.raises(DataError, match=r"none of the \d images in images was scored") as raised:
        assert_scored(report(*counts))
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("counts", [(2, 1), (0, 0, 3, 2), (1, 1, 3, 0)])
def test_one_prediction_is_enough(counts):
    assert_scored(report(*counts))


def test_the_console_counts_unreadable_files():
    (line,) = FORMATTERS["batch_report"](report(1200, 7))
    assert line == "Scored 1,200 images (7 unreadable) with mnist_cnn 4; predictions: scores"


def test_a_folder_that_is_a_number_stays_its_name():
    assert (
        BatchScoreParameters(images=2024, scores="s", images_per_chunk=5, rows_per_chunk=5).images
        == "2024"
    )


@pytest.mark.parametrize(
    "change", [{"images_per_chunk": 0}, {"rows_per_chunk": "many"}, {"image": "folder"}]
)
def test_a_wrong_parameter_is_rejected(change):
    with pytest.raises(ValidationError):
        BatchScoreParameters(
            **{"images": "a", "scores": "b", "images_per_chunk": 5, "rows_per_chunk": 5, **change}
        )

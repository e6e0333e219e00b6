"""The smoke test's verdict: what is asked, what is expected, and what fails."""

from __future__ import annotations

import numpy as np
import pytest
from kedro.io import DatasetError
from PIL import Image

from crosscloud_mnist.errors import EndpointError, SmokeTestFailed
from crosscloud_mnist.pictures.disguises import DISGUISES
from crosscloud_mnist.pipelines.smoke_test.nodes import ask, disguise, judge, report
from crosscloud_mnist.ports import Deployment

DEPLOYMENT = Deployment("http://127.0.0.1/invocations", "mnist_cnn", "3", "ab" * 32)


class Always:
    """An endpoint that names every picture the same."""

    def __init__(self, digit):
        self.digit = digit

    def predict(self, pictures):
        assert pictures.shape == (1, 28, 28)
        return np.eye(10)[[self.digit]] * 0.91 + 0.009


def drawing():
    picture = np.full((60, 40), 250, np.uint8)
    picture[10:50, 18:23] = 20
    return Image.fromarray(picture)


def broken():
    raise DatasetError("Failed while loading data from dataset X.\nshort") from OSError("truncated")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("7.png", 7),
        ("scan-2024-4.jpeg", 4),
        ("folder/3 (of mine).PNG", 3),
        ("digit.png", None),
        ("no_extension_8", 8),
    ],
)
def test_the_expected_digit_is_the_names_last(name, expected):
    (row,) = ask(Always(7), {name: drawing}, DEPLOYMENT)
    assert (row["file"], row["expected"], row["predicted"]) == (name, expected, 7)
    assert row["probability"] == pytest.approx(0.919)
    assert row["error"] is None


def test_what_is_no_picture_is_not_sent(caplog):
    assert ask(Always(7), {"notes-1.txt": broken, ".DS_Store": broken}, DEPLOYMENT) == []
    assert "notes-1.txt is not sent" in caplog.text


def test_a_picture_that_cannot_be_read_is_a_row_with_the_reason():
    blank = Image.new("L", (50, 50), 255)
    rows = ask(Always(7), {"a-7.png": broken, "b-7.png": lambda: blank}, DEPLOYMENT)
    assert rows[0]["error"] == "cannot be opened: truncated"
    assert "ink" in rows[1]["error"]
    assert [row["predicted"] for row in rows] == [None, None]


def test_an_endpoint_that_does_not_answer_is_not_taken_for_a_bad_picture():
    class Dead:
        def predict(self, pictures):
            raise EndpointError("it does not answer")

    with pytest.raises(EndpointError, match="does not answer"):
        ask(Dead(), {"7.png": drawing}, DEPLOYMENT)


def test_the_verdict_names_what_was_wrong_after_the_report():
    golden = ask(Always(7), {"golden-7": drawing}, DEPLOYMENT)
    wrong = ask(Always(7), {"a-7.png": drawing, "b-1.png": drawing, "c.png": drawing}, DEPLOYMENT)
    made = report(DEPLOYMENT, golden, wrong)
    assert (made["passed"], made["model_version"], made["endpoint"]) == (
        False,
        "3",
        DEPLOYMENT.endpoint,
    )
    assert [row["file"] for row in made["pictures"]] == ["a-7.png", "b-1.png", "c.png"]
    with pytest.raises(SmokeTestFailed, match=r"1 of 4 pictures: b-1.png was named 7, expected 1"):
        judge(made)
    passed = report(DEPLOYMENT, golden, ask(Always(7), {"c.png": drawing}, DEPLOYMENT))
    assert passed["passed"]
    judge(passed)


def test_every_disguise_is_worn(tiny_contents):
    golden = tiny_contents.golden
    rendered = disguise(golden)
    assert len(rendered) == len(golden.labels)
    for (name, picture), label in zip(rendered.items(), golden.labels, strict=True):
        assert name.endswith(f"-{label}")
        assert isinstance(picture, Image.Image)
    assert len({name.split("-", 2)[2][:-2] for name in rendered}) == min(
        len(DISGUISES), len(golden.labels)
    )

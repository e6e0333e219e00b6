"""The smoke test's verdict: what is asked, what is expected, and what fails."""

from __future__ import annotations

import numpy as np
import pytest
from kedro.io import DatasetError
from PIL import Image

from crosscloud_mnist.client import EndpointStatus
from crosscloud_mnist.errors import EndpointError, SmokeTestError
from crosscloud_mnist.pipelines.smoke_test.nodes import (
    assert_passed,
    check_endpoints,
    predict_images,
    render_variants,
    report,
)
from crosscloud_mnist.ports import Deployment
from crosscloud_mnist.preprocessing.variants import VARIANTS

DEPLOYMENT = Deployment("http://127.0.0.1/invocations", "mnist_cnn", "3", "ab" * 32)
STANDINGS = (EndpointStatus("local", DEPLOYMENT),)


class Always:
    """An endpoint that names every image the same."""

    def __init__(self, digit):
        self.digit = digit

    def predict(self, images):
        assert images.shape == (1, 28, 28)
        return np.eye(10)[[self.digit]] * 0.91 + 0.009


def drawing():
    image = np.full((60, 40), 250, np.uint8)
    image[10:50, 18:23] = 20
    return Image.fromarray(image)


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
    (row,) = predict_images({"local": Always(7)}, {name: drawing}, STANDINGS)
    assert (row["file"], row["expected"], row["predicted"]) == (name, expected, 7)
    assert row["probability"] == pytest.approx(0.919)
    assert row["error"] is None


def test_what_is_no_image_is_not_sent(caplog):
    assert (
        predict_images(
            {"local": Always(7)}, {"notes-1.txt": broken, ".DS_Store": broken}, STANDINGS
        )
        == []
    )
    assert "notes-1.txt is not sent" in caplog.text


def test_a_image_that_cannot_be_read_is_a_row_with_the_reason():
    blank = Image.new("L", (50, 50), 255)
    rows = predict_images(
        {"local": Always(7)}, {"a-7.png": broken, "b-7.png": lambda: blank}, STANDINGS
    )
    assert rows[0]["error"] == "cannot be opened: truncated"
    assert "ink" in rows[1]["error"]
    assert [row["predicted"] for row in rows] == [None, None]


def test_an_endpoint_that_does_not_answer_is_not_taken_for_a_bad_image():
    class Dead:
        def predict(self, images):
            raise EndpointError("it does not answer")

    with pytest.raises(EndpointError, match="does not answer"):
        predict_images({"local": Dead()}, {"7.png": drawing}, STANDINGS)


def test_the_verdict_names_what_was_wrong_after_the_report():
    golden = predict_images({"local": Always(7)}, {"golden-7": drawing}, STANDINGS)
    wrong = predict_images(
        {"local": Always(7)}, {"a-7.png": drawing, "b-1.png": drawing, "c.png": drawing}, STANDINGS
    )
    made = report(STANDINGS, golden, wrong)
    assert (made["passed"], made["model_version"], made["endpoint"]) == (
        False,
        "3",
        DEPLOYMENT.endpoint,
    )
    assert [row["file"] for row in made["images"]] == ["a-7.png", "b-1.png", "c.png"]
    with pytest.raises(SmokeTestError, match=r"1 of 4 images: b-1.png was named 7, expected 1"):
        assert_passed(made)
    passed = report(
        STANDINGS, golden, predict_images({"local": Always(7)}, {"c.png": drawing}, STANDINGS)
    )
    assert passed["passed"]
    assert_passed(passed)


def test_every_variant_is_worn(tiny_contents):
    golden = tiny_contents.golden
    rendered = render_variants(golden)
    assert len(rendered) == len(golden.labels)
    for (name, image), label in zip(rendered.items(), golden.labels, strict=True):
        assert name.endswith(f"-{label}")
        assert isinstance(image, Image.Image)
    assert len({name.split("-", 2)[2][:-2] for name in rendered}) == min(
        len(VARIANTS), len(golden.labels)
    )


class Serves(Always):
    """One cloud's endpoint that says what it serves."""

    def __init__(self, digit, digest, version="3"):
        super().__init__(digit)
        self.live = Deployment("http://127.0.0.1/invocations", "mnist_cnn", version, digest)

    def describe(self):
        return self.live


class Down:
    def describe(self):
        raise EndpointError("http://127.0.0.1:9 does not answer")


def proved(**endpoints):
    statuses = check_endpoints(endpoints)
    return report(statuses, [], predict_images(endpoints, {"a-7.png": drawing}, statuses))


def test_names_the_cloud_that_is_down():
    made = proved(azure=Down(), gcp=Serves(7, "ab" * 32))
    assert not made["passed"]
    assert (made["digest"], made["model_version"]) == ("ab" * 32, "3")
    azure, gcp = made["endpoints"]
    assert (azure["cloud"], azure["healthy"], azure["digest"]) == ("azure", False, None)
    assert (gcp["cloud"], gcp["healthy"], gcp["digest"]) == ("gcp", True, "ab" * 32)
    with pytest.raises(SmokeTestError, match=r"^azure is down: .* does not answer$"):
        assert_passed(made)
    with pytest.raises(EndpointError, match=r"azure is down: .*; gcp is down: "):
        proved(azure=Down(), gcp=Down())


def test_names_both_bundles_where_the_clouds_differ():
    made = proved(azure=Serves(7, "aa" * 32, "3"), gcp=Serves(7, "bb" * 32, "5"))
    assert not made["passed"]
    said = f"azure version 3 .digest {'aa' * 32}., gcp version 5 .digest {'bb' * 32}."
    with pytest.raises(SmokeTestError, match=said):
        assert_passed(made)


def test_every_cloud_is_asked_and_answers_that_differ_are_named():
    made = proved(azure=Serves(7, "aa" * 32), gcp=Serves(1, "aa" * 32))
    (row,) = made["images"]
    assert (row["predicted"], row["error"]) == (7, "the clouds answer differently: azure 7, gcp 1")
    with pytest.raises(SmokeTestError, match="1 of 1 images: a-7.png the clouds answer"):
        assert_passed(made)
    alike = proved(azure=Serves(7, "aa" * 32), gcp=Serves(7, "aa" * 32))
    assert alike["passed"]
    assert_passed(alike)

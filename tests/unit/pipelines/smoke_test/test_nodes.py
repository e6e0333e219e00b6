"""The smoke test's verdict: what is sent, what is expected, and what fails."""

from __future__ import annotations

import numpy as np
import pytest
from kedro.validation import ParameterValidationError, ParameterValidator
from PIL import Image

from crosscloud_mnist.bundle import Golden
from crosscloud_mnist.client import EndpointStatus
from crosscloud_mnist.contract import Contract
from crosscloud_mnist.errors import EndpointError, ImageError, SmokeTestError
from crosscloud_mnist.pipelines.smoke_test import create_pipeline
from crosscloud_mnist.pipelines.smoke_test.nodes import (
    check_endpoints,
    find_class,
    predict_golden_images,
    predict_images,
    render_variants,
)
from crosscloud_mnist.pipelines.smoke_test.parameters import SmokeTestParameters
from crosscloud_mnist.pipelines.smoke_test.report import assert_passed, build_report
from crosscloud_mnist.ports import Deployment
from crosscloud_mnist.preprocessing.variants import VARIANTS
from rehearsal.mnist_contract import mnist_contract

DEPLOYMENT = Deployment("http://127.0.0.1/invocations", "mnist_cnn", "3", "ab" * 32)
STATUSES = (EndpointStatus("local", DEPLOYMENT),)


class Always:
    """An endpoint that predicts the same digit for every image."""

    def __init__(self, digit):
        self.digit = digit

    def predict(self, images):
        assert images.shape == (1, 28, 28)
        return np.eye(10)[[self.digit]] * 0.91 + 0.009


def drawing():
    image = np.full((60, 40), 250, np.uint8)
    image[10:50, 18:23] = 20
    return Image.fromarray(image)


def unreadable():
    raise ImageError("cannot be opened: it is in no accepted format")


def predict(images, digit=7, expect="names"):
    """Send the images to an endpoint that predicts that digit."""
    endpoints = {"local": Always(digit)}
    return predict_images(
        endpoints, images, STATUSES, mnist_contract(), SmokeTestParameters(expect=expect)
    )


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("7.png", 7),
        ("scan-2024-4.jpeg", 4),
        ("folder/3 (of mine).PNG", 3),
        ("digit.png", None),
        ("no_extension_8", 8),
        ("7/IMG_20240101_123456.jpg", 7),
        ("digits/0/1.png", 0),
        ("2024/IMG_3.png", 3),
        ("12/digit.png", None),
    ],
)
def test_the_expected_digit_is_that_of_the_folder_or_the_last_of_the_name(name, expected):
    (row,) = predict({name: drawing})
    assert (row["file"], row["expected"], row["predicted"]) == (name, expected, 7)
    assert row["probability"] == pytest.approx(0.919)
    assert row["error"] is None


def test_no_digit_is_expected_where_names_are_no_digits():
    rows = predict({"IMG_20240101_123456.jpg": drawing, "3/a.png": drawing}, expect="none")
    assert [row["expected"] for row in rows] == [None, None]
    assert_passed(build_report(STATUSES, [], rows))


def test_the_parameter_is_checked_before_the_run():
    validator = ParameterValidator({"smoke_test": create_pipeline()})
    (parameters,) = validator.validate_raw_params({"smoke_test": {"expect": "none"}}).values()
    assert parameters == SmokeTestParameters(expect="none")
    with pytest.raises(ParameterValidationError, match="'names' or 'none'"):
        validator.validate_raw_params({"smoke_test": {"expect": "nothing"}})


def test_every_file_is_a_row_with_its_prediction_or_the_reason_and_the_run_fails():
    blank = Image.new("L", (50, 50), 255)
    rows = predict({"a-7.png": drawing, "b-7.heic": unreadable, "c-7.png": lambda: blank})
    assert [row["file"] for row in rows] == ["a-7.png", "b-7.heic", "c-7.png"]
    assert [row["predicted"] for row in rows] == [7, None, None]
    assert rows[1]["error"] == "cannot be opened: it is in no accepted format"
    assert "shows no digit" in rows[2]["error"]
    message = "2 of 3 images failed: b-7.heic cannot be opened: .*; c-7.png shows no digit"
    with pytest.raises(SmokeTestError, match=message):
        assert_passed(build_report(STATUSES, [], rows))


def test_a_folder_that_holds_only_a_heic_fails():
    report = build_report(STATUSES, predict({"golden-7": drawing}), predict({"7.heic": unreadable}))
    assert not report["passed"]
    with pytest.raises(SmokeTestError, match=r"1 of 2 images failed: 7\.heic cannot be opened"):
        assert_passed(report)


def test_without_images_the_golden_set_alone_decides():
    report = build_report(STATUSES, predict({"golden-7": drawing}), predict({}))
    assert report["passed"]
    assert_passed(report)
    with pytest.raises(SmokeTestError, match="golden-7 was predicted as 1, expected 7"):
        assert_passed(build_report(STATUSES, predict({"golden-7": drawing}, digit=1), []))


def test_an_endpoint_that_does_not_answer_is_no_unreadable_image():
    class Dead:
        def predict(self, images):
            raise EndpointError("it does not answer")

    with pytest.raises(EndpointError, match="does not answer"):
        predict_golden_images({"local": Dead()}, {"7.png": drawing}, STATUSES, mnist_contract())


def test_the_verdict_names_what_was_wrong_after_the_report():
    golden = predict_golden_images(
        {"local": Always(7)}, {"golden-7": drawing}, STATUSES, mnist_contract()
    )
    rows = predict({"a-7.png": drawing, "b-1.png": drawing, "c.png": drawing})
    report = build_report(STATUSES, golden, rows)
    found = report["passed"], report["model_version"], report["endpoint"]
    assert found == (False, "3", DEPLOYMENT.endpoint)
    assert [row["file"] for row in report["images"]] == ["a-7.png", "b-1.png", "c.png"]
    message = r"1 of 4 images failed: b-1\.png was predicted as 7, expected 1"
    with pytest.raises(SmokeTestError, match=message):
        assert_passed(report)
    passed = build_report(STATUSES, golden, predict({"c.png": drawing}))
    assert passed["passed"]
    assert_passed(passed)


def test_every_variant_is_rendered(tiny_contents):
    golden = tiny_contents.golden
    rendered = render_variants(golden, mnist_contract())
    assert len(rendered) == len(golden.labels)
    for (name, image), label in zip(rendered.items(), golden.labels, strict=True):
        assert name.endswith(f"-{label}")
        assert isinstance(image, Image.Image)
    assert len({name.split("-", 2)[2][:-2] for name in rendered}) == min(
        len(VARIANTS), len(golden.labels)
    )


class Serves(Always):
    """The endpoint of one cloud, which reports what it serves."""

    def __init__(self, digit, digest, version="3"):
        super().__init__(digit)
        self.live = Deployment("http://127.0.0.1/invocations", "mnist_cnn", version, digest)

    def describe(self):
        return self.live


class Down:
    def describe(self):
        raise EndpointError("http://127.0.0.1:9 does not answer")


def run(**endpoints):
    statuses = check_endpoints(endpoints)
    rows = predict_golden_images(endpoints, {"a-7.png": drawing}, statuses, mnist_contract())
    return build_report(statuses, [], rows)


def test_the_cloud_that_is_down_is_named():
    report = run(azure=Down(), gcp=Serves(7, "ab" * 32))
    assert not report["passed"]
    assert (report["digest"], report["model_version"]) == ("ab" * 32, "3")
    azure, gcp = report["endpoints"]
    assert (azure["cloud"], azure["healthy"], azure["digest"]) == ("azure", False, None)
    assert (gcp["cloud"], gcp["healthy"], gcp["digest"]) == ("gcp", True, "ab" * 32)
    with pytest.raises(SmokeTestError, match=r"^azure failed: .* does not answer$"):
        assert_passed(report)
    with pytest.raises(EndpointError, match=r"azure failed: .*; gcp failed: "):
        run(azure=Down(), gcp=Down())


def test_both_bundles_are_named_where_the_clouds_differ():
    report = run(azure=Serves(7, "aa" * 32, "3"), gcp=Serves(7, "bb" * 32, "5"))
    assert not report["passed"]
    message = f"azure version 3 .digest {'aa' * 32}., gcp version 5 .digest {'bb' * 32}."
    with pytest.raises(SmokeTestError, match=message):
        assert_passed(report)


def test_predictions_of_two_clouds_that_differ_are_named():
    report = run(azure=Serves(7, "aa" * 32), gcp=Serves(1, "aa" * 32))
    (row,) = report["images"]
    assert (row["predicted"], row["error"]) == (7, "the clouds predict differently: azure 7, gcp 1")
    with pytest.raises(SmokeTestError, match="1 of 1 images failed: a-7.png the clouds predict"):
        assert_passed(report)
    alike = run(azure=Serves(7, "aa" * 32), gcp=Serves(7, "aa" * 32))
    assert alike["passed"]
    assert_passed(alike)


COLOURS = Contract((8, 8, 3), "a colour", ("red", "dark red", "green"), "resize")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("green/IMG_1.png", 2),
        ("Green/red.png", 2),
        ("scan-red-4.jpg", 0),
        ("a dark red.png", 1),
        ("red or green.png", 2),
        ("blue.png", None),
    ],
)
def test_the_expected_class_is_that_of_the_folder_or_the_last_of_the_name(name, expected):
    assert find_class(name, COLOURS.classes) == expected


class AnyShape:
    """An endpoint of ten classes that takes any image."""

    def predict(self, images):
        return np.eye(10)[[7]]


def test_golden_images_of_other_contracts_are_sent_as_they_are():
    images = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 3)).astype(np.uint8)
    golden = Golden(images, np.array([1, 2], np.uint8), np.eye(3, dtype=np.float32)[1:])
    rendered = render_variants(golden, COLOURS)
    assert list(rendered) == ["golden-00-unchanged-dark red", "golden-01-unchanged-green"]

    class Named:
        def predict(self, sent):
            (index,) = np.flatnonzero((images == sent).all(axis=(1, 2, 3)))
            return np.eye(3)[[1 + index]]

    loaders = {name: lambda image=image: image for name, image in rendered.items()}
    rows = predict_golden_images({"local": Named()}, loaders, STATUSES, COLOURS)
    assert [row["predicted_class"] for row in rows] == ["dark red", "green"]
    assert build_report(STATUSES, rows, [])["passed"]
    with pytest.raises(EndpointError, match="local returned 10 probabilities .* expected 3"):
        predict_golden_images({"local": AnyShape()}, loaders, STATUSES, COLOURS)

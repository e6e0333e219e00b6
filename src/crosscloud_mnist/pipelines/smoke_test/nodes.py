"""Nodes of ``smoke_test``."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePosixPath

from PIL import Image

from crosscloud_mnist.bundle import Golden, Verifier
from crosscloud_mnist.client import EndpointStatus, predict_timed, survey
from crosscloud_mnist.errors import EndpointError, ImageError, RegistryError
from crosscloud_mnist.pipelines.smoke_test.parameters import SmokeTestParameters
from crosscloud_mnist.pipelines.smoke_test.report import first_deployment
from crosscloud_mnist.ports import Endpoint, Registry
from crosscloud_mnist.preprocessing import to_model_input
from crosscloud_mnist.preprocessing.variants import VARIANTS, render_variant
from crosscloud_mnist.promotion import fetch_verified
from crosscloud_mnist.promotion.smoke_test_report import ImageRow

_ImageLoaders = Mapping[str, Callable[[], Image.Image]]


def check_endpoints(
    endpoints: Mapping[str, Endpoint], _after: object = None
) -> tuple[EndpointStatus, ...]:
    """Return the status of every cloud's endpoint.

    Raises:
        EndpointError: None of them answers.
    """
    statuses = survey(endpoints)
    if not any(status.deployment for status in statuses):
        raise EndpointError(
            "; ".join(f"{status.cloud} is down: {status.error}" for status in statuses)
        )
    return statuses


def fetch_golden_set(
    registry: Registry, verifier: Verifier, statuses: Sequence[EndpointStatus]
) -> Golden:
    """Return the golden set of the bundle that the first live cloud serves, from the registry.

    Raises:
        RegistryError: The registry has no version with that digest.
        VerificationError: The registry's copy is not the one that was signed and recorded.
    """
    deployment = first_deployment(statuses)
    version = registry.find_version(deployment.name, deployment.digest)
    if version is None:
        raise RegistryError(
            f"{deployment.endpoint} serves a bundle of digest {deployment.digest}, expected one of "
            f"a version of {deployment.name} in {registry.workspace()}; run kedro run --pipelines "
            "deploy"
        )
    with tempfile.TemporaryDirectory() as folder:
        return fetch_verified(registry, version, verifier, Path(folder) / "bundle").golden()


def render_variants(golden: Golden) -> dict[str, Image.Image]:
    """Render every golden image in one of the variants that images come in.

    Returns:
        Images by names that end with the digit.
    """
    rendered = {}
    for index, (image, label) in enumerate(zip(golden.images, golden.labels, strict=True)):
        kind = VARIANTS[index % len(VARIANTS)]
        rendered[f"golden-{index:02d}-{kind}-{label}"] = render_variant(image, kind)
    return rendered


def predict_golden_images(
    endpoints: Mapping[str, Endpoint], images: _ImageLoaders, statuses: Sequence[EndpointStatus]
) -> list[ImageRow]:
    """Send the rendered golden images, as ``predict_images`` does."""
    return predict_images(endpoints, images, statuses, SmokeTestParameters(expect="names"))


def predict_images(
    endpoints: Mapping[str, Endpoint],
    images: _ImageLoaders,
    statuses: Sequence[EndpointStatus],
    parameters: SmokeTestParameters,
) -> list[ImageRow]:
    """Send every image to every live cloud, one request each.

    Returns:
        A row for each image, also for one that cannot be read.

    Raises:
        EndpointError: An endpoint rejected an image that follows the contract, or did not answer.
    """
    live = {each.cloud: endpoints[each.cloud] for each in statuses if each.deployment}
    expects = parameters.expect == "names"
    return [
        _predict(live, name, load, _expected_digit(name) if expects else None)
        for name, load in sorted(images.items())
    ]


def _expected_digit(name: str) -> int | None:
    """Return the digit that the image's folder is named by, or the last one of the file's name."""
    path = PurePosixPath(name)
    if re.fullmatch("[0-9]", path.parent.name):
        return int(path.parent.name)
    digits = re.findall("[0-9]", path.stem)
    return int(digits[-1]) if digits else None


def _predict(
    endpoints: Mapping[str, Endpoint],
    name: str,
    load: Callable[[], Image.Image],
    expected: int | None,
) -> ImageRow:
    row: ImageRow = {
        "file": name,
        "expected": expected,
        "predicted": None,
        "probability": None,
        "seconds": None,
        "error": None,
    }
    try:
        image = to_model_input(load())
    except ImageError as error:
        return {**row, "error": str(error)}
    timed = {cloud: predict_timed(each, image[None]) for cloud, each in endpoints.items()}
    digits = {cloud: int(each.probabilities[0].argmax()) for cloud, each in timed.items()}
    first = next(iter(digits))
    predictions = ", ".join(f"{cloud} {digit}" for cloud, digit in digits.items())
    is_unanimous = len(set(digits.values())) == 1
    return {
        **row,
        "predicted": digits[first],
        "probability": float(timed[first].probabilities[0, digits[first]]),
        "seconds": timed[first].seconds,
        "error": None if is_unanimous else f"the clouds predict differently: {predictions}",
    }

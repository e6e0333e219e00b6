"""Nodes of ``smoke_test``."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from crosscloud_mnist.bundle import Golden, Verifier
from crosscloud_mnist.client import EndpointStatus, TimedPrediction, predict_timed, survey
from crosscloud_mnist.contract import Contract
from crosscloud_mnist.errors import EndpointError, ImageError, RegistryError
from crosscloud_mnist.pipelines.smoke_test.parameters import SmokeTestParameters
from crosscloud_mnist.pipelines.smoke_test.report import first_deployment
from crosscloud_mnist.ports import Endpoint, Registry
from crosscloud_mnist.preprocessing.preprocessor import get_preprocessor
from crosscloud_mnist.preprocessing.variants import list_variants, render_variant
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
            "; ".join(f"{status.cloud} failed: {status.error}" for status in statuses)
        )
    return statuses


def fetch_golden_set(
    registry: Registry, verifier: Verifier, statuses: Sequence[EndpointStatus]
) -> tuple[Golden, Contract]:
    """Return golden set and contract of the bundle that the first live cloud serves.

    They are read from the registry.

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
        bundle = fetch_verified(registry, version, verifier, Path(folder) / "bundle")
        return bundle.golden(), bundle.contract()


def render_variants(golden: Golden, contract: Contract) -> dict[str, Image.Image]:
    """Render every golden image in one of the variants that images come in.

    The variants are those of digits. With any other preprocessing the images are sent as they are.

    Returns:
        Images by names that end with the class.
    """
    kinds = list_variants(contract)
    rendered = {}
    for index, (image, label) in enumerate(zip(golden.images, golden.labels, strict=True)):
        kind = kinds[index % len(kinds)]
        name = f"golden-{index:02d}-{kind}-{contract.classes[label]}"
        rendered[name] = render_variant(image, kind)
    return rendered


def predict_golden_images(
    endpoints: Mapping[str, Endpoint],
    images: _ImageLoaders,
    statuses: Sequence[EndpointStatus],
    contract: Contract,
) -> list[ImageRow]:
    """Send the rendered golden images, as ``predict_images`` does."""
    parameters = SmokeTestParameters(expect="names")
    return predict_images(endpoints, images, statuses, contract, parameters)


def predict_images(
    endpoints: Mapping[str, Endpoint],
    images: _ImageLoaders,
    statuses: Sequence[EndpointStatus],
    contract: Contract,
    parameters: SmokeTestParameters,
) -> list[ImageRow]:
    """Send every image to every live cloud, one request each.

    Returns:
        A row for each image, also for one that cannot be read.

    Raises:
        EndpointError: An endpoint rejected an image that follows the contract, or did not answer.
        ConfigurationError: The contract's preprocessing cannot be found.
    """
    live = {each.cloud: endpoints[each.cloud] for each in statuses if each.deployment}
    expects = parameters.expect == "names"
    names = contract.classes if expects else ()
    return [
        _predict(live, name, load, contract, find_class(name, names))
        for name, load in sorted(images.items())
    ]


def find_class(name: str, classes: Sequence[str]) -> int | None:
    """Return the class that a file's folder is named by, or that its own name names last.

    Upper and lower case are the same. Of two names that end at one place, the longer one counts.
    """
    path = PurePosixPath(name.casefold())
    names = [each.casefold() for each in classes]
    if path.parent.name in names:
        return names.index(path.parent.name)
    ends = {
        index: (path.stem.rindex(each) + len(each), len(each))
        for index, each in enumerate(names)
        if each in path.stem
    }
    return max(ends, key=ends.__getitem__) if ends else None


def _predict(
    endpoints: Mapping[str, Endpoint],
    name: str,
    load: Callable[[], Image.Image],
    contract: Contract,
    expected: int | None,
) -> ImageRow:
    classes = contract.classes
    row: ImageRow = {
        "file": name,
        "expected": expected,
        "expected_class": None if expected is None else classes[expected],
        "predicted": None,
        "predicted_class": None,
        "probability": None,
        "unsure": False,
        "seconds": None,
        "error": None,
    }
    try:
        image = get_preprocessor(contract)(load())
    except ImageError as error:
        return {**row, "error": str(error)}
    timed = {
        cloud: _predict_one(cloud, endpoint, image, contract)
        for cloud, endpoint in endpoints.items()
    }
    predictions = {
        cloud: contract.interpret(each.probabilities[0].tolist()) for cloud, each in timed.items()
    }
    first = next(iter(predictions))
    names = ", ".join(f"{cloud} {each.name}" for cloud, each in predictions.items())
    is_unanimous = len({each.index for each in predictions.values()}) == 1
    return {
        **row,
        "predicted": predictions[first].index,
        "predicted_class": predictions[first].name,
        "probability": predictions[first].probability,
        "unsure": predictions[first].is_unsure,
        "seconds": timed[first].seconds,
        "error": None if is_unanimous else f"the clouds predict differently: {names}",
    }


def _predict_one(
    cloud: str, endpoint: Endpoint, image: NDArray[np.uint8], contract: Contract
) -> TimedPrediction:
    """Return the probabilities of one image, and how long the response took.

    Raises:
        EndpointError: The endpoint returned another number of probabilities.
    """
    timed = predict_timed(endpoint, image[None])
    found = timed.probabilities.shape[1]
    if found != contract.class_count:
        raise EndpointError(
            f"the endpoint of {cloud} returned {found} probabilities for an image, expected "
            f"{contract.class_count}; deploy one version to all clouds"
        )
    return timed

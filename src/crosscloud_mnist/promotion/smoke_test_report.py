"""The report of ``smoke_test``, as JSON: ``report`` reads it, too."""

from __future__ import annotations

from typing import TypedDict


class ImageRow(TypedDict):
    """The prediction of one image.

    Attributes:
        file: Its path in the folder.
        expected: The expected class, by its position in the contract, where there is one.
        expected_class: Its name.
        predicted: The class that the first live cloud predicted, by its position.
        predicted_class: Its name.
        probability: Of that class, 0 to 1.
        unsure: It is below the contract's ``min_probability``.
        seconds: How long the first live cloud's response took.
        error: Why the image was not sent, or what the clouds predicted where they differ.
    """

    file: str
    expected: int | None
    expected_class: str | None
    predicted: int | None
    predicted_class: str | None
    probability: float | None
    unsure: bool
    seconds: float | None
    error: str | None


class EndpointRow(TypedDict):
    """The status of one cloud's endpoint.

    Attributes:
        cloud: The cloud's name.
        endpoint: Its URL, where it answers.
        model_version: The version that it serves.
        digest: SHA-256 of the bundle that it serves, hexadecimal.
        healthy: Whether it answers.
        error: Why it does not.
    """

    cloud: str
    endpoint: str | None
    model_version: str | None
    digest: str | None
    healthy: bool
    error: str | None


class SmokeTestReport(TypedDict):
    """What was sent, and whether everything was as expected.

    Attributes:
        endpoint: URL of the first live cloud's endpoint.
        name: The registered model that it serves.
        model_version: The version that it serves.
        digest: SHA-256 of the bundle that it serves, hexadecimal.
        passed: Whether every cloud is live, all serve one bundle, and every image was predicted as
            expected.
        endpoints: A row for each cloud.
        digest_mismatch: Which cloud serves which bundle, where they differ.
        images: A row for each of the user's images.
        golden: A row for each image of the golden set.
    """

    endpoint: str
    name: str
    model_version: str
    digest: str
    passed: bool
    endpoints: list[EndpointRow]
    digest_mismatch: str | None
    images: list[ImageRow]
    golden: list[ImageRow]

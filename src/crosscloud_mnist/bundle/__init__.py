"""The model bundle: the one thing that travels from training to serving."""

from crosscloud_mnist.bundle.layout import (
    CONTRACT,
    CROSS_HOST_TOLERANCE,
    SAME_HOST_TOLERANCE,
    Bundle,
    Golden,
    TestPredictions,
    check_golden,
    digest_of,
    golden_difference,
)
from crosscloud_mnist.bundle.signing import Signer, Verifier
from crosscloud_mnist.bundle.writer import BundleContents, write

__all__ = [
    "CONTRACT",
    "CROSS_HOST_TOLERANCE",
    "SAME_HOST_TOLERANCE",
    "Bundle",
    "BundleContents",
    "Golden",
    "Signer",
    "TestPredictions",
    "Verifier",
    "check_golden",
    "digest_of",
    "golden_difference",
    "write",
]

"""The model bundle: the folder that travels from training to serving."""

from crosscloud_mnist.bundle.contents import (
    BundleContents,
    Examples,
    Golden,
    LabelledPredictions,
    ModelCard,
    TestPredictions,
    TrainingRun,
)
from crosscloud_mnist.bundle.golden import (
    CROSS_HOST_TOLERANCE,
    SAME_HOST_TOLERANCE,
    check_golden,
    golden_difference,
)
from crosscloud_mnist.bundle.layout import Bundle, digest_of
from crosscloud_mnist.bundle.prediction import predict
from crosscloud_mnist.bundle.requirements import pin_requirements
from crosscloud_mnist.bundle.signing import SIGNATURE, Signer, Verifier
from crosscloud_mnist.bundle.writer import write

__all__ = [
    "CROSS_HOST_TOLERANCE",
    "SAME_HOST_TOLERANCE",
    "SIGNATURE",
    "Bundle",
    "BundleContents",
    "Examples",
    "Golden",
    "LabelledPredictions",
    "ModelCard",
    "Signer",
    "TestPredictions",
    "TrainingRun",
    "Verifier",
    "check_golden",
    "digest_of",
    "golden_difference",
    "pin_requirements",
    "predict",
    "write",
]

"""The model bundle: the one thing that travels from training to serving."""

from crosscloud_mnist.bundle.folder import (
    CONTRACT,
    PARITY,
    PARITY_ELSEWHERE,
    Answers,
    Bundle,
    Golden,
    check_golden,
    digest_of,
    golden_difference,
)
from crosscloud_mnist.bundle.signing import Signer, Verifier
from crosscloud_mnist.bundle.writing import Contents, write

__all__ = [
    "CONTRACT",
    "PARITY",
    "PARITY_ELSEWHERE",
    "Answers",
    "Bundle",
    "Contents",
    "Golden",
    "Signer",
    "Verifier",
    "check_golden",
    "digest_of",
    "golden_difference",
    "write",
]

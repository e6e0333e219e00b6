"""The model bundle: the one thing that travels from training to serving."""

from crosscloud_mnist.bundle.folder import (
    CONTRACT,
    Answers,
    Bundle,
    Contents,
    Golden,
    check_golden,
    digest_of,
    write,
)
from crosscloud_mnist.bundle.signing import Signer, Verifier

__all__ = [
    "CONTRACT",
    "Answers",
    "Bundle",
    "Contents",
    "Golden",
    "Signer",
    "Verifier",
    "check_golden",
    "digest_of",
    "write",
]

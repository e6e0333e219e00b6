"""The precision of the computation: bfloat16 is faster only on processors that support it."""

from __future__ import annotations

import logging
import warnings

from crosscloud_mnist.training.config import Precision
from crosscloud_mnist.training.distributed.collectives import gather

_BFLOAT16_FEATURES = {"avx512_bf16", "amx_bf16"}

logger = logging.getLogger(__name__)


def choose_precision(precision: Precision) -> str:
    """Return the Keras dtype policy: for ``auto``, the fastest that every rank has hardware for.

    The ranks agree on it: they must not differ where one of them has an old processor.
    """
    if precision != "auto":
        return precision
    supported = gather(str(_has_bfloat16()))
    return "mixed_bfloat16" if all(each == str(True) for each in supported) else "float32"


def _has_bfloat16() -> bool:
    import tensorflow as tf

    if tf.config.list_physical_devices("GPU"):
        return True
    return not _BFLOAT16_FEATURES.isdisjoint(_processor_features())


def _processor_features() -> set[str]:
    """Return the names of the processor's instruction sets; none where they are not known."""
    try:
        from archspec.cpu import detect
    except ImportError:
        logger.warning(
            "archspec is not installed here, expected it to find the processor's instructions; "
            "training in float32: install crosscloud-mnist[train], or set "
            "train_distributed.settings.precision"
        )
        return set()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns where it finds nothing
        # Not ``host()``: that is the nearest model on a list, which in a virtual machine lacks
        # instructions that are there.
        return set(detect.detected_info().features)

"""What to compute in: bfloat16 pays only where the processor has instructions for it."""

from __future__ import annotations

from pathlib import Path

from crosscloud_mnist.training.distributed.collectives import gather

_CPU_FLAGS = ("avx512_bf16", "amx_bf16")


def choose_precision(asked: str) -> str:
    """Return the Keras dtype policy: the one asked for, or for ``auto`` the one that suits all.

    The ranks agree on it, so that one old processor among them does not make the ranks differ.
    """
    if asked != "auto":
        return asked
    everywhere = all(answer == "yes" for answer in gather("yes" if _has_bfloat16() else "no"))
    return "mixed_bfloat16" if everywhere else "float32"


def _has_bfloat16() -> bool:
    import tensorflow as tf

    if tf.config.list_physical_devices("GPU"):
        return True
    processors = Path("/proc/cpuinfo")
    return processors.is_file() and any(
        flag in processors.read_text().split() for flag in _CPU_FLAGS
    )

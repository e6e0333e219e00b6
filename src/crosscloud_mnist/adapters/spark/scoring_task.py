"""What an executor does with a batch of images: it reads, answers and keeps the reasons."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from crosscloud_mnist.errors import ImageError
from crosscloud_mnist.preprocessing import open_image, to_model_input

if TYPE_CHECKING:
    import pyarrow as pa
    from onnxruntime import InferenceSession

SCHEMA = (
    "file string, modification_time timestamp, length long, digest string, predicted int, "
    "probability float, probabilities array<float>, error string"
)


def score(batches: Iterator[pa.RecordBatch], onnx: bytes) -> Iterator[pa.RecordBatch]:
    """Answer images, for ``mapInArrow``.

    Args:
        batches: ``path``, ``modificationTime``, ``length`` and ``content``, as Spark's
            ``binaryFile`` has them.
        onnx: The graph of a verified bundle.

    Returns:
        Batches of ``SCHEMA``. An image that cannot be read is a row with its reason in ``error``.
    """
    import pyarrow as pa

    columns = pa.schema(
        [
            ("digest", pa.string()),
            ("predicted", pa.int32()),
            ("probability", pa.float32()),
            ("probabilities", pa.list_(pa.float32())),
            ("error", pa.string()),
        ]
    )
    for batch in batches:
        rows = [answer(content, onnx) for content in batch["content"].to_pylist()]
        answers = pa.RecordBatch.from_pylist(rows, schema=columns)
        yield pa.RecordBatch.from_arrays(
            [batch["path"], batch["modificationTime"], batch["length"], *answers.columns],
            names=["file", "modification_time", "length", *answers.schema.names],
        )


def answer(content: bytes, onnx: bytes) -> dict[str, Any]:
    """Answer one image file.

    Returns:
        ``digest`` (SHA-256 of the file), and ``predicted``, ``probability`` and ``probabilities``,
        or ``error``.
    """
    digest = hashlib.sha256(content).hexdigest()
    try:
        image: NDArray[np.uint8] = to_model_input(open_image(content))
    except ImageError as error:
        return {"digest": digest, "error": str(error)}
    except Exception as error:  # noqa: BLE001  one odd file must not fail the ten thousand others
        return {"digest": digest, "error": f"cannot be read ({type(error).__name__}: {error})"}
    (probabilities,) = _session(onnx).run(["probabilities"], {"images": image[None]})[0]
    predicted = int(probabilities.argmax())
    return {
        "digest": digest,
        "predicted": predicted,
        "probability": float(probabilities[predicted]),
        "probabilities": probabilities.tolist(),
    }


@lru_cache(maxsize=1)  # a Python worker answers many batches
def _session(onnx: bytes) -> InferenceSession:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # every core has a task of its own
    return onnxruntime.InferenceSession(onnx, options, providers=["CPUExecutionProvider"])

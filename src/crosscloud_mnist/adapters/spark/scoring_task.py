"""What one executor task of batch scoring does: read a batch of images and score each."""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from crosscloud_mnist.contract import Contract
from crosscloud_mnist.errors import ConfigurationError, ImageError
from crosscloud_mnist.preprocessing import open_image
from crosscloud_mnist.preprocessing.formats import MAX_FILE_BYTES
from crosscloud_mnist.preprocessing.preprocessor import get_preprocessor

if TYPE_CHECKING:
    import pyarrow as pa
    from onnxruntime import InferenceSession

SCHEMA = (
    "file string, modification_time timestamp, length long, digest string, predicted int, "
    "predicted_class string, probability float, probabilities array<float>, error string"
)


class Score(TypedDict, total=False):
    """The model's part of a row; ``error`` stands for the values of a prediction.

    Attributes:
        digest: SHA-256 of the file, hexadecimal; of one that is too long, of what was read.
        predicted: The class, by its position in the contract.
        predicted_class: Its name.
        probability: Its probability, 0 to 1.
        probabilities: Those of all classes, [classes].
        error: Why the image has no prediction.
    """

    digest: str
    predicted: int
    predicted_class: str
    probability: float
    probabilities: list[float]
    error: str


def score_batches(
    batches: Iterator[pa.RecordBatch], onnx: bytes, contract: Contract
) -> Iterator[pa.RecordBatch]:
    """Score images, for ``mapInArrow``.

    Args:
        batches: ``path``, ``modificationTime`` and ``length`` of files, which are opened here; or
            also ``content``, as Spark's ``binaryFile`` has them.
        onnx: The graph of a verified bundle.
        contract: Its contract.

    Yields:
        Batches of ``SCHEMA``. An image that cannot be read is a row with its reason in ``error``.
    """
    import pyarrow as pa

    schema = pa.schema(
        [
            ("digest", pa.string()),
            ("predicted", pa.int32()),
            ("predicted_class", pa.string()),
            ("probability", pa.float32()),
            ("probabilities", pa.list_(pa.float32())),
            ("error", pa.string()),
        ]
    )
    for batch in batches:
        if "content" in batch.schema.names:
            contents = batch["content"].to_pylist()
            rows = [score_image(content, onnx, contract) for content in contents]
        else:
            rows = [score_file(path, onnx, contract) for path in batch["path"].to_pylist()]
        scores = pa.RecordBatch.from_pylist(rows, schema=schema)
        yield pa.RecordBatch.from_arrays(
            [batch["path"], batch["modificationTime"], batch["length"], *scores.columns],
            names=["file", "modification_time", "length", *scores.schema.names],
        )


def score_file(path: str, onnx: bytes, contract: Contract) -> Score:
    """Score one image file.

    Args:
        path: As ``ImageFolder`` lists it, with ``file:`` before it.
        onnx: The graph of a verified bundle.
        contract: Its contract.
    """
    try:
        content = _read(Path(path.removeprefix("file:")))
    except OSError as error:
        return {"error": f"cannot be read ({error.strerror}); check the file, and run again"}
    except ImageError as error:
        return {"error": str(error)}
    return score_image(content, onnx, contract)


def score_image(content: bytes | None, onnx: bytes, contract: Contract) -> Score:
    """Score the content of one image file.

    Raises:
        ConfigurationError: The contract's preprocessing cannot be found.
    """
    if content is None:
        return {"error": "has no content in the table; write the table again"}
    digest = hashlib.sha256(content).hexdigest()
    preprocess = get_preprocessor(contract)
    try:
        image = preprocess(open_image(content))
    except ConfigurationError:
        raise
    except ImageError as error:
        return {"digest": digest, "error": str(error)}
    except Exception as error:  # noqa: BLE001  one odd file must not fail the thousands of others
        return {"digest": digest, "error": f"cannot be read ({type(error).__name__}: {error})"}
    (probabilities,) = open_session(onnx).run(["probabilities"], {"images": image[None]})[0]
    predicted = int(probabilities.argmax())
    return {
        "digest": digest,
        "predicted": predicted,
        "predicted_class": contract.classes[predicted],
        "probability": float(probabilities[predicted]),
        "probabilities": probabilities.tolist(),
    }


def _read(path: Path) -> bytes:
    """Return a file's content, bounded: ``open_image`` rejects one that is longer.

    Raises:
        ImageError: It is a folder, a pipe or the like, of which reading may never end.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise ImageError("is not a regular file; replace it with an image")
    with path.open("rb") as file:
        return file.read(MAX_FILE_BYTES + 1)


@lru_cache(maxsize=1)  # a Python worker scores many batches
def open_session(onnx: bytes) -> InferenceSession:
    """Return a session of the graph of a verified bundle."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # every core has a task of its own
    return onnxruntime.InferenceSession(onnx, options, providers=["CPUExecutionProvider"])

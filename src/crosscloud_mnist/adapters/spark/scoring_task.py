"""What one executor task of batch scoring does: read a batch of images and score each."""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

import numpy as np
from numpy.typing import NDArray

from crosscloud_mnist.contract import INPUT, OUTPUT, Contract
from crosscloud_mnist.errors import ConfigurationError, ImageError
from crosscloud_mnist.preprocessing import open_image
from crosscloud_mnist.preprocessing.formats import MAX_FILE_BYTES
from crosscloud_mnist.preprocessing.preprocessor import get_preprocessor

if TYPE_CHECKING:
    import pyarrow as pa
    from onnxruntime import InferenceSession

_MAX_BATCH = 256  # images that the model takes at once: bounds its memory
SCHEMA = (
    "file string, modification_time timestamp, length long, digest string, predicted int, "
    "predicted_class string, probability float, unsure boolean, probabilities array<float>, "
    "error string"
)


class Score(TypedDict, total=False):
    """The model's part of a row; ``error`` stands for the values of a prediction.

    Attributes:
        digest: SHA-256 of the file, hexadecimal; of one that is too long, of what was read.
        predicted: The class, by its position in the contract.
        predicted_class: Its name.
        probability: Its probability, 0 to 1.
        unsure: It is below the contract's ``min_probability``.
        probabilities: Those of all classes, [classes].
        error: Why the image has no prediction.
    """

    digest: str
    predicted: int
    predicted_class: str
    probability: float
    unsure: bool
    probabilities: list[float]
    error: str


@dataclass(frozen=True)
class PreparedImage:
    """An image before the model sees it.

    Attributes:
        score: What is known of it so far: its digest, and the reason if it is rejected.
        model_input: uint8, of the contract's shape; None if it is rejected.
    """

    score: Score
    model_input: NDArray[np.uint8] | None = None


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
            ("unsure", pa.bool_()),
            ("probabilities", pa.list_(pa.float32())),
            ("error", pa.string()),
        ]
    )
    for batch in batches:
        if "content" in batch.schema.names:
            contents = batch["content"].to_pylist()
            prepared = [prepare_image(content, contract) for content in contents]
        else:
            prepared = [prepare_file(path, contract) for path in batch["path"].to_pylist()]
        scores = pa.RecordBatch.from_pylist(predict(prepared, onnx, contract), schema=schema)
        yield pa.RecordBatch.from_arrays(
            [batch["path"], batch["modificationTime"], batch["length"], *scores.columns],
            names=["file", "modification_time", "length", *scores.schema.names],
        )


def prepare_file(path: str, contract: Contract) -> PreparedImage:
    """Read one image file and turn it into the model's input.

    Args:
        path: As ``ImageFolder`` lists it, with ``file:`` before it.
        contract: Of the model.
    """
    try:
        content = _read(Path(path.removeprefix("file:")))
    except OSError as error:
        reason = f"cannot be read ({error.strerror}); check the file, and run again"
        return PreparedImage({"error": reason})
    except ImageError as error:
        return PreparedImage({"error": str(error)})
    return prepare_image(content, contract)


def prepare_image(content: bytes | None, contract: Contract) -> PreparedImage:
    """Turn the content of one image file into the model's input.

    Raises:
        ConfigurationError: The contract's preprocessing cannot be found.
    """
    if content is None:
        return PreparedImage({"error": "has no content in the table; write the table again"})
    digest = hashlib.sha256(content).hexdigest()
    preprocess = get_preprocessor(contract)
    try:
        return PreparedImage({"digest": digest}, preprocess(open_image(content)))
    except ConfigurationError:
        raise
    except ImageError as error:
        reason = str(error)
    except Exception as error:  # noqa: BLE001  one odd file must not fail the thousands of others
        reason = f"cannot be read ({type(error).__name__}: {error})"
    return PreparedImage({"digest": digest, "error": reason})


def predict(prepared: Sequence[PreparedImage], onnx: bytes, contract: Contract) -> list[Score]:
    """Return the rows of prepared images; the model takes up to ``_MAX_BATCH`` at a time."""
    inputs = [each.model_input for each in prepared if each.model_input is not None]
    predictions = (
        row
        for start in range(0, len(inputs), _MAX_BATCH)
        for row in open_session(onnx).run(
            [OUTPUT], {INPUT: np.stack(inputs[start : start + _MAX_BATCH])}
        )[0]
    )
    return [
        each.score
        if each.model_input is None
        else {**each.score, **_describe(next(predictions).tolist(), contract)}
        for each in prepared
    ]


def _describe(probabilities: list[float], contract: Contract) -> Score:
    prediction = contract.interpret(probabilities)
    return {
        "predicted": prediction.index,
        "predicted_class": prediction.name,
        "probability": prediction.probability,
        "unsure": prediction.is_unsure,
        "probabilities": probabilities,
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

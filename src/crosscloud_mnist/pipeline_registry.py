"""The names that ``kedro run --pipeline`` knows."""

from kedro.pipeline import Pipeline

from crosscloud_mnist.pipelines import ingest_mnist


def register_pipelines() -> dict[str, Pipeline]:
    """Return every pipeline under its name."""
    ingest = ingest_mnist.create_pipeline()
    return {"__default__": ingest, "ingest_mnist": ingest}

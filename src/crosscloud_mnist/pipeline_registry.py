"""The names that ``kedro run --pipeline`` knows."""

from kedro.pipeline import Pipeline

from crosscloud_mnist.pipelines import (
    deploy,
    ingest_mnist,
    register_remote,
    smoke_test,
    train_distributed,
)


def register_pipelines() -> dict[str, Pipeline]:
    """Return every pipeline under its name.

    The default is ``train``, so that a bare ``kedro run --env gcp`` never deploys anything.
    """
    ingest = ingest_mnist.create_pipeline()
    distributed = train_distributed.create_pipeline()
    train = ingest + distributed
    return {
        "__default__": train,
        "train": train,
        "ingest_mnist": ingest,
        "train_distributed": distributed,
        "register_remote": register_remote.create_pipeline(),
        "deploy": deploy.create_pipeline(),
        "smoke_test": smoke_test.create_pipeline(),
        "release": register_remote.create_pipeline()
        + deploy.create_pipeline(after="registered_model")
        + smoke_test.create_pipeline(),
    }

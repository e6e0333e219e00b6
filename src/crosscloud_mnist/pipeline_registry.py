"""The names that ``kedro run --pipelines`` knows."""

from kedro.pipeline import Pipeline

from crosscloud_mnist.pipelines import (
    batch_score,
    deploy,
    history,
    ingest_mnist,
    ingest_on_spark,
    monitor,
    register_remote,
    rollback,
    smoke_test,
    train_distributed,
)


def register_pipelines() -> dict[str, Pipeline]:
    """Return every pipeline under its name; the default one never touches production.

    Every node has the tag of its stage. Those that write to the production workspace, or change
    what is served, also have the tag ``production``.
    """
    ingest = Pipeline(ingest_mnist.create_pipeline(), tags="ingest")
    training = Pipeline(train_distributed.create_pipeline(), tags="train")
    register = Pipeline(register_remote.create_pipeline(), tags="register")
    train = ingest + training
    return {
        "__default__": train,
        "ingest_mnist": ingest,
        "ingest_on_spark": Pipeline(ingest_on_spark.create_pipeline(), tags="ingest"),
        "train_distributed": training,
        "train": train,
        "register_remote": register,
        "deploy": _deploy(),
        "smoke_test": _smoke_test(),
        "batch_score": Pipeline(batch_score.create_pipeline(), tags="batch"),
        "monitor": Pipeline(monitor.create_pipeline(), tags="monitor"),
        "history": _history(),
        "rollback": Pipeline(rollback.create_pipeline(), tags="rollback")
        + _deploy(expected="rollback_result")
        + _history(after="deployment"),
        "release": register
        + _deploy(expected="registered_model")
        + _smoke_test(after="deployment"),
    }


def _deploy(expected: str | None = None) -> Pipeline:
    return Pipeline(deploy.create_pipeline(expected), tags="deploy")


def _smoke_test(after: str | None = None) -> Pipeline:
    return Pipeline(smoke_test.create_pipeline(after), tags="smoke_test")


def _history(after: str | None = None) -> Pipeline:
    return Pipeline(history.create_pipeline(after), tags="history")

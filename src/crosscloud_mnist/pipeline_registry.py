"""The names that ``kedro run --pipelines`` knows."""

from kedro.pipeline import Pipeline

from crosscloud_mnist.pipelines import (
    batch_score,
    deploy,
    doctor,
    history,
    ingest_mnist,
    ingest_on_spark,
    monitor,
    register_remote,
    report,
    rollback,
    smoke_test,
    train_distributed,
)


def register_pipelines() -> dict[str, Pipeline]:
    """Return every pipeline under its name; the default one never touches production.

    Every node has the tag of its stage. Those that write to the production workspace, or change
    what is served, also have the tag ``production``.
    """
    ingest = ingest_mnist.create_pipeline()
    training = train_distributed.create_pipeline()
    register = register_remote.create_pipeline()
    train = ingest + training
    return {
        "__default__": train,
        "ingest_mnist": ingest,
        "ingest_on_spark": ingest_on_spark.create_pipeline(),
        "train_distributed": training,
        "train": train,
        "register_remote": register,
        "deploy": deploy.create_pipeline(),
        "smoke_test": smoke_test.create_pipeline(),
        "batch_score": batch_score.create_pipeline(),
        "monitor": monitor.create_pipeline(),
        "history": history.create_pipeline(),
        "report": report.create_pipeline(),
        "doctor": doctor.create_pipeline(),
        "rollback": rollback.create_pipeline()
        + deploy.create_pipeline(expected="rollback_result")
        + history.create_pipeline(after="deployment"),
        "release": register
        + deploy.create_pipeline(expected="registered_model")
        + smoke_test.create_pipeline(after="deployment")
        + report.create_pipeline(),
    }

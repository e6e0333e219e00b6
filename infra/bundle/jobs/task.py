"""One task: a pipeline of the installed wheel, on a cluster of the policy."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

from databricks.bundles.core import Variable
from databricks.bundles.jobs import (
    ClusterSpec,
    DataSecurityMode,
    Job,
    JobCluster,
    JobEmailNotifications,
    JobParameterDefinition,
    JobRunAs,
    Library,
    PythonPyPiLibrary,
    PythonWheelTask,
    QueueSettings,
    Task,
    TaskDependency,
)

WHEEL = "../../dist/*.whl"
_CLUSTER = "cluster"
# The runtimes have mlflow-skinny alone. Without a version, pip installs the newest mlflow, which
# replaces the runtime's mlflow-skinny.
_MLFLOW = Library(pypi=PythonPyPiLibrary(package="mlflow==${var.mlflow_version}"))
_PYPROJECT = Path(__file__).parents[3] / "pyproject.toml"


def variable(name: str) -> Variable[str]:
    """Return a reference to a string variable of the bundle."""
    return Variable(path=f"var.{name}", type=str)


def kedro_task(
    pipeline: str,
    environment: str,
    *,
    params: Mapping[str, str] | None = None,
    after: Sequence[str] = (),
    retries: int = 0,
    timeout_seconds: int,
    extras: Sequence[str] = ("databricks",),
) -> Task:
    """Return a task that runs a pipeline.

    Args:
        pipeline: Its name.
        environment: The Kedro environment.
        params: Runtime parameters, such as ``{"images": "..."}``.
        after: Keys of the tasks that come first.
        retries: How often it runs again; 0 where a second run is not idempotent.
        timeout_seconds: After which it is ended.
        extras: Of the wheel, whose packages are installed with it.
    """
    given = ",".join(f"{name}={value}" for name, value in (params or {}).items())
    return Task(
        task_key=pipeline,
        job_cluster_key=_CLUSTER,
        depends_on=[TaskDependency(task_key=key) for key in after],
        python_wheel_task=PythonWheelTask(
            package_name="crosscloud_mnist",
            entry_point="crosscloud-mnist",
            parameters=[
                *("--pipelines", pipeline, "--env", environment),
                *("--conf-source", "${workspace.file_path}/conf"),
                *(("--params", given) if given else ()),
            ],
        ),
        libraries=[_MLFLOW, Library(whl=WHEEL), *_extra_libraries(extras)],
        max_retries=retries,
        min_retry_interval_millis=60_000,
        timeout_seconds=timeout_seconds,
    )


def _extra_libraries(extras: Sequence[str]) -> list[Library]:
    """Return the packages of the wheel's extras: a library that is a wheel has no extras."""
    project = tomllib.loads(_PYPROJECT.read_text(encoding="utf-8"))["project"]
    return [
        Library(pypi=PythonPyPiLibrary(package=requirement))
        for extra in extras
        for requirement in project["optional-dependencies"][extra]
    ]


def kedro_job(
    name: str,
    tasks: Sequence[Task],
    cluster: ClusterSpec,
    *,
    parameters: Mapping[str, str] | None = None,
    environment: str,
) -> Job:
    """Return a job: one run at a time, others wait, and people hear of a failure."""
    return Job(
        name=f"crosscloud-mnist {name} ({environment})",
        tasks=list(tasks),
        job_clusters=[JobCluster(job_cluster_key=_CLUSTER, new_cluster=cluster)],
        parameters=[
            JobParameterDefinition(name=key, default=value)
            for key, value in (parameters or {}).items()
        ],
        run_as=JobRunAs(service_principal_name=variable("run_as")),
        max_concurrent_runs=1,
        queue=QueueSettings(enabled=True),
        email_notifications=JobEmailNotifications(on_failure=[variable("notify")]),
        tags={"project": "crosscloud-mnist", "environment": environment},
    )


def cluster(
    node_type: str, *, workers: Variable[int] | None = None, gpu: bool = False, trains: bool = False
) -> ClusterSpec:
    """Return a Dedicated cluster of fixed size; RDDs and barrier stages need that.

    Args:
        node_type: Name of the variable with the node type.
        workers: How many; ``None`` is a single node.
        gpu: Whether it has the GPU runtime.
        trains: Whether it holds the key that signs bundles.
    """
    keys = {"MNIST_VERIFYING_KEY": variable("verifying_key")}
    if trains:
        keys["MNIST_SIGNING_KEY"] = variable("signing_key")
    return ClusterSpec(
        spark_version=variable("spark_version_gpu" if gpu else "spark_version"),
        node_type_id=variable(node_type),
        num_workers=workers,
        is_single_node=None if workers else True,
        data_security_mode=DataSecurityMode.DATA_SECURITY_MODE_DEDICATED,
        policy_id=variable("policy_id"),
        spark_conf={
            "spark.dynamicAllocation.enabled": "false",
            "spark.python.worker.reuse": "false",  # TensorFlow sets up collectives once a process
        },
        spark_env_vars={**keys, "GIT_COMMIT": "${bundle.git.commit}"},
        custom_tags={"project": "crosscloud-mnist"},
    )

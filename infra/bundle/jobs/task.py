"""One task: a pipeline of the installed wheel, on a cluster of the policy."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

from databricks.bundles.core import Variable
from databricks.bundles.jobs import (
    ClusterSpec,
    CronSchedule,
    DataSecurityMode,
    Job,
    JobCluster,
    JobEmailNotifications,
    JobParameterDefinition,
    JobPermission,
    JobPermissionLevel,
    JobRunAs,
    Library,
    PauseStatus,
    PythonPyPiLibrary,
    PythonWheelTask,
    QueueSettings,
    Task,
    TaskDependency,
)

WHEEL = "../../dist/*.whl"
# TensorFlow sets up its collectives once in a process, and barrier stages are refused with dynamic
# allocation (SPARK-24942).
SPARK_CONF = {
    "spark.dynamicAllocation.enabled": "false",
    "spark.python.worker.reuse": "false",
}
# A cluster without workers: https://docs.databricks.com/aws/en/compute/configure, and
# bundle/config/validate/single_node_cluster.go of the CLI. The field is_single_node would also set
# them, but only where kind is CLASSIC_PREVIEW, which policies do not know.
_SINGLE_NODE_CONF = {
    "spark.databricks.cluster.profile": "singleNode",
    "spark.master": "local[*]",
}
_SINGLE_NODE_TAGS = {"ResourceClass": "SingleNode"}
_CLUSTER = "cluster"
HALF_HOUR = 1800  # seconds
_TAGS = {"project": "crosscloud-mnist"}
# The runtimes have mlflow-skinny alone. Without a version, pip installs the newest mlflow, which
# replaces the runtime's mlflow-skinny.
_MLFLOW = Library(pypi=PythonPyPiLibrary(package="mlflow==${var.mlflow_version}"))
_PYPROJECT = Path(__file__).parents[3] / "pyproject.toml"


def variable(name: str) -> Variable[str]:
    """Return a reference to a string variable of the bundle."""
    return Variable(path=f"var.{name}", type=str)


def schedule(quartz_cron_expression: str) -> CronSchedule:
    """Return a schedule that runs where the target says that schedules do."""
    return CronSchedule(
        quartz_cron_expression=quartz_cron_expression,
        timezone_id="America/Sao_Paulo",
        pause_status=Variable(path="var.schedules", type=PauseStatus),
    )


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
        params: Runtime parameters, such as ``{"images": "..."}``; a value may hold commas.
        after: Keys of the tasks that come first.
        retries: How often it runs again; 0 where a second run is not idempotent.
        timeout_seconds: After which it is ended.
        extras: Of the wheel, whose packages are installed with it.
    """
    given = ",".join(f'{name}="{value}"' for name, value in (params or {}).items())
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
    """Return a job: one run at a time, others wait, operators may start it and hear of failures."""
    return Job(
        name=f"crosscloud-mnist {name} ({environment})",
        tasks=list(tasks),
        job_clusters=[JobCluster(job_cluster_key=_CLUSTER, new_cluster=cluster)],
        parameters=[
            JobParameterDefinition(name=key, default=value)
            for key, value in (parameters or {}).items()
        ],
        run_as=JobRunAs(service_principal_name=variable("run_as")),
        permissions=[
            JobPermission(level=JobPermissionLevel.CAN_MANAGE_RUN, group_name=variable("operators"))
        ],
        max_concurrent_runs=1,
        queue=QueueSettings(enabled=True),
        email_notifications=JobEmailNotifications(on_failure=[variable("notify")]),
        tags={**_TAGS, "environment": environment},
    )


def doctor_job(
    cluster: ClusterSpec, environment: str, *, extras: Sequence[str] = ("databricks",)
) -> Job:
    """Return the job that checks, on the cluster of the others, what they rely on."""
    task = kedro_task("doctor", environment, timeout_seconds=HALF_HOUR, extras=extras)
    return kedro_job("doctor", [task], cluster, environment=environment)


def cluster(
    node_type: str, *, workers: Variable[int] | None = None, gpu: bool = False, trains: bool = False
) -> ClusterSpec:
    """Return a Dedicated cluster of fixed size; RDDs and barrier stages need that.

    ``SINGLE_USER`` is the name of Dedicated that policies know; the user is who the job runs as.

    Args:
        node_type: Name of the variable with the node type.
        workers: How many; ``None`` is a single node.
        gpu: Whether it has the GPU runtime.
        trains: Whether it holds the key that signs bundles.
    """
    keys = {"MNIST_VERIFYING_KEY": variable("verifying_key")}
    if trains:
        keys["MNIST_SIGNING_KEY"] = variable("signing_key")
    is_single_node = workers is None
    return ClusterSpec(
        spark_version=variable("spark_version_gpu" if gpu else "spark_version"),
        node_type_id=variable(node_type),
        num_workers=0 if workers is None else workers,
        data_security_mode=DataSecurityMode.SINGLE_USER,
        policy_id=variable("policy_id"),
        spark_conf={**SPARK_CONF, **(_SINGLE_NODE_CONF if is_single_node else {})},
        spark_env_vars={
            **keys,
            "GIT_COMMIT": "${bundle.git.commit}",
            "MNIST_STORAGE": variable("storage"),
            "MNIST_APPROVAL_TAG": variable("approval_tag"),
            "MNIST_SOURCE": variable("source"),
            "MNIST_SCRATCH_MODEL": variable("scratch_model"),
        },
        custom_tags={**_TAGS, **(_SINGLE_NODE_TAGS if is_single_node else {})},
    )

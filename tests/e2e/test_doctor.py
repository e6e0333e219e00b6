"""``kedro run --pipelines doctor``: green where all is well, and a table where nothing is set."""

from __future__ import annotations

from crosscloud_mnist.bundle.keys import create_key_pair

UNSET = {"DATABRICKS_HOST": "", "DATABRICKS_TOKEN": "", "MNIST_VERIFYING_KEY": ""}


def read_report(project):
    report = project.report("08_reporting/doctor.json")
    return report, {f"{row['area']}: {row['name']}": row["status"] for row in report["checks"]}


def test_base_needs_nothing(project):
    output = project.run("doctor")
    report, statuses = read_report(project)
    assert (report["passed"], report["failed"]) == (True, 0)
    assert statuses["compute: libraries of the executors"] == "passed"
    assert f"{len(statuses)} checked, 0 failed" in output


def test_where_nothing_is_set_each_missing_thing_is_a_row_and_the_last_line_counts_them(project):
    unset = {**UNSET, "MNIST_STORAGE": str(project.data), "MNIST_SPARK_MASTER": "local[2]"}
    ended = project.kedro("run", "--pipelines", "doctor", "--env", "azure", **unset)
    report, statuses = read_report(project)
    assert ended.returncode == 1
    assert statuses["environment: MNIST_VERIFYING_KEY"] == "failed"
    assert statuses["environment: verifying key"] == "waiting"
    assert statuses["this workspace: credentials"] == "failed"
    assert statuses["storage: driver"] == "passed"
    output = ended.stdout + ended.stderr
    assert "Traceback" not in output
    assert f"Error: {report['failed']} of {len(statuses)} checks failed (" in output


def test_with_one_thing_missing_one_check_fails(project, clouds, tmp_path):
    create_key_pair(tmp_path / "signing.pem", tmp_path / "signing.pub")
    variables = {
        **clouds["azure"].variables(),
        "MNIST_SIGNING_KEY": str(tmp_path / "signing.pem"),
        "MNIST_VERIFYING_KEY": str(tmp_path / "signing.pub"),
        "MNIST_STORAGE": str(project.data),
        "MNIST_SPARK_MASTER": "local[2]",
        "MNIST_SOURCE": "databricks",
        "MNIST_TARGET": "databricks-uc",
    }
    ended = project.kedro("run", "--pipelines", "doctor", "--env", "azure", **variables)
    report, statuses = read_report(project)
    failed = [row for row in report["checks"] if row["status"] == "failed"]
    assert [row["name"] for row in failed] == ["data set"], failed  # this copy reaches no mirror
    assert statuses["this workspace: alias"] == "passed"
    assert "Error: 1 of" in ended.stdout + ended.stderr

"""An inference log as files of JSON lines: the newest requests first, and one line for the rest."""

from __future__ import annotations

import json

import pytest

from crosscloud_mnist.datasets.inference_log import InferenceLogDataset
from crosscloud_mnist.errors import DataError

ROW = {
    "databricks_request_id": "a",
    "request_time": "2026-01-02T03:04:05Z",
    "status_code": 200,
    "request": "{}",
    "response": "{}",
    "served_entity_id": "mnist_cnn-1",
}


def load(tmp_path, *rows, **arguments):
    lines = [
        row if isinstance(row, str) else json.dumps(ROW | {"databricks_request_id": str(i)} | row)
        for i, row in enumerate(rows)
    ]
    (tmp_path / "log.jsonl").write_text("".join(f"{line}\n" for line in lines))
    return InferenceLogDataset(source=str(tmp_path), **arguments).load()


def test_the_newest_request_is_first_whatever_its_time_zone(tmp_path):
    log = load(
        tmp_path,
        {"request_time": "2026-01-02T03:30:00+02:00", "request": "first"},
        {"request_time": "2026-01-02T02:00:00Z", "request": "second"},
        {"request_time": "2026-01-02T03:00:00", "request": "third, in UTC"},
        {"request_time": "2026-01-02T00:30:00-03:00", "request": "fourth"},
    )
    order = ["fourth", "third, in UTC", "second", "first"]
    assert log["request"].tolist() == order
    again = load(tmp_path, {"request": "old"}, {"request_time": "2027-01-01T00:00:00Z"}, {})
    assert again["request"].tolist() == ["{}", "old", "{}"]


def test_only_the_newest_requests_are_loaded(tmp_path):
    rows = [{"request_time": f"2026-01-02T03:04:{second:02d}Z"} for second in range(60)]
    assert len(load(tmp_path, *rows, max_requests=7)) == 7


def test_a_request_that_was_delivered_twice_is_loaded_once(tmp_path):
    twice = {"databricks_request_id": "b", "request": "twice"}
    log = load(tmp_path, {"request_time": "2027-01-01T00:00:00Z"}, twice, twice)
    assert log["request"].tolist() == ["{}", "twice"]


TABLE = "data_masters.deploy.mnist_cnn_payload"


@pytest.mark.parametrize("workspace", ["databricks-uc://to_gcp:deploy", "databricks://a:b"])
def test_the_table_of_another_workspace_is_refused_by_name(workspace):
    dataset = InferenceLogDataset(source=TABLE, endpoint_table=TABLE, workspace=workspace)
    with pytest.raises(Exception, match="Failed while loading") as caught:
        dataset.load()
    message = str(caught.value.__cause__)
    assert isinstance(caught.value.__cause__, DataError)
    assert message.startswith(f"the inference table {TABLE} is in the workspace of {workspace}")
    assert "\n" not in message


@pytest.mark.parametrize(
    ("row", "found"),
    [
        ({"request_time": 1767323045}, r"Expected `datetime`, got `int` - at `\$\.request_time`"),
        ({"request_time": "yesterday"}, "Invalid RFC3339"),
        ({"status_code": 10**400}, "Expected `int` <= 599"),
        ({"status_code": "200"}, r"Expected `int`, got `str` - at `\$\.status_code`"),
        ({"served_entity_id": ["a"]}, r"at `\$\.served_entity_id`"),
        ({"request": {"instances": []}}, r"Expected `str \| null`, got `object`"),
        ('{"more": ' + "[" * 200_000 + "]" * 200_000 + "}", "recursion"),
        ('{"status_code": 200}', "missing required field `request_time`"),
        ("[]", "Expected `object`"),
        ("text", "malformed"),
    ],
)
def test_a_line_that_is_not_valid_is_named_with_what_is_wrong(tmp_path, row, found):
    with pytest.raises(Exception, match=found) as caught:
        load(tmp_path, {}, row)
    assert isinstance(caught.value.__cause__, DataError)
    message = str(caught.value.__cause__)
    assert "log.jsonl is not an inference log: line 2 is not valid" in message
    assert "\n" not in message

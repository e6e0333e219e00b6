"""The table of ``docs/sizing.md`` follows from the benchmark."""

from __future__ import annotations

import json
import re
from pathlib import Path

PROJECT = Path(__file__).parents[3]
OVERHEAD_MILLISECONDS = 50


def test_the_table_of_sizes_follows_from_the_measured_milliseconds_of_a_request():
    results = json.loads((PROJECT / "benchmarks" / "results" / "serving.json").read_text())
    load = results["details"]["load"]
    milliseconds = [
        load[f"mlflow_onnx {images} 1"]["p99"] + OVERHEAD_MILLISECONDS for images in (1, 32)
    ]
    rows = re.findall(
        r"^\| up to ([\d,]+) \| up to ([\d,]+) \| `(\w+)` \| (\d+) \|$",
        (PROJECT / "docs" / "sizing.md").read_text(),
        flags=re.MULTILINE,
    )
    assert [row[2:] for row in rows] == [("Small", "4"), ("Medium", "16"), ("Large", "64")]
    for *documented, _, concurrency in rows:
        for each, measured in zip(documented, milliseconds, strict=True):
            possible = int(concurrency) / measured * 1000
            assert 0.6 * possible < int(each.replace(",", "")) < possible

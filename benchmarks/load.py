"""Load with wrk (https://github.com/wg/wrk): throughput and latency."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

_SCRIPT = """
wrk.method = "POST"
local file = io.open("{body}", "rb"); wrk.body = file:read("*a"); file:close()
{headers}
done = function(summary, latency, requests)
  local bad = summary.errors.status + summary.errors.connect + summary.errors.read
    + summary.errors.write + summary.errors.timeout
  io.write(string.format("RESULT %d %d %d %d %d %d\\n", summary.requests, summary.duration, bad,
    latency:percentile(50), latency:percentile(99), latency:percentile(99.9)))
end
"""


def load(
    url: str, body: Path, headers: dict[str, str], *, clients: int, seconds: float
) -> dict[str, float]:
    """Send the body repeatedly over ``clients`` connections.

    Returns:
        ``per_second``, ``p50``, ``p99`` and ``p999`` (milliseconds), ``failed``.
    """
    wrk = shutil.which("wrk")
    if wrk is None:
        raise SystemExit("wrk was not found; install it (Debian: apt-get install wrk)")
    lines = "\n".join(f'wrk.headers["{name}"] = "{value}"' for name, value in headers.items())
    script = body.with_suffix(".lua")
    script.write_text(_SCRIPT.replace("{body}", str(body)).replace("{headers}", lines))
    options = ["--threads", "1", "--connections", str(clients), "--duration", f"{seconds:.0f}s"]
    options += ["--timeout", "30s", "--script", str(script)]
    completed = subprocess.run([wrk, *options, url], capture_output=True, text=True, check=True)
    result = re.search(r"RESULT (\d+) (\d+) (\d+) (\d+) (\d+) (\d+)", completed.stdout)
    if result is None:
        raise SystemExit(f"wrk printed no result for {url}: {completed.stdout} {completed.stderr}")
    requests, duration, failed, p50, p99, p999 = (float(value) for value in result.groups())
    return {
        "per_second": requests / (duration / 1e6),
        "p50": p50 / 1e3,
        "p99": p99 / 1e3,
        "p999": p999 / 1e3,
        "failed": failed,
    }

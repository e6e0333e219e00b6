"""``make sbom``: the lock as a CycloneDX bill of materials, with the licence of each distribution.

    python -m supply_chain.sbom build/sbom.json

https://cyclonedx.org/docs/1.6/json/
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from supply_chain.licenses import Policy

_PROJECT = Path(__file__).parents[1]


def main() -> int:
    """Write the bill; return 1 where a licence is not allowed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output", type=Path)
    output: Path = parser.parse_args().output
    bill = create_bill(_PROJECT / "requirements.lock")
    rejected = add_licenses(bill, Policy.load())
    sys.stderr.writelines(f"{line}\n" for line in rejected)
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(bill, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    sys.stdout.write(f"{output}: {len(bill['components'])} distributions\n")
    return 1 if rejected else 0


def create_bill(lock: Path) -> dict[str, Any]:
    """Return the bill of a lock: names, versions and hashes, as CycloneDX JSON."""
    command = [
        *(
            sys.executable,
            "-W",
            "ignore::UserWarning",
            "-m",
            "cyclonedx_py",
            "requirements",
            str(lock),
        ),
        *("--pyproject", str(_PROJECT / "pyproject.toml"), "--output-reproducible", "--of", "JSON"),
        "--no-validate",  # a check of cyclonedx-py itself, which takes most of the time
    ]
    result = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    bill: dict[str, Any] = json.loads(result.stdout)
    return bill


def add_licenses(bill: dict[str, Any], policy: Policy) -> list[str]:
    """Add its licence to each component.

    Args:
        bill: Changed in place.
        policy: What is allowed.

    Returns:
        A line for each distribution whose licence is unknown or not allowed.
    """
    rejected = []
    for component in bill["components"]:
        name = component["name"]
        expression = policy.find_license(name)
        if expression:
            component["licenses"] = [{"expression": expression}]
        if not policy.is_allowed(name, expression):
            rejected.append(
                f"found {name} {component['version']} with {expression or 'an unknown licence'}, "
                "expected one that supply_chain/licenses.toml allows; review it there"
            )
    return rejected


if __name__ == "__main__":
    sys.exit(main())

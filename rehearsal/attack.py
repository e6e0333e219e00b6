"""``make attack``: the attacks of ``attacks`` on a real endpoint process, on loopback.

During each attack, honest clients send one image a request, and the memory of all processes of the
endpoint is sampled. An attack is withstood where its own check holds, at least 99 % of the honest
requests are answered correctly, and the memory stays below 400 MB.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from crosscloud_mnist.bundle import Bundle, Signer, TestPredictions, write
from crosscloud_mnist.serving.settings import TOKEN_VARIABLE
from rehearsal.attacks import ATTACKS, Attack, Target
from rehearsal.attacks.honest_load import HonestLoad
from rehearsal.dense_bundle import dense_contents
from rehearsal.drill import NAME, cloud_endpoint
from rehearsal.process_memory import sample_memory

MAX_MEGABYTES = 400
MIN_ANSWERED_PERCENT = 99.0
_SAMPLE_SECONDS = 0.05
_TOKEN = "a-token-of-the-attack"  # noqa: S105  of this run only


def run_attack(attack: Attack, target: Target, bundle: Bundle, scale: float) -> bool:
    """Run one attack, print its row, and return whether the endpoint withstood it."""
    golden = bundle.golden()
    load = HonestLoad(target, {"instances": golden.images[:1].tolist()}, golden.expected[:1])
    memory = sample_memory(target.supervisor, seconds=_SAMPLE_SECONDS)
    with memory as samples_bytes, load.running():
        started = time.monotonic()
        time.sleep(0.3)
        outcome = attack.run(target, scale)
        time.sleep(0.5)
        seconds = time.monotonic() - started
    peak = max(samples_bytes) / 2**20
    is_withstood = (
        outcome.has_held and load.answered_percent >= MIN_ANSWERED_PERCENT and peak < MAX_MEGABYTES
    )
    requests = load.answered + len(load.failures)
    print(
        f"{'held' if is_withstood else 'FAILED':6}  {attack.title:48}  {seconds:5.1f} s  "
        f"{load.answered_percent:6.2f} % of {requests:4}  {peak:4.0f} MB  {outcome.observed}",
        flush=True,
    )
    for failure in sorted(set(load.failures))[:3]:
        print(f"        an honest request got: {failure}")
    return is_withstood


def build_bundle(folder: Path) -> Bundle:
    """Write a bundle that needs no training."""
    images = np.random.default_rng(0).integers(0, 256, (8, 28, 28)).astype(np.uint8)
    labels = np.arange(8, dtype=np.uint8)
    contents = dense_contents(
        images,
        TestPredictions("0" * 64, labels, labels),
        {
            "dataset": "random",
            "dataset_digest": "0" * 64,
            "source": "generated",
            "git_commit": "0" * 40,
            "lock_digest": "0" * 64,
            "metrics": {"test_accuracy": 0.0, "test_loss": 0.0, "test_images": 8},
        },
    )
    signer = Signer(str(folder / "key.pem"), str(folder / "key.pub"), generate=True)
    return write(contents, folder / "bundle", signer)


def main() -> int:
    """Run all attacks and print a table."""
    parser = argparse.ArgumentParser(prog="rehearsal.attack", description=__doc__)
    parser.add_argument("--bundle", type=Path, help="a bundle to serve; by default a small one")
    parser.add_argument("--short", action="store_true", help="fewer connections and bytes")
    parser.add_argument("--only", default="", help="attacks whose title holds this text")
    arguments = parser.parse_args()
    _, hard_limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard_limit, 8192), hard_limit))
    os.environ[TOKEN_VARIABLE] = _TOKEN
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bundle = Bundle(arguments.bundle, "") if arguments.bundle else build_bundle(folder)
        with cloud_endpoint("attacked", folder) as endpoint:
            endpoint.deploy(bundle.folder, "1")
            target = Target(endpoint.url.partition("/serving")[0], _TOKEN, endpoint.supervisor())
            attacks = [attack for attack in ATTACKS if arguments.only in attack.title]
            results = [
                run_attack(attack, target, bundle, 0.2 if arguments.short else 1.0)
                for attack in attacks
            ]
    print(f"{sum(results)} of {len(results)} attacks were withstood by {NAME}")
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())

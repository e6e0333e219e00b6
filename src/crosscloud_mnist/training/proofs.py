"""What every rank did, exchanged over Spark's barrier and checked by the driver."""

from __future__ import annotations

import json
from dataclasses import asdict

from crosscloud_mnist.errors import TrainingError
from crosscloud_mnist.training.barrier import gather
from crosscloud_mnist.training.choice import is_over
from crosscloud_mnist.training.plan import Outcome, Plan, Proof


def exchange(proof: Proof) -> tuple[Proof, ...]:
    """Return every rank's proof, in rank order; this one alone outside a barrier task.

    The runner hands back rank 0's value only, so the ranks tell each other before they end.
    """
    told = [json.loads(message) for message in gather(json.dumps(asdict(proof)))]
    proofs = [Proof(**{**each, "shards": tuple(each["shards"])}) for each in told]
    return tuple(sorted(proofs, key=lambda each: each.rank))


def verify_proofs(outcome: Outcome, plan: Plan) -> None:
    """Refuse a result that the ranks do not agree on.

    Raises:
        TrainingError: The ranks' weights differ, a shard was read twice or by none, there are not
            as many epochs as the plan wants, or the pictures do not add up to them.
    """
    proofs = outcome.proofs
    if len({proof.weights_sha256 for proof in proofs}) != 1:
        hashes = ", ".join(f"rank {p.rank} {p.weights_sha256[:12]}" for p in proofs)
        raise TrainingError(
            f"the ranks ended with different weights ({hashes}), expected equal ones; the model "
            "is discarded: run again, and check that all workers have the same versions"
        )
    read = sorted(shard for proof in proofs for shard in proof.shards)
    if read != list(range(len(plan.train))):
        raise TrainingError(
            f"the ranks read the shards {read}, expected each of {len(plan.train)} once; the "
            "model is discarded: run again"
        )
    if not is_over(plan, outcome.history):
        raise TrainingError(
            f"training ended after {len(outcome.history)} of {plan.epochs} epochs, expected "
            "it to go on; the model is discarded: run again"
        )
    seen = sum(proof.images for proof in proofs)
    expected = len(outcome.history) * plan.steps_per_epoch * plan.batch
    if seen != expected:
        raise TrainingError(
            f"the ranks saw {seen} training pictures, expected {expected}; the model is "
            "discarded: run again"
        )

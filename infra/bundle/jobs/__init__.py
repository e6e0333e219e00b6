"""The jobs of the bundle: https://docs.databricks.com/aws/en/dev-tools/bundles/python."""

from __future__ import annotations

from databricks.bundles.core import Bundle, Resources

from jobs import production, training


def load_resources(bundle: Bundle) -> Resources:
    """Return the jobs of the selected target, whose name is also the Kedro environment."""
    resources = Resources()
    for name, job in {**training.jobs(bundle.target), **production.jobs(bundle.target)}.items():
        resources.add_job(name, job)
    return resources

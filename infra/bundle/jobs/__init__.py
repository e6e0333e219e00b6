"""The jobs of the bundle: https://docs.databricks.com/aws/en/dev-tools/bundles/python."""

from __future__ import annotations

from databricks.bundles.core import Bundle, Resources

from jobs import production, training

_TRAINS = "azure"  # the target that trains; the others release and serve


def load_resources(bundle: Bundle) -> Resources:
    """Return the jobs of the selected target, whose name is also the Kedro environment."""
    module = training if bundle.target == _TRAINS else production
    resources = Resources()
    for name, job in module.jobs(bundle.target).items():
        resources.add_job(name, job)
    return resources

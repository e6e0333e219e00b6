"""What a Model Serving endpoint serves, and the settings with which each version is served.

``PUT config`` replaces every served entity: a setting that is not sent again is lost
(https://docs.databricks.com/api/workspace/servingendpoints/updateconfig).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING

from crosscloud_mnist.ports import served_entity_name

if TYPE_CHECKING:
    from databricks.sdk.service.serving import ServedEntityInput, ServedEntityOutput

    from crosscloud_mnist.adapters.databricks.endpoint_settings import EndpointSettings

_DEFAULT_SIZE = "Small"


@dataclass(frozen=True)
class ServedVersion:
    """A version that an endpoint serves.

    Attributes:
        name: The registered model.
        version: Its version.
        entity_name: The name of the served entity, which routes and responses carry. Two that
            differ in it alone are equal.
    """

    name: str
    version: str
    entity_name: str = field(compare=False)

    @classmethod
    def new(cls, name: str, version: str) -> ServedVersion:
        """Return a version that is not served yet, under the name that it will have."""
        return cls(name, version, served_entity_name(name, version))


Split = Mapping[ServedVersion, int]  # each version's percent of the traffic


def largest_share(split: Split) -> ServedVersion:
    """Return the version with most of the traffic."""
    return max(split, key=lambda served: split[served])


def keep_entity(entity: ServedEntityOutput) -> ServedEntityInput:
    """Return the request that serves an entity as it is served, with every setting of it.

    The service takes a size or a concurrency, not both, and may report both: then the concurrency
    is the one that was chosen.
    """
    from databricks.sdk.service.serving import ServedEntityInput

    settings = {each.name: getattr(entity, each.name) for each in fields(ServedEntityInput)}
    if entity.max_provisioned_concurrency is not None:
        settings["workload_size"] = None
    return ServedEntityInput(**settings)


def new_entity(
    served: ServedVersion, settings: EndpointSettings, previous: ServedEntityInput | None
) -> ServedEntityInput:
    """Return the request that serves a new version.

    Args:
        served: The version.
        settings: The settings of conf; those that are ``None`` are the previous version's.
        previous: The version that it replaces; ``None`` where it is the first.
    """
    from databricks.sdk.service.serving import ServedEntityInput

    entity = replace(
        previous or ServedEntityInput(workload_size=_DEFAULT_SIZE, scale_to_zero_enabled=False),
        name=served.entity_name,
        entity_name=served.name,
        entity_version=served.version,
    )
    if settings.workload_size is not None:
        entity.workload_size = settings.workload_size
        entity.min_provisioned_concurrency = entity.max_provisioned_concurrency = None
    if settings.scale_to_zero is not None:
        entity.scale_to_zero_enabled = settings.scale_to_zero
    return entity

"""The settings of a Model Serving endpoint, as conf holds them in ``endpoint``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Annotated

from annotated_types import Ge, Gt, Lt
from pydantic import ConfigDict, StringConstraints, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from crosscloud_mnist.errors import ConfigurationError

_Name = Annotated[str, StringConstraints(pattern=r"^[\w-]+$")]  # one level of Unity Catalog
_PAYLOAD_SUFFIX = "_payload"


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class InferenceTableSettings:
    """The table to which AI Gateway writes the endpoint's requests and responses.

    https://docs.databricks.com/aws/en/ai-gateway/inference-tables-serving-endpoints

    Attributes:
        catalog: A catalog of the workspace that serves; not one that Delta Sharing mounts.
        schema: An existing schema of it.
        prefix: The table's name without ``_payload``.
        enabled: Whether requests are logged.
    """

    catalog: _Name
    schema: _Name
    prefix: _Name
    enabled: bool = True

    @property
    def table(self) -> str:
        """The table's name of three levels."""
        return f"{self.catalog}.{self.schema}.{self.prefix}{_PAYLOAD_SUFFIX}"


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class EndpointSettings:
    """The settings of one endpoint.

    A size, or scaling to zero, that is ``None`` is kept as it is served; a new endpoint is
    ``Small`` and never scaled to zero.

    Attributes:
        name: The endpoint's name.
        workload_size: ``Small``, ``Medium``, ``Large``, or a size of the workspace's own.
        scale_to_zero: Whether it may stop when there are no requests. The first request after that
            waits for its start; the documentation advises against it in production.
        inference_table: The table of its requests; ``None`` leaves it as it is.
        canary_percent: The share of the traffic that a new version gets until it is verified.
        update_minutes: How long an update may take; the service builds a container.
        cold_start_seconds: How long a request waits for an endpoint that starts.
        retry_seconds: How long changes are repeated that the service rejects with 429: it takes
            50 of them in 5 minutes.
        build_log: A file for the log of a build that fails.
    """

    name: _Name
    workload_size: str | None = None
    scale_to_zero: bool | None = None
    inference_table: InferenceTableSettings | None = None
    canary_percent: Annotated[int, Gt(0), Lt(100)] = 10
    update_minutes: Annotated[float, Gt(0)] = 45
    cold_start_seconds: Annotated[float, Ge(0)] = 300
    retry_seconds: Annotated[int, Gt(0)] = 360
    build_log: Path | None = None


def parse_settings(options: Mapping[str, object]) -> EndpointSettings:
    """Check the options of an endpoint.

    Raises:
        ConfigurationError: An option is missing, unknown, or of the wrong type or range.
    """
    try:
        return TypeAdapter(EndpointSettings).validate_python(dict(options))
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, each['loc']))}: {each['msg'][0].lower()}{each['msg'][1:]}"
            for each in error.errors()
        )
        names = ", ".join(each.name for each in fields(EndpointSettings))
        raise ConfigurationError(
            f"the endpoint's settings are not valid ({problems}), expected workspace, {names}; "
            "correct endpoint in the globals, which an environment replaces as a whole"
        ) from error

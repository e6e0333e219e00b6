"""What the pipelines share: bundles are opened only once verified, aliases move once recorded."""

from crosscloud_mnist.promotion.alias import (
    AliasTarget,
    find_champion,
    record_and_move,
    resolve_alias,
)
from crosscloud_mnist.promotion.production import ProductionModel
from crosscloud_mnist.promotion.verify import fetch_verified, name_version, verify_bundle

__all__ = [
    "AliasTarget",
    "ProductionModel",
    "fetch_verified",
    "find_champion",
    "name_version",
    "record_and_move",
    "resolve_alias",
    "verify_bundle",
]

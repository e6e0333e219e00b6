"""What pipelines share: a version is opened only once verified, an alias moves once recorded."""

from crosscloud_mnist.promotion.alias import record_and_move, resolve_alias
from crosscloud_mnist.promotion.production import ProductionModel
from crosscloud_mnist.promotion.verify import fetch_verified, verify_bundle

__all__ = ["ProductionModel", "fetch_verified", "record_and_move", "resolve_alias", "verify_bundle"]

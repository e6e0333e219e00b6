"""Tags that a promotion sets on a version, besides its lineage."""

VERIFIED = "verified"  # the digest of the copy, once the workspace's copy was verified
GATE_RESULTS = "gates"  # every gate with its figure, as JSON
REJECTED = "rejected"  # why a gate rejected the version
MAX_TAG_LENGTH = 1000  # characters of a value: Unity Catalog's limit

"""Tags that a promotion sets on a version, besides its lineage."""

VERIFIED = "verified"  # the digest of the copy, once the workspace's copy was verified
GATE_RESULTS = "gates"  # every gate with its figure, as JSON
REPORT = "report"  # the address of the run that holds the report of its release
REJECTED = "rejected"  # why a gate rejected the version
# Characters of a value. https://docs.databricks.com/aws/en/database-objects/tags: 1000 for a value,
# 255 for a key, which holds none of . , - = / :
MAX_TAG_LENGTH = 1000


def shorten(value: str) -> str:
    """Return the value as every registry accepts it: not too long, no blank at either end."""
    return value.strip()[:MAX_TAG_LENGTH].rstrip()

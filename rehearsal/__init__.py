"""Two Databricks workspaces on loopback, to rehearse the cross-cloud flow without a cloud account.

Each is a thin gateway in front of an MLflow server of its own. It answers what the unchanged MLflow
client and databricks-sdk ask, and refuses what the real service would refuse. It is no part of the
wheel. ``python -m rehearsal`` (``make rehearse``) runs the whole flow through it.
"""

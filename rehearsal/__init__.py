"""Two Databricks workspaces on loopback, to rehearse the cross-cloud flow without a cloud account.

Each is a gateway in front of its own MLflow server. It handles the requests of the unchanged MLflow
client and databricks-sdk, and rejects what the real service would reject. The package is not in
the wheel. ``python -m rehearsal`` (``make rehearse``) runs the whole flow against the two.
"""

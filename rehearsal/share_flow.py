"""The share as a user types it: the provider's champion, promoted with the recipient's token."""

from __future__ import annotations

from rehearsal.flow import Flow, FlowError
from rehearsal.share_model import share_model

_MODEL = "data_masters.deploy.mnist_cnn"
_SHARE = "mnist"


def promote_shared(flow: Flow, provider: str, recipient: str) -> str:
    """Share the provider's model, and promote its champion at the recipient.

    Args:
        flow: The flow; both workspaces have served a model.
        provider: The cloud that shares.
        recipient: The cloud that mounts the share and promotes.

    Returns:
        What was shown, in a sentence.

    Raises:
        FlowError: A command failed, or the recipient's run reached the provider's host.
    """
    workspaces, catalog = flow.workspaces, f"data_masters_{provider}"
    share_model(workspaces[provider], workspaces[recipient], _MODEL, _SHARE, catalog)
    before = len(workspaces[provider].requests())
    flow.kedro(
        "register_remote",
        recipient,
        params=f"register_remote.model=models:/{catalog}.{_MODEL.partition('.')[2]}@champion",
        MNIST_SOURCE="databricks-uc",
        MNIST_TARGET="databricks-uc",
    )
    if requests := workspaces[provider].requests()[before:]:
        raise FlowError(
            f"promoting from the share sent {len(requests)} requests to {provider}, expected none"
        )
    return f"{recipient} promoted from a share of {provider}, which got no request"

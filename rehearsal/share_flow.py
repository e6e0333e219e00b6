"""The share as a job runs it: the provider's champion, promoted with the recipient's token."""

from __future__ import annotations

from collections.abc import Iterator

from rehearsal.evidence import Row
from rehearsal.flow import Flow
from rehearsal.share_model import share_model
from rehearsal.state import find_champions

_MODEL = "data_masters.deploy.mnist_cnn"
_SHARE = "mnist"


def promote_shared(flow: Flow, provider: str, recipient: str) -> Iterator[Row]:
    """Share the provider's model, and promote its champion at the recipient.

    Args:
        flow: The flow; the provider has registered a model.
        provider: The cloud that shares.
        recipient: The cloud that mounts the share and promotes.

    Yields:
        What was shown.

    Raises:
        FlowError: The promotion failed.
    """
    workspaces, catalog = flow.workspaces, f"data_masters_{provider}"
    share_model(workspaces[provider], workspaces[recipient], _MODEL, _SHARE, catalog)
    before = len(workspaces[provider].requests())
    model = f"models:/{catalog}.{_MODEL.partition('.')[2]}"
    flow.kedro(
        "register_remote",
        recipient,
        params=f"register_remote.model={model}@champion",
        MNIST_SOURCE="databricks-uc",
        MNIST_TARGET="databricks-uc",
    )
    requests = workspaces[provider].requests()[before:]
    champions = find_champions(workspaces[recipient])
    sources = [tags.get("source_model", "") for tags in champions.values()]
    yield Row(
        f"{recipient} promoted a model that {provider} shares, without its credentials",
        f"version {', '.join(champions)} of {', '.join(sources)}; {len(requests)} requests to "
        f"{provider}",
        not requests and len(sources) == 1 and sources[0].startswith(f"{model}/"),
    )

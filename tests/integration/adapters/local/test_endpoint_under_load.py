"""Zero downtime: plain clients, which never retry, while versions come, fail and go."""

from __future__ import annotations

import json
import shutil
import threading
from collections import Counter
from dataclasses import replace

import httpx
import numpy as np
import pytest

from crosscloud_mnist.adapters.local import stop
from crosscloud_mnist.bundle import digest_of, write
from crosscloud_mnist.errors import EndpointError
from crosscloud_mnist.ports import ModelVersion
from tests.integration.adapters.local.local_endpoint import NAME


class Load:
    """Clients that call in a loop: on a new connection each time, or on one that is kept."""

    def __init__(self, url: str, body: dict, *, kept: int, new: int) -> None:
        self.answers: Counter[str] = Counter()
        self._url, self._body, self._over = url, body, threading.Event()
        kinds = [True] * kept + [False] * new
        self._threads = [threading.Thread(target=self._call, args=(keep,)) for keep in kinds]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _call(self, keep: bool) -> None:
        options = {"max_keepalive_connections": 1 if keep else 0}
        with httpx.Client(limits=httpx.Limits(**options), timeout=30) as client:
            while not self._over.is_set():
                try:
                    answer = client.post(self._url, json=self._body)
                    self.answers[str(answer.status_code)] += 1
                except httpx.HTTPError as error:
                    self.answers[type(error).__name__] += 1


@pytest.fixture
def endpoint(create):
    return create(workers=2)


def test_no_call_fails_while_a_version_is_swapped_in_and_a_bad_one_is_refused(
    endpoint, folder, tiny_bundle, tiny_contents, signer, tmp_path
):
    first = ModelVersion(NAME, "1", tiny_bundle.digest)
    url = endpoint.deploy(first, tiny_bundle.folder).endpoint
    other = write(replace(tiny_contents, keras=b"another"), tmp_path / "other", signer)
    bad = shutil.copytree(other.folder, tmp_path / "bad")
    golden = other.golden()
    np.savez(
        bad / "artifacts" / "golden.npz",
        images=golden.images,
        labels=(golden.labels + 1) % 10,
        expected=golden.expected,
    )
    with Load(url, {"instances": golden.images[:1].tolist()}, kept=3, new=3) as load:
        assert endpoint.deploy(ModelVersion(NAME, "2", other.digest), other.folder)
        with pytest.raises(EndpointError, match="predicts 8 of 8 golden images wrong.*2 stays"):
            endpoint.deploy(ModelVersion(NAME, "3", digest_of(bad)), bad)
        assert endpoint.describe().model_version == "2"
        assert endpoint.deploy(first, tiny_bundle.folder).model_version == "1"
    assert set(load.answers) == {"200"}
    assert load.answers["200"] > 100
    stop(folder)
    logged = (folder / "endpoint.log").read_text().splitlines()
    lines = [json.loads(line) for line in logged if line.startswith("{")]
    served = Counter(line["model_version"] for line in lines if line["method"] == "POST")
    assert set(served) == {"1", "2"}
    assert sum(served.values()) == load.answers["200"]


def test_other_settings_want_a_new_start(create, endpoint, tiny_bundle):
    version = ModelVersion(NAME, "1", tiny_bundle.digest)
    endpoint.deploy(version, tiny_bundle.folder)
    another = create(port=endpoint._settings.port, workers=1)
    with pytest.raises(EndpointError, match="with workers 2, expected workers 1; run make stop"):
        another.deploy(version, tiny_bundle.folder)

"""Any body: no 5xx, no malformed body accepted, no well-formed one rejected or misread.

The suite runs some hundred cases, ``make fuzz`` tens of thousands. Python's own JSON parser and
plain loops decide what is well-formed: nothing of the server's decoder.
"""

from __future__ import annotations

import json
import os
from typing import Any

import httpx
import numpy as np
import onnxruntime
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytestmark = pytest.mark.process

CASES = int(os.environ.get("FUZZ_CASES", "400"))
ROUTES = (
    "/invocations",
    "/serving-endpoints/mnist_cnn/invocations",
    "/v1/models/mnist_cnn:predict",
)
SECRET = "7f3a9c"  # no response may contain it
IMAGE = (np.arange(784).reshape(28, 28) % 256).tolist()
TEXT = json.dumps(IMAGE)
ONES = json.dumps((np.array(IMAGE) % 2).tolist())

pixels = st.one_of(
    st.sampled_from(
        [
            *("0", "255", "7.0", "2.55e2", "-0", "-0.0", "0.0", "1E1", "25500e-2"),
            *("0.5", "1.9", "0.00392156862745098", "254.9999999", "256", "-1", "1e9", "1e400"),
            *("-1e400", "1e-400", "9" * 400, "NaN", "Infinity", "-Infinity", "nan", "null"),
            *("true", "false", '"7"', '""', "[]", "{}", "[7]", "[7, 7]", "[[7]]", "07", "+7"),
            *("0x7", "7.", ".7", "1_0", "7,", ",7", "", " ", "\t7\n", "/*7*/", "'7'", "\uff17"),
            f'"{SECRET}"',
            f'{{"{SECRET}": 1}}',
        ]
    ),
    st.integers(-300, 600).map(str),
    st.integers().map(str),
    st.floats().map(repr),
    st.floats(0, 255).map(repr),
    st.text(max_size=8),
    st.text(max_size=8).map(json.dumps),
)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["instances", "inputs", SECRET, ""]), inner, max_size=3)
    ),
    max_leaves=12,
)


KINDS = ("as-is", "ones", *("pixel",) * 3, "row", "rows", "channel", "mixed", "nest", "any")


@st.composite
def images(draw: st.DrawFn) -> str:
    """A list of images as JSON, most often with something wrong in it."""
    count = draw(st.sampled_from([1, 1, 1, 2, 3, 9]))
    texts = [TEXT] * count
    at = draw(st.integers(0, count - 1))
    kind = draw(st.sampled_from(KINDS))
    if kind == "pixel":
        place = draw(st.integers(0, 783))
        numbers = [str(value) for row in IMAGE for value in row]
        numbers[place] = draw(pixels)
        rows = [", ".join(numbers[start : start + 28]) for start in range(0, 784, 28)]
        texts[at] = "[" + ", ".join(f"[{row}]" for row in rows) + "]"
    elif kind == "row":
        width = draw(st.integers(0, 60))
        texts[at] = json.dumps([*IMAGE[:27], list(range(width))])
    elif kind == "rows":
        texts[at] = json.dumps((IMAGE * 2)[: draw(st.integers(0, 56))])
    elif kind in ("channel", "mixed"):
        depth = draw(st.sampled_from([1, 1, 0, 2, 3]))
        deep = json.dumps([[[value] * depth for value in row] for row in IMAGE])
        texts = [deep] * count if kind == "channel" else [*texts, deep]
    elif kind == "nest":
        depth = draw(st.sampled_from([1, 2, 5, 600, 50_000]))
        texts[at] = "[" * depth + TEXT + "]" * depth
    elif kind == "any":
        texts[at] = json.dumps(draw(anything))
    elif kind == "ones":
        texts[at] = ONES
    return "[" + ",".join(texts) + "]"


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """A request's body, most often with something wrong in it."""
    key = draw(st.sampled_from(["instances"] * 5 + ["inputs"] * 4 + ["Instances", SECRET]))
    form = draw(st.sampled_from(["list"] * 4 + ["named"]))
    if form == "list":
        text = f'{{"{key}": {draw(images())}}}'
    elif key == "instances":
        text = f'{{"{key}": [{{"images": {draw(st.sampled_from([TEXT, "7", "[]", ONES]))}}}]}}'
    else:
        text = f'{{"{key}": {{"images": {draw(images())}}}}}'
    kind = draw(st.sampled_from(["as-is"] * 8 + ["more", "both", "bare", "any", "cut", "bytes"]))
    if kind == "more":
        name = draw(st.sampled_from(["signature_name", "client_request_id", "params", SECRET]))
        text = f"{text[:-1]}, {json.dumps(name)}: {json.dumps(draw(anything))}}}"
    elif kind == "both":
        other = "inputs" if key == "instances" else "instances"
        text = f'{text[:-1]}, "{other}": {draw(images())}}}'
    elif kind == "bare":
        text = draw(images())
    elif kind == "any":
        text = json.dumps(draw(anything))
    body = text.encode("utf-8", "surrogatepass")
    if kind == "cut":
        body = body[: draw(st.integers(0, len(body)))]
    elif kind == "bytes":
        at = draw(st.integers(0, len(body)))
        body = body[:at] + draw(st.binary(min_size=1, max_size=4)) + body[at + 1 :]
    return body


def well_formed(body: bytes) -> np.ndarray | None:
    """Return the images, or ``None`` where the body is not as the contract says."""
    try:
        request = json.loads(body.decode("utf-8"), parse_constant=lambda _: "not a number")
    except (ValueError, RecursionError):
        return None
    rows = _rows(request) if isinstance(request, dict) else None
    if not isinstance(rows, list) or not 1 <= len(rows) <= 1024:
        return None
    if not any(all(_is(one, shape) for one in rows) for shape in ((28, 28), (28, 28, 1))):
        return None
    images = np.array(rows, dtype=np.uint8).reshape(-1, 28, 28)
    return None if any(image.max() == 1 for image in images) else images


def _rows(request: dict[str, Any]) -> Any:
    """Return what stands for the images, if the rest of the request is valid."""
    if request.pop("signature_name", "serving_default") != "serving_default":
        return None
    if not isinstance(request.pop("client_request_id", ""), str) or len(request) != 1:
        return None
    ((key, rows),) = request.items()
    if key == "instances" and isinstance(rows, list) and rows:
        named = [isinstance(row, dict) and list(row) == ["images"] for row in rows]
        return [row["images"] for row in rows] if all(named) else rows
    if key == "inputs" and isinstance(rows, dict) and list(rows) == ["images"]:
        return rows["images"]
    return rows if key in ("instances", "inputs") else None


def _is(value: Any, shape: tuple[int, ...]) -> bool:
    if not shape:
        number = type(value) in (int, float)
        return number and 0 <= value <= 255 and float(value).is_integer()
    whole = isinstance(value, list) and len(value) == shape[0]
    return whole and all(_is(inner, shape[1:]) for inner in value)


@pytest.fixture(scope="module")
def client(server):
    with httpx.Client(base_url=server.address, timeout=30) as client:
        yield client


@pytest.fixture(scope="module")
def session(tiny_bundle):
    return onnxruntime.InferenceSession(tiny_bundle.onnx)


@given(body=bodies(), route=st.sampled_from(ROUTES))
@settings(
    max_examples=CASES,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
def test_images_are_answered_and_everything_else_is_rejected(client, session, body, route):
    response = client.post(route, content=body, headers={"content-type": "application/json"})
    images = well_formed(body)
    if images is None:
        assert response.status_code == 400, response.text
        error = response.json()
        message = error["error"] if route.startswith("/v1") else error["message"]
        assert "\n" not in message
        assert len(message) < 250
        assert SECRET not in message
    else:
        assert response.status_code == 200, response.text
        (expected,) = session.run(["probabilities"], {"images": images})
        np.testing.assert_allclose(response.json()["predictions"], expected, atol=1e-6)


OTHER_METHODS = ("OPTIONS", "TRACE", "QUERY")
token = st.text("abcdefghijklmnopqrstuvwxyz-/%:.~!0123456789", max_size=20)


@given(
    method=st.sampled_from([*("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH"), *OTHER_METHODS]),
    path=st.sampled_from(
        [*ROUTES, *("/image", "/health", "/version", "/metrics", "/openapi.json", "/", "/page/")]
    )
    | st.builds("".join, st.tuples(st.sampled_from([*ROUTES, "/page/", "/", "/v1/"]), token)),
    headers=st.dictionaries(
        st.sampled_from(
            [*("content-type", "accept", "authorization", "content-encoding", "x", "range")]
        ),
        st.sampled_from(
            [
                *("application/json", "application/json; charset=utf-16", "text/csv", "image/png"),
                *("multipart/form-data; boundary=x", "gzip", "Bearer x", "bytes=0-1", "é", ""),
            ]
        ),
        max_size=3,
    ),
    body=st.binary(max_size=200) | st.sampled_from([b"", b"{}", b"\x89PNG\r\n\x1a\n", b"GIF89a"]),
)
@settings(max_examples=max(100, CASES // 10), deadline=None, database=None)
def test_no_request_gets_a_5xx(client, method, path, headers, body):
    encoded = {key: value.encode("latin-1") for key, value in headers.items()}
    url = httpx.URL(client.base_url, raw_path=path.encode())
    response = client.request(method, url, headers=encoded, content=body)
    assert response.status_code < 500, response.text
    if response.status_code >= 400 and method != "HEAD":
        assert "\n" not in response.text

"""The endpoint's own description: https://spec.openapis.org/oas/v3.1.0.

The schemas of what is taken are made from the very types that decode it, so they cannot differ.
"""

from __future__ import annotations

from typing import Any

import msgspec

from crosscloud_mnist.serving.http.payload import Plain, WithChannel

_REFUSALS = {
    "400": "not images as the contract says",
    "401": "no token, or a wrong one",
    "408": "the body did not arrive in time",
    "413": "too large a body",
    "415": "not application/json",
    "503": "too many requests at once; Retry-After says when to come back",
}
_PREDICTIONS = {
    "type": "object",
    "required": ["predictions"],
    "properties": {
        "predictions": {
            "type": "array",
            "items": {
                "type": "array",
                "minItems": 10,
                "maxItems": 10,
                "items": {"type": "number", "minimum": 0, "maximum": 1},
            },
        }
    },
}


def describe(name: str, version: str) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document.

    Args:
        name: The registered model, as the routes have it.
        version: The version served.
    """
    (plain, channel), components = msgspec.json.schema_components(
        [Plain, WithChannel], ref_template="#/components/schemas/{name}"
    )
    predict = {
        "requestBody": {"required": True, "content": _json({"oneOf": [plain, channel]})},
        "responses": {
            "200": {"description": "ten probabilities an image", "content": _json(_PREDICTIONS)},
            **_refusals("MLflowError"),
        },
    }
    tf_predict = {**predict, "responses": {**predict["responses"], **_refusals("TFServingError")}}
    image = {
        "requestBody": {"required": True, "content": {"image/*": {}}},
        "responses": {"200": {"description": "what the model saw and answered"}},
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": f"{name}: handwritten digits", "version": version},
        "paths": {
            "/invocations": {"post": predict},
            f"/serving-endpoints/{name}/invocations": {"post": predict},
            f"/v1/models/{name}:predict": {"post": tf_predict},
            f"/v1/models/{name}": {"get": _get("the model's state, as TensorFlow Serving has it")},
            f"/v1/models/{name}/metadata": {"get": _get("the model's signature")},
            "/image": {"post": image},
            "/health": {"get": _get("the endpoint is up")},
            "/ping": {"get": _get("the endpoint is up")},
            "/version": {"get": _get("what is served and where it comes from")},
            "/metrics": {"get": _get("figures in Prometheus' text format")},
            "/openapi.json": {"get": _get("this document")},
        },
        "components": {
            "schemas": {
                **components,
                "MLflowError": _object("error_code", "message"),
                "TFServingError": _object("error"),
            },
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"token": []}],
    }


def _refusals(schema: str) -> dict[str, Any]:
    content = _json({"$ref": f"#/components/schemas/{schema}"})
    return {
        status: {"description": description, "content": content}
        for status, description in _REFUSALS.items()
    }


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def _get(description: str) -> dict[str, Any]:
    return {"responses": {"200": {"description": description}}}


def _object(*fields: str) -> dict[str, Any]:
    properties = {field: {"type": "string"} for field in fields}
    return {"type": "object", "required": list(fields), "properties": properties}

"""The API's description as OpenAPI 3.1: https://spec.openapis.org/oas/v3.1.0.

The request schemas are generated from the types that decode requests, so the two cannot differ.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from crosscloud_mnist.serving.http.payload import ChannelImagesRequest, ImagesRequest

Schema = Mapping[str, object]

_ERRORS = {
    "400": "the images are not valid",
    "401": "the token is missing or wrong",
    "408": "the body did not arrive in time",
    "413": "the body is too large",
    "415": "the content type is not application/json",
    "503": "too many requests at once; Retry-After says when to retry",
}
_PREDICTIONS: Schema = {
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


def describe(name: str, version: str) -> Schema:
    """Return the OpenAPI document.

    Args:
        name: The registered model, as in the routes.
        version: The version served.
    """
    request_schemas, components = msgspec.json.schema_components(
        [ImagesRequest, ChannelImagesRequest], ref_template="#/components/schemas/{name}"
    )
    body = {"required": True, "content": _json({"oneOf": list(request_schemas)})}
    mlflow_predict = _post(body, _PREDICTIONS, "MLflowError")
    tf_predict = _post(body, _PREDICTIONS, "TFServingError")
    image = {
        "requestBody": {"required": True, "content": {"image/*": {}}},
        "responses": {"200": {"description": "the model's input and its probabilities"}},
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": f"{name}: handwritten digits", "version": version},
        "paths": {
            "/invocations": {"post": mlflow_predict},
            f"/serving-endpoints/{name}/invocations": {"post": mlflow_predict},
            f"/v1/models/{name}:predict": {"post": tf_predict},
            f"/v1/models/{name}": {"get": _get("the model's status, as in TensorFlow Serving")},
            f"/v1/models/{name}/metadata": {"get": _get("the model's signature")},
            "/image": {"post": image},
            "/health": {"get": _get("the endpoint is ready")},
            "/ping": {"get": _get("the endpoint is ready")},
            "/version": {"get": _get("name, version, digest, card and contract of the model")},
            "/metrics": {"get": _get("metrics in Prometheus' text format")},
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


def _post(body: Schema, response: Schema, error_schema: str) -> Schema:
    error = _json({"$ref": f"#/components/schemas/{error_schema}"})
    errors = {
        status: {"description": description, "content": error}
        for status, description in _ERRORS.items()
    }
    ok = {"description": "ten probabilities for each image", "content": _json(response)}
    return {"requestBody": body, "responses": {"200": ok, **errors}}


def _get(description: str) -> Schema:
    return {"responses": {"200": {"description": description}}}


def _json(schema: Schema) -> Schema:
    return {"application/json": {"schema": schema}}


def _object(*fields: str) -> Schema:
    properties = {field: {"type": "string"} for field in fields}
    return {"type": "object", "required": list(fields), "properties": properties}

"""The API's description as OpenAPI 3.1: https://spec.openapis.org/oas/v3.1.0.

The request schemas are generated from the types of ``schema``, which the decoder uses as well.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from crosscloud_mnist.contract import Contract
from crosscloud_mnist.serving.http.schema import build_schema

Schema = Mapping[str, object]

_ERRORS = {
    "400": "the images are not valid, or the request has no Host header or several",
    "401": "the token is missing or wrong",
    "408": "the body did not arrive in time",
    "413": "the body is too large",
    "415": "the content type is not application/json",
    "421": "the Host is not a name of the endpoint",
    "503": "too many requests at once; Retry-After says when to retry",
}
_LABEL: Schema = {"name": "label", "in": "path", "required": True, "schema": {"type": "string"}}


def describe(name: str, version: str, contract: Contract) -> Schema:
    """Return the OpenAPI document.

    Args:
        name: The registered model, as in the routes.
        version: The version served.
        contract: What the model takes and returns.
    """
    request_schemas, components = msgspec.json.schema_components(
        build_schema(contract.image_shape).documented,
        ref_template="#/components/schemas/{name}",
    )
    probabilities = _describe_probabilities(contract)
    predictions = _describe_object(predictions={"type": "array", "items": probabilities})
    image_prediction = _describe_object(
        model_input=_describe_image(contract),
        probabilities=probabilities,
        unsure={
            "type": "boolean",
            "description": f"the highest probability is below {contract.min_probability}",
        },
    )
    body = {"required": True, "content": _json({"oneOf": list(request_schemas)})}
    mlflow_predict = _post(body, predictions, "MLflowError")
    tf_predict = _post(body, predictions, "TFServingError")
    image = _post({"required": True, "content": {"image/*": {}}}, image_prediction, "MLflowError")
    step = _describe_texts("name", "image")
    steps = _describe_object(steps={"type": "array", "items": step})
    image_steps = _post({"required": True, "content": {"image/*": {}}}, steps, "MLflowError")
    tf_model = f"/v1/models/{name}"
    tf_paths: dict[str, Schema] = {}
    for path in (tf_model, f"{tf_model}/versions/{version}"):
        tf_paths[f"{path}:predict"] = {"post": tf_predict}
        tf_paths[path] = {"get": _get("the model's status, as in TensorFlow Serving")}
        tf_paths[f"{path}/metadata"] = {"get": _get("the model's signature")}
    return {
        "openapi": "3.1.0",
        "info": {"title": f"{name}: {contract.image_content}", "version": version},
        "paths": {
            "/invocations": {"post": mlflow_predict},
            f"/serving-endpoints/{name}/invocations": {"post": mlflow_predict},
            **tf_paths,
            f"{tf_model}/labels/{{label}}:predict": {
                "post": {"parameters": [_LABEL], **tf_predict}
            },
            "/image": {"post": image},
            "/image/steps": {"post": image_steps},
            "/report": {"get": _get("the report of the release, as HTML, where there is one")},
            "/health": {"get": _get("the endpoint is ready")},
            "/ping": {"get": _get("the endpoint is ready")},
            "/version": {"get": _get("what is served: version, card, contract, report")},
            "/metrics": {"get": _get("metrics in Prometheus' text format")},
            "/openapi.json": {"get": _get("this document")},
        },
        "components": {
            "schemas": {
                **components,
                "MLflowError": _describe_texts("error_code", "message"),
                "TFServingError": _describe_texts("error"),
            },
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"token": []}],
    }


def _describe_probabilities(contract: Contract) -> Schema:
    return {
        "type": "array",
        "description": f"of {', '.join(contract.classes)}",
        "minItems": contract.class_count,
        "maxItems": contract.class_count,
        "items": {"type": "number", "minimum": 0, "maximum": 1},
    }


def _describe_image(contract: Contract) -> Schema:
    schema: Schema = {"type": "integer", "minimum": 0, "maximum": 255}
    for length in reversed(contract.image_shape):
        schema = {"type": "array", "minItems": length, "maxItems": length, "items": schema}
    return schema


def _describe_object(**properties: Schema) -> Schema:
    return {"type": "object", "required": list(properties), "properties": properties}


def _post(body: Schema, response: Schema, error_schema: str) -> Schema:
    error = _json({"$ref": f"#/components/schemas/{error_schema}"})
    errors = {
        status: {"description": description, "content": error}
        for status, description in _ERRORS.items()
    }
    ok = {
        "description": "the probability of each class, for each image",
        "content": _json(response),
    }
    return {"requestBody": body, "responses": {"200": ok, **errors}}


def _get(description: str) -> Schema:
    return {"responses": {"200": {"description": description}}}


def _json(schema: Schema) -> Schema:
    return {"application/json": {"schema": schema}}


def _describe_texts(*names: str) -> Schema:
    return _describe_object(**{name: {"type": "string"} for name in names})

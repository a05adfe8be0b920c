"""The OpenAPI document as the tests read it."""
import copy
import re

import jsonschema

VERBS = ("get", "post", "put", "patch", "delete")


class Document:
    def __init__(self, document):
        self.document = document
        # Within a version answers may gain fields; that they hold none the document does not tell is for this test to see.
        self.closed = copy.deepcopy(document)
        for schema in self.closed["components"]["schemas"].values():
            schema["additionalProperties"] = False
        self.resolver = jsonschema.RefResolver.from_schema(self.closed)
        self.formats = jsonschema.FormatChecker(formats=())
        self.formats.checks("date")(lambda text: text is None or re.fullmatch(r"\d{4}-\d\d-\d\d", text) is not None)
        self.formats.checks("date-time")(lambda text: text is None or re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", text) is not None)

    def operations(self):
        """{"GET /me": operation}"""
        return {f"{verb.upper()} {path}": operation for path, item in self.document["paths"].items()
                for verb, operation in item.items() if verb in VERBS}

    def success(self, operation):
        """(status, schema or None) of the documented success."""
        (status, response), = [(int(s), r) for s, r in operation["responses"].items() if s != "default"]
        content = response.get("content", {})
        return status, content.get("application/json", {}).get("schema")

    def request_schema(self, operation):
        body = operation.get("requestBody")
        return self.resolve(body["content"]["application/json"]["schema"]) if body else None

    def resolve(self, schema):
        while "$ref" in schema:
            schema = self.document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
        return schema

    def is_list(self, operation):
        _, schema = self.success(operation)
        return bool(schema) and set(schema.get("properties", {})) == {"data", "next_cursor"}

    def needs_key(self, operation):
        return any(p["in"] == "header" and p["name"] == "Idempotency-Key" for p in operation["parameters"])

    def differences(self, value, schema):
        validator = jsonschema.Draft202012Validator(schema, resolver=self.resolver, format_checker=self.formats)
        return [f"{'/'.join(map(str, error.path))}: {error.message[:200]}" for error in validator.iter_errors(value)]

    def problem_differences(self, answer):
        """What is wrong with a problem answer; nothing: all is well."""
        if not answer.is_problem:
            return [f"content type {answer.header('Content-Type')}"]
        found = self.differences(answer.json, {"$ref": "#/components/schemas/Problem"})
        if answer.json.get("status") != answer.status:
            found.append("its status is not the answer's")
        if answer.json.get("request_id") != answer.header("X-Request-Id"):
            found.append("its request id is not the header's")
        if not re.fullmatch(r"/problems/[a-z0-9-]+", answer.json.get("type", "")):
            found.append("its type is no page of ours")
        return found

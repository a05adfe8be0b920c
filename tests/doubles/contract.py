"""Checks requests and answers against a provider's own machine-readable description (OpenAPI), where it is at hand.

The descriptions are not part of this tree: they are looked for in the folder named by BURSAR_CONTRACTS, else in
`shared/contracts` beside the checkout. Without that folder, or without python3-jsonschema, `find()` answers None and
the tests say that this part was skipped.
"""
import json
import os
import re
import threading
from pathlib import Path
from urllib.parse import unquote_plus

try:
    import jsonschema
except ImportError:
    jsonschema = None


def folder():
    named = os.environ.get("BURSAR_CONTRACTS")
    return Path(named) if named else Path(__file__).resolve().parents[3] / "shared" / "contracts"


def find(*names):
    """The descriptions of these names ("stripe"), as one contract, or None with `why_missing()` saying why."""
    files = [folder() / "specs" / (name + ".json") for name in names]
    if jsonschema is None or not all(file.is_file() for file in files):
        return None
    return Contract(files)


def why_missing():
    return "python3-jsonschema is not installed" if jsonschema is None else f"no descriptions in {folder()}"


def pairs_of(text):
    """The decoded pairs of a form body or query, in order."""
    pairs = []
    for part in text.split("&") if text else []:
        name, _, value = part.partition("=")
        pairs.append((unquote_plus(name), unquote_plus(value)))
    return pairs


def tree_of(pairs):
    """a[b][0][c]=x as {"a": {"b": [{"c": "x"}]}}. A name given twice, or both as leaf and branch, is an error."""
    root = {}
    for name, value in pairs:
        head, rest = re.match(r"([^\[]*)(.*)", name, re.S).groups()
        keys = [head] + re.findall(r"\[([^\]]*)\]", rest)
        if "".join(f"[{key}]" for key in keys[1:]) != rest:
            raise ValueError(f"the brackets of {name} don't match")
        node = root
        for key, following in zip(keys[:-1], keys[1:]):
            key = str(len(node)) if key == "" else key
            node = node.setdefault(key, {})
            if not isinstance(node, dict):
                raise ValueError(f"{name} is a value and a branch")
            del following
        last = str(len(node)) if keys[-1] == "" else keys[-1]
        if last in node:
            raise ValueError(f"{name} comes twice")
        node[last] = value
    return _with_lists(root)


def _with_lists(node):
    if not isinstance(node, dict):
        return node
    values = {key: _with_lists(value) for key, value in node.items()}
    if values and all(key == str(i) for i, key in enumerate(values)):
        return list(values.values())
    return values


class Contract:
    def __init__(self, files):
        self._operations = []  # (variables in the path, method, pattern of it, operation, document, parameters)
        self._resolvers = {}  # per document: making one is slow, and it serves one thread at a time
        self._lock = threading.Lock()
        for file in files:
            document = json.loads(file.read_text())
            prefix = self._prefix(document)
            _nullable_as_any_of(document)
            self._resolvers[id(document)] = jsonschema.RefResolver.from_schema(document)
            for path, item in document["paths"].items():
                # The fixed paths first, so that /search is not taken for an id.
                pattern = re.compile("^" + re.sub(r"\\\{[^/]+?\\\}", "[^/]+", re.escape(prefix + path)) + "$")
                for method, operation in item.items():
                    if method in ("get", "post", "put", "patch", "delete"):
                        parameters = item.get("parameters", []) + operation.get("parameters", [])
                        self._operations.append((path.count("{"), method.upper(), pattern, operation, document, parameters))
        self._operations.sort(key=lambda entry: entry[0])

    @staticmethod
    def _prefix(document):
        """The path that all servers of the description share: "/v2"."""
        servers = document.get("servers", [])
        match = re.match(r"https?://[^/]+(/.*)?$", servers[0]["url"]) if servers else None
        prefix = (match.group(1) or "") if match else ""
        return prefix.rstrip("/")

    def _find(self, method, path):
        for _, its_method, pattern, operation, document, parameters in self._operations:
            if its_method == method and pattern.match(path):
                return operation, document, parameters
        return None

    def request_faults(self, method, path, query, headers, body):
        """What the description refuses, as texts. `headers` have lower-case names; query and body as they came."""
        found = self._find(method, path)
        if not found:
            return [f"{method} {path} is not described"]
        operation, document, parameters = found
        faults = self._query_faults(query, document, [self._resolve(p, document) for p in parameters], headers)
        content = self._resolve(operation.get("requestBody", {}), document).get("content", {})
        if not content:
            return faults + (["a body where none is described"] if body else [])
        kind = headers.get("content-type", "").partition(";")[0].strip()
        if kind not in content:
            if not body and not self._resolve(operation["requestBody"], document).get("required"):
                return faults
            return faults + [f"the body is {kind or 'of no kind'}, described is {', '.join(content)}"]
        media = content[kind]
        schema = self._strict(media, document)
        try:
            text = body.decode("utf-8")
            if kind == "application/x-www-form-urlencoded":
                return faults + self._form_faults(tree_of(pairs_of(text)), schema, document)
            return faults + self._faults(json.loads(text) if text else None, schema, document)
        except ValueError as error:
            return faults + [f"the body can't be read: {error}"]

    def answer_faults(self, method, path, status, headers, body):
        found = self._find(method, path)
        if not found:
            return [f"{method} {path} is not described"]
        operation, document, _ = found
        answers = operation.get("responses", {})
        answer = answers.get(str(status)) or answers.get(f"{status // 100}XX") or answers.get("default")
        if answer is None:
            return [f"the status {status} is not described"]
        content = self._resolve(answer, document).get("content", {})
        if "application/json" not in content:
            return ["a body where none is described"] if content == {} and body else []
        schema = content["application/json"].get("schema", {})
        try:
            return self._faults(json.loads(body), schema, document)
        except ValueError as error:
            return [f"the body can't be read: {error}"]

    def _query_faults(self, query, document, parameters, headers):
        faults = []
        known = {p["name"]: p for p in parameters if p["in"] == "query"}
        try:
            tree = tree_of(pairs_of(query))
        except ValueError as error:
            return [str(error)]
        if isinstance(tree, list):
            tree = dict(enumerate(tree))
        for name, value in tree.items():
            if name not in known:
                faults.append(f"the query {name} is not described")
            else:
                faults += self._form_faults(value, known[name].get("schema", {}), document, name)
        for name, parameter in known.items():
            if parameter.get("required") and name not in tree:
                faults.append(f"the query {name} is missing")
        for parameter in parameters:
            if parameter["in"] != "header":
                continue
            value = headers.get(parameter["name"].lower())
            if value is None and parameter.get("required"):
                faults.append(f"the header {parameter['name']} is missing")
            elif value is not None:
                faults += self._form_faults(value, parameter.get("schema", {}), document, parameter["name"])
        return faults

    def _strict(self, media, document):
        """`x-strict` names the shape with its nested required fields, where the body's own one had to be loosened."""
        schema = media.get("schema", {})
        named = media.get("x-strict") or schema.get("x-strict")
        return {"$ref": named} if named else schema

    def _resolve(self, node, document):
        while "$ref" in node:
            target = document
            for part in node["$ref"].lstrip("#/").split("/"):
                target = target[part.replace("~1", "/").replace("~0", "~")]
            node = target
        return node

    def _faults(self, value, schema, document):
        validator = jsonschema.Draft4Validator(schema, resolver=self._resolvers[id(document)])
        with self._lock:
            return [f"{'.'.join(str(p) for p in error.absolute_path) or 'the body'}: {error.message[:300]}"
                    for error in validator.iter_errors(value)]

    def _form_faults(self, value, schema, document, name=""):
        prefix = f"{name}: " if name else ""
        return [prefix + fault for fault in self._faults(self._typed(value, schema, document), schema, document)]

    def _typed(self, value, schema, document):
        """Text of a form as what the schema wants there, where it can be read so; else left as it is."""
        schema = self._resolve(schema, document)
        choices = schema.get("anyOf") or schema.get("oneOf")
        if choices:
            for choice in choices:
                typed = self._typed(value, choice, document)
                if not self._faults(typed, choice, document):
                    return typed
            return value
        kind = schema.get("type")
        if isinstance(value, str):
            if kind in ("integer", "number") and re.fullmatch(r"-?\d+", value):
                return int(value)
            if kind == "boolean" and value in ("true", "false"):
                return value == "true"
            return value
        if isinstance(value, list) and kind == "object":
            value = {str(i): item for i, item in enumerate(value)}
        if isinstance(value, list):
            return [self._typed(item, schema.get("items", {}), document) for item in value]
        known = schema.get("properties", {})
        rest = schema.get("additionalProperties")
        rest = rest if isinstance(rest, dict) else {}
        return {key: self._typed(item, known.get(key, rest), document) for key, item in value.items()}


def _nullable_as_any_of(node):
    """OpenAPI 3.0 writes `nullable` where JSON Schema wants a second type."""
    if isinstance(node, list):
        for item in node:
            _nullable_as_any_of(item)
    if not isinstance(node, dict):
        return
    for item in list(node.values()):
        _nullable_as_any_of(item)
    if node.get("nullable") is True:
        inner = {key: value for key, value in node.items() if key != "nullable"}
        node.clear()
        node["anyOf"] = [inner, {"type": "null"}]

"""A plain HTTP client for the tests: one kept connection, every answer whole."""
import http.client
import json
import uuid

BASE = "/api/v1"


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def header(self, name):
        return self.headers.get(name.lower())

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def code(self):
        """The code of a problem, for readable failures."""
        return self.json.get("code") if self.is_problem else None

    @property
    def is_problem(self):
        return (self.header("Content-Type") or "").startswith("application/problem+json")

    @property
    def pointers(self):
        return [error["pointer"] for error in self.json.get("errors", [])]

    def __repr__(self):
        return f"<{self.status} {self.body[:400]!r}>"


class Client:
    """`token`: a bearer token; `headers`: sent with every request."""

    def __init__(self, port, token=None, headers=None):
        self.port, self.token, self.headers = port, token, headers or {}
        self.connection = None

    def request(self, method, path, body=None, headers=None, raw=None, base=BASE):
        """`body` goes out as JSON; `raw`: bytes as they are. A header of None is left out."""
        sent = {"X-Request-Id": "test_" + uuid.uuid4().hex[:12]}
        if self.token:
            sent["Authorization"] = f"Bearer {self.token}"
        if body is not None or raw is not None:
            sent["Content-Type"] = "application/json"
        sent.update(self.headers)
        sent.update(headers or {})
        sent = {name: value for name, value in sent.items() if value is not None}
        payload = raw if raw is not None else json.dumps(body).encode() if body is not None else None
        for attempt in (1, 2):
            if self.connection is None:
                self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
            try:
                self.connection.request(method, base + path, body=payload, headers=sent)
                response = self.connection.getresponse()
                data = response.read()
                break
            except (http.client.HTTPException, ConnectionError):
                # A kept connection may have been closed meanwhile; a fresh one may not.
                self.close()
                if attempt == 2:
                    raise
        answer = Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, data)
        if response.will_close:
            self.close()
        return answer

    def get(self, path, **more):
        return self.request("GET", path, **more)

    def post(self, path, body=None, key=True, headers=None, **more):
        """With a fresh Idempotency-Key unless `key` is another one or None."""
        key = str(uuid.uuid4()) if key is True else key
        return self.request("POST", path, body, headers={"Idempotency-Key": key, **(headers or {})}, **more)

    def close(self):
        if self.connection:
            self.connection.close()
        self.connection = None


def ok(answer, *statuses):
    """The answer, when it is a success (or one of the statuses)."""
    if answer.status not in (statuses or (200, 201, 202, 204)):
        raise AssertionError(f"answered {answer!r}")
    return answer


def log_in(port, email, password):
    client = Client(port)
    token = ok(client.post("/sessions", {"email": email, "password": password}, key=None)).json["token"]
    client.close()
    return Client(port, token)

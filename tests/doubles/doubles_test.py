"""The doubles' common part: each scripted misfortune is what it says, and a description refuses what is wrong."""
import json
import tempfile
import threading
import time
import unittest
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import contract
import provider_double
from provider_double import Answer


class Counter(provider_double.ProviderDouble):
    name = "counter"

    def serve(self, request):
        self.book.write("counted", path=request.path)
        return Answer(200, {"id": "c_1", "count": len(self.book.entries), "inner": {"a": "text"}})

    def signed(self, body, how):
        return {"X-Signature": how}

    def control_event(self, kind):
        self.emit(f"e{len(self.events)}", kind, json.dumps({"kind": kind}))


def call(url, method="GET", body=None):
    """The status and JSON of an answer; None: there was no whole, readable one."""
    data = None if body is None else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data=data, method=method), timeout=20) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)
    except (OSError, ValueError) as error:
        return None, type(error).__name__ + str(error)
    except Exception as error:  # http.client's own, for an answer cut short
        return None, type(error).__name__


class Misfortunes(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.double = Counter(self.folder.name)
        self.control = f"http://127.0.0.1:{self.double.control.port}"

    def tearDown(self):
        self.double.provider.close()
        self.double.control.close()
        self.folder.cleanup()

    def order(self, path, body=None, method="POST"):
        status, answer = call(self.control + path, method, body)
        self.assertEqual(status, 200, answer)
        return answer

    def counted(self):
        file = Path(self.folder.name) / "counter-book.jsonl"
        lines = [json.loads(line) for line in file.read_text().splitlines()]
        self.assertEqual(lines, self.order("/book", method="GET"), "the file holds what the double remembers")
        return len(lines)

    def test_without_a_fault_it_answers_and_writes_its_book(self):
        self.assertEqual(call(self.double.url + "/x")[1]["count"], 1)
        self.assertEqual(self.counted(), 1)

    def test_refused_connections_end_when_told(self):
        self.order("/refuse", {"on": True})
        for _ in range(3):
            self.assertIn("refused", call(self.double.url + "/x")[1])
        self.order("/refuse", {"on": False})
        self.assertEqual(call(self.double.url + "/x")[0], 200)
        self.assertEqual(self.counted(), 1)

    def test_resets_come_before_the_request_after_it_and_after_its_effect(self):
        for fault, effect, counted in (("reset_before_read", None, 0), ("reset_after_read", False, 0), ("reset_after_read", True, 1)):
            self.order("/faults", [{"fault": fault, **({} if effect is None else {"effect": effect})}])
            self.assertIsNone(call(self.double.url + "/x", "POST", {})[0])
            self.assertEqual(self.counted(), counted)
            self.assertEqual(self.order("/faults", method="GET"), [])

    def test_statuses_come_with_and_without_effect_and_with_headers(self):
        self.order("/faults", [{"fault": "status", "status": 500, "effect": False}, {"fault": "status", "status": 500, "effect": True}])
        self.assertEqual((call(self.double.url + "/x")[0], self.counted()), (500, 0))
        self.assertEqual((call(self.double.url + "/x")[0], self.counted()), (500, 1))
        self.order("/faults", [{"fault": "status", "status": 429, "effect": False, "headers": {"Retry-After": "7"}, "body": {}}])
        with self.assertRaises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(self.double.url + "/x")
        self.assertEqual(caught.exception.headers["Retry-After"], "7")

    def test_answers_come_truncated_cut_and_patched_though_the_request_was_done(self):
        self.order("/faults", [{"fault": "truncated"}, {"fault": "cut"}, {"fault": "patched", "set": {"count": "one", "inner.a": None}}])
        for _ in range(2):
            self.assertIsNone(call(self.double.url + "/x")[0])
        self.assertEqual(call(self.double.url + "/x")[1], {"id": "c_1", "count": "one", "inner": {"a": None}})
        self.assertEqual(self.counted(), 3)

    def test_delays_come_before_or_after_the_effect(self):
        for when, counted_meanwhile in (("before", 0), ("after", 2)):
            self.order("/faults", [{"fault": "delay", "seconds": 0.6, "when": when}])
            start = time.monotonic()
            caller = threading.Thread(target=call, args=(self.double.url + "/x",))
            caller.start()
            time.sleep(0.3)
            self.assertEqual(self.counted(), counted_meanwhile)
            caller.join()
            self.assertGreaterEqual(time.monotonic() - start, 0.6)

    def test_faults_hit_only_what_they_name_and_as_often(self):
        self.order("/faults", [{"fault": "status", "status": 503, "method": "POST", "path": "^/a$", "times": 2}])
        results = [call(self.double.url + path, method)[0] for method, path in
                   (("GET", "/a"), ("POST", "/b"), ("POST", "/a"), ("POST", "/a"), ("POST", "/a"))]
        self.assertEqual(results, [200, 200, 503, 503, 200])
        status, answer = call(self.control + "/faults", "POST", [{"fault": "no_such"}])
        self.assertEqual(status, 400, answer)

    def test_webhooks_are_delivered_twice_reordered_and_with_the_signature_asked_for(self):
        arrived = []

        class Receiver(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                arrived.append((json.loads(body)["kind"], self.headers["X-Signature"]))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_):
                return

        server = HTTPServer(("127.0.0.1", 0), Receiver)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        for kind in "abc":
            self.order("/event", {"kind": kind})
        statuses = self.order("/webhooks/deliver", {"url": f"http://127.0.0.1:{server.server_port}/", "copies": 2, "order": "reversed",
                                                    "signature": "wrong"})
        server.shutdown()
        server.server_close()
        self.assertEqual([kind for kind, _ in arrived], ["c", "b", "a"] * 2)
        self.assertEqual({signature for _, signature in arrived}, {"wrong"})
        self.assertEqual({status["status"] for status in statuses}, {200})

    def test_the_clock_is_the_tests(self):
        self.order("/clock", {"now": 1_800_000_000})
        self.assertAlmostEqual(self.order("/clock", {"advance": 60})["now"], 1_800_000_060, delta=3)


DESCRIPTION = {
    "openapi": "3.0.3",
    "servers": [{"url": "https://api.example.com/v1"}],
    "paths": {
        "/things": {
            "post": {
                "parameters": [{"name": "Key", "in": "header", "required": True, "schema": {"type": "string", "maxLength": 5}}],
                "requestBody": {"content": {"application/x-www-form-urlencoded": {"schema": {"type": "object"},
                                                                                   "x-strict": "#/components/schemas/request_thing"}}},
                "responses": {"200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/thing"}}}}},
            },
            "get": {
                "parameters": [{"name": "limit", "in": "query", "schema": {"type": "integer"}},
                               {"name": "owner", "in": "query", "required": True, "schema": {"type": "string"}}],
                "responses": {"200": {"content": {"application/json": {"schema": {}}}}},
            },
        },
        "/things/{id}": {"put": {"requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/thing"}}}},
                                 "responses": {"204": {"description": "done"}}}},
    },
    "components": {"schemas": {
        "request_thing": {"type": "object", "required": ["amount"], "additionalProperties": False, "properties": {
            "amount": {"type": "integer"},
            "live": {"type": "boolean"},
            "notes": {"type": "object", "additionalProperties": {"type": "string"}},
            "items": {"type": "array", "items": {"type": "object", "required": ["price"], "additionalProperties": False,
                                                 "properties": {"price": {"anyOf": [{"enum": ["free"], "type": "string"}, {"type": "integer"}]}}}},
        }},
        "thing": {"type": "object", "required": ["id"], "properties": {"id": {"type": "string"}, "note": {"type": "string", "nullable": True}}},
    }},
}


@unittest.skipIf(contract.jsonschema is None, "python3-jsonschema is not installed")
class Descriptions(unittest.TestCase):
    def setUp(self):
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump(DESCRIPTION, file)
            file.flush()
            self.contract = contract.Contract([Path(file.name)])

    def post(self, body, headers=None):
        sent = {"content-type": "application/x-www-form-urlencoded", "key": "k", **(headers or {})}
        return self.contract.request_faults("POST", "/v1/things", "", sent, body.encode())

    def test_a_right_form_passes_with_its_types_read_from_text(self):
        self.assertEqual(self.post("amount=12&live=true&notes[a]=7&items[0][price]=5&items[1][price]=free"), [])

    def test_a_wrong_form_is_refused_wherever_it_is_wrong(self):
        for body in ("", "live=true", "amount=1.5", "amount=x", "amount=1&unknown=1", "amount=1&live=yes", "amount=1&items[0][cost]=1",
                     "amount=1&items[0][price]=cheap", "amount=1&amount=2", "amount=1&notes[a][b]=c", "amount=1&notes[a=b"):
            self.assertNotEqual(self.post(body), [], body)

    def test_headers_queries_paths_and_kinds_are_checked(self):
        self.assertNotEqual(self.post("amount=1", {"key": "longer"}), [])
        self.assertNotEqual(self.post("amount=1", {"content-type": "application/json"}), [])
        asked = lambda query: self.contract.request_faults("GET", "/v1/things", query, {}, b"")
        self.assertEqual(asked("owner=a&limit=3"), [])
        for query in ("limit=3", "owner=a&limit=x", "owner=a&more=1"):
            self.assertNotEqual(asked(query), [], query)
        self.assertNotEqual(self.contract.request_faults("GET", "/v1/nothing", "", {}, b""), [])
        self.assertNotEqual(self.contract.request_faults("GET", "/things", "owner=a", {}, b""), [], "without the servers' path")

    def test_json_is_checked_both_ways_and_null_only_where_it_is_allowed(self):
        put = lambda body: self.contract.request_faults("PUT", "/v1/things/t1", "", {"content-type": "application/json"}, body)
        self.assertEqual(put(b'{"id":"t","note":null}'), [])
        for body in (b'{"id":null}', b'{"note":"x"}', b'{"id":1}', b"{"):
            self.assertNotEqual(put(body), [], body)
        said = lambda body, status=200: self.contract.answer_faults("POST", "/v1/things", status, {}, body)
        self.assertEqual(said(b'{"id":"t"}'), [])
        self.assertNotEqual(said(b'{"id":7}'), [])
        self.assertNotEqual(said(b'{"id":"t"}', 418), [])


class Forms(unittest.TestCase):
    def test_brackets_become_a_tree(self):
        self.assertEqual(contract.tree_of(contract.pairs_of("a=1&b[0][c]=x+y&b[1][c]=%26&m[k]=v&e[]=1&e[]=2")),
                         {"a": "1", "b": [{"c": "x y"}, {"c": "&"}], "m": {"k": "v"}, "e": ["1", "2"]})

    def test_what_contradicts_itself_is_no_tree(self):
        for text in ("a=1&a=2", "a=1&a[b]=2", "a[b]=1&a=2", "a[b=1"):
            with self.assertRaises(ValueError, msg=text):
                contract.tree_of(contract.pairs_of(text))


if __name__ == "__main__":
    unittest.main()

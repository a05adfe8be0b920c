"""Bytes and clients that no honest program would send: hostile_test.py BUILD_FOLDER SEED_FOLDER.

Every case asks two things: what the answer is, and whether a well-behaved client beside it notices anything.
"""
import os
import re
import resource
import select
import socket
import sys
import time
import unittest

from client import Client, log_in, ok
from installation import PASSWORD, Installation
from world import OWNER

SECURITY_HEADERS = ("Content-Security-Policy", "X-Content-Type-Options", "X-Frame-Options", "Referrer-Policy", "Cache-Control",
                    "Cross-Origin-Opener-Policy", "Cross-Origin-Resource-Policy", "Permissions-Policy", "X-Request-Id", "Date")
PUBLIC_URL = "http://localhost:8080"


def setUpModule():
    global installation, owner
    installation = Installation(sys.argv[1], seed=sys.argv[2], server=", header_timeout: 3s, body_timeout: 3s, idle_timeout: 60s")
    installation.start()
    owner = log_in(installation.port, OWNER, PASSWORD)


def tearDownModule():
    owner.close()
    installation.remove()


class Raw:
    """A connection that sends exactly what it is given."""

    def __init__(self, port=None, receive_buffer=None):
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(20)
        self.socket.connect(("127.0.0.1", port or installation.port))

    def send(self, data):
        try:
            self.socket.sendall(data)
        except (ConnectionError, socket.timeout):
            pass  # it may have been refused and closed already; what it answered is looked at
        return self

    def read_all(self):
        """Everything until the other side closes."""
        data = b""
        while True:
            try:
                piece = self.socket.recv(65536)
            except ConnectionResetError:
                return data
            if not piece:
                return data
            data += piece

    def answer(self):
        """(status, head) of the first answer, and whether the connection was closed after it."""
        data = self.read_all()
        self.close()
        head = data.split(b"\r\n\r\n")[0].decode("latin-1")
        return (int(head[9:12]) if head.startswith("HTTP/1.1 ") else 0), head

    def close(self):
        self.socket.close()


def request(line, *fields, body=b""):
    return ("\r\n".join((line, "Host: x", *fields)) + "\r\n\r\n").encode("latin-1") + body


class Malformed(unittest.TestCase):
    CASES = [
        ("two lengths", request("POST /api/v1/sessions HTTP/1.1", "Content-Length: 1", "Content-Length: 2", body=b"ab"), 400),
        ("the same length twice", request("POST /api/v1/sessions HTTP/1.1", "Content-Length: 1", "Content-Length: 1", body=b"a"), 400),
        ("a list of lengths", request("POST /api/v1/sessions HTTP/1.1", "Content-Length: 1, 1", body=b"a"), 400),
        ("a signed length", request("POST /api/v1/sessions HTTP/1.1", "Content-Length: +1", body=b"a"), 400),
        ("a length and chunks", request("POST /api/v1/sessions HTTP/1.1", "Content-Length: 5", "Transfer-Encoding: chunked", body=b"0\r\n\r\n"), 400),
        ("chunks by another name", request("POST /api/v1/sessions HTTP/1.1", "Transfer-Encoding: xchunked", body=b"0\r\n\r\n"), 400),
        ("two codings", request("POST /api/v1/sessions HTTP/1.1", "Transfer-Encoding: chunked, identity", body=b"0\r\n\r\n"), 400),
        ("a chunk of no size", request("POST /api/v1/sessions HTTP/1.1", "Transfer-Encoding: chunked", body=b"zz\r\n"), 400),
        ("a bare line feed", b"GET /healthz HTTP/1.1\nHost: x\n\n", 400),
        ("one bare line feed", b"GET /healthz HTTP/1.1\r\nHost: x\nX: y\r\n\r\n", 400),
        ("a bare carriage return", b"GET /healthz HTTP/1.1\r\nHost: x\rX: y\r\n\r\n", 400),
        ("a folded field", request("GET /healthz HTTP/1.1", "A: b\r\n c"), 400),
        ("a blank before the colon", request("GET /healthz HTTP/1.1", "A : b"), 400),
        ("a field of no name", request("GET /healthz HTTP/1.1", ": b"), 400),
        ("a NUL in a field", request("GET /healthz HTTP/1.1", "A: b\0c"), 400),
        ("no host", b"GET /healthz HTTP/1.1\r\n\r\n", 400),
        ("two hosts", request("GET /healthz HTTP/1.1", "Host: y"), 400),
        ("a head of 1 MB", request("GET /healthz HTTP/1.1", "A: " + "a" * 1_000_000), 431),
        ("10,000 fields", request("GET /healthz HTTP/1.1", *["A: b"] * 10_000), 431),
        ("200 short fields", request("GET /healthz HTTP/1.1", *["A: b"] * 200), 431),
        ("a long target", request("GET /" + "a" * 20_000 + " HTTP/1.1"), 414),
        ("a target of 1 MB", request("GET /" + "a" * 1_000_000 + " HTTP/1.1"), 414),
        ("an absolute target", request("GET http://x/healthz HTTP/1.1"), 400),
        ("an authority", request("CONNECT x:443 HTTP/1.1"), 501),
        ("TRACE", request("TRACE / HTTP/1.1"), 501),
        ("no method of ours", request("FROB /healthz HTTP/1.1"), 400),
        ("a method in small letters", request("get /healthz HTTP/1.1"), 400),
        ("garbage", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
        ("an old version", b"GET /healthz\r\n\r\n", 400),
        ("a version to come", request("GET /healthz HTTP/3.0"), 505),
        ("the preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
        ("a body that is too long", request("POST /api/v1/sessions HTTP/1.1", "Content-Length: 99999999"), 413),
        ("a length beyond all numbers", request("POST /api/v1/sessions HTTP/1.1", "Content-Length: " + "9" * 30), 400),
        ("a compressed body", request("POST /api/v1/sessions HTTP/1.1", "Content-Encoding: gzip", "Content-Length: 1", body=b"x"), 415),
        ("another expectation", request("POST /api/v1/sessions HTTP/1.1", "Expect: magic", "Content-Length: 1", body=b"x"), 417),
    ]
    PATHS = ["/..", "/a/../healthz", "/api/v1/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/api/v1/%2e%2e/healthz", "/./healthz", "/a/%2E",
             "/api/v1/me%00", "/%00", "/api/v1/accounts%2Fx", "/api%2Fv1/me", "/api/v1%5Cme", "/api\\v1\\me", "/%c0%af", "/%ff", "/%zz", "/%", "/a#b",
             "/api/v1/me;x=%0d%0aSet-Cookie:a=b"]

    def test_a_malformed_request_is_refused_and_its_connection_closed(self):
        for what, data, status in self.CASES:
            with self.subTest(what):
                started = time.monotonic()
                found, head = Raw().send(data).answer()
                if what == "the preface of HTTP/2":
                    self.assertIn(found, (400, 505), head)
                else:
                    self.assertEqual(found, status, head)
                self.assertLess(time.monotonic() - started, 10)
                self.assertIn("application/problem+json", head)
        ok(owner.get("/me"))

    def test_no_spelling_of_a_path_goes_round_a_route(self):
        for path in self.PATHS:
            with self.subTest(path):
                found, head = Raw().send(request(f"GET {path} HTTP/1.1", "Connection: close")).answer()
                self.assertEqual(found, 400, head)
        for path in ("//api/v1/me", "/api//v1/me", "/api/v1//me", "/api/v1/me/", "/API/v1/me", "/api/v1/me%20", "/api/v1/%6de/"):
            with self.subTest(path):
                found, head = Raw().send(request(f"GET {path} HTTP/1.1", f"Authorization: Bearer {owner.token}", "Connection: close")).answer()
                self.assertEqual(found, 404, head)
        # Another spelling of the same letters is the same route, with the same check.
        self.assertEqual(Raw().send(request("GET /api/v1/%6d%65 HTTP/1.1", "Connection: close")).answer()[0], 401)

    def test_a_second_request_in_the_body_of_a_refused_one_is_never_read(self):
        inner = request("DELETE /api/v1/sessions/current HTTP/1.1", f"Authorization: Bearer {owner.token}")
        for fields in (("Content-Length: 5", "Transfer-Encoding: chunked"), ("Content-Length: 0", f"Content-Length: {len(inner)}"),
                       ("Transfer-Encoding:\x0bchunked",), ("Transfer-Encoding: chunked", "Transfer-Encoding: identity")):
            data = request("POST /api/v1/registrations HTTP/1.1", *fields, body=b"0\r\n\r\n" + inner)
            raw = Raw().send(data)
            answers = raw.read_all()
            raw.close()
            self.assertEqual(answers.count(b"HTTP/1.1 "), 1, (fields, answers))
        ok(owner.get("/me"))

    def test_security_headers_are_on_every_answer(self):
        cases = [request("GET /healthz HTTP/1.1", "Connection: close"), request("GET /readyz HTTP/1.1", "Connection: close"),
                 request("GET /metrics HTTP/1.1", "Connection: close"), request("GET /nothing HTTP/1.1", "Connection: close"),
                 request("GET /api/v1/me HTTP/1.1", "Connection: close"), request("GET /api/v1/nothing HTTP/1.1", "Connection: close"),
                 request("PUT /api/v1/me HTTP/1.1", "Connection: close"), request("GET /api/v1/catalog/products HTTP/1.1", "Connection: close"),
                 request("OPTIONS /api/v1/me HTTP/1.1", "Origin: http://evil.example.com", "Connection: close"),
                 request("GET /api/v1/openapi.json HTTP/1.1", "Connection: close")] + [data for _, data, _ in self.CASES]
        for data in cases:
            with self.subTest(data[:60]):
                found, head = Raw().send(data).answer()
                self.assertNotEqual(found, 0)
                for header in SECURITY_HEADERS:
                    self.assertIn(header.lower() + ":", head.lower(), head)
                self.assertNotIn("access-control-", head.lower(), "no other site may read what we answer")
                self.assertNotIn("server:", head.lower())


class CrossSite(unittest.TestCase):
    """A browser sends our cookie along wherever it is led; what changes something must come from our own pages."""

    def request(self, **headers):
        cookie = {"Cookie": f"theme=dark; bursar_session={owner.token}"}
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        with_cookie = Client(installation.port, headers={**cookie, **named})
        try:
            return with_cookie.request("PATCH", "/me", {"name": "From a page"})
        finally:
            with_cookie.close()

    def test_a_cookie_needs_our_own_origin(self):
        for headers in ({"Origin": PUBLIC_URL}, {"Origin": f"http://127.0.0.1:{installation.port}"}, {"Sec_Fetch_Site": "same-origin"}):
            self.assertEqual(self.request(**headers).status, 200, headers)
        for headers in ({}, {"Origin": "null"}, {"Origin": "http://evil.example.com"}, {"Origin": PUBLIC_URL + ".evil.example.com"},
                        {"Origin": "http://localhost"}, {"Origin": "https://localhost:8081"}, {"Origin": ""}, {"Sec_Fetch_Site": "cross-site"},
                        {"Sec_Fetch_Site": "same-site"}, {"Referer": PUBLIC_URL}, {"Origin": "http://evil.example.com", "Sec_Fetch_Site": "same-origin"}):
            answer = self.request(**headers)
            self.assertEqual((answer.status, answer.code), (403, "cross_site_request"), headers)

    def test_a_login_is_not_made_by_another_site(self):
        body = {"email": OWNER, "password": PASSWORD}
        stranger = Client(installation.port)
        for path, sent in (("/sessions", body), ("/registrations", {})):
            answer = stranger.post(path, sent, key=None, headers={"Origin": "http://evil.example.com"})
            self.assertEqual((answer.status, answer.code), (403, "cross_site_request"))
        answer = ok(stranger.post("/sessions", body, key=None, headers={"Origin": PUBLIC_URL}))
        cookie = answer.header("Set-Cookie")
        for attribute in ("HttpOnly", "Secure", "SameSite=Lax", "Path=/"):
            self.assertIn(attribute, cookie)
        stranger.close()

    def test_a_bearer_token_needs_no_origin_and_reading_neither(self):
        ok(owner.request("PATCH", "/me", {"name": "A program"}, headers={"Origin": "http://evil.example.com"}))
        reader = Client(installation.port, headers={"Cookie": f"bursar_session={owner.token}", "Origin": "http://evil.example.com"})
        ok(reader.get("/me"))
        reader.close()


class Slow(unittest.TestCase):
    def served(self, times=100):
        """A well-behaved client, a new connection now and then; answers the slowest of its requests."""
        slowest = 0.0
        client = Client(installation.port, owner.token)
        for i in range(times):
            started = time.monotonic()
            ok(client.get("/me"))
            slowest = max(slowest, time.monotonic() - started)
            if i % 10 == 0:
                client.close()
        client.close()
        return slowest

    def test_slow_heads_and_bodies_are_cut_off_and_hurt_nobody(self):
        crowd = [Raw() for _ in range(300)]
        head = b"POST /api/v1/sessions HTTP/1.1\r\nHost: x\r\n"
        for i, raw in enumerate(crowd):
            raw.send(head if i % 2 else head + b"Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{")
        started = time.monotonic()
        while time.monotonic() - started < 2.5:  # one byte each now and then, as slowloris does
            for i, raw in enumerate(crowd):
                raw.send(b"X" if i % 2 else b" ")
            self.served(5)
        for raw in crowd:
            raw.socket.settimeout(15)
            raw.read_all()
            raw.close()
        self.assertLess(time.monotonic() - started, 30, "slow clients were not cut off")

    def test_a_slow_reader_holds_no_worker(self):
        readers = [Raw(receive_buffer=4096).send(request("GET /api/v1/openapi.json HTTP/1.1") * 20) for _ in range(60)]
        self.served()
        for raw in readers:
            raw.close()

    def test_two_thousand_idle_connections_hurt_nobody(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65536), hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        crowd = [Raw() for _ in range(2000)]
        for i, raw in enumerate(crowd):
            if i % 2:
                raw.send(request("GET /healthz HTTP/1.1"))  # kept open after an answer
        slowest = self.served(200)
        print(f"2,000 idle: the slowest of 200 requests took {slowest * 1000:.0f} ms", file=sys.stderr)
        for raw in crowd:
            raw.close()
        if self.sanitized():
            print("under a sanitizer the memory says nothing, it is not looked at", file=sys.stderr)
        else:
            self.assertLess(self.memory_mib(installation.process.pid), 400)

    def test_pipelined_requests_are_answered_in_order(self):
        raw = Raw()
        for i in range(200):
            raw.send(request("GET /healthz HTTP/1.1", f"X-Request-Id: n{i}"))
        raw.send(request("GET /healthz HTTP/1.1", "X-Request-Id: last", "Connection: close"))
        data = raw.read_all().decode()
        raw.close()
        found = [line.split(": ")[1] for line in data.split("\r\n") if line.startswith("X-Request-Id: ")]
        self.assertEqual(found, [f"n{i}" for i in range(200)] + ["last"])

    @staticmethod
    def sanitized():
        with open(os.path.join(sys.argv[1], "CMakeCache.txt"), encoding="utf-8") as cache:
            return re.search(r"^BURSAR_SANITIZE:\w+=.", cache.read(), re.MULTILINE) is not None

    @staticmethod
    def memory_mib(pid):
        with open(f"/proc/{pid}/status", encoding="ascii") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:")) // 1024


class Descriptors(unittest.TestCase):
    def test_without_descriptors_the_accept_loop_rests_and_recovers(self):
        starved = Installation(sys.argv[1], seed=sys.argv[2])
        self.addCleanup(starved.remove)
        starved.start(limits={resource.RLIMIT_NOFILE: 120})
        crowd = []
        for _ in range(300):
            raw = socket.socket()
            raw.setblocking(False)
            try:
                raw.connect(("127.0.0.1", starved.port))
            except BlockingIOError:
                pass
            crowd.append(raw)
        time.sleep(0.5)
        before = self.cpu_ticks(starved.process.pid)
        time.sleep(2)
        used = (self.cpu_ticks(starved.process.pid) - before) / os.sysconf("SC_CLK_TCK")
        self.assertLess(used, 1.0, "the accept loop spins while there is no descriptor left")
        select.select(crowd, [], [], 0)
        for raw in crowd:
            raw.close()
        deadline = time.monotonic() + 20
        while True:
            client = Client(starved.port)
            try:
                if client.get("/healthz", base="").status == 200:
                    break
            except OSError:
                self.assertLess(time.monotonic(), deadline, "the server did not recover")
                time.sleep(0.2)
            finally:
                client.close()

    @staticmethod
    def cpu_ticks(pid):
        with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return int(fields[11]) + int(fields[12])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)

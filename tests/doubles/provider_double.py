"""What the doubles of payment providers share: a provider of our own, with its own book and scripted misfortunes.

A double listens on two ports. One speaks the provider's language; the other is for the test:

  GET    /book                     every entry of the book
  GET    /requests                 what came in: method, path, headers, body, and what its description refuses of it
  GET    /contract                 {"checked": true} or why not
  POST   /try      {"method", "path", "query"?, "headers"?, "body"?}   what the description refuses of this request
  POST   /faults   [{...}]         add faults (below); GET: those left; DELETE: none
  POST   /refuse   {"on": true}    refuse connections, until {"on": false}
  POST   /clock    {"now": 18e8}   set the double's clock (Unix seconds); {"advance": 60}
  GET    /webhooks ?signature=HOW  every event so far, signed: [{id, type, body, headers}]
  POST   /webhooks/deliver         {"url", "ids"?, "copies"?, "order"?, "seed"?, "delay"?, "signature"?} sends them on
  POST   /NAME                     whatever the provider's double adds (`control_NAME`)

A fault hits the next request that fits, `times` times (default 1): {"fault": KIND, "method"?, "path"? (regular
expression), "times"?} and by kind:

  reset_before_read                the connection is reset before a byte is read; knows no method or path
  reset_after_read   effect        reset after the request was read, and done if `effect`
  status             status, effect, headers, body    this answer, the request done or not
  truncated                        the request is done, half of the answer's JSON comes, as a whole HTTP answer
  cut                              the same, but the connection ends in the middle of the HTTP answer
  patched            set           the request is done, the answer has these values: {"status": 7, "a.b": null}
  delay              seconds, when the answer is late; when: "after" (default) the request was done, or "before"
  told_first         url, lost     the request is done, what happened is told to this address, and only then the answer comes; `lost`:
                                   the connection is reset in its place

The book is append-only: one JSON object per line, flushed before the answer leaves.
"""
import argparse
import json
import random
import re
import select
import socket
import struct
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import parse_qsl, unquote

import contract


class Answer:
    def __init__(self, status, body, headers=None):
        self.status = status
        self.body = body if isinstance(body, bytes) else body.encode() if isinstance(body, str) else json.dumps(body).encode()
        self.headers = headers if headers is not None else {"Content-Type": "application/json"}

    def json(self):
        return json.loads(self.body)


class Request:
    def __init__(self, method, target, headers, body):
        self.method = method
        path, _, self.query = target.partition("?")
        self.path = unquote(path)
        self.headers = headers  # names in lower case
        self.body = body

    def form(self):
        return contract.tree_of(contract.pairs_of(self.body.decode()))

    def arguments(self):
        """The query as a tree."""
        return contract.tree_of(contract.pairs_of(self.query))

    def json(self):
        return json.loads(self.body or b"null")


class Book:
    def __init__(self, path):
        self._file = open(path, "a", encoding="utf-8")
        self.entries = []

    def write(self, what, **fields):
        entry = {"number": len(self.entries) + 1, "what": what, **fields}
        self.entries.append(entry)
        self._file.write(json.dumps(entry) + "\n")
        self._file.flush()


class Faults:
    def __init__(self):
        self._lock = threading.Lock()
        self._left = []

    def add(self, faults):
        with self._lock:
            for fault in faults:
                if fault["fault"] not in ("reset_before_read", "reset_after_read", "status", "truncated", "cut", "patched", "delay", "told_first"):
                    raise ValueError(f"no fault is called {fault['fault']}")
                self._left.append({"times": 1, **fault})

    def clear(self):
        with self._lock:
            self._left = []

    def left(self):
        with self._lock:
            return list(self._left)

    def take(self, fits):
        with self._lock:
            for fault in self._left:
                if fits(fault):
                    fault["times"] -= 1
                    if fault["times"] <= 0:
                        self._left.remove(fault)
                    return fault
        return None

    def before_read(self):
        return self.take(lambda fault: fault["fault"] == "reset_before_read") is not None

    def of(self, request):
        return self.take(lambda fault: fault["fault"] != "reset_before_read" and fault.get("method", request.method) == request.method
                         and re.search(fault.get("path", ""), request.path))


def read_request(connection):
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(65536)
        if not more:
            return None
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    method, target, _ = lines[0].split(" ", 2)
    headers = {}
    for line in lines[1:]:
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    length = int(headers.get("content-length", 0))
    while len(body) < length:
        more = connection.recv(65536)
        if not more:
            return None
        body += more
    return Request(method, target, headers, body)


def reset(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def send(connection, answer, part=None):
    head = f"HTTP/1.1 {answer.status} {'OK' if answer.status < 300 else 'Other'}\r\n"
    for name, value in answer.headers.items():
        head += f"{name}: {value}\r\n"
    head += f"Content-Length: {len(answer.body)}\r\nConnection: close\r\n\r\n"
    connection.sendall(head.encode() + answer.body[:part])
    connection.close()


class Listener:
    """One port of 127.0.0.1 that can be closed, so that connections are refused, and opened again."""

    def __init__(self, serve):
        self._serve = serve
        self._socket = None
        self.port = 0
        self.open()

    def open(self):
        if self._socket is not None:
            return
        listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", self.port))
        listening.listen(128)
        self.port = listening.getsockname()[1]
        self._socket = listening
        threading.Thread(target=self._accept, args=(listening,), daemon=True).start()

    def close(self):
        if self._socket is None:
            return
        listening, self._socket = self._socket, None
        listening.shutdown(socket.SHUT_RDWR)  # wakes accept(), which else keeps the port open
        listening.close()

    def _accept(self, listening):
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            threading.Thread(target=self._guarded, args=(connection,), daemon=True).start()

    def _guarded(self, connection):
        try:
            self._serve(connection)
        except (BrokenPipeError, ConnectionResetError):
            connection.close()  # the other side went first


class ProviderDouble:
    """A provider. Its double gives `serve(request)` an answer for each request, under one lock."""

    name = "provider"
    descriptions = ()  # of contract.py
    undescribed = ()  # paths that begin so are the double's own, such as a page for the customer

    def __init__(self, folder, now=None):
        self.lock = threading.RLock()
        self.book = Book(Path(folder) / f"{self.name}-book.jsonl")
        self.faults = Faults()
        self.contract = contract.find(*self.descriptions)
        self.requests = []
        self.events = []  # {"id", "type", "body"}
        self._clock_offset = 0.0 if now is None else now - time.time()
        self.provider = Listener(self._serve_provider)
        self.control = Listener(self._serve_control)

    # For the provider's double to fill.

    def serve(self, request):
        raise NotImplementedError

    def arrived(self, request):
        """Before a request is worked on: an answer that is known already (a replay), or None."""
        return None

    def answered(self, request, answer, ran):
        """`answer` will be sent, whatever becomes of it on the way; None: the request was dropped unread. `ran`: it was worked on."""

    def tell_of(self, request, answer):
        """Emits the events of what `request` did, where that does not happen by itself."""

    def signed(self, body, how):
        """The headers that prove the event: how is right, wrong, old, both, stale or future."""
        raise NotImplementedError

    # For its use.

    def now(self):
        return int(time.time() + self._clock_offset)

    def emit(self, event_id, kind, body):
        self.events.append({"id": event_id, "type": kind, "body": body})

    @property
    def url(self):
        return f"http://127.0.0.1:{self.provider.port}"

    # The provider's side.

    def _serve_provider(self, connection):
        if self.faults.before_read():
            # Earlier the other side might take it for a connection that was refused.
            select.select([connection], [], [], 10)
            reset(connection)
            return
        request = read_request(connection)
        if request is None:
            connection.close()
            return
        note = self._note(request)
        fault = self.faults.of(request) or {"fault": ""}
        kind = fault["fault"]
        with self.lock:
            known = self.arrived(request)
        if kind == "delay" and fault.get("when") == "before":
            time.sleep(fault["seconds"])
        answer = self._worked_on(request, known, fault)
        if kind == "delay" and fault.get("when", "after") == "after":
            time.sleep(fault["seconds"])
        if kind == "" and self.contract is not None and not request.path.startswith(self.undescribed) and not note["refused"]:
            note["answer_refused"] = self.contract.answer_faults(request.method, request.path, answer.status, answer.headers, answer.body)
        if kind == "told_first":
            with self.lock:
                self.tell_of(request, answer)
            self._deliver(fault["url"])
        if kind == "reset_after_read" or fault.get("lost"):
            reset(connection)
        elif kind == "truncated":
            send(connection, Answer(answer.status, answer.body[:len(answer.body) // 2], answer.headers))
        elif kind == "cut":
            send(connection, answer, len(answer.body) // 2)
        elif kind == "patched":
            send(connection, Answer(answer.status, patched(answer.json(), fault["set"]), answer.headers))
        else:
            send(connection, answer)

    def _worked_on(self, request, known, fault):
        runs = fault.get("effect", True)
        with self.lock:
            answer = known if known is not None else self.serve(request) if runs else None
            if fault["fault"] == "status":
                body = fault.get("body", {"error": {"type": "api_error", "message": "scripted"}})
                answer = Answer(fault["status"], body, {"Content-Type": "application/json", **fault.get("headers", {})})
            if known is None:
                self.answered(request, answer, runs)
        return answer if answer is not None else Answer(500, {})  # which nobody will read

    def _note(self, request):
        faults = []
        if self.contract is not None and not request.path.startswith(self.undescribed):
            faults = self.contract.request_faults(request.method, request.path, request.query, request.headers, request.body)
        note = {"method": request.method, "path": request.path, "query": request.query, "headers": request.headers,
                "body": request.body.decode("utf-8", "replace"), "refused": faults, "answer_refused": []}
        with self.lock:
            self.requests.append(note)
        return note

    # The test's side.

    def _serve_control(self, connection):
        request = read_request(connection)
        if request is None:
            connection.close()
            return
        try:
            result = self._controlled(request)
            send(connection, Answer(200, result if result is not None else {}))
        except Exception as error:  # the test reads what was wrong with its order
            send(connection, Answer(400, {"error": f"{type(error).__name__}: {error}"}))

    def _controlled(self, request):
        method, path = request.method, request.path
        order = request.json()
        if path == "/faults":
            if method == "POST":
                self.faults.add(order)
            if method == "DELETE":
                self.faults.clear()
            return self.faults.left()
        if path == "/refuse":
            (self.provider.close if order["on"] else self.provider.open)()
            return {}
        if path == "/try":
            sent = {"content-type": "application/x-www-form-urlencoded", **order.get("headers", {})}
            return self.contract.request_faults(order["method"], order["path"], order.get("query", ""), sent, order.get("body", "").encode())
        if path == "/webhooks/deliver":
            return self._deliver(**order)
        with self.lock:
            if path == "/book":
                return self.book.entries
            if path == "/requests":
                return self.requests
            if path == "/contract":
                checked = self.contract is not None
                return {"checked": checked, "why": "" if checked else contract.why_missing()}
            if path == "/clock":
                self._clock_offset += order.get("advance", 0)
                if "now" in order:
                    self._clock_offset = order["now"] - time.time()
                return {"now": self.now()}
            if path == "/webhooks":
                how = dict(parse_qsl(request.query)).get("signature", "right")
                return [{**event, "headers": self.signed(event["body"], how)} for event in self.events]
            added = getattr(self, "control_" + path.strip("/").replace("/", "_"), None)
            if added is None:
                raise ValueError(f"no {method} {path}")
            return added(**(order or {}))

    def _deliver(self, url, ids=None, copies=1, order="as_sent", seed=0, delay=0.0, signature="right"):
        with self.lock:
            events = [event for event in self.events if ids is None or event["id"] in ids] * copies
        if order == "reversed":
            events.reverse()
        if order == "shuffled":
            random.Random(seed).shuffle(events)
        statuses = []
        for event in events:
            time.sleep(delay)
            sent = urllib.request.Request(url, data=event["body"].encode(), method="POST",
                                          headers={"Content-Type": "application/json", **self.signed(event["body"], signature)})
            try:
                with urllib.request.urlopen(sent, timeout=30) as answer:
                    statuses.append({"id": event["id"], "status": answer.status})
            except urllib.error.HTTPError as error:
                statuses.append({"id": event["id"], "status": error.code})
        return statuses


def patched(value, changes):
    for path, new in changes.items():
        node = value
        *parents, last = path.split(".")
        for key in parents:
            node = node[int(key) if isinstance(node, list) else key]
        node[int(last) if isinstance(node, list) else last] = new
    return value


def main(double):
    """Runs a double until its standard input ends, so that it never outlives the test that started it."""
    parser = argparse.ArgumentParser(description=double.__doc__)
    parser.add_argument("--folder", required=True, help="where the book is kept")
    parser.add_argument("--now", type=float, help="the double's clock at the start, Unix seconds")
    chosen = parser.parse_args()
    running = double(chosen.folder, chosen.now)
    print(json.dumps({"provider": running.provider.port, "control": running.control.port}), flush=True)
    sys.stdin.read()

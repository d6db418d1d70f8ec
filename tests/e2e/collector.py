"""A collector of traces: takes what OTLP over HTTP sends, by OpenTelemetry's own protos."""

import collections
import threading

from opentelemetry.proto.collector.trace.v1 import trace_service_pb2

from receivers import Hooks

Span = collections.namedtuple(
    "Span", "service name kind trace id parent start end attributes links failed message")

# As OTLP numbers them.
INTERNAL, SERVER, CLIENT, PRODUCER, CONSUMER = range(1, 6)


def _value(value):
    return getattr(value, value.WhichOneof("value"))


def _attributes(pairs):
    return {pair.key: _value(pair.value) for pair in pairs}


def _spans(body):
    request = trace_service_pb2.ExportTraceServiceRequest.FromString(body)
    for resource in request.resource_spans:
        service = _attributes(resource.resource.attributes)["service.name"]
        for scope in resource.scope_spans:
            for span in scope.spans:
                yield Span(
                    service, span.name, span.kind, span.trace_id.hex(), span.span_id.hex(),
                    span.parent_span_id.hex(), span.start_time_unix_nano, span.end_time_unix_nano,
                    _attributes(span.attributes),
                    [(link.trace_id.hex(), link.span_id.hex()) for link in span.links],
                    span.status.code == 2, span.status.message)


class Collector:
    """Keeps what it is sent. While `answer` is another number than 200 nothing is taken; while
    `hold` is clear nothing is answered."""

    def __init__(self):
        self.hooks = Hooks()
        self.hooks.answers["/v1/traces"] = self._take
        self.lock = threading.Lock()
        self.taken, self.bodies, self.answer = [], [], 200
        self.hold = threading.Event()
        self.hold.set()
        self.address = self.hooks.address

    def _take(self, post):
        self.hold.wait()
        if self.answer == 200:
            kind = {name.lower(): value for name, value in post.headers.items()}["content-type"]
            if kind != "application/x-protobuf":
                return 415, {}
            spans = list(_spans(post.body))
            with self.lock:
                self.taken += spans
                self.bodies.append(post.body)
        return self.answer, {}

    def spans(self):
        with self.lock:
            return list(self.taken)

    def trace(self, trace):
        return [span for span in self.spans() if span.trace == trace]

    def close(self):
        self.hold.set()
        self.hooks.close()

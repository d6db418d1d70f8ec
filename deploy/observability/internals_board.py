"""Where does it hurt? Calls between services, databases, blobs, outbox, limits, processes."""

from board import board, gauge, job_variable, of, quantile, rate
from panels import GREEN, ORANGE, RED, graph, grid, number

UID = "stackyard-internals"
JOB = 'job=~"$job"'
HANDLED = "grpc_server_handled_total"
HANDLING = "grpc_server_handling_seconds"
UNARY = 'grpc_type="unary"'
# Long polls of runners and watchers last as long as nothing happens.
NO_POLLS = 'grpc_method!~"Acquire.*|Wait.*"'
TRANSACTIONS = "stackyard_db_transaction_seconds"
BLOBS = "stackyard_blob_request_seconds"
GATEWAY = "stackyard_gateway"
OUTBOX = "stackyard_stacks_outbox"


def dashboard():
    slowest = quantile(0.95, HANDLING, "grpc_service, grpc_method", JOB, UNARY, NO_POLLS)
    asked = quantile(0.95, GATEWAY + "_request_seconds", "method",
                     'method!~".*/(Watch|Tail|Wait).*"')
    return board(
        UID, "Stackyard / Service internals",
        "Where does it hurt? Calls between services, databases, blobs, outbox, limits, processes.",
        [("Calls", [
            graph("Calls between services", "A second, by service of gRPC.", "reqps",
                  (rate(HANDLED, "grpc_service", JOB), "{{grpc_service}}"), stack=True),
            graph("Calls that fail", "A second, by service and code; refusals of what callers "
                  "asked are among them.", "reqps",
                  (rate(HANDLED, "job, grpc_code", JOB, 'grpc_code!="OK"'),
                   "{{job}} {{grpc_code}}"), stack=True, runbook="api-errors"),
            graph("Open calls", "Begun and not ended, streams and long polls included.", "short",
                  (f"sum by (job) ({of('grpc_server_started_total', JOB)})\n"
                   f"  - sum by (job) ({of(HANDLED, JOB)})", "{{job}}")),
            graph("Slowest methods behind the gateway", "95 % are faster; the ten slowest.", "s",
                  (f"topk(10, {slowest})", "{{grpc_service}}/{{grpc_method}}"), width=12,
                  height=9, runbook="api-slow"),
            graph("Slowest methods at the gateway", "95 % are faster; the ten slowest, without "
                  "those that wait on purpose.", "s", (f"topk(10, {asked})", "{{method}}"),
                  width=12, height=9, runbook="api-slow"),
        ]), ("Databases", [
            graph("Connections", "Busy ones, of as many as there may be.", "short",
                  (f"sum by (job) ({of('stackyard_db_connections', JOB, _BUSY)})",
                   "{{job}} busy"),
                  (f"sum by (job) ({of('stackyard_db_connections_max', JOB)})", "{{job}} most"),
                  runbook="database-pool-exhausted", width=6),
            graph("Wait for a connection", "99 % wait less.", "s",
                  (quantile(0.99, "stackyard_db_wait_seconds", "job, mode", JOB),
                   "{{job}} {{mode}}"), limits=[(0.5, RED)], runbook="database-pool-exhausted",
                  width=6),
            graph("Transactions", "A second, by mode and result.", "ops",
                  (rate(TRANSACTIONS + "_count", "mode, result", JOB), "{{mode}} {{result}}"),
                  stack=True, runbook="database-errors", width=6),
            graph("Time of transactions", "95 % are faster.", "s",
                  (quantile(0.95, TRANSACTIONS, "job, mode", JOB), "{{job}} {{mode}}"), width=6),
            graph("Age of gauges", "How long ago each replica read what dashboards show of its "
                  "database.", "s",
                  (f"time() - max by (job, instance) "
                   f"({of('stackyard_gauges_read_time_seconds', JOB)})", "{{job}} {{instance}}"),
                  limits=[(900, ORANGE)], runbook="gauges-stale", width=24, height=6),
        ]), ("Blobs and outbox", [
            graph("Blob requests", "A second, by operation and result.", "ops",
                  (rate(BLOBS + "_count", "operation, result"), "{{operation}} {{result}}"),
                  stack=True, runbook="blob-errors", width=6),
            graph("Time of blob requests", "95 % are faster.", "s",
                  (quantile(0.95, BLOBS, "store, operation"), "{{store}} {{operation}}"),
                  runbook="blob-errors", width=6),
            graph("Outbox: lag", "For how long the oldest that is due has been due.", "s",
                  (f"max by (kind) ({of(OUTBOX + '_lag_seconds')})", "{{kind}}"),
                  limits=[(120, ORANGE)], runbook="tasks-lag", width=6),
            graph("Outbox: pending", "What is due and not done.", "short",
                  (gauge(OUTBOX + "_pending", "kind"), "{{kind}}"), stack=True,
                  runbook="tasks-lag", width=6),
            graph("Deliveries", "A minute, by channel and result.", "short",
                  (f"60 * {rate('stackyard_stacks_deliveries_total', 'channel_type, result')}",
                   "{{channel_type}} {{result}}"), stack=True, runbook="deliveries-given-up",
                  width=12),
            graph("Spans", "A second, by service: exported, or dropped, so that traces have gaps. "
                  "Only where traces are exported.", "short",
                  (rate("stackyard_trace_spans_exported_total", "job", JOB), "{{job}} exported"),
                  (rate("stackyard_trace_spans_dropped_total", "job", JOB), "{{job}} dropped"),
                  runbook="traces-dropped", width=12),
        ]), ("Who is let in", [
            graph("Denied", "Calls a second, by reason.", "reqps",
                  (rate(GATEWAY + "_denials_total", "reason"), "{{reason}}"), stack=True,
                  runbook="denial-spike", width=6),
            graph("Refused by limits", "Calls and connections a second.", "reqps",
                  (rate(GATEWAY + "_rate_limited_total", "by"), "rate by {{by}}"),
                  (rate(GATEWAY + "_limited_total", "limit"), "{{limit}}"), stack=True,
                  runbook="limits-hit", width=6),
            graph("ID tokens", "Verified a second, by issuer and result.", "reqps",
                  (rate(GATEWAY + "_id_tokens_total", "issuer, result"),
                   "{{issuer}} {{result}}"), stack=True, width=6),
            graph("Keys of issuers", "Times in ten minutes that they could not be fetched.",
                  "short",
                  (f"sum by (issuer) (increase({of(GATEWAY + '_issuer_failures_total')}[10m]))",
                   "{{issuer}}"), runbook="issuer-keys-failing", width=6),
        ]), ("Processes", [
            graph("CPU", "Cores in use, by replica.", "short",
                  (rate("process_cpu_seconds_total", "job, instance", JOB),
                   "{{job}} {{instance}}")),
            graph("Memory", "In RAM, by replica.", "bytes",
                  (f"max by (job, instance) ({of('process_resident_memory_bytes', JOB)})",
                   "{{job}} {{instance}}")),
            graph("Open files", "Share of those that may be open.", "percentunit",
                  (f"max by (job, instance) ({of('process_open_fds', JOB)}\n"
                   f"  / {of('process_max_fds', JOB)})", "{{job}} {{instance}}"),
                  limits=[(0.8, ORANGE)], runbook="files-nearly-exhausted"),
            graph("Threads", "By replica; of the REST sidecar those of the Go runtime.", "short",
                  (f"max by (job, instance) ({of('process_threads', JOB)})",
                   "{{job}} {{instance}}"),
                  (f"max by (job, instance) ({of('go_threads', JOB)})", "{{job}} {{instance}}")),
            graph("Starts", "In an hour, by replica.", "short",
                  (f"max by (job, instance) (changes({of('process_start_time_seconds', JOB)}"
                   "[1h]))", "{{job}} {{instance}}"), runbook="crash-loop"),
            graph("Goroutines of REST", "Each open request has some.", "short",
                  (f"sum by (instance) ({of('go_goroutines', JOB)})", "{{instance}}")),
            grid("Versions", "What runs where: replicas by version.", "short",
                 (f"count by (job, version, commit) ({of('stackyard_build_info', JOB)})",
                  "replicas"), runbook="version-skew", width=12),
            number("First certificate to end", "Those of services, from now on; they are renewed "
                   "long before.", "s",
                   f"min({of('stackyard_certificate_end_time_seconds', JOB)}) - time()",
                   [(3600, ORANGE), (14400, GREEN)], "certificate-ends", width=6, height=8,
                   below=RED),
            number("Longest without a restart", "Since the oldest process began.", "s",
                   f"time() - min({of('process_start_time_seconds', JOB)})", width=6, height=8),
        ])], [job_variable()])


_BUSY = 'state="busy"'

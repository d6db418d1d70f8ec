"""Is the platform well? What callers and users of stacks notice, first of all."""

from board import board, gauge, of, quantile, rate
from names import JOBS, LONG_CALLS, PLATFORM_CODES, runbook_of
from objectives import BUDGET, LEFT, OBJECTIVES, errors
from panels import GREEN, ORANGE, RED, graph, number

UID = "stackyard-overview"
SHORT = f'method!~"{LONG_CALLS}"'
CALLS = "stackyard_gateway_requests_total"
LATENCY = "stackyard_gateway_request_seconds"
REST = "stackyard_rest_requests_total"
QUEUE = "stackyard_stacks_queue_runs"
STACKS = "stackyard_stacks_stacks"
_FAILED = 'state="failed"'
_PLATFORM = f'code=~"{PLATFORM_CODES}"'
_FIVE = 'code=~"5.."'
_JOBS = f'job=~"{JOBS}"'


def _left(one):
    selector = of(LEFT, f'slo="{one.slo}"')
    return number(
        f"Budget left: {one.slo}",
        f"{one.title}: {one.target:.1%} over 30 days. What is left of the errors that this allows; "
        "below nothing the objective is missed.",
        "percentunit", f"min({selector})", [(0, ORANGE), (0.25, GREEN)], runbook_of(one.alert),
        decimals=1, below=RED)


def dashboard():
    burn = f"max by (slo) ({of(errors('1h'))} / on (namespace, slo) {of(BUDGET)})"
    objectives = [_left(one) for one in OBJECTIVES]
    objectives.append(number(
        "Alerts that fire", "Alerts of Stackyard that fire now, of any severity.", "short",
        'count(ALERTS{alertname=~"Stackyard.+", alertstate="firing", namespace=~"$namespace"})'
        " or vector(0)", [(1, ORANGE)], decimals=0))
    return board(
        UID, "Stackyard / Overview",
        "Is the platform well? Objectives, the API, stacks and runs at a glance.",
        [("Objectives", [
            *objectives,
            graph("Burn rate over an hour",
                  "How many times faster than allowed each error budget is used up. 14.4 for an "
                  "hour pages somebody; 1 for days makes a ticket.",
                  "short", (burn, "{{slo}}"), limits=[(1, ORANGE), (14.4, RED)], width=12),
            graph("Firing alerts", "By name, as long as they fire.", "short",
                  ('count by (alertname, severity) (ALERTS{alertname=~"Stackyard.+", '
                   'alertstate="firing", namespace=~"$namespace"})',
                   "{{alertname}} ({{severity}})"), stack=True, width=12),
        ]), ("API", [
            graph("Calls a second", "Calls that ended at the gateway, by gRPC code. REST comes "
                  "through here as well.", "reqps", (rate(CALLS, "code"), "{{code}}"), stack=True),
            graph("Errors of the platform",
                  "Share of calls that failed through our fault (INTERNAL, UNKNOWN, UNAVAILABLE, "
                  "DATA_LOSS), and of REST requests that were answered by 5xx.", "percentunit",
                  (f"(sum(rate({of(CALLS, _PLATFORM)}[$__rate_interval])) or vector(0))\n"
                   f"  / sum(rate({of(CALLS)}[$__rate_interval]))", "gRPC"),
                  (f"(sum(rate({of(REST, _FIVE)}[$__rate_interval])) or vector(0))\n"
                   f"  / sum(rate({of(REST)}[$__rate_interval]))", "REST"),
                  limits=[(0.001, RED)], runbook="api-errors"),
            graph("Latency of calls", "At the gateway, without calls that wait on purpose (watch, "
                  "wait, tail).", "s",
                  (quantile(0.5, LATENCY, "", SHORT), "half"),
                  (quantile(0.95, LATENCY, "", SHORT), "95 %"),
                  (quantile(0.99, LATENCY, "", SHORT), "99 %"),
                  limits=[(0.25, ORANGE)], runbook="api-slow"),
            graph("REST requests a second", "By status code.", "reqps",
                  (rate(REST, "code"), "{{code}}"), stack=True),
            graph("Slowest REST routes", "95 % of the requests are faster; the five slowest "
                  "routes.", "s",
                  (f"topk(5, {quantile(0.95, 'stackyard_rest_request_seconds', 'route')})",
                   "{{route}}"), runbook="api-slow"),
            graph("Open calls and connections", "Streams and waiting calls stay open for long.",
                  "short",
                  (f"sum({of('stackyard_gateway_open_requests')})", "gRPC calls"),
                  (f"sum({of('stackyard_rest_open_requests')})", "REST requests"),
                  (f"sum({of('stackyard_gateway_open_connections')})", "connections")),
        ]), ("Stacks and runs", [
            number("Queued", "Runs that wait for a runner.", "short",
                   gauge(QUEUE, "", 'state="queued"'), [(20, ORANGE)], "queue-stuck"),
            number("Oldest in queue", "For how long the oldest run waits.", "s",
                   f"max({of('stackyard_stacks_queue_oldest_seconds')})",
                   [(60, ORANGE), (300, RED)], "queue-stuck"),
            number("Running", "Runs on runners now.", "short",
                   gauge(QUEUE, "", 'state="running"')),
            number("Failed stacks", "Stacks whose last change failed; their people see to them.",
                   "short", f"{gauge(STACKS, '', _FAILED)} or vector(0)", [(1, ORANGE)],
                   "runs-failing"),
            number("Leases that end", "Stacks whose lease ends within a day.", "short",
                   gauge("stackyard_stacks_leases_ending", "", 'within="24h"')),
            number("Past their lease", "Stacks whose lease is over and that are not gone.",
                   "short", gauge("stackyard_stacks_past_lease", ""), [(1, ORANGE)],
                   "stacks-past-lease"),
            graph("Stacks", "By state; those that are gone are not counted.", "short",
                  (gauge(STACKS, "state"), "{{state}}"), stack=True),
            graph("Runs that end", "A minute, by result.", "short",
                  (f"60 * {rate('stackyard_stacks_runs_total', 'result')}", "{{result}}"),
                  stack=True, runbook="runs-failing"),
            graph("Change requests that wait", "For review, by kind.", "short",
                  (gauge("stackyard_stacks_change_requests_waiting", "kind"), "{{kind}}"),
                  stack=True, runbook="reviews-wait"),
        ]), ("Processes", [
            graph("Replicas that are up", "As Prometheus reaches them.", "short",
                  (f"sum by (job) ({of('up', _JOBS)})", "{{job}}"), runbook="replica-down"),
            graph("CPU", "Cores in use, by service.", "short",
                  (rate("process_cpu_seconds_total", "job", _JOBS), "{{job}}"), stack=True),
            graph("Memory", "In RAM, by service.", "bytes",
                  (f"sum by (job) ({of('process_resident_memory_bytes', _JOBS)})", "{{job}}"),
                  stack=True),
        ])])

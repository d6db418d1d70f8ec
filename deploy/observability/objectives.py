"""Service level objectives, and the rules that follow from them.

Each is a share of events that may be bad. What is recorded are two rates, of all events and of the
bad ones; longer windows are averages of those, so that a window of days costs two series and not
every histogram of every replica (docs/adr/0032). Alerts look at two windows and several burn rates,
as Google's SRE workbook has it: fast burns page, slow ones make a ticket.
"""

from dataclasses import dataclass

from names import LONG_CALLS, PLATFORM_CODES, READ_CALLS

PERIOD = "30d"


@dataclass(frozen=True)
class Objective:
    slo: str
    alert: str
    target: float
    events: str
    bad: str
    # So few bad events wake nobody, whatever share they are.
    least_bad: int
    title: str
    # What the share counts, for the description of its alerts.
    what: str

    @property
    def budget(self):
        return round(1 - self.target, 6)


EVENTS = "namespace:stackyard_slo_events:rate5m"
BAD = "namespace:stackyard_slo_events_bad:rate5m"
BUDGET = "namespace:stackyard_slo_budget:ratio"
LEFT = "namespace:stackyard_slo_budget_left:ratio"
# How often the rules are evaluated, in seconds: sums of rates times this are counts.
INTERVAL = 30


def _rate(metric, *matchers):
    selector = f"{metric}{{{', '.join(matchers)}}}" if matchers else metric
    return f"sum by (namespace) (rate({selector}[5m]))"


def _or_none(slo, expr):
    """A code that never was has no series; that is no bad event, and not no answer."""
    return f'({expr}\n  or on (namespace) 0 * {EVENTS}{{slo="{slo}"}})'


_CALLS = "stackyard_gateway_requests_total"
_REST = "stackyard_rest_requests_total"
_RUNS = "stackyard_stacks_runs_total"
_READS = _rate("stackyard_gateway_request_seconds_count", f'method=~"{READ_CALLS}"')
_WAITS = _rate("stackyard_stacks_run_wait_seconds_count")

OBJECTIVES = [
    Objective(
        slo="api-availability", alert="StackyardApiErrors", target=0.999, least_bad=5,
        title="Calls of the API that do not fail through our fault",
        what="calls of the gRPC API failed through a fault of the platform",
        events=_rate(_CALLS),
        bad=_or_none("api-availability", _rate(_CALLS, f'code=~"{PLATFORM_CODES}"'))
        + "\n+ on (namespace) " + _or_none("api-availability", _rate(
            _CALLS, 'code="DEADLINE_EXCEEDED"', f'method!~"{LONG_CALLS}"'))),
    Objective(
        slo="rest-availability", alert="StackyardRestErrors", target=0.999, least_bad=5,
        title="REST requests that are not answered by 5xx",
        what="REST requests were answered by 5xx",
        events=_rate(_REST),
        bad=_or_none("rest-availability", _rate(_REST, 'code=~"5.."', 'code!="501"'))),
    Objective(
        slo="api-latency", alert="StackyardApiSlow", target=0.99, least_bad=20,
        title="Reads that are answered within 250 ms",
        what="reads took longer than 250 ms",
        events=_READS,
        bad=f"{_READS}\n- " + _rate("stackyard_gateway_request_seconds_bucket", 'le="0.25"',
                                    f'method=~"{READ_CALLS}"')),
    Objective(
        slo="run-start", alert="StackyardRunsStartLate", target=0.99, least_bad=3,
        title="Runs that a runner takes within 60 s",
        what="runs waited longer than 60 s for a runner",
        events=_WAITS,
        bad=f"{_WAITS}\n- " + _rate("stackyard_stacks_run_wait_seconds_bucket", 'le="60"')),
    Objective(
        slo="run-success", alert="StackyardRunsCutShort", target=0.99, least_bad=3,
        title="Runs that are not cut short",
        what="runs were lost or cut short with their runner",
        events=_rate(_RUNS, 'result!="cancelled"'),
        bad=_or_none("run-success", _rate(_RUNS, 'result=~"lost|drained"'))),
]


@dataclass(frozen=True)
class Burn:
    """Both windows must burn `rate` times as fast as the budget of the period allows."""
    severity: str
    rate: float
    long: str
    short: str
    wait: str


BURNS = [
    Burn("critical", 14.4, "1h", "5m", "2m"),
    Burn("critical", 6, "6h", "30m", "15m"),
    Burn("warning", 3, "1d", "2h", "1h"),
    Burn("warning", 1, "3d", "6h", "3h"),
]
WINDOWS = ["5m", "30m", "1h", "2h", "6h", "1d", "3d", PERIOD]


def errors(window):
    return f"namespace:stackyard_slo_errors:ratio_rate{window}"


def recordings():
    """Recording rules, those of a later one's input first."""
    rules = []
    for one in OBJECTIVES:
        labels = {"slo": one.slo}
        rules += [{"record": EVENTS, "labels": labels, "expr": one.events},
                  {"record": BAD, "labels": labels, "expr": one.bad},
                  # One for each namespace that has events, so that it joins with them.
                  {"record": BUDGET, "labels": labels,
                   "expr": f'0 * {EVENTS}{{slo="{one.slo}"}} + {one.budget:g}'}]
    rules.append({"record": errors("5m"), "expr": f"{BAD} / ({EVENTS} > 0)"})
    for window in WINDOWS[1:]:
        rules.append({"record": errors(window), "expr": (
            f"sum_over_time({BAD}[{window}])\n/ (sum_over_time({EVENTS}[{window}]) > 0)")})
    rules.append({"record": LEFT, "expr": f"1 - {errors(PERIOD)} / {BUDGET}"})
    return rules


def alerts():
    """Burn-rate alerts: as many for each objective as there are burns."""
    rules = []
    for one in OBJECTIVES:
        for burn in BURNS:
            limit = f"{burn.rate:g} * {one.budget:g}"
            rules.append({
                "alert": one.alert,
                "expr": (
                    f'{errors(burn.long)}{{slo="{one.slo}"}} > {limit}\n'
                    f'and {errors(burn.short)}{{slo="{one.slo}"}} > {limit}\n'
                    f'and {INTERVAL} * sum_over_time({BAD}{{slo="{one.slo}"}}[{burn.long}])'
                    f" >= {one.least_bad}"),
                "for": burn.wait,
                "labels": {"severity": burn.severity, "burn": f"{burn.rate:g}x",
                           "window": burn.long},
                "annotations": {
                    "summary": f"{one.title}: the error budget burns {burn.rate:g} times too fast",
                    "description": (
                        f"{{{{ $value | humanizePercentage }}}} of {one.what} in the last "
                        f"{burn.long}, in namespace {{{{ $labels.namespace }}}}. "
                        f"{one.budget:.1%} are allowed over {PERIOD}."),
                },
            })
    return rules

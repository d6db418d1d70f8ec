"""When each alert on a cause fires, and when it just does not.

`fires` and `quiet` are series in promtool's notation, a value a minute; `says` is the description
that goes with the alert. All is told of namespace prod; the test gives each case one of its own.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Case:
    alert: str
    # When to look, in minutes.
    at: int
    fires: dict
    quiet: dict
    says: str
    labels: dict = field(default_factory=dict)


STACKS = 'job="stackyard-stacks", instance="10.0.0.1:9090"'
RUNNER = 'job="stackyard-runner", instance="10.0.0.2:9090"'
GATEWAY = 'job="stackyard-gateway", instance="10.0.0.3:9090"'
QUOTA = 'job="stackyard-quota", instance="10.0.0.4:9090"'
SOMEBODY = 'job="somebody", instance="else"'
ISSUER = 'issuer="https://id.example.com"'
AT_GATEWAY = {"job": "stackyard-gateway", "instance": "10.0.0.3:9090"}


def stacks(name, values, *labels):
    return one(name, values, STACKS, *labels)


def one(name, values, *labels):
    return {f"{name}{{{', '.join(['namespace=' + chr(34) + 'prod' + chr(34), *labels])}}}": values}


def queued(values):
    return stacks("stackyard_stacks_queue_runs", values, 'state="queued"')


def runner(name, values, *labels):
    return one(f"stackyard_runner_{name}", values, RUNNER, *labels)


def ended(result, values):
    return stacks("stackyard_stacks_runs_total", values, 'kind="apply"', f'result="{result}"')


def held(name, values):
    return one(f"stackyard_quota_{name}", values, QUOTA, 'project="web"', 'metric="vcpu"')


def lag(kind, values):
    return stacks("stackyard_stacks_outbox_lag_seconds", values, f'kind="{kind}"')


def transactions(result, values):
    return stacks("stackyard_db_transaction_seconds_count", values, 'mode="write"',
                  f'result="{result}"')


def waits(le, values):
    return stacks("stackyard_db_wait_seconds_bucket", values, 'mode="write"', f'le="{le}"')


def blobs(result, values):
    return stacks("stackyard_blob_request_seconds_count", values, 'store="blobs"',
                  'operation="put"', f'result="{result}"')


def provider_starts(result, values):
    return runner("provider_starts_total", values, f'result="{result}"')


def gateway(name, values, *labels):
    return one(f"stackyard_gateway_{name}", values, GATEWAY, *labels)


def up(values, where=GATEWAY):
    return one("up", values, where)


def version(commit, where, values="1x200"):
    return one("stackyard_build_info", values, where, 'version="1.2.0"', f'commit="{commit}"')


CASES = [
    Case("StackyardQueueStuck", 6, stacks("stackyard_stacks_queue_oldest_seconds", "310x20"),
         stacks("stackyard_stacks_queue_oldest_seconds", "300x20"),
         "The oldest queued run waits for 5m 10s in namespace prod."),
    # One replica that tells an old number does not hide the other.
    Case("StackyardQueueStuck", 6,
         {**stacks("stackyard_stacks_queue_oldest_seconds", "400x20"),
          **one("stackyard_stacks_queue_oldest_seconds", "10x20", RUNNER)},
         stacks("stackyard_stacks_queue_oldest_seconds", "400x4 0x20"),
         "The oldest queued run waits for 6m 40s in namespace prod."),
    Case("StackyardNoRunner", 6, queued("3x20"), {**queued("3x20"), **runner("slots", "2x20")},
         "3 runs are queued in namespace prod, and no runner reports a slot."),
    Case("StackyardNoRunner", 6, {**queued("3x20"), **runner("slots", "0x20")}, queued("0x20"),
         "3 runs are queued in namespace prod, and no runner reports a slot."),
    # What runs needs no runner to come.
    Case("StackyardNoRunner", 6, queued("3x20"),
         stacks("stackyard_stacks_queue_runs", "3x20", 'state="running"'),
         "3 runs are queued in namespace prod, and no runner reports a slot."),
    Case("StackyardRunnersBusy", 31,
         {**queued("1x40"), **runner("slots", "2x40"), **runner("slots_busy", "2x40")},
         {**stacks("stackyard_stacks_queue_runs", "2x40", 'state="running"'),
          **runner("slots", "2x40"), **runner("slots_busy", "2x40")},
         "All 2 slots are busy in namespace prod, and runs wait for one."),
    Case("StackyardRunnersBusy", 31,
         {**queued("1x40"), **runner("slots", "2x40"), **runner("slots_busy", "2x40")},
         {**queued("1x40"), **runner("slots", "2x40"), **runner("slots_busy", "1x40")},
         "All 2 slots are busy in namespace prod, and runs wait for one."),
    Case("StackyardRunnersBusy", 31,
         {**queued("1x40"), **runner("slots", "2x40"), **runner("slots_busy", "2x40")},
         {**queued("0x40"), **runner("slots", "2x40"), **runner("slots_busy", "2x40")},
         "All 2 slots are busy in namespace prod, and runs wait for one."),
    Case("StackyardRunsFailing", 40, {**ended("failed", "0+1x60"), **ended("ok", "0+0.9x60")},
         {**ended("failed", "0+1x60"), **ended("ok", "0+1x60")},
         "52.63% of apply runs failed within 30 minutes in namespace prod.", {"kind": "apply"}),
    # All of four runs failed: too few to wake anybody.
    Case("StackyardRunsFailing", 40, ended("failed", "0+0.2x60"), ended("failed", "0+0.13x60"),
         "100% of apply runs failed within 30 minutes in namespace prod.", {"kind": "apply"}),
    Case("StackyardRunTakeovers", 30,
         stacks("stackyard_stacks_run_takeovers_total", "0x5 1x5 2x5 3x60"),
         stacks("stackyard_stacks_run_takeovers_total", "0x5 1x5 2x60"),
         "3 runs were taken back from their runners within an hour in namespace prod."),
    Case("StackyardProvidersDoNotStart", 40,
         {**provider_starts("failed", "0+3x60"), **provider_starts("ok", "0+10x60")},
         {**provider_starts("failed", "0+2x60"), **provider_starts("ok", "0+8x60")},
         "23.08% of provider starts failed within 15 minutes in namespace prod; runs start their "
         "providers themselves, which is slower."),
    Case("StackyardStacksPastLease", 16,
         stacks("stackyard_stacks_past_lease_longest_seconds", "3660x30"),
         stacks("stackyard_stacks_past_lease_longest_seconds", "3600x30"),
         "A stack in namespace prod is 1h 1m 0s past the end of its lease and is not gone; its "
         "quota is still held."),
    Case("StackyardReviewsWait", 16,
         stacks("stackyard_stacks_change_request_oldest_seconds", "176400x30"),
         stacks("stackyard_stacks_change_request_oldest_seconds", "172800x30"),
         "The oldest change request in namespace prod has waited for 2d 1h 0m 0s."),
    Case("StackyardQuotaOverCommitted", 61, held("over_committed", "1x90"),
         held("over_committed", "1x50 0x1 1x40"),
         "Project web holds more vcpu than its limit, in namespace prod; it is admitted nothing "
         "but decreases.", {"project": "web", "metric": "vcpu"}),
    Case("StackyardQuotaNearlyUsed", 61,
         {**held("used", "80x90"), **held("pending", "11x90"), **held("limit", "100x90")},
         {**held("used", "80x90"), **held("pending", "10x90"), **held("limit", "100x90")},
         "Project web has used 91% of its vcpu in namespace prod.",
         {"project": "web", "metric": "vcpu"}),
    # A limit of nothing is no limit that is nearly used.
    Case("StackyardQuotaNearlyUsed", 61,
         {**held("used", "95x90"), **held("pending", "0x90"), **held("limit", "100x90")},
         {**held("used", "1x90"), **held("pending", "0x90"), **held("limit", "0x90")},
         "Project web has used 95% of its vcpu in namespace prod.",
         {"project": "web", "metric": "vcpu"}),
    Case("StackyardReservationsOrphaned", 65,
         stacks("stackyard_stacks_reservations_orphaned_total", "0x60 1x10"),
         stacks("stackyard_stacks_reservations_orphaned_total", "1x70"),
         "About 1 reservations in namespace prod belonged to no stack and were given back."),
    Case("StackyardReservationsMissing", 65,
         {**stacks("stackyard_stacks_reservations_missing_total", "0x60 1x10"),
          **stacks("stackyard_stacks_reservations_differing_total", "0x70")},
         {**stacks("stackyard_stacks_reservations_missing_total", "2x70"),
          **stacks("stackyard_stacks_reservations_differing_total", "2x70")},
         "About 1 reservations in namespace prod were missing or differed from what their stacks "
         "have; they are made anew where quota admits it."),
    Case("StackyardReservationsMissing", 65,
         {**stacks("stackyard_stacks_reservations_missing_total", "0x70"),
          **stacks("stackyard_stacks_reservations_differing_total", "0x60 2x10")},
         {**stacks("stackyard_stacks_reservations_missing_total", "0x70"),
          **stacks("stackyard_stacks_reservations_differing_total", "0x70")},
         "About 2 reservations in namespace prod were missing or differed from what their stacks "
         "have; they are made anew where quota admits it."),
    # Time begins at zero in promtool: the last comparison was in the first second.
    Case("StackyardReconcilerBehind", 46, stacks("stackyard_stacks_reconciled_time_seconds", "0x60"),
         stacks("stackyard_stacks_reconciled_time_seconds", "960x60"),
         "The last comparison in namespace prod came to its end 46m 0s ago."),
    Case("StackyardQuotaSeriesOmitted", 16,
         one("stackyard_quota_series_omitted", "40x30", QUOTA),
         one("stackyard_quota_series_omitted", "0x30", QUOTA),
         "40 series in namespace prod are over --metrics-series and are not told."),
    Case("StackyardTasksLag", 6, lag("tasks", "125x20"), lag("tasks", "120x20"),
         "The oldest task that is due in namespace prod has been due for 2m 5s: stacks wait for "
         "quota, leases are not ended."),
    Case("StackyardTasksLag", 6, lag("tasks", "125x20"), lag("deliveries", "4000x20"),
         "The oldest task that is due in namespace prod has been due for 2m 5s: stacks wait for "
         "quota, leases are not ended."),
    Case("StackyardNoticesLag", 11, lag("deliveries", "310x20"),
         {**lag("deliveries", "300x20"), **lag("tasks", "4000x20")},
         "The oldest of deliveries that is due in namespace prod has been due for 5m 10s.",
         {"kind": "deliveries"}),
    Case("StackyardDeliveriesGivenUp", 65,
         stacks("stackyard_stacks_deliveries_total", "0x60 1x10", 'channel_type="webhook"',
                'result="given_up"'),
         {**stacks("stackyard_stacks_deliveries_total", "0+1x70", 'channel_type="webhook"',
                   'result="retried"'),
          **stacks("stackyard_stacks_deliveries_total", "7x70", 'channel_type="webhook"',
                   'result="given_up"')},
         "About 1 deliveries by webhook were given up within an hour in namespace prod.",
         {"channel_type": "webhook"}),
    Case("StackyardDatabaseErrors", 15,
         {**transactions("error", "0+12x20"), **transactions("ok", "0+988x20")},
         {**transactions("error", "0+10x20"), **transactions("ok", "0+990x20")},
         "1.2% of the transactions of stackyard-stacks failed in namespace prod.",
         {"job": "stackyard-stacks"}),
    Case("StackyardDatabasePoolExhausted", 20,
         {**waits("0.1", "0+90x30"), **waits("0.5", "0+95x30"), **waits("1", "0+100x30"),
          **waits("+Inf", "0+100x30")},
         {**waits("0.1", "0+90x30"), **waits("0.5", "0+99x30"), **waits("1", "0+100x30"),
          **waits("+Inf", "0+100x30")},
         "One in a hundred transactions of stackyard-stacks waits longer than 900ms for a "
         "connection in namespace prod.", {"job": "stackyard-stacks"}),
    Case("StackyardDatabaseConflicts", 30,
         {**transactions("conflict", "0+25x40"), **transactions("ok", "0+75x40")},
         {**transactions("conflict", "0+20x40"), **transactions("ok", "0+80x40")},
         "25% of the transactions of stackyard-stacks were made again in namespace prod.",
         {"job": "stackyard-stacks"}),
    Case("StackyardBlobErrors", 15, {**blobs("error", "0+3x20"), **blobs("ok", "0+97x20")},
         {**blobs("error", "0+2x20"), **blobs("ok", "0+98x20")},
         "3% of the requests to blobs failed in namespace prod: plans and states cannot be kept.",
         {"store": "blobs"}),
    Case("StackyardDenialSpike", 20,
         gateway("denials_total", "0+66x30", 'reason="token_invalid"'),
         gateway("denials_total", "0+60x30", 'reason="token_invalid"'),
         "1.1 calls a second are denied for token_invalid in namespace prod.",
         {"reason": "token_invalid"}),
    Case("StackyardDenialsUnwritten", 65, gateway("denials_unwritten_total", "0x60 5x10"),
         gateway("denials_unwritten_total", "5x70"),
         "About 5 denials in namespace prod were not written to the database within an hour: too "
         "many came at once."),
    Case("StackyardLimitsHit", 30,
         {**gateway("rate_limited_total", "0+60x40", 'by="address"'),
          **gateway("limited_total", "0+30x40", 'limit="open_calls"')},
         {**gateway("rate_limited_total", "0+30x40", 'by="address"'),
          **gateway("limited_total", "0+30x40", 'limit="open_calls"')},
         "1.5 calls or connections a second are refused by limits in namespace prod."),
    Case("StackyardIssuerKeysFailing", 25,
         # One each five minutes, and each ten.
         gateway("issuer_failures_total", "0x4 1x4 2x4 3x4 4x4 5x4 6x4", ISSUER),
         gateway("issuer_failures_total", "0x9 1x9 2x9 3x9", ISSUER),
         "2 tries to fetch the keys of https://id.example.com failed within 10 minutes in "
         "namespace prod: its people cannot come in once the kept keys are old.",
         {"issuer": "https://id.example.com"}),
    Case("StackyardServiceDown", 3, up("0x10"),
         {**up("0x10"), **up("1x10", 'job="stackyard-gateway", instance="10.0.0.9:9090"')},
         "Prometheus reaches no replica of stackyard-gateway in namespace prod.",
         {"job": "stackyard-gateway"}),
    # Runners may rightly be none.
    Case("StackyardServiceDown", 3, up("0x10"), up("0x10", RUNNER),
         "Prometheus reaches no replica of stackyard-gateway in namespace prod.",
         {"job": "stackyard-gateway"}),
    Case("StackyardReplicaDown", 11, up("0x20"), up("0x8 1x1 0x10"),
         "Prometheus does not reach stackyard-gateway on 10.0.0.3:9090, namespace prod.",
         AT_GATEWAY),
    Case("StackyardReplicaDown", 11, up("0x20"), up("0x20", SOMEBODY),
         "Prometheus does not reach stackyard-gateway on 10.0.0.3:9090, namespace prod.",
         AT_GATEWAY),
    Case("StackyardCrashLoop", 18,
         one("process_start_time_seconds", "10x3 200x3 400x3 600x10", GATEWAY),
         {**one("process_start_time_seconds", "10x3 200x3 400x10", GATEWAY),
          **one("process_start_time_seconds", "10x3 200x3 400x3 600x10", SOMEBODY)},
         "stackyard-gateway on 10.0.0.3:9090, namespace prod was started 3 times more within 15 "
         "minutes.", AT_GATEWAY),
    Case("StackyardVersionSkew", 61, {**version("aaa", STACKS), **version("bbb", QUOTA)},
         {**version("aaa", STACKS), **version("aaa", QUOTA)},
         "2 versions have been running in namespace prod for an hour: a rollout does not end."),
    Case("StackyardVersionSkew", 61, {**version("aaa", STACKS), **version("bbb", QUOTA)},
         {**version("aaa", STACKS), **version("bbb", QUOTA, "1x50 _x100")},
         "2 versions have been running in namespace prod for an hour: a rollout does not end."),
    Case("StackyardFilesNearlyExhausted", 11,
         {**one("process_open_fds", "85x20", GATEWAY), **one("process_max_fds", "100x20", GATEWAY)},
         {**one("process_open_fds", "80x20", GATEWAY), **one("process_max_fds", "100x20", GATEWAY),
          **one("process_open_fds", "99x20", SOMEBODY),
          **one("process_max_fds", "100x20", SOMEBODY)},
         "stackyard-gateway on 10.0.0.3:9090, namespace prod has 85% of its files open.",
         AT_GATEWAY),
    Case("StackyardCertificateEnds", 32,
         one("stackyard_certificate_end_time_seconds", "4800x40", STACKS),
         # Renewed once; an hour and a second are left.
         one("stackyard_certificate_end_time_seconds", "3000x9 5521x40", STACKS),
         "The certificate of stackyard-stacks on 10.0.0.1:9090, namespace prod ends in 48m 0s; "
         "other services refuse it then.",
         {"job": "stackyard-stacks", "instance": "10.0.0.1:9090"}),
    Case("StackyardGaugesStale", 30, one("stackyard_gauges_read_time_seconds", "60x40", STACKS),
         one("stackyard_gauges_read_time_seconds", "900x40", STACKS),
         "stackyard-stacks on 10.0.0.1:9090, namespace prod last read its gauges 29m 0s ago: "
         "alerts on queue, leases, quota and outbox may be late or wrong.",
         {"job": "stackyard-stacks", "instance": "10.0.0.1:9090"}),
    Case("StackyardTracesDropped", 25,
         one("stackyard_trace_spans_dropped_total", "0+60x40", GATEWAY),
         one("stackyard_trace_spans_dropped_total", "9x40", GATEWAY),
         "stackyard-gateway drops 1 spans a second in namespace prod: the collector is away or "
         "slow.", {"job": "stackyard-gateway"}),
]

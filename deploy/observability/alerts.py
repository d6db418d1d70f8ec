"""Alerts on causes: what is wrong before, or beside, what the objectives measure.

`critical` pages somebody, `warning` is for the next working day, `info` is for those who look. Each
has a runbook in docs/runbooks, and two tests in tests/observability: it fires, and just below it
does not.
"""

from dataclasses import dataclass

from names import JOBS


@dataclass(frozen=True)
class Alert:
    name: str
    severity: str
    wait: str
    expr: str
    summary: str
    description: str

    def rule(self):
        return {"alert": self.name, "expr": self.expr, "for": self.wait,
                "labels": {"severity": self.severity},
                "annotations": {"summary": self.summary, "description": self.description}}


IN = "in namespace {{ $labels.namespace }}"
WHO = "{{ $labels.job }} on {{ $labels.instance }}, namespace {{ $labels.namespace }}"

RUNS = [
    Alert(
        "StackyardQueueStuck", "critical", "5m",
        "max by (namespace) (stackyard_stacks_queue_oldest_seconds) > 300",
        "Runs wait in the queue and nobody takes them",
        f"The oldest queued run waits for {{{{ $value | humanizeDuration }}}} {IN}."),
    Alert(
        "StackyardNoRunner", "critical", "5m",
        'max by (namespace) (stackyard_stacks_queue_runs{state="queued"}) > 0\n'
        "unless on (namespace) sum by (namespace) (stackyard_runner_slots) > 0",
        "Runs are queued and there is no runner",
        f"{{{{ $value }}}} runs are queued {IN}, and no runner reports a slot."),
    Alert(
        "StackyardRunnersBusy", "warning", "30m",
        "sum by (namespace) (stackyard_runner_slots_busy)\n"
        "  >= sum by (namespace) (stackyard_runner_slots)\n"
        'and on (namespace) max by (namespace) (stackyard_stacks_queue_runs{state="queued"}) > 0',
        "All runners have been busy for half an hour while runs wait",
        f"All {{{{ $value }}}} slots are busy {IN}, and runs wait for one."),
    Alert(
        "StackyardRunsFailing", "warning", "10m",
        'sum by (namespace, kind) (increase(stackyard_stacks_runs_total{result="failed"}[30m]))\n'
        "  / sum by (namespace, kind) (increase(stackyard_stacks_runs_total[30m])) > 0.5\n"
        "and sum by (namespace, kind)"
        ' (increase(stackyard_stacks_runs_total{result="failed"}[30m])) >= 5',
        "More than half of all runs of a kind fail",
        f"{{{{ $value | humanizePercentage }}}} of {{{{ $labels.kind }}}} runs failed within 30 "
        f"minutes {IN}."),
    Alert(
        "StackyardRunTakeovers", "warning", "0m",
        "sum by (namespace) (increase(stackyard_stacks_run_takeovers_total[1h])) > 2.5",
        "Runners die or fall silent in the middle of runs",
        f"{{{{ $value | humanize }}}} runs were taken back from their runners within an hour {IN}."),
    Alert(
        "StackyardProvidersDoNotStart", "warning", "15m",
        'sum by (namespace) (increase(stackyard_runner_provider_starts_total{result="failed"}[15m]))'
        "\n  / sum by (namespace) (increase(stackyard_runner_provider_starts_total[15m])) > 0.2",
        "Provider processes do not start ahead of their runs",
        f"{{{{ $value | humanizePercentage }}}} of provider starts failed within 15 minutes {IN}; "
        "runs start their providers themselves, which is slower."),
]

LEASES = [
    Alert(
        "StackyardStacksPastLease", "warning", "15m",
        "max by (namespace) (stackyard_stacks_past_lease_longest_seconds) > 3600",
        "A stack outlives its lease",
        f"A stack {IN} is {{{{ $value | humanizeDuration }}}} past the end of its lease and is not "
        "gone; its quota is still held."),
    Alert(
        "StackyardReviewsWait", "info", "15m",
        "max by (namespace) (stackyard_stacks_change_request_oldest_seconds) > 172800",
        "A change request has waited for review for two days",
        f"The oldest change request {IN} has waited for {{{{ $value | humanizeDuration }}}}."),
]

QUOTA = [
    Alert(
        "StackyardQuotaOverCommitted", "warning", "1h",
        "max by (namespace, project, metric) (stackyard_quota_over_committed) > 0",
        "A project holds more than its limit allows",
        "Project {{ $labels.project }} holds more {{ $labels.metric }} than its limit, "
        f"{IN}; it is admitted nothing but decreases."),
    Alert(
        "StackyardQuotaNearlyUsed", "info", "1h",
        "(\n"
        "  max by (namespace, project, metric) (stackyard_quota_used)\n"
        "  + max by (namespace, project, metric) (stackyard_quota_pending)\n"
        ") / (max by (namespace, project, metric) (stackyard_quota_limit) > 0) > 0.9",
        "A project has used nine tenths of a limit",
        "Project {{ $labels.project }} has used {{ $value | humanizePercentage }} of its "
        f"{{{{ $labels.metric }}}} {IN}."),
    Alert(
        "StackyardReservationsOrphaned", "warning", "0m",
        "sum by (namespace) (increase(stackyard_stacks_reservations_orphaned_total[1h])) > 0",
        "Quota held reservations that belonged to no stack",
        f"About {{{{ $value | humanize }}}} reservations {IN} belonged to no stack and were given "
        "back."),
    Alert(
        "StackyardReservationsMissing", "warning", "0m",
        "sum by (namespace) (increase(stackyard_stacks_reservations_missing_total[1h]))\n"
        "  + sum by (namespace) (increase(stackyard_stacks_reservations_differing_total[1h])) > 0",
        "Stacks had resources that quota did not hold as they are",
        f"About {{{{ $value | humanize }}}} reservations {IN} were missing or differed from what "
        "their stacks have; they are made anew where quota admits it."),
    Alert(
        "StackyardReconcilerBehind", "warning", "15m",
        "time() - max by (namespace) (stackyard_stacks_reconciled_time_seconds) > 1800",
        "Quota and stacks have not been compared for half an hour",
        f"The last comparison {IN} came to its end {{{{ $value | humanizeDuration }}}} ago."),
    Alert(
        "StackyardQuotaSeriesOmitted", "info", "15m",
        "max by (namespace) (stackyard_quota_series_omitted) > 0",
        "Not all projects have metrics of their quota",
        f"{{{{ $value }}}} series {IN} are over --metrics-series and are not told."),
]

OUTBOX = [
    Alert(
        "StackyardTasksLag", "critical", "5m",
        'max by (namespace) (stackyard_stacks_outbox_lag_seconds{kind="tasks"}) > 120',
        "What happens next to stacks does not happen",
        f"The oldest task that is due {IN} has been due for {{{{ $value | humanizeDuration }}}}: "
        "stacks wait for quota, leases are not ended."),
    Alert(
        "StackyardNoticesLag", "warning", "10m",
        "max by (namespace, kind) (\n"
        '  stackyard_stacks_outbox_lag_seconds{kind=~"notices|deliveries"}\n'
        ") > 300",
        "People are told late",
        "The oldest of {{ $labels.kind }} that is due "
        f"{IN} has been due for {{{{ $value | humanizeDuration }}}}."),
    Alert(
        "StackyardDeliveriesGivenUp", "warning", "0m",
        "sum by (namespace, channel_type)"
        ' (increase(stackyard_stacks_deliveries_total{result="given_up"}[1h])) > 0',
        "Webhooks or mails were given up",
        "About {{ $value | humanize }} deliveries by {{ $labels.channel_type }} were given up "
        f"within an hour {IN}."),
]

STORAGE = [
    Alert(
        "StackyardDatabaseErrors", "critical", "5m",
        "sum by (namespace, job)"
        ' (rate(stackyard_db_transaction_seconds_count{result="error"}[5m]))\n'
        "  / sum by (namespace, job) (rate(stackyard_db_transaction_seconds_count[5m])) > 0.01",
        "The database fails",
        "{{ $value | humanizePercentage }} of the transactions of {{ $labels.job }} failed "
        f"{IN}."),
    Alert(
        "StackyardDatabasePoolExhausted", "warning", "10m",
        "histogram_quantile(0.99, sum by (namespace, job, le)"
        " (rate(stackyard_db_wait_seconds_bucket[5m]))) > 0.5",
        "Calls wait for a connection to the database",
        "One in a hundred transactions of {{ $labels.job }} waits longer than "
        f"{{{{ $value | humanizeDuration }}}} for a connection {IN}."),
    Alert(
        "StackyardDatabaseConflicts", "warning", "15m",
        "sum by (namespace, job)"
        ' (rate(stackyard_db_transaction_seconds_count{result="conflict"}[10m]))\n'
        "  / sum by (namespace, job) (rate(stackyard_db_transaction_seconds_count[10m])) > 0.2",
        "Transactions lose races all the time",
        "{{ $value | humanizePercentage }} of the transactions of {{ $labels.job }} were made "
        f"again {IN}."),
    Alert(
        "StackyardBlobErrors", "critical", "5m",
        "sum by (namespace, store)"
        ' (rate(stackyard_blob_request_seconds_count{result="error"}[5m]))\n'
        "  / sum by (namespace, store) (rate(stackyard_blob_request_seconds_count[5m])) > 0.02",
        "The object store fails",
        "{{ $value | humanizePercentage }} of the requests to {{ $labels.store }} failed "
        f"{IN}: plans and states cannot be kept."),
]

ACCESS = [
    Alert(
        "StackyardDenialSpike", "warning", "10m",
        "sum by (namespace, reason) (rate(stackyard_gateway_denials_total[5m])) > 1",
        "Very many calls are denied",
        "{{ $value | humanize }} calls a second are denied for {{ $labels.reason }} "
        f"{IN}."),
    Alert(
        "StackyardDenialsUnwritten", "warning", "0m",
        "sum by (namespace) (increase(stackyard_gateway_denials_unwritten_total[1h])) > 0",
        "Denied calls are in the log alone",
        f"About {{{{ $value | humanize }}}} denials {IN} were not written to the database within "
        "an hour: too many came at once."),
    Alert(
        "StackyardLimitsHit", "warning", "15m",
        "sum by (namespace) (rate(stackyard_gateway_rate_limited_total[5m]))\n"
        "  + sum by (namespace) (rate(stackyard_gateway_limited_total[5m])) > 1",
        "The gateway's limits turn callers away",
        f"{{{{ $value | humanize }}}} calls or connections a second are refused by limits {IN}."),
    Alert(
        "StackyardIssuerKeysFailing", "critical", "10m",
        "sum by (namespace, issuer) (increase(stackyard_gateway_issuer_failures_total[10m])) > 1.5",
        "The keys of an identity provider cannot be fetched",
        "{{ $value | humanize }} tries to fetch the keys of {{ $labels.issuer }} failed within 10 "
        f"minutes {IN}: its people cannot come in once the kept keys are old."),
]

PROCESSES = [
    Alert(
        "StackyardServiceDown", "critical", "2m",
        f'sum by (namespace, job) (up{{job=~"{JOBS}", job!="stackyard-runner"}}) == 0',
        "No replica of a service can be reached",
        f"Prometheus reaches no replica of {{{{ $labels.job }}}} {IN}."),
    Alert(
        "StackyardReplicaDown", "warning", "10m",
        f'up{{job=~"{JOBS}"}} == 0',
        "A replica cannot be reached",
        f"Prometheus does not reach {WHO}."),
    Alert(
        "StackyardCrashLoop", "critical", "0m",
        f'changes(process_start_time_seconds{{job=~"{JOBS}"}}[15m]) > 2',
        "A process is started again and again",
        f"{WHO} was started {{{{ $value }}}} times more within 15 minutes."),
    Alert(
        "StackyardVersionSkew", "warning", "1h",
        "count by (namespace) (count by (namespace, version, commit) (stackyard_build_info)) > 1",
        "Replicas of different versions run side by side",
        f"{{{{ $value }}}} versions have been running {IN} for an hour: a rollout does not end."),
    Alert(
        "StackyardFilesNearlyExhausted", "warning", "10m",
        f'process_open_fds{{job=~"{JOBS}"}} / process_max_fds{{job=~"{JOBS}"}} > 0.8',
        "A process has nearly as many files open as it may",
        f"{WHO} has {{{{ $value | humanizePercentage }}}} of its files open."),
    Alert(
        "StackyardCertificateEnds", "critical", "10m",
        "stackyard_certificate_end_time_seconds - time() < 3600",
        "A service's certificate ends within the hour, and there is no new one",
        f"The certificate of {WHO} ends in {{{{ $value | humanizeDuration }}}}; other services "
        "refuse it then."),
    Alert(
        "StackyardGaugesStale", "warning", "5m",
        "time() - stackyard_gauges_read_time_seconds > 900",
        "A replica tells old numbers of its database",
        f"{WHO} last read its gauges {{{{ $value | humanizeDuration }}}} ago: alerts on queue, "
        "leases, quota and outbox may be late or wrong."),
    Alert(
        "StackyardTracesDropped", "info", "15m",
        "sum by (namespace, job) (rate(stackyard_trace_spans_dropped_total[5m])) > 0",
        "Traces have gaps",
        "{{ $labels.job }} drops {{ $value | humanize }} spans a second "
        f"{IN}: the collector is away or slow."),
]

GROUPS = [("stackyard-runs", RUNS), ("stackyard-leases", LEASES), ("stackyard-quota", QUOTA),
          ("stackyard-outbox", OUTBOX), ("stackyard-storage", STORAGE),
          ("stackyard-access", ACCESS), ("stackyard-processes", PROCESSES)]

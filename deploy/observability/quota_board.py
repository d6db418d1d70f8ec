"""Who holds how much, and until when? Quota by project and metric, leases, the ledger itself."""

from board import board, gauge, of, project_variable, quantile, rate
from panels import ORANGE, RED, bars, graph, grid, number

UID = "stackyard-quota"
PROJECT = 'project=~"$project"'
BY = "project, metric"
USED, PENDING = "stackyard_quota_used", "stackyard_quota_pending"
LIMIT, OVER = "stackyard_quota_limit", "stackyard_quota_over_committed"
LEDGER = "stackyard_quota_ledger"
RESERVATIONS = "stackyard_stacks_reservations"


def _held(metric):
    return gauge(metric, BY, PROJECT)


def _hour(metric):
    return f"sum(increase({of(metric)}[1h]))"


def dashboard():
    share = f"{_held(USED)} / ({_held(LIMIT)} > 0)"
    return board(
        UID, "Stackyard / Quota and leases",
        "Who holds how much, and until when? What quota counts, what leases end, what is compared.",
        [("Quota", [
            bars("Fullest", "Used share of the limit in force, the ten fullest.", "percentunit",
                 (f"sort_desc(topk(10, {share}))", "{{project}} {{metric}}"),
                 [(0.8, ORANGE), (1, RED)], "quota-nearly-used", width=8, height=9, top=1),
            grid("Used, pending, limit", "Now, of each project and metric; the limit has the "
                 "grants that are in force.", "short", (_held(USED), "used"),
                 (_held(PENDING), "pending"), (_held(LIMIT), "limit"),
                 runbook="quota-over-committed", width=16, height=9),
            graph("Used", "Held by committed reservations.", "short",
                  (_held(USED), "{{project}} {{metric}}")),
            graph("Used share", "Of the limit in force.", "percentunit",
                  (share, "{{project}} {{metric}}"), limits=[(0.9, ORANGE), (1, RED)],
                  runbook="quota-nearly-used"),
            graph("Pending", "Reserved by changes that are not applied yet.", "short",
                  (_held(PENDING), "{{project}} {{metric}}")),
            graph("Limit", "In force now: it moves with temporary grants.", "short",
                  (_held(LIMIT), "{{project}} {{metric}}")),
            graph("Over-committed", "1 where more is held than the limit allows: nothing but "
                  "decreases is admitted.", "short",
                  (f"{_held(OVER)} > 0", "{{project}} {{metric}}"),
                  runbook="quota-over-committed"),
            graph("Refused for want of quota", "Reservations a minute that did not fit.", "short",
                  (f"60 * {rate(LEDGER + '_calls_total', 'method', _SHORT)}", "{{method}}"),
                  runbook="quota-nearly-used"),
        ]), ("Leases", [
            number("End within 1 h", "Stacks whose lease ends within an hour.", "short",
                   gauge("stackyard_stacks_leases_ending", "", 'within="1h"')),
            number("End within 24 h", "Stacks whose lease ends within a day.", "short",
                   gauge("stackyard_stacks_leases_ending", "", 'within="24h"')),
            number("End within 7 d", "Stacks whose lease ends within a week.", "short",
                   gauge("stackyard_stacks_leases_ending", "", 'within="7d"')),
            number("Past their lease", "Stacks whose lease is over and that are not gone.",
                   "short", gauge("stackyard_stacks_past_lease", ""), [(1, ORANGE)],
                   "stacks-past-lease"),
            number("Longest past", "For how long the first of them is past its lease.", "s",
                   f"max({of('stackyard_stacks_past_lease_longest_seconds')})",
                   [(1, ORANGE), (3600, RED)], "stacks-past-lease"),
            number("Oldest request", "For how long the oldest change request waits for review.",
                   "s", f"max({of('stackyard_stacks_change_request_oldest_seconds')})",
                   [(86400, ORANGE)], "reviews-wait"),
            graph("Leases that end", "The longer windows include the shorter.", "short",
                  (gauge("stackyard_stacks_leases_ending", "within"), "within {{within}}")),
            graph("Stacks", "By state; those that are gone are not counted.", "short",
                  (gauge("stackyard_stacks_stacks", "state"), "{{state}}"), stack=True),
            graph("Stacks past their lease", "Stacks that should be gone; their quota is still held.",
                  "short", (gauge("stackyard_stacks_past_lease", ""), "stacks"),
                  runbook="stacks-past-lease"),
        ]), ("Quota against stacks", [
            number("Orphaned", "Reservations of no stack, given back within an hour.", "short",
                   _hour(RESERVATIONS + "_orphaned_total"), [(1, ORANGE)],
                   "reservations-orphaned", decimals=0),
            number("Missing", "Stacks with resources that quota did not hold, within an hour.",
                   "short", _hour(RESERVATIONS + "_missing_total"), [(1, RED)],
                   "reservations-missing", decimals=0),
            number("Differing", "Reservations that were not what their stack has, within an hour.",
                   "short", _hour(RESERVATIONS + "_differing_total"), [(1, ORANGE)],
                   "reservations-missing", decimals=0),
            number("Last compared", "How long ago quota and stacks were compared to the end.", "s",
                   f"time() - min(max by (namespace) "
                   f"({of('stackyard_stacks_reconciled_time_seconds')}))",
                   [(900, ORANGE), (1800, RED)], "reconciler-behind"),
            number("Expired", "Reservations that nobody committed in time, within a day.", "short",
                   f"sum(increase({of('stackyard_quota_expired_reservations_total')}[1d]))",
                   decimals=0),
            number("Over-reserved", "Commits of more than admission had vouched for, within a "
                   "day: the meters of a template say too little.", "short",
                   f"sum(increase({of('stackyard_quota_over_reserved_commits_total')}[1d]))",
                   [(1, ORANGE)], decimals=0),
        ]), ("Ledger", [
            graph("Calls", "A second, by outcome.", "reqps",
                  (rate(LEDGER + "_calls_total", "outcome"), "{{outcome}}"), stack=True),
            graph("Latency", "95 % are faster, by method.", "s",
                  (quantile(0.95, LEDGER + "_call_seconds", "method"), "{{method}}")),
            graph("Calls decided together", "By one commit. Near 256 the database is the "
                  "bottleneck.", "short",
                  (quantile(0.5, "stackyard_quota_group_calls", ""), "half"),
                  (quantile(0.99, "stackyard_quota_group_calls", ""), "99 %")),
            graph("A group's time", "95 %: to decide, and to commit.", "s",
                  (quantile(0.95, "stackyard_quota_group_decision_seconds", ""), "decision"),
                  (quantile(0.95, "stackyard_quota_group_commit_seconds", ""), "commit")),
            graph("Capacity in memory", "Rebuilds and evictions a minute; many of them: memory "
                  "for too few metrics, or commits that fail.", "short",
                  (f"60 * sum(rate({of('stackyard_quota_capacity_rebuilds_total')}"
                   "[$__rate_interval]))", "rebuilds"),
                  (f"60 * sum(rate({of('stackyard_quota_capacity_evictions_total')}"
                   "[$__rate_interval]))", "evictions"),
                  (f"60 * sum(rate({of('stackyard_quota_capacity_followed_versions_total')}"
                   "[$__rate_interval]))", "followed")),
            graph("Changes in memory", "About 120 bytes each, by replica.", "short",
                  (f"sum by (instance) ({of('stackyard_quota_capacity_nodes')})",
                   "{{instance}}")),
        ])], [project_variable()])


_SHORT = 'outcome="QUOTA_EXCEEDED"'

"""Do runs go through? Queue, waiting, results and durations, runners and their providers."""

from board import board, gauge, mean, of, quantile, rate
from panels import ORANGE, RED, graph, number

UID = "stackyard-runs"
QUEUE = "stackyard_stacks_queue_runs"
WAIT = "stackyard_stacks_run_wait_seconds"
RUNS = "stackyard_stacks_runs_total"
SECONDS = "stackyard_stacks_run_seconds"
STEPS = "stackyard_runner_step_seconds"
SLOTS, BUSY = "stackyard_runner_slots", "stackyard_runner_slots_busy"
PROVIDER = "stackyard_runner_provider"


def dashboard():
    late = f"{WAIT}_bucket"
    within = 'le="60"'
    return board(
        UID, "Stackyard / Runs",
        "Do runs go through? From the queue to the last step, and the runners that do them.",
        [("Now", [
            number("Queued", "Runs that wait for a runner.", "short",
                   gauge(QUEUE, "", 'state="queued"'), [(20, ORANGE)], "queue-stuck"),
            number("Oldest in queue", "For how long the oldest run waits.", "s",
                   f"max({of('stackyard_stacks_queue_oldest_seconds')})",
                   [(60, ORANGE), (300, RED)], "queue-stuck"),
            number("Running", "Runs on runners now.", "short",
                   gauge(QUEUE, "", 'state="running"')),
            number("Slots in use", "Of all slots of runners.", "percentunit",
                   f"sum({of(BUSY)}) / sum({of(SLOTS)})", [(0.9, ORANGE)], "runners-busy"),
            number("Taken over", "Runs that were taken back from dead or silent runners within a "
                   "day.", "short",
                   f"sum(increase({of('stackyard_stacks_run_takeovers_total')}[1d]))",
                   [(1, ORANGE)], "run-takeovers", decimals=0),
            number("Draining runners", "They finish what they have and take nothing new.", "short",
                   f"sum({of('stackyard_runner_draining')})"),
        ]), ("Until a runner takes it", [
            graph("Queue", "Runs that wait, and runs on runners.", "short",
                  (gauge(QUEUE, "state"), "{{state}}"), stack=True, runbook="queue-stuck"),
            graph("Age of the oldest", "For how long the oldest queued run waits.", "s",
                  (f"max by (namespace) ({of('stackyard_stacks_queue_oldest_seconds')})",
                   "{{namespace}}"), limits=[(300, RED)], runbook="queue-stuck"),
            graph("Wait for a runner", "From queued to taken, of the runs that were taken.", "s",
                  (quantile(0.5, WAIT, ""), "half"), (quantile(0.9, WAIT, ""), "90 %"),
                  (quantile(0.99, WAIT, ""), "99 %"), limits=[(60, ORANGE)],
                  runbook="runs-start-late"),
            graph("Taken within a minute", "Share of runs, by kind; 99 % is the objective.",
                  "percentunit",
                  (f"{rate(late, 'kind', within)}\n  / {rate(WAIT + '_count', 'kind')}",
                   "{{kind}}"), top=1, runbook="runs-start-late"),
            graph("Takeovers", "Runs taken back from dead or silent runners, in ten minutes.",
                  "short",
                  (f"sum(increase({of('stackyard_stacks_run_takeovers_total')}[10m]))",
                   "takeovers"), runbook="run-takeovers"),
            graph("Waiting for review", "Change requests that wait for people, by kind.", "short",
                  (gauge("stackyard_stacks_change_requests_waiting", "kind"), "{{kind}}"),
                  stack=True, runbook="reviews-wait"),
        ]), ("Results and durations", [
            graph("Runs that end", "A minute, by kind.", "short",
                  (f"60 * {rate(RUNS, 'kind')}", "{{kind}}"), stack=True),
            graph("Results", "A minute: failed is mostly the module or the cloud; lost and "
                  "drained were cut short with their runner.", "short",
                  (f"60 * {rate(RUNS, 'result')}", "{{result}}"), stack=True,
                  runbook="runs-failing"),
            graph("Share that fails", "By kind, with what was lost.", "percentunit",
                  (f"{rate(RUNS, 'kind', _BAD)}\n  / {rate(RUNS, 'kind')}", "{{kind}}"), top=1,
                  runbook="runs-failing"),
            graph("Duration, half", "From taken to ended; half of the runs are faster.", "s",
                  (quantile(0.5, SECONDS, "kind"), "{{kind}}")),
            graph("Duration, 95 %", "From taken to ended; 95 % of the runs are faster.", "s",
                  (quantile(0.95, SECONDS, "kind"), "{{kind}}")),
            graph("Mean duration by result", "Failed runs that take long hold slots.", "s",
                  (mean(SECONDS, "result"), "{{result}}")),
            graph("Steps, 95 %", "What the time of runs goes into; 95 % of each step are faster.",
                  "s", (quantile(0.95, STEPS, "step"), "{{step}}"), width=12),
            graph("Time in steps", "Seconds of work a second, by step: what runners are busy "
                  "with.", "short", (rate(STEPS + "_sum", "step"), "{{step}}"), stack=True,
                  width=12),
        ]), ("Runners", [
            graph("Slots", "All, and those in use.", "short", (f"sum({of(SLOTS)})", "slots"),
                  (f"sum({of(BUSY)})", "in use"), runbook="runners-busy"),
            graph("Slots in use by runner", "One that stays full, or empty, stands out.", "short",
                  (f"sum by (instance) ({of(BUSY)})", "{{instance}}"), stack=True),
            graph("Runs by runner's count", "A minute, by work and result, as runners count.",
                  "short", (f"60 * {rate('stackyard_runner_runs_total', 'work, result')}",
                            "{{work}} {{result}}"), stack=True),
            graph("Providers", "Processes by state: warm for any run, leased to one, or kept for "
                  "more of the same.", "short",
                  (f"sum by (state) ({of(PROVIDER + '_slots')})", "{{state}}"), stack=True,
                  width=6),
            graph("Providers given", "A minute, by the way: kept and warm ones cost nothing, "
                  "plain is the slow way.", "short",
                  (f"60 * {rate(PROVIDER + '_leases_total', 'way')}", "{{way}}"), stack=True,
                  width=6),
            graph("Starts of providers", "A minute, by result.", "short",
                  (f"60 * {rate(PROVIDER + '_starts_total', 'result')}", "{{result}}"),
                  stack=True, runbook="providers-do-not-start", width=6),
            graph("Time to start a provider", "Until it is ready.", "s",
                  (quantile(0.5, PROVIDER + "_start_seconds", ""), "half"),
                  (quantile(0.95, PROVIDER + "_start_seconds", ""), "95 %"), width=6),
        ])])


_BAD = 'result=~"failed|lost|drained"'

"""Names that dashboards, rules and the chart share."""

# Where the pages of docs/runbooks are read. The chart puts another place in its stead.
RUNBOOKS = "https://stackyard.dev/docs/runbooks"
TAG = "stackyard"
# What Prometheus calls our processes: `job` is stackyard- and the component, in every release.
JOBS = "stackyard-.+"

# Codes by which a call failed through a fault of the platform and not of who called.
PLATFORM_CODES = "INTERNAL|UNKNOWN|UNAVAILABLE|DATA_LOSS"
# Calls that wait for something on purpose, so that their time tells nothing and their deadline is
# the caller's.
LONG_CALLS = ".*/(Watch|Tail|Wait).*"
READ_CALLS = ".*/(Get|List|Check|Read|Preview).*"


def runbook_of(alert):
    """StackyardQueueStuck is told of in queue-stuck.md."""
    words = ""
    for letter in alert.removeprefix("Stackyard"):
        words += f"-{letter.lower()}" if letter.isupper() else letter
    return words.strip("-")


def runbook_url(runbook):
    return f"{RUNBOOKS}/{runbook}.md"

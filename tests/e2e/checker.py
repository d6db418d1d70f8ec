"""What must hold over the whole of a mesh once it is at rest: the ledger, stacks, Terraform states,
events, operations, runs and change requests, each against the others.

    checker.settle(rest, data)                # waits until nothing goes on any more
    facts = checker.collect(rest, data)       # reads everything, as an admin
    problems = checker.judge(facts)           # a list of sentences; empty: all is well

`data` is the folder of the stacks service. `judge` only looks at the facts, so that a test can spoil
them; `spoiled` databases are tested in checker_test.py.
"""

import base64
import collections
import json
import sqlite3
import time
import urllib.parse

from mesh import eventually

GONE = ("DESTROYED", "REJECTED")
SETTLED = ("READY", "FAILED", *GONE)
WAITING = "AWAITING_APPROVAL"
RUN_ENDED = ("SUCCEEDED", "FAILED", "CANCELLED")

# Every step that a stack's life may take, as services/stacks/lifecycle.cc has it.
_SETTLE = ("READY", "FAILED", "REJECTED")
LEGAL = {
    "stack.created": {("", "PENDING")},
    "stack.planAsked": {("PENDING", "PENDING"), ("READY", "PLANNING"), ("FAILED", "PLANNING")},
    "stack.planStarted": {("PENDING", "PLANNING"), ("PLANNING", "PLANNING")},
    "stack.reviewAsked": {("PLANNING", WAITING)},
    "stack.planStale": {(WAITING, "PLANNING"), ("APPLYING", "PLANNING")},
    "stack.applyAsked": {("PLANNING", "APPLYING"), (WAITING, "APPLYING")},
    "stack.applied": {("APPLYING", "READY")},
    "stack.givenUp": {(a, b) for a in ("PENDING", "PLANNING", WAITING, "APPLYING") for b in _SETTLE},
    "stack.broken": {("APPLYING", "FAILED"), ("DESTROYING", "FAILED")},
    "stack.destroyAsked": {(WAITING, "DESTROYING"), ("READY", "DESTROYING"), ("FAILED", "DESTROYING")},
    "stack.gone": {("DESTROYING", "DESTROYED")},
}


# ---- Reading ------------------------------------------------------------------------------------

def pages(rest, path, field):
    """Everything that a list method has."""
    found, token = [], ""
    while True:
        sign = "&" if "?" in path else "?"
        page = rest.get(f"{path}{sign}pageSize=1000&pageToken={urllib.parse.quote(token)}")
        found += page[field]
        token = page.get("nextPageToken", "")
        if not token:
            return found


def rows(data, query, *arguments):
    """Rows of the stacks service's database, which is SQLite in these tests."""
    connection = sqlite3.connect(f"file:{data}/stacks.db?mode=ro", uri=True, timeout=30)
    try:
        return connection.execute(query, arguments).fetchall()
    finally:
        connection.close()


def due_tasks(data):
    """Names of the tasks that should have been done by now, those that were put off included."""
    now = int(time.time() * 1e6)
    return [name for (name,) in rows(
        data, "SELECT name FROM tasks WHERE due <= ? OR (attempts > 0 AND timer = 0)", now)]


def settle(rest, data, seconds=120):
    """Waits until runs, tasks and operations have come to their end, but for what people decide."""
    def busy():
        waiting = {s["operation"] for s in pages(rest, "/v1/projects/-/stacks", "stacks")
                   if s["state"] == WAITING}
        operations = [o["name"] for o in pages(rest, "/v1/operations?filter=done%20%3D%20false",
                                               "operations") if o["name"] not in waiting]
        queue = [target for (target,) in rows(data, "SELECT target FROM queue")]
        return queue + due_tasks(data) + operations
    eventually(lambda: not busy(), lambda: f"nothing goes on: {busy()}", seconds)


def collect(rest, data):
    """All that `judge` looks at."""
    projects = [p["name"] for p in pages(rest, "/v1/projects", "projects")]
    stacks = pages(rest, "/v1/projects/-/stacks?showDeleted=true", "stacks")
    facts = {
        "stacks": stacks, "operations": pages(rest, "/v1/operations", "operations"),
        "queue": [target for (target,) in rows(data, "SELECT target FROM queue")],
        "due": due_tasks(data), "timers": [name for (name,) in rows(data, "SELECT name FROM tasks")],
        "reservations": [], "requests": [], "runs": [], "usage": {}, "events": {}, "verified": {},
        "states": {}, "meters": {},
    }
    for project in projects:
        facts["reservations"] += pages(rest, f"/v1/{project}/quota/reservations", "reservations")
        facts["requests"] += pages(rest, f"/v1/{project}/changeRequests", "changeRequests")
        facts["runs"] += pages(rest, f"/v1/{project}/stacks/-/runs", "runs")
        facts["usage"][project] = [line for line in rest.get(f"/v1/{project}/quota/usage")["usage"]
                                   if not line["user"]]
    for stack in stacks:
        version = stack["templateVersion"]
        if version not in facts["meters"]:
            facts["meters"][version] = rest.get(f"/v1/{version}")["meters"]
        if stack["resourceCount"]:
            answer = rest.get(f"/v1/{stack['name']}/stateVersions/latest:download")
            facts["states"][stack["uid"]] = json.loads(base64.b64decode(answer["state"]))
    # Last: reading a state is an event of its own.
    for project in projects:
        facts["verified"][project] = rest.get(f"/v1/{project}/events:verify")
        facts["events"][project] = sorted(pages(rest, f"/v1/{project}/events", "events"),
                                          key=lambda event: int(event["sequence"]))
    return facts


# ---- Judging ------------------------------------------------------------------------------------

def amounts_of(thing):
    """Amounts by metric; what is 0 counts as absent."""
    return {a["metric"]: int(a["value"]) for a in thing["amounts"] if int(a["value"])}


def instances_of(state):
    """(type, attributes) of every managed instance of a state."""
    return [(resource["type"], instance.get("attributes") or {})
            for resource in state.get("resources", []) if resource.get("mode") == "managed"
            for instance in resource.get("instances", [])]


def value_at(attributes, path):
    for part in path.split("."):
        attributes = attributes[int(part)] if isinstance(attributes, list) else attributes[part]
    return attributes


def price_of(state, meters):
    """What the meters count in a state, computed apart from the services."""
    price = collections.Counter(stacks=1)
    for kind, attributes in instances_of(state):
        for meter in meters:
            if meter["resourceType"] != kind:
                continue
            value = int(meter.get("amount") or 1)
            if meter.get("attribute"):
                value *= int(value_at(attributes, meter["attribute"]))
            if meter.get("lookup"):
                key = value_at(attributes, meter["lookup"]["attribute"])
                table = meter["lookup"]["table"]
                value *= int(table.get(str(key), meter["lookup"].get("defaultAmount", 0)))
            price[meter["metric"]] += value
    return {metric: value for metric, value in price.items() if value}


def uid_of(reservation):
    return reservation["name"].split("/")[-1].split("-")[0]


def judge_stacks(facts, tell):
    alive = collections.Counter(s["name"] for s in facts["stacks"] if s["state"] not in GONE)
    lineages = collections.defaultdict(list)
    owners = collections.defaultdict(list)
    for stack in facts["stacks"]:
        name, state = stack["name"], stack["state"]
        if state not in (*SETTLED, WAITING):
            tell(f"{name} is {state} at rest")
        if stack["activeRun"]:
            tell(f"{name} has an active run at rest: {stack['activeRun']}")
        if state in GONE and (stack["resourceCount"] or stack["amounts"]):
            tell(f"{name} is {state} and has resources")
        document = facts["states"].get(stack["uid"])
        if state in GONE or document is None:
            continue
        instances = instances_of(document)
        if len(instances) != stack["resourceCount"]:
            tell(f"{name} tells {stack['resourceCount']} resources, its state has {len(instances)}")
        lineages[document["lineage"]].append(name)
        for kind, attributes in instances:
            if attributes.get("id"):
                owners[(kind, attributes["id"])].append(name)
    for name, count in alive.items():
        if count > 1:
            tell(f"{name} lives {count} times")
    for lineage, names in lineages.items():
        if len(names) > 1:
            tell(f"{names} share the lineage {lineage}")
    for resource, names in owners.items():
        if len(names) > 1:
            tell(f"{resource} is in the states of {names}")


def judge_ledger(facts, tell):
    held = collections.defaultdict(list)
    for reservation in facts["reservations"]:
        if reservation["state"] != "RELEASED":
            held[uid_of(reservation)].append(reservation)
    sums = collections.defaultdict(collections.Counter)
    for stack in facts["stacks"]:
        mine = held.pop(stack["uid"], [])
        name = stack["name"]
        project = "/".join(name.split("/")[:2])
        committed = [r for r in mine if r["state"] == "COMMITTED"]
        pending = [r for r in mine if r["state"] == "PENDING"]
        for reservation in mine:
            if reservation["holder"] != name:
                tell(f"{reservation['name']} is held for {reservation['holder']}, not {name}")
        for reservation in committed:
            sums[project, "committed"].update(amounts_of(reservation))
        if len(pending) != (1 if stack["state"] == WAITING else 0):
            tell(f"{name} is {stack['state']} and holds {len(pending)} pending reservations")
        if not stack["resourceCount"]:
            # One that is in use counts as a stack though it has no resources.
            if committed and stack["state"] != "READY":
                tell(f"{name} is {stack['state']} without resources and holds quota")
            continue
        if len(committed) != 1:
            tell(f"{name} has resources and {len(committed)} committed reservations")
            continue
        wanted = price_of(facts["states"][stack["uid"]], facts["meters"][stack["templateVersion"]])
        if amounts_of(committed[0]) != wanted:
            tell(f"{name} holds {amounts_of(committed[0])}, its state comes to {wanted}")
        if amounts_of(stack) != wanted:
            tell(f"{name} tells {amounts_of(stack)}, its state comes to {wanted}")
    for reservations in held.values():
        for reservation in reservations:
            tell(f"{reservation['name']} is {reservation['state']} and belongs to no stack")
    for project, lines in facts["usage"].items():
        told = {line["metric"]: int(line["committed"]) for line in lines if int(line["committed"])}
        if told != dict(sums[project, "committed"]):
            tell(f"usage of {project} is {told}, reservations come to "
                 f"{dict(sums[project, 'committed'])}")


def judge_work(facts, tell):
    waiting = {s["operation"]: s for s in facts["stacks"] if s["state"] == WAITING}
    for operation in facts["operations"]:
        name = operation["name"]
        if not operation.get("done"):
            if name not in waiting:
                tell(f"{name} has not ended: {operation['metadata']['message']}")
        elif ("error" in operation) == ("response" in operation):
            tell(f"{name} is done with neither or both of error and response")
    for target in facts["queue"]:
        tell(f"{target} is in the queue at rest")
    for task in facts["due"]:
        tell(f"the task {task} is due and not done")
    living = {s["uid"] for s in facts["stacks"] if s["state"] not in GONE}
    for timer in facts["timers"]:
        kind, _, subject = timer.partition("/")
        if kind == "lease" and subject not in living:
            tell(f"the task {timer} is for a stack that is gone")
    # The end of a lease is seen to for every stack that has something.
    timers = set(facts["timers"])
    for stack in facts["stacks"]:
        if stack["state"] in ("READY", "FAILED") and stack["resourceCount"] and \
                f"lease/{stack['uid']}" not in timers:
            tell(f"nobody watches the lease of {stack['name']}")


def judge_runs(facts, tell):
    applied = collections.Counter()
    for run in facts["runs"]:
        if run["state"] not in RUN_ENDED:
            tell(f"{run['name']} is {run['state']} at rest")
        if run["type"] == "APPLY" and run["state"] == "SUCCEEDED":
            applied[run["name"].rsplit("/", 2)[0], run["revision"]] += 1
    for (stack, revision), count in applied.items():
        if count > 1:
            tell(f"revision {revision} of {stack} was applied {count} times")
    for stack in facts["stacks"]:
        if stack["state"] == "READY" and not applied[stack["name"], stack["appliedRevision"]]:
            tell(f"{stack['name']} is READY and its revision {stack['appliedRevision']} has no apply")


def judge_requests(facts, tell):
    open_requests = {r["name"]: r for r in facts["requests"] if r["state"] == "PENDING"}
    for stack in facts["stacks"]:
        if stack["state"] == WAITING and open_requests.pop(stack["changeRequest"], None) is None:
            tell(f"{stack['name']} waits for {stack['changeRequest']}, which is not open")
    for name, request in open_requests.items():
        if request.get("type") in ("PROVISION", "UPDATE"):
            tell(f"{name} is open and no stack waits for it")
    for request in facts["requests"]:
        approvals = {r["reviewer"] for r in request["reviews"] if r["verdict"] == "APPROVE"
                     and r["planDigest"] == request["planDigest"]}
        if request["requester"] in approvals:
            tell(f"{request['name']} was approved by its requester")
        if request["state"] == "APPROVED" and \
                len(approvals) < int(request["policy"]["requiredApprovals"]):
            tell(f"{request['name']} is approved by {len(approvals)} reviewers")


def judge_events(facts, tell):
    latest = {}
    for stack in facts["stacks"]:
        known = latest.get(stack["name"])
        if known is None or known["createTime"] < stack["createTime"]:
            latest[stack["name"]] = stack
    for project, events in facts["events"].items():
        verified = facts["verified"][project]
        if not verified["intact"]:
            tell(f"the events of {project} do not verify: {verified['message']}")
        if [int(event["sequence"]) for event in events] != list(range(1, len(events) + 1)):
            tell(f"the sequences of {project}'s events have gaps")
        at = {}
        for event in events:
            kind, resource = event["type"], event["resource"]
            before, after = event["fromState"], event["toState"]
            if not after or "/stacks/" not in resource:
                continue
            place = f"{event['name']} ({kind} of {resource})"
            if kind == "stack.created":
                if at.get(resource, "DESTROYED") not in GONE:
                    tell(f"{place}: it was {at[resource]} before")
            elif at.get(resource) != before:
                tell(f"{place}: goes on from {before}, it was {at.get(resource)}")
            if (before, after) not in LEGAL.get(kind, ()):
                tell(f"{place}: {before or 'nothing'} to {after} is no step of a stack's life")
            at[resource] = after
        for name, stack in latest.items():
            if name.startswith(f"{project}/") and at.get(name) != stack["state"]:
                tell(f"{name} is {stack['state']}, its events end in {at.get(name)}")


def judge(facts):
    """What is wrong, as sentences."""
    problems = []
    for part in (judge_stacks, judge_ledger, judge_work, judge_runs, judge_requests, judge_events):
        part(facts, problems.append)
    return problems


def check(rest, data, seconds=120):
    """Settles, reads and judges; fails with all that is wrong."""
    settle(rest, data, seconds)
    facts = collect(rest, data)
    problems = judge(facts)
    assert not problems, "\n".join(problems)
    return facts

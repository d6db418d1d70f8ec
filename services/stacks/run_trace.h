// Which trace a run goes on with.
#pragma once

#include <string>

#include "services/stacks/queue_store.h"

namespace stackyard::stacks {

// What a runner is told of an entry that it just leased. The first attempt belongs to the trace of
// what called for the run: a request, or what followed from one at once. Another attempt may begin
// long after, and has a trace of its own that names that one. Where it is recorded, the wait in the
// queue is a span; it names the request that asked for all of this as well, when that is another:
// an apply is called for by its last reviewer. `request` is its traceparent; empty: unknown.
std::string TraceOfLease(const QueueEntry& entry, const std::string& request);

}  // namespace stackyard::stacks

#include "services/stacks/run_views.h"

#include <algorithm>
#include <optional>

#include "absl/strings/str_cat.h"
#include "common/proto_time.h"
#include "common/resource_name.h"
#include "common/status.h"
#include "services/stacks/drift.h"
#include "services/stacks/events.h"
#include "services/stacks/flow.h"
#include "services/stacks/listing.h"
#include "services/stacks/operations.h"
#include "services/stacks/previews.h"
#include "services/stacks/queue_store.h"
#include "services/stacks/run_log.h"
#include "services/stacks/stack_store.h"

namespace stackyard::stacks {
namespace {

using v1::Run;

constexpr int64_t kDefaultLogBytes = 64 << 10;
constexpr int64_t kMostLogBytes = 1 << 20;

std::string AnyOr(const std::string& part) { return part == "-" ? "" : part; }

// Ends a run that no runner has taken.
absl::Status EndQueued(Change& change, const QueueEntry& entry, RunRecord& run,
                       const absl::Status& why) {
  FinishEntry(change, entry);
  run.mutable_run()->set_state(Run::CANCELLED);
  *run.mutable_run()->mutable_error() = ToProto(why);
  *run.mutable_run()->mutable_end_time() = ToProto(change.now);
  if (run.run().type() == Run::PREVIEW) return EndPreview(change, run, why, nullptr);
  ASSIGN_OR_RETURN(const RunName name, RunName::Parse("name", run.run().name()));
  ASSIGN_OR_RETURN(StackRecord stack, LockStack(change, name.stack));
  if (run.run().type() == Run::REFRESH) return OnDriftCheckFailed(change, stack, run, why);
  return OnCancelled(change, stack, run, why);
}

}  // namespace

bool HasEnded(const Run& run) {
  return run.state() == Run::SUCCEEDED || run.state() == Run::FAILED ||
         run.state() == Run::CANCELLED;
}

absl::StatusOr<RunRecord> CancelRun(Change& change, const RunName& name,
                                    const std::string& reason) {
  // The entry's lock keeps the run from changing until it is saved.
  auto entry = FindEntry(change, name.ToString());
  ASSIGN_OR_RETURN(RunRecord run, FindRun(change.sql, name));
  if (!entry) {
    return Error(v1::WRONG_STATE,
                 absl::StrCat(name.ToString(), " is ", Run::State_Name(run.run().state())),
                 {{"resource", name.ToString()}});
  }
  run.set_cancel_reason(reason);
  run.mutable_run()->set_cancel_requested(true);
  v1::Event event;
  event.set_type("run.cancelAsked");
  event.set_resource(name.ToString());
  event.set_message(reason);
  RETURN_IF_ERROR(AppendEvent(change, name.stack.project, event));
  if (entry->leased) {
    entry->cancel = entry->cancel == 0 ? 1 : 2;
    SaveEntry(change, *entry);
  } else {
    RETURN_IF_ERROR(
        EndQueued(change, *entry, run,
                  Error(v1::RUN_CANCELLED, "the run was cancelled before a runner took it")));
  }
  RETURN_IF_ERROR(SaveRun(change, run));
  return run;
}

absl::StatusOr<Run> RunViews::Get(const v1::GetRunRequest& request) {
  ASSIGN_OR_RETURN(const RunName name, RunName::Parse("name", request.name()));
  return store_.ReadValue<Run>([&](soci::session& sql) -> absl::StatusOr<Run> {
    ASSIGN_OR_RETURN(const RunRecord record, FindRun(sql, name));
    return record.run();
  });
}

absl::StatusOr<v1::ListRunsResponse> RunViews::List(const Principal& caller,
                                                    const v1::ListRunsRequest& request) {
  ASSIGN_OR_RETURN(const auto parts, ParseName("parent", request.parent(), "projects/*/stacks/*"));
  std::optional<StackName> stack;
  if (parts[0] != "-" && parts[1] != "-") {
    ASSIGN_OR_RETURN(stack, StackName::Parse("parent", request.parent()));
  }
  ASSIGN_OR_RETURN(const Listing listing, ReadListing<Run>(request, request.parent(),
                                                           request.order_by(), "create_time desc"));
  return store_.ReadValue<v1::ListRunsResponse>(
      [&](soci::session& sql) -> absl::StatusOr<v1::ListRunsResponse> {
        ASSIGN_OR_RETURN(auto rows,
                         ListRuns(sql, AnyOr(parts[0]), AnyOr(parts[1]), listing.page,
                                  [&](const RunRecord& record) {
                                    const auto name = RunName::Parse("name", record.run().name());
                                    return name.ok() && MaySee(caller, name->stack.project) &&
                                           listing.filter.Matches(record.run());
                                  }));
        v1::ListRunsResponse response;
        for (const RunRecord& record : rows.items) *response.add_runs() = record.run();
        response.set_next_page_token(listing.Token(rows.next));
        // Previews are runs of stacks that there may never have been.
        if (stack && rows.items.empty()) RETURN_IF_ERROR(FindStack(sql, *stack).status());
        return response;
      });
}

absl::StatusOr<Run> RunViews::Cancel(const Principal& caller, const v1::CancelRunRequest& request) {
  ASSIGN_OR_RETURN(const RunName name, RunName::Parse("name", request.name()));
  return store_.WriteValue<Run>(ActorOf(caller), [&](Change& change) -> absl::StatusOr<Run> {
    ASSIGN_OR_RETURN(const RunRecord run, CancelRun(change, name, request.reason()));
    return run.run();
  });
}

absl::StatusOr<v1::ListRunEventsResponse> RunViews::ListEvents(
    const v1::ListRunEventsRequest& request) {
  ASSIGN_OR_RETURN(const RunName name, RunName::Parse("parent", request.parent()));
  ASSIGN_OR_RETURN(
      const Listing listing,
      ReadListing<v1::RunEvent>(request, request.parent(), request.order_by(), "sequence"));
  return store_.ReadValue<v1::ListRunEventsResponse>(
      [&](soci::session& sql) -> absl::StatusOr<v1::ListRunEventsResponse> {
        RETURN_IF_ERROR(FindRun(sql, name).status());
        ASSIGN_OR_RETURN(auto rows, ListRunEvents(sql, name.ToString(), listing.page));
        v1::ListRunEventsResponse response;
        for (const v1::RunEvent& event : rows.items) {
          if (listing.filter.Matches(event)) *response.add_run_events() = event;
        }
        response.set_next_page_token(listing.Token(rows.next));
        return response;
      });
}

absl::StatusOr<v1::ReadLogResponse> RunViews::ReadLog(const v1::ReadLogRequest& request) {
  ASSIGN_OR_RETURN(const RunName name, RunName::Parse("name", request.name()));
  if (request.offset() < 0) return InvalidField("offset", "must be 0 or more");
  if (request.limit() < 0) return InvalidField("limit", "must be 0 or more");
  const int64_t limit =
      request.limit() == 0 ? kDefaultLogBytes : std::min<int64_t>(request.limit(), kMostLogBytes);
  return store_.ReadValue<v1::ReadLogResponse>(
      [&](soci::session& sql) -> absl::StatusOr<v1::ReadLogResponse> {
        ASSIGN_OR_RETURN(const RunRecord record, FindRun(sql, name));
        v1::ReadLogResponse response;
        LogPart part = stacks::ReadLog(sql, name.ToString(), request.offset(), limit);
        response.set_text(std::move(part.text));
        response.set_next_offset(part.next_offset);
        response.set_complete(HasEnded(record.run()) &&
                              response.next_offset() >= record.run().log_size());
        return response;
      });
}

}  // namespace stackyard::stacks

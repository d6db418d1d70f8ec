#include <memory>

#include "absl/strings/str_cat.h"
#include "cli/commands.h"
#include "cli/names.h"
#include "cli/text.h"
#include "common/proto_time.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "stackyard/v1/change_requests.pb.h"

namespace stackyard::cli {
namespace {

struct RequestFlags {
  std::string amount, user, from, until, time, reason;
};

// The window of a grant; nothing is set where the limit is to be raised for good.
absl::Status FillWindow(Context& context, const RequestFlags& flags, v1::QuotaChange& change) {
  if (flags.until.empty() && flags.time.empty()) {
    if (flags.from.empty()) return absl::OkStatus();
    return InvalidField("from", "needs --until or --for: for good is from now on");
  }
  if (!flags.until.empty() && !flags.time.empty()) {
    return InvalidField("until", "give either --until or --for");
  }
  absl::Time from = context.Now();
  if (!flags.from.empty()) {
    ASSIGN_OR_RETURN(from, ReadTime("from", flags.from));
  }
  absl::Time until;
  if (flags.time.empty()) {
    ASSIGN_OR_RETURN(until, ReadTime("until", flags.until));
  } else {
    ASSIGN_OR_RETURN(const absl::Duration duration, ReadDuration("for", flags.time));
    until = from + duration;
  }
  *change.mutable_start_time() = ToProto(from);
  *change.mutable_end_time() = ToProto(until);
  return absl::OkStatus();
}

absl::Status Ask(Context& context, const RequestFlags& flags) {
  v1::CreateQuotaRequestRequest request;
  ASSIGN_OR_RETURN(*request.mutable_parent(), ProjectName(context.project()));
  v1::QuotaChange& change = *request.mutable_quota_change();
  ASSIGN_OR_RETURN(*change.mutable_amount(), ReadAmount("amount", flags.amount));
  change.set_user(flags.user);
  RETURN_IF_ERROR(FillWindow(context, flags, change));
  request.set_reason(flags.reason);
  return context.Show<v1::ChangeRequest>(
      "ChangeRequestService/CreateQuotaRequest", request, [&](const v1::ChangeRequest& made) {
        context.output().out() << "Asked for in " << made.name() << ": " << made.summary() << "\n";
      });
}

}  // namespace

void AddQuotaRequestCommand(Command quota, Context& context) {
  const auto flags = std::make_shared<RequestFlags>();
  quota.Sub("request", "Ask for more, for good or for a time; devops review it")
      .Argument("METRIC=AMOUNT", &flags->amount, "How much more")
      .Option("--for", &flags->time, "TIME", "How long, like 72h [for good]")
      .Option("--until", &flags->until, "TIME", "Until when, like 2026-01-31T09:00:00Z")
      .Option("--from", &flags->from, "TIME", "From when [now]")
      .Option("--user", &flags->user, "USER", "For this user's limit [the project's]")
      .Option("--reason", &flags->reason, "TEXT", "Why; reviewers read it")
      .Required()
      .Run([&context, flags] { return Ask(context, *flags); });
}

}  // namespace stackyard::cli

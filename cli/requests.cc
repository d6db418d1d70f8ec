#include <memory>
#include <set>

#include "absl/strings/str_cat.h"
#include "cli/commands.h"
#include "cli/names.h"
#include "cli/plan_text.h"
#include "cli/text.h"
#include "common/proto_time.h"
#include "common/status_macros.h"
#include "stackyard/v1/change_requests.pb.h"
#include "stackyard/v1/stacks.pb.h"

namespace stackyard::cli {
namespace {

constexpr char kRequest[] = "projects/*/changeRequests/*";

// What is asked of quota: what the stack would hold, or how much more.
std::string QuotaText(const v1::ChangeRequest& change) {
  if (!change.has_quota_change()) return AmountsText(change.amounts());
  const v1::Amount& amount = change.quota_change().amount();
  return absl::StrCat(amount.metric(), " +", amount.value());
}

absl::Status List(Context& context, const std::string& filter, bool all) {
  v1::ListChangeRequestsRequest request;
  request.set_parent(ProjectOrAll(context.project()));
  request.set_filter(!filter.empty() || all ? filter : "state = PENDING");
  v1::ListChangeRequestsResponse response;
  RETURN_IF_ERROR(
      context.client().List("ChangeRequestService/ListChangeRequests", request, &response));
  return context.output().Write(response, [&] {
    Table table(
        {"PROJECT", "REQUEST", "TYPE", "STATE", "STACK", "QUOTA", "REQUESTER", "AGE", "SUMMARY"});
    for (const v1::ChangeRequest& change : response.change_requests()) {
      table.Add({ProjectOf(change.name()), LastPart(change.name()),
                 v1::ChangeRequest::Type_Name(change.type()),
                 v1::ChangeRequest::State_Name(change.state()), LastPart(change.stack()),
                 QuotaText(change), LastPart(change.requester()),
                 Age(change.create_time(), context.Now()), Cut(change.summary(), 60)});
    }
    context.output().Show(table);
  });
}

std::string Asked(const v1::ChangeRequest& change) {
  if (change.has_extension()) return "longer by " + ShortDuration(FromProto(change.extension()));
  if (change.type() == v1::ChangeRequest::DESTROY) return "its end";
  if (!change.has_quota_change()) return "";
  const v1::QuotaChange& quota = change.quota_change();
  std::string text = absl::StrCat(quota.amount().value(), " more ", quota.amount().metric());
  if (!quota.user().empty()) absl::StrAppend(&text, " for ", quota.user());
  if (!quota.has_end_time()) return text + " for good";
  return absl::StrCat(text, " from ", TimeText(quota.start_time()), " until ",
                      TimeText(quota.end_time()));
}

void ShowRequest(Context& context, const v1::ChangeRequest& change) {
  Fields fields;
  fields.Add("Name", change.name());
  fields.Add("Type", v1::ChangeRequest::Type_Name(change.type()));
  fields.Add("State", v1::ChangeRequest::State_Name(change.state()));
  fields.Add("Stack", change.stack());
  fields.Add("Asked for", Asked(change));
  fields.Add("Summary", change.summary());
  // A plan is shown with its price in full.
  if (change.revision().empty() && !change.amounts().empty()) {
    fields.Add("Quota", AmountsText(change.amounts()));
    fields.Add("Cost", EstimateText(change.estimated_micros_per_hour(), change.currency(),
                                    change.price_date()));
  }
  fields.Add("Requester", LastPart(change.requester()));
  fields.Add("Reason", change.reason());
  if (change.has_policy()) {
    // Each person counts once.
    std::set<std::string> approvers;
    for (const v1::Review& review : change.reviews()) {
      if (review.verdict() == v1::Review::APPROVE && review.plan_digest() == change.plan_digest()) {
        approvers.insert(review.reviewer());
      }
    }
    fields.Add("Approvals", absl::StrCat(approvers.size(), " of ",
                                         std::max(change.policy().required_approvals(), 1),
                                         " by role ", change.policy().reviewer_role()));
  }
  if (change.state() == v1::ChangeRequest::PENDING) {
    fields.Add("Expires", Until(change.expire_time(), context.Now()));
  }
  fields.Add("Plan digest", change.plan_digest());
  context.output().Show(fields);
}

// The plan that is reviewed; empty where the request has none.
absl::StatusOr<v1::Revision> RevisionOf(Context& context, const v1::ChangeRequest& change) {
  v1::Revision revision;
  if (change.revision().empty()) return revision;
  v1::GetRevisionRequest request;
  request.set_name(change.revision());
  RETURN_IF_ERROR(context.client().Call("StackService/GetRevision", request, &revision));
  return revision;
}

absl::StatusOr<v1::ChangeRequest> Fetch(Context& context, const std::string& name) {
  v1::GetChangeRequestRequest request;
  ASSIGN_OR_RETURN(*request.mutable_name(), FullName(kRequest, context.project(), name));
  v1::ChangeRequest change;
  RETURN_IF_ERROR(context.client().Call("ChangeRequestService/GetChangeRequest", request, &change));
  return change;
}

absl::Status Get(Context& context, const std::string& name) {
  ASSIGN_OR_RETURN(const v1::ChangeRequest change, Fetch(context, name));
  v1::Revision revision;
  if (context.output().format() == Format::kTable) {
    ASSIGN_OR_RETURN(revision, RevisionOf(context, change));
  }
  return context.output().Write(change, [&] {
    std::ostream& out = context.output().out();
    ShowRequest(context, change);
    if (revision.has_plan()) out << "\n" << PlanText(revision.plan(), context.output().color());
    if (!change.reviews().empty()) out << "\n";
    for (const v1::Review& review : change.reviews()) {
      out << Age(review.create_time(), context.Now()) << " ago  " << LastPart(review.reviewer())
          << " " << v1::Review::Verdict_Name(review.verdict())
          << (review.text().empty() ? "" : ": " + review.text()) << "\n";
    }
  });
}

// Ends a command that changed a request.
template <typename Request>
absl::Status Decide(Context& context, const std::string& method, Request& request) {
  return context.Show<v1::ChangeRequest>(
      "ChangeRequestService/" + method, request, [&](const v1::ChangeRequest& change) {
        context.output().out() << change.name() << " is "
                               << v1::ChangeRequest::State_Name(change.state()) << "\n";
      });
}

absl::Status Approve(Context& context, const std::string& name, const std::string& comment,
                     const std::string& digest) {
  v1::ApproveChangeRequestRequest request;
  ASSIGN_OR_RETURN(*request.mutable_name(), FullName(kRequest, context.project(), name));
  request.set_comment(comment);
  request.set_plan_digest(digest);
  if (digest.empty()) {
    // The plan as it is now; who read it earlier gives its digest.
    ASSIGN_OR_RETURN(const v1::ChangeRequest change, Fetch(context, request.name()));
    request.set_plan_digest(change.plan_digest());
  }
  return Decide(context, "ApproveChangeRequest", request);
}

absl::Status Reject(Context& context, const std::string& name, const std::string& reason) {
  v1::RejectChangeRequestRequest request;
  ASSIGN_OR_RETURN(*request.mutable_name(), FullName(kRequest, context.project(), name));
  request.set_reason(reason);
  return Decide(context, "RejectChangeRequest", request);
}

absl::Status Withdraw(Context& context, const std::string& name) {
  v1::WithdrawChangeRequestRequest request;
  ASSIGN_OR_RETURN(*request.mutable_name(), FullName(kRequest, context.project(), name));
  return Decide(context, "WithdrawChangeRequest", request);
}

absl::Status Comment(Context& context, const std::string& name, const std::string& text) {
  v1::CommentChangeRequestRequest request;
  ASSIGN_OR_RETURN(*request.mutable_name(), FullName(kRequest, context.project(), name));
  request.set_text(text);
  return Decide(context, "CommentChangeRequest", request);
}

}  // namespace

void AddRequestCommands(Command root, Context& context) {
  Command requests = root.Sub("requests", "Changes that wait for review, and what became of them");
  const auto name = std::make_shared<std::string>();
  const auto text = std::make_shared<std::string>();
  const auto digest = std::make_shared<std::string>();
  const auto all = std::make_shared<bool>(false);
  const std::string what = "Number of the request, or its name";

  requests.Sub("list", "List requests that wait, newest first")
      .Option("--filter", text.get(), "EXPRESSION", "AIP-160 filter ['state = PENDING']")
      .Flag("-a,--all", all.get(), "Decided ones too")
      .Run([&context, text, all] { return List(context, *text, *all); });
  for (const std::string verb : {"get", "show"}) {
    requests.Sub(verb, "Show a request: its plan, its price and its reviews")
        .Argument("REQUEST", name.get(), what)
        .Run([&context, name] { return Get(context, *name); });
  }
  requests.Sub("approve", "Approve the plan of a request")
      .Argument("REQUEST", name.get(), what)
      .Option("--comment", text.get(), "TEXT", "What to say")
      .Option("--digest", digest.get(), "SHA256", "Only if this is still its plan")
      .Run([&context, name, text, digest] { return Approve(context, *name, *text, *digest); });
  requests.Sub("reject", "Reject a request")
      .Argument("REQUEST", name.get(), what)
      .Option("--reason", text.get(), "TEXT", "Why; the requester reads it")
      .Required()
      .Run([&context, name, text] { return Reject(context, *name, *text); });
  requests.Sub("withdraw", "Take your own request back")
      .Argument("REQUEST", name.get(), what)
      .Run([&context, name] { return Withdraw(context, *name); });
  requests.Sub("comment", "Say something about a request")
      .Argument("REQUEST", name.get(), what)
      .Argument("TEXT", text.get(), "What to say")
      .Run([&context, name, text] { return Comment(context, *name, *text); });
}

}  // namespace stackyard::cli

#include "services/stacks/notice_rules.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"

namespace stackyard::stacks {
namespace {

using v1::ChangeRequest;

enum Audience : unsigned {
  kNobody = 0,
  // Who made the stack, and who asked for its latest revision.
  kOwners = 1,
  // Who made the change request.
  kRequester = 2,
  // The role that the request's policy names.
  kReviewers = 4,
  // devops and admin.
  kOperators = 8,
};

struct Rule {
  const char* type;
  // States of the transition; empty: any.
  const char* from;
  const char* to;
  unsigned audience;
  // `{}` is the name of what it is about.
  const char* title;
};

// The first that fits counts.
constexpr Rule kRules[] = {
    {"stack.applied", "", "", kOwners, "Stack {} is ready"},
    // What came of the review is told by the request's own event.
    {"stack.givenUp", "AWAITING_APPROVAL", "", kNobody, ""},
    {"stack.givenUp", "", "FAILED", kOwners, "Stack {} failed"},
    {"stack.givenUp", "", "REJECTED", kOwners, "Stack {} was given up"},
    {"stack.givenUp", "", "", kOwners, "The change of stack {} came to nothing"},
    {"stack.broken", "DESTROYING", "", kOwners, "Stack {} could not be destroyed"},
    {"stack.broken", "", "", kOwners, "Stack {} failed"},
    {"stack.gone", "", "", kOwners, "Stack {} is destroyed"},
    {"stack.leaseWarning", "", "", kOwners, "The lease of stack {} ends soon"},
    {"stack.leaseExtended", "", "", kOwners, "The lease of stack {} is longer"},
    {"stack.driftFound", "", "", kOwners, "Stack {} has drifted"},
    {"stack.publishFailed", "", "", kOwners, "The outputs of stack {} could not be published"},
    // Its owners have heard by stack.broken.
    {"stack.destroyFailed", "", "", kOperators, "Stack {} cannot be destroyed"},
    {"stack.reviewAsked", "", "", kReviewers, "Stack {} asks for review"},
    {"changeRequest.created", "", "", kReviewers, "Request {} asks for review"},
    {"changeRequest.approved", "", "", kRequester, "Request {} was approved"},
    {"changeRequest.rejected", "", "", kRequester, "Request {} was rejected"},
    {"changeRequest.expired", "", "", kRequester, "Request {} has expired"},
    {"changeRequest.withdrawn", "", "", kRequester, "Request {} was withdrawn"},
    {"changeRequest.reviewed", "", "", kRequester, "Request {} has a review"},
    {"changeRequest.stale", "", "", kRequester, "Request {} is asked anew, for a new plan"},
    {"changeRequest.applied", "", "", kRequester, "Request {} was carried out"},
    {"changeRequest.failed", "", "", kRequester, "Request {} could not be carried out"},
    {"changeRequest.commented", "", "", kRequester, "Request {} has a comment"},
    {"stack.reservationMissing", "", "", kOperators, "Quota held nothing for stack {}"},
    {"stack.reservationDiffers", "", "", kOperators, "Quota held something else for stack {}"},
    {"state.forceUnlocked", "", "", kOwners, "The lock of stack {}'s state was broken"},
    {"state.foundTooLate", "", "", kOperators, "A lost state of stack {} was found too late"},
    {"quota.overCommitted", "", "", kOperators, "More of {} is in use than its limit allows"},
};

const Rule* FindRule(const v1::Event& event) {
  for (const Rule& rule : kRules) {
    const std::string_view from = rule.from, to = rule.to;
    if (event.type() == rule.type && (from.empty() || from == event.from_state()) &&
        (to.empty() || to == event.to_state())) {
      return &rule;
    }
  }
  return nullptr;
}

// A plan that is reviewed is told of by the stack, all else by the request.
bool IsToldOfByStack(const ChangeRequest& request) {
  return request.type() == ChangeRequest::PROVISION || request.type() == ChangeRequest::UPDATE;
}

bool IsTold(const v1::Event& event, const Subject& subject) {
  if (subject.request == nullptr) return true;
  if (event.type() == "changeRequest.created") return !IsToldOfByStack(*subject.request);
  if (event.type() == "stack.reviewAsked") return IsToldOfByStack(*subject.request);
  return true;
}

// `web/shop` of `projects/web/stacks/shop`.
std::string ShortName(const std::string& name) {
  const std::vector<std::string> parts = absl::StrSplit(name, '/');
  return parts.size() == 4 ? absl::StrCat(parts[1], "/", parts[3]) : name;
}

void AddRecipient(std::vector<std::string>& recipients, std::string recipient) {
  if (recipient.empty() || recipient.back() == '/') return;
  if (std::find(recipients.begin(), recipients.end(), recipient) == recipients.end()) {
    recipients.push_back(std::move(recipient));
  }
}

}  // namespace

Notice NoticeOf(const v1::Event& event, const Subject& subject) {
  Notice notice;
  const Rule* rule = FindRule(event);
  if (rule == nullptr || rule->audience == kNobody || !IsTold(event, subject)) return notice;
  notice.title = absl::StrReplaceAll(rule->title, {{"{}", ShortName(event.resource())}});
  notice.text = event.message();
  notice.resource = event.resource();
  notice.not_to = event.actor();
  if (rule->audience & kOwners) {
    AddRecipient(notice.recipients, subject.creator);
    AddRecipient(notice.recipients, subject.stack_requester);
  }
  if ((rule->audience & kRequester) && subject.request != nullptr) {
    AddRecipient(notice.recipients, subject.request->requester());
  }
  if (rule->audience & kReviewers) {
    const std::string& role =
        subject.request == nullptr ? "" : subject.request->policy().reviewer_role();
    AddRecipient(notice.recipients, absl::StrCat("roles/", role.empty() ? "devops" : role));
    // Nobody reviews their own request.
    if (subject.request != nullptr) {
      notice.not_to = subject.request->requester();
      notice.resource = subject.request->name();
    }
  }
  if (rule->audience & kOperators) {
    AddRecipient(notice.recipients, "roles/admin");
    AddRecipient(notice.recipients, "roles/devops");
  }
  std::erase(notice.recipients, notice.not_to);
  return notice;
}

}  // namespace stackyard::stacks

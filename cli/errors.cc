#include "cli/errors.h"

#include "absl/strings/cord.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/status.h"

namespace stackyard::cli {
namespace {

constexpr char kOutcome[] = "stackyard.dev/cli.outcome";
constexpr char kInterrupted[] = "stackyard.dev/cli.interrupted";
constexpr char kDiffers[] = "stackyard.dev/cli.differs";
constexpr char kTrouble[] = "stackyard.dev/cli.trouble";

int OutcomeCode(const absl::Status& status) {
  switch (ReasonOf(status)) {
    case v1::QUOTA_EXCEEDED:
      return kExitQuota;
    case v1::REQUEST_CLOSED:
    case v1::POLICY_DENIED:
      return kExitRejected;
    default:
      return kExitFailed;
  }
}

// What to do about it; empty where the message says it already.
std::string Hint(const absl::Status& status) {
  if (ReasonOf(status) == v1::PLAN_STALE) {
    return "the plan was made again; look at it with `stackyard requests get` and decide on that";
  }
  if (ReasonOf(status) == v1::QUOTA_EXCEEDED) {
    return "`stackyard quota usage` shows what is free; ask for more with `stackyard quota "
           "request`";
  }
  if (ReasonOf(status) == v1::ETAG_MISMATCH) return "somebody changed it meanwhile; look and retry";
  switch (status.code()) {
    case absl::StatusCode::kUnauthenticated:
      return "run: stackyard login (or give a token: --token-file, STACKYARD_TOKEN_FILE)";
    case absl::StatusCode::kUnavailable:
      // With a reason it comes from behind the gateway.
      if (ReasonOf(status) != v1::ERROR_REASON_UNSPECIFIED) return "";
      return "is the endpoint right (--endpoint, STACKYARD_ENDPOINT) and the service up?";
    default:
      return "";
  }
}

void Append(std::string& text, const std::string& message, const std::string& subject,
            const std::string& description) {
  if (absl::StrContains(message, description) && absl::StrContains(message, subject)) return;
  absl::StrAppend(&text, "  ", subject, subject.empty() ? "" : ": ",
                  absl::StrReplaceAll(description, {{"\n", "\n    "}}), "\n");
}

}  // namespace

std::string ExitCodesHelp() {
  return R"(Exit codes:
  0    done
  1    the operation failed (a stack FAILED, a module does not validate), or a fault of the service
  2    wrong usage or invalid input
  3    not found
  4    no permission, or no valid token
  5    refused by quota
  6    conflict: the name is taken, or the state does not allow it now
  7    the service is unavailable, or the time is up
  8    rejected, withdrawn or expired in review, or forbidden by the policy
  130  interrupted
)";
}

absl::Status AsOutcome(absl::Status status) {
  if (!status.ok()) status.SetPayload(kOutcome, absl::Cord("1"));
  return status;
}

absl::Status Interrupted(const std::string& message) {
  absl::Status status = absl::CancelledError(message);
  status.SetPayload(kInterrupted, absl::Cord("1"));
  return status;
}

bool IsInterrupted(const absl::Status& status) {
  return status.GetPayload(kInterrupted).has_value();
}

absl::Status Differs() {
  absl::Status status = absl::AbortedError("something is different");
  status.SetPayload(kDiffers, absl::Cord("1"));
  return status;
}

bool IsDiffers(const absl::Status& status) { return status.GetPayload(kDiffers).has_value(); }

absl::Status AsTrouble(absl::Status status) {
  if (!status.ok() && !IsDiffers(status) && ExitCodeOf(status) == kExitFailed) {
    status.SetPayload(kTrouble, absl::Cord("1"));
  }
  return status;
}

int ExitCodeOf(const absl::Status& status) {
  if (status.ok()) return kExitOk;
  if (IsDiffers(status)) return kExitFailed;
  if (status.GetPayload(kTrouble).has_value()) return kExitInvalid;
  if (IsInterrupted(status)) return kExitInterrupted;
  if (status.GetPayload(kOutcome).has_value()) return OutcomeCode(status);
  switch (status.code()) {
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kOutOfRange:
      return kExitInvalid;
    case absl::StatusCode::kNotFound:
      return kExitNotFound;
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kUnauthenticated:
      return kExitDenied;
    case absl::StatusCode::kResourceExhausted:
      // Too many requests, or a message that is too large, are no refusal by quota.
      return ReasonOf(status) == v1::QUOTA_EXCEEDED ? kExitQuota : kExitUnavailable;
    case absl::StatusCode::kAlreadyExists:
    case absl::StatusCode::kAborted:
    case absl::StatusCode::kFailedPrecondition:
      return kExitConflict;
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
      return kExitUnavailable;
    default:
      return kExitFailed;
  }
}

std::string ErrorText(const absl::Status& status) {
  const std::string message(status.message());
  if (IsInterrupted(status)) return message + "\n";
  google::rpc::BadRequest fields;
  ReadDetail(status, fields);
  if (fields.field_violations_size() > 1) {
    // One fault a line is easier to read than the message, which has them all in one.
    std::string text = absl::StrCat("error: ", fields.field_violations_size(), " faults\n");
    for (const auto& violation : fields.field_violations()) {
      Append(text, "", violation.field(), violation.description());
    }
    return text;
  }
  std::string text = absl::StrCat("error: ", message, "\n");
  for (const auto& violation : fields.field_violations()) {
    Append(text, message, violation.field(), violation.description());
  }
  google::rpc::QuotaFailure quota;
  if (ReadDetail(status, quota)) {
    for (const auto& violation : quota.violations()) {
      Append(text, message, violation.subject(), violation.description());
    }
  }
  google::rpc::PreconditionFailure preconditions;
  if (ReadDetail(status, preconditions)) {
    for (const auto& violation : preconditions.violations()) {
      Append(text, message, violation.subject(), violation.description());
    }
  }
  google::rpc::ErrorInfo info;
  if (ReadDetail(status, info)) {
    for (const auto& [key, value] : info.metadata()) {
      if (!absl::StrContains(message, value)) Append(text, message, key, value);
    }
  }
  const std::string hint = Hint(status);
  if (!hint.empty()) absl::StrAppend(&text, "hint: ", hint, "\n");
  return text;
}

}  // namespace stackyard::cli

#include "cli/follow.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "cli/errors.h"
#include "cli/progress.h"
#include "cli/text.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "stackyard/v1/stacks.pb.h"

namespace stackyard::cli {
namespace {

// How long a service that is being restarted may take before its first answer.
constexpr absl::Duration kFirstAnswer = absl::Seconds(5);

std::string HowToResume(const std::string& name) {
  return absl::StrCat(name, " goes on; follow it with: stackyard operations watch ", name);
}

// Errors after which the stream can be taken up again.
bool IsPassing(const absl::Status& status) {
  return status.ok() || status.code() == absl::StatusCode::kUnavailable ||
         status.code() == absl::StatusCode::kCancelled;
}

}  // namespace

void WaitFlags::AddTo(Command& command) {
  command.Flag("--wait", &wait, "Wait until it is done and show how it goes");
  command.Option("--timeout", &timeout, "TIME", "Longest wait; the operation goes on [1h]");
  command.Option("--until", &until, "STAGE",
                 "Wait for a stage only, like awaiting-approval (implies --wait)");
}

v1::OperationMetadata MetadataOf(const Operation& operation) {
  v1::OperationMetadata metadata;
  operation.metadata().UnpackTo(&metadata);
  return metadata;
}

absl::StatusOr<Operation> Follow(Context& context, const std::string& name, absl::Duration timeout,
                                 std::optional<Stage> until) {
  const Environment& env = context.environment();
  Progress progress(env.err, env.err_is_terminal, env.width);
  const absl::Time deadline = absl::Now() + timeout;
  const absl::Time first_answer_by = absl::Now() + kFirstAnswer;
  v1::WatchOperationRequest request;
  request.set_name(name);
  Operation last;
  const auto ended = [&] {
    return last.done() || (until.has_value() && MetadataOf(last).stage() == *until);
  };
  while (true) {
    v1::WatchOperationResponse message;
    const absl::Status status = context.client().Stream(
        "OperationService/WatchOperation", request, &message,
        [&] {
          last = message.operation();
          request.set_resume_token(message.resume_token());
          progress.Update(MetadataOf(last), context.Now());
          return !ended();
        },
        [&] {
          progress.Tick(context.Now());
          return true;
        },
        deadline);
    if (ended()) return last;
    if (IsInterrupted(status)) {
      progress.Clear();
      return Interrupted("Interrupted. " + HowToResume(name));
    }
    if (absl::Now() >= deadline) {
      return absl::DeadlineExceededError(
          absl::StrCat("not done after ", ShortDuration(timeout), ". ", HowToResume(name)));
    }
    // Where nothing was ever heard the endpoint may be wrong.
    const bool heard = !request.resume_token().empty();
    if (!IsPassing(status) || (!heard && absl::Now() >= first_answer_by)) return status;
    // The service is being restarted: neither press it nor lose the user's patience.
    if (!status.ok()) progress.Note("no connection; trying again", context.Now());
    absl::SleepFor(absl::Milliseconds(500));
  }
}

absl::Status OutcomeOf(const Operation& operation) {
  if (operation.has_error()) return AsOutcome(FromProto(operation.error()));
  v1::Stack stack;
  if (!operation.response().UnpackTo(&stack)) return absl::OkStatus();
  const std::string detail = absl::StrCat(
      stack.name(), " is ", v1::Stack::State_Name(stack.state()),
      stack.state_detail().message().empty() ? "" : ": ", stack.state_detail().message());
  if (stack.state() == v1::Stack::REJECTED) return AsOutcome(Error(v1::REQUEST_CLOSED, detail));
  if (stack.state() == v1::Stack::FAILED) {
    const absl::Status error = FromProto(stack.state_detail().error());
    return AsOutcome(error.ok() ? Error(v1::RUN_FAILED, detail) : error);
  }
  return absl::OkStatus();
}

absl::Status Finish(Context& context, const Operation& operation, const WaitFlags& flags,
                    google::protobuf::Message* response, const std::function<void()>& people) {
  Operation last = operation;
  if (!last.done() && (flags.wait || !flags.until.empty())) {
    std::optional<Stage> until;
    if (!flags.until.empty()) {
      ASSIGN_OR_RETURN(until, ReadStage(flags.until));
    }
    ASSIGN_OR_RETURN(const absl::Duration timeout, ReadDuration("timeout", flags.timeout));
    ASSIGN_OR_RETURN(last, Follow(context, operation.name(), timeout, until));
  }
  RETURN_IF_ERROR(OutcomeOf(last));
  if (last.done() && last.response().UnpackTo(response)) {
    return context.output().Write(*response, people);
  }
  return context.output().Write(last, [&] {
    if (last.name().empty()) {  // validate_only
      context.output().out() << "Valid; nothing was changed.\n";
      return;
    }
    const v1::OperationMetadata metadata = MetadataOf(last);
    context.output().out() << metadata.target() << ": " << ProgressText(metadata) << "\n";
    if (metadata.stage() == v1::OperationMetadata::AWAITING_APPROVAL) {
      context.Note("Look at it with: stackyard requests get " + metadata.change_request());
    } else if (!last.done()) {
      context.Note("Follow it with: stackyard operations watch " + last.name());
    }
  });
}

absl::StatusOr<Stage> ReadStage(const std::string& text) {
  Stage stage;
  const std::string name = absl::AsciiStrToUpper(absl::StrReplaceAll(text, {{"-", "_"}}));
  if (v1::OperationMetadata_Stage_Parse(name, &stage) &&
      stage != v1::OperationMetadata::STAGE_UNSPECIFIED) {
    return stage;
  }
  return InvalidField("until", absl::StrCat("must be queued, preparing, planning, reserving, ",
                                            "awaiting-approval, applying, destroying or finished, ",
                                            "not \"", text, "\""));
}

}  // namespace stackyard::cli

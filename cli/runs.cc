#include <memory>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cli/commands.h"
#include "cli/names.h"
#include "cli/reconnect.h"
#include "cli/text.h"
#include "common/proto_time.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "stackyard/v1/runs.pb.h"

namespace stackyard::cli {
namespace {

constexpr char kRun[] = "projects/*/stacks/*/runs/*";
constexpr char kStack[] = "projects/*/stacks/*";

// A run; or the newest one, when a stack is named.
absl::StatusOr<std::string> FindRun(Context& context, const std::string& text) {
  absl::StatusOr<std::string> name = FullName(kRun, context.project(), text);
  if (name.ok()) return name;
  v1::ListRunsRequest request;
  const absl::StatusOr<std::string> stack = FullName(kStack, context.project(), text);
  if (!stack.ok()) return name.status();
  request.set_parent(*stack);
  request.set_page_size(1);
  v1::ListRunsResponse response;
  RETURN_IF_ERROR(context.client().Call("RunService/ListRuns", request, &response));
  if (response.runs().empty()) return absl::NotFoundError(absl::StrCat(*stack, " has no runs"));
  return response.runs(0).name();
}

std::string Took(const v1::Run& run, absl::Time now) {
  if (!run.has_start_time()) return "";
  const absl::Time end = run.has_end_time() ? FromProto(run.end_time()) : now;
  return ShortDuration(end - FromProto(run.start_time()));
}

std::string Resources(const v1::Run& run) {
  const v1::Progress& progress = run.progress();
  // A plan touches nothing.
  const bool changes = run.type() == v1::Run::APPLY || run.type() == v1::Run::DESTROY;
  if (!changes || progress.total() == 0) return "";
  return absl::StrCat(progress.done(), "/", progress.total());
}

absl::Status List(Context& context, const std::string& stack, int64_t limit) {
  v1::ListRunsRequest request;
  if (stack.empty()) {
    request.set_parent(ProjectOrAll(context.project()) + "/stacks/-");
  } else {
    ASSIGN_OR_RETURN(*request.mutable_parent(), FullName(kStack, context.project(), stack));
  }
  v1::ListRunsResponse response;
  RETURN_IF_ERROR(
      context.client().List("RunService/ListRuns", request, &response, static_cast<int>(limit)));
  return context.output().Write(response, [&] {
    Table table({"STACK", "RUN", "TYPE", "STATE", "RESOURCES", "TOOK", "RUNNER", "AGE"});
    for (const v1::Run& run : response.runs()) {
      table.Add({LastPart(FirstParts(run.name(), 4)), LastPart(run.name()),
                 v1::Run::Type_Name(run.type()), v1::Run::State_Name(run.state()), Resources(run),
                 Took(run, context.Now()), run.runner(), Age(run.create_time(), context.Now())});
    }
    context.output().Show(table);
  });
}

void ShowRun(Context& context, const v1::Run& run) {
  Fields fields;
  fields.Add("Name", run.name());
  fields.Add("Type", v1::Run::Type_Name(run.type()));
  fields.Add("State", v1::Run::State_Name(run.state()));
  fields.Add("Error", run.error().message());
  fields.Add("Revision", absl::StrCat(run.revision()));
  fields.Add("Resources", Resources(run));
  fields.Add("Working on", absl::StrJoin(run.progress().active(), ", "));
  fields.Add("Engine", run.engine());
  fields.Add("Runner", run.runner());
  fields.Add("Queued", TimeText(run.create_time()));
  fields.Add("Took", Took(run, context.Now()));
  fields.Add("Cancel", run.cancel_requested() ? "asked for" : "");
  context.output().Show(fields);
  Table steps({"STEP", "STATE", "TOOK"});
  for (const v1::RunStep& step : run.steps()) {
    steps.Add({step.name(),
               step.failed()         ? "FAILED"
               : step.has_duration() ? "DONE"
                                     : "RUNNING",
               step.has_duration() ? absl::FormatDuration(absl::Trunc(FromProto(step.duration()),
                                                                      absl::Milliseconds(1)))
                                   : ""});
  }
  if (!steps.empty()) {
    context.output().out() << "\n";
    context.output().Show(steps);
  }
  for (const v1::Diagnostic& diagnostic : run.diagnostics()) {
    context.output().out() << v1::Diagnostic::Severity_Name(diagnostic.severity()) << ": "
                           << diagnostic.summary() << "\n"
                           << diagnostic.detail() << (diagnostic.detail().empty() ? "" : "\n");
  }
}

absl::Status Get(Context& context, const std::string& text) {
  v1::GetRunRequest request;
  ASSIGN_OR_RETURN(*request.mutable_name(), FindRun(context, text));
  return context.Show<v1::Run>("RunService/GetRun", request,
                               [&](const v1::Run& run) { ShowRun(context, run); });
}

absl::Status Cancel(Context& context, const std::string& text, const std::string& reason) {
  v1::CancelRunRequest request;
  ASSIGN_OR_RETURN(*request.mutable_name(), FindRun(context, text));
  request.set_reason(reason);
  return context.Show<v1::Run>("RunService/CancelRun", request, [&](const v1::Run& run) {
    context.output().out() << run.name() << " is " << v1::Run::State_Name(run.state())
                           << (run.cancel_requested() ? ", cancel asked for" : "") << "\n";
  });
}

absl::Status Logs(Context& context, const std::string& text, bool follow) {
  ASSIGN_OR_RETURN(const std::string name, FindRun(context, text));
  std::ostream& out = context.output().out();
  if (follow) {
    v1::TailLogRequest request;
    request.set_name(name);
    v1::TailLogResponse message;
    return FollowStream(context, "RunService/TailLog", request, &message, [&] {
      out << message.text() << std::flush;
      request.set_offset(message.next_offset());
      return true;
    });
  }
  v1::ReadLogRequest request;
  request.set_name(name);
  request.set_limit(1 << 20);
  while (true) {
    v1::ReadLogResponse response;
    RETURN_IF_ERROR(context.client().Call("RunService/ReadLog", request, &response));
    out << response.text() << std::flush;
    if (response.complete() || response.text().empty()) return absl::OkStatus();
    request.set_offset(response.next_offset());
  }
}

std::string EventText(const v1::RunEvent& event) {
  switch (event.event_case()) {
    case v1::RunEvent::kStepStarted:
      return "step " + event.step_started() + " began";
    case v1::RunEvent::kStepFinished:
      return absl::StrCat("step ", event.step_finished().name(),
                          event.step_finished().failed() ? " failed" : " done");
    case v1::RunEvent::kResource: {
      const v1::ResourceEvent& resource = event.resource();
      std::string text =
          absl::StrCat(resource.address(), " ", v1::ResourceChange::Action_Name(resource.action()),
                       " ", v1::ResourceEvent::Phase_Name(resource.phase()));
      if (resource.has_elapsed()) {
        absl::StrAppend(&text, " after ", ShortDuration(FromProto(resource.elapsed())));
      }
      return text;
    }
    case v1::RunEvent::kDiagnostic:
      return absl::StrCat(v1::Diagnostic::Severity_Name(event.diagnostic().severity()), ": ",
                          event.diagnostic().summary());
    case v1::RunEvent::kNotice:
      return event.notice();
    case v1::RunEvent::kPlannedTotal:
      return absl::StrCat(event.planned_total(), " resources to touch");
    default:
      return "";
  }
}

// What happens in a run, until it ends.
absl::Status Watch(Context& context, const std::string& text) {
  v1::WatchRunRequest request;
  ASSIGN_OR_RETURN(*request.mutable_name(), FindRun(context, text));
  v1::WatchRunResponse message;
  absl::Status written;
  const absl::Status status = FollowStream(context, "RunService/WatchRun", request, &message, [&] {
    request.set_resume_token(message.resume_token());
    written = context.output().Write(message.event(), [&] {
      context.output().out() << TimeText(message.event().time()) << "  "
                             << EventText(message.event()) << std::endl;
    });
    return written.ok();
  });
  return written.ok() ? status : written;
}

absl::Status Events(Context& context, const std::string& text) {
  v1::ListRunEventsRequest request;
  ASSIGN_OR_RETURN(*request.mutable_parent(), FindRun(context, text));
  v1::ListRunEventsResponse response;
  RETURN_IF_ERROR(context.client().List("RunService/ListRunEvents", request, &response));
  return context.output().Write(response, [&] {
    Table table({"#", "TIME", "WHAT"});
    for (const v1::RunEvent& event : response.run_events()) {
      table.Add({absl::StrCat(event.sequence()), TimeText(event.time()), EventText(event)});
    }
    context.output().Show(table);
  });
}

}  // namespace

void AddRunCommands(Command root, Context& context) {
  Command runs = root.Sub("runs", "Executions of Terraform");
  const auto name = std::make_shared<std::string>();
  const auto reason = std::make_shared<std::string>();
  const auto limit = std::make_shared<int64_t>(50);
  const auto follow = std::make_shared<bool>(false);
  const std::string what = "STACK/RUN, or a stack for its newest run";

  runs.Sub("list", "List runs, newest first")
      .Argument("STACK", name.get(), "Only of this stack", false)
      .Option("--limit", limit.get(), "COUNT", "How many; 0 for all [50]")
      .Run([&context, name, limit] { return List(context, *name, *limit); });
  runs.Sub("get", "Show a run").Argument("RUN", name.get(), what).Run([&context, name] {
    return Get(context, *name);
  });
  runs.Sub("cancel", "Interrupt a run; a second time kills it")
      .Argument("RUN", name.get(), what)
      .Option("--reason", reason.get(), "TEXT", "Why")
      .Run([&context, name, reason] { return Cancel(context, *name, *reason); });
  runs.Sub("logs", "Show what Terraform wrote")
      .Argument("RUN", name.get(), what)
      .Flag("-f,--follow", follow.get(), "Go on until the run ends")
      .Run([&context, name, follow] { return Logs(context, *name, *follow); });
  runs.Sub("events", "List what happened in a run")
      .Argument("RUN", name.get(), what)
      .Run([&context, name] { return Events(context, *name); });
  runs.Sub("watch", "Show what happens in a run until it ends")
      .Argument("RUN", name.get(), what)
      .Run([&context, name] { return Watch(context, *name); });
}

}  // namespace stackyard::cli

#include <memory>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cli/apply_step.h"
#include "cli/commands.h"
#include "cli/errors.h"
#include "cli/follow.h"
#include "cli/names.h"
#include "cli/text.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace stackyard::cli {
namespace {

struct ApplyFlags {
  std::vector<std::string> files;
  ApplyOptions options;
  bool dry_run = false;
  bool plan = false;
  bool yes = false;
  WaitFlags wait;
};

const char* VerbText(ApplyStep::Verb verb) {
  return verb == ApplyStep::kCreate   ? "create"
         : verb == ApplyStep::kUpdate ? "update"
                                      : "unchanged";
}

std::string StepText(const ApplyStep& step, bool color) {
  const char* sign = step.verb == ApplyStep::kCreate   ? "+ "
                     : step.verb == ApplyStep::kUpdate ? "~ "
                                                       : "  ";
  const Color paint = step.verb == ApplyStep::kCreate   ? Color::kGreen
                      : step.verb == ApplyStep::kUpdate ? Color::kYellow
                                                        : Color::kDim;
  std::string text = absl::StrCat(
      Paint(absl::StrCat(sign, step.kind, " ", step.name, " ", VerbText(step.verb)), paint, color),
      "\n", DifferencesText(step.differences, color));
  for (const std::string& note : step.notes) absl::StrAppend(&text, "    note: ", note, "\n");
  return text;
}

// Everything is looked at before anything is changed.
absl::StatusOr<std::vector<ApplyStep>> Plan(Context& context, const ApplyFlags& flags) {
  ASSIGN_OR_RETURN(const std::vector<Manifest> manifests,
                   ReadManifests(context.environment(), flags.files));
  Violations faults;
  std::vector<ApplyStep> steps;
  std::set<std::string> seen;
  for (const Manifest& manifest : manifests) {
    absl::StatusOr<ApplyStep> step = StepOf(context, manifest, flags.options);
    if (!step.ok()) {
      google::rpc::BadRequest bad;
      // All files are told of at once; without an answer there is nothing to tell.
      if (!ReadDetail(step.status(), bad) || bad.field_violations().empty()) return step.status();
      for (const auto& one : bad.field_violations()) {
        faults.Add(one.field() == manifest.place ? one.field()
                                                 : absl::StrCat(manifest.place, ": ", one.field()),
                   one.description());
      }
      continue;
    }
    if (!seen.insert(absl::StrCat(step->kind, " ", step->name)).second) {
      faults.Add(manifest.place, absl::StrCat(step->name, " is given twice"));
    }
    steps.push_back(*std::move(step));
  }
  RETURN_IF_ERROR(faults.ToStatus());
  return steps;
}

// What the service has to say, before anything is changed.
absl::Status Validate(const std::vector<ApplyStep>& steps) {
  Violations faults;
  std::set<std::string> new_projects;
  for (const ApplyStep& step : steps) {
    if (step.verb == ApplyStep::kNothing) continue;
    if (step.kind == "Project" && step.verb == ApplyStep::kCreate) new_projects.insert(step.name);
    // What is in a project that is not there yet cannot be checked.
    const bool waits = step.kind != "Project" && new_projects.count(FirstParts(step.name, 2)) > 0;
    if (!step.can_validate || waits) continue;
    const absl::Status status = step.send(/*validate_only=*/true).status();
    if (status.ok()) continue;
    google::rpc::BadRequest bad;
    if (!ReadDetail(status, bad) || bad.field_violations().empty()) return status;
    for (const auto& one : bad.field_violations()) {
      faults.Add(absl::StrCat(step.name, ": ", one.field()), one.description());
    }
  }
  return faults.ToStatus();
}

size_t ChangesIn(const std::vector<ApplyStep>& steps) {
  size_t changes = 0;
  for (const ApplyStep& step : steps) changes += step.verb == ApplyStep::kNothing ? 0 : 1;
  return changes;
}

void ShowSteps(Context& context, const std::vector<ApplyStep>& steps) {
  if (context.output().format() != Format::kTable) return;
  for (const ApplyStep& step : steps) {
    context.output().out() << StepText(step, context.output().color());
  }
  context.output().out().flush();
}

absl::Status ShowPlans(Context& context, const std::vector<ApplyStep>& steps) {
  for (const ApplyStep& step : steps) {
    if (step.verb == ApplyStep::kNothing || step.preview == nullptr) continue;
    ASSIGN_OR_RETURN(const std::string text, step.preview());
    if (context.output().format() != Format::kTable) continue;
    context.output().out() << "\nPlan of " << step.name << "\n" << text << std::flush;
  }
  return absl::OkStatus();
}

// For programs: what each came to.
absl::Status WriteResult(Context& context, const std::vector<ApplyStep>& steps,
                         const std::vector<std::string>& operations) {
  if (context.output().format() == Format::kTable) return absl::OkStatus();
  Table table({"KIND", "NAME", "ACTION", "OPERATION"});
  std::string names;
  for (size_t i = 0; i < steps.size(); ++i) {
    table.Add({steps[i].kind, steps[i].name, VerbText(steps[i].verb),
               i < operations.size() ? operations[i] : ""});
    absl::StrAppend(&names, steps[i].name, "\n");
  }
  return context.output().WriteTable(table, names);
}

// OK when somebody says yes.
absl::Status Confirm(Context& context, const ApplyFlags& flags, size_t changes) {
  if (flags.yes) return absl::OkStatus();
  const Environment& environment = context.environment();
  const bool piped = std::find(flags.files.begin(), flags.files.end(), "-") != flags.files.end();
  if (!environment.in_is_terminal || environment.in == nullptr || piped) {
    return InvalidField("yes", "nobody is there to ask: give --yes to apply, or --dry-run to look");
  }
  environment.err << "Apply " << changes << (changes == 1 ? " change" : " changes") << "? [y/N] "
                  << std::flush;
  std::string answer;
  std::getline(*environment.in, answer);
  if (environment.interrupted()) return Interrupted("\nInterrupted; nothing was changed.");
  answer = absl::AsciiStrToLower(absl::StripAsciiWhitespace(answer));
  if (answer == "y" || answer == "yes") return absl::OkStatus();
  return Interrupted("Nothing was changed.");
}

absl::Status Wait(Context& context, const WaitFlags& flags, const std::vector<ApplyStep>& steps,
                  const std::vector<std::string>& operations) {
  std::optional<Stage> until;
  if (!flags.until.empty()) {
    ASSIGN_OR_RETURN(until, ReadStage(flags.until));
  }
  ASSIGN_OR_RETURN(const absl::Duration timeout, ReadDuration("timeout", flags.timeout));
  const absl::Time deadline = absl::Now() + timeout;
  absl::Status first;
  for (size_t i = 0; i < operations.size(); ++i) {
    if (operations[i].empty()) continue;
    const auto operation = Follow(context, operations[i], deadline - absl::Now(), until);
    absl::Status status = operation.ok() ? OutcomeOf(*operation) : operation.status();
    if (IsInterrupted(status)) return status;
    if (status.ok()) {
      context.Note(absl::StrCat(steps[i].name, operation->done() ? " is done" : " goes on"));
    } else if (first.ok()) {
      first = status;
    } else {
      // The exit code is that of the first; all are told.
      context.environment().err << ErrorText(status);
    }
  }
  return first;
}

absl::Status Apply(Context& context, const ApplyFlags& flags) {
  ASSIGN_OR_RETURN(const std::vector<ApplyStep> steps, Plan(context, flags));
  const size_t changes = ChangesIn(steps);
  ShowSteps(context, steps);
  RETURN_IF_ERROR(Validate(steps));
  if (flags.plan) RETURN_IF_ERROR(ShowPlans(context, steps));
  if (flags.dry_run) {
    RETURN_IF_ERROR(WriteResult(context, steps, {}));
    return changes == 0 ? absl::OkStatus() : Differs();
  }
  if (changes == 0) return WriteResult(context, steps, {});
  RETURN_IF_ERROR(Confirm(context, flags, changes));
  std::vector<std::string> operations(steps.size());
  for (size_t i = 0; i < steps.size(); ++i) {
    if (steps[i].verb == ApplyStep::kNothing) continue;
    absl::StatusOr<std::string> operation = steps[i].send(/*validate_only=*/false);
    if (!operation.ok()) {
      size_t left = 0;
      for (size_t j = i + 1; j < steps.size(); ++j) {
        left += steps[j].verb == ApplyStep::kNothing ? 0 : 1;
      }
      context.Note(absl::StrCat(steps[i].name, " was refused, and ", left,
                                " more were not tried; what is above it is done. A second apply ",
                                "goes on from here."));
      return operation.status();
    }
    operations[i] = *operation;
    context.Note(
        absl::StrCat(steps[i].name, operations[i].empty() ? " is done" : ": ", operations[i]));
  }
  RETURN_IF_ERROR(WriteResult(context, steps, operations));
  if (flags.wait.wait || !flags.wait.until.empty()) {
    return Wait(context, flags.wait, steps, operations);
  }
  return absl::OkStatus();
}

void AddFiles(Command& command, ApplyFlags& flags) {
  command
      .Option("-f,--file", &flags.files, "PATH",
              "File of one or more documents, folder, or - for the standard input; may be repeated")
      .Required()
      .Option("--reason", &flags.options.reason, "TEXT", "Why; reviewers read it")
      .Flag(
          "--send-secrets", &flags.options.send_secrets,
          "Send sensitive parameters of stacks that there are: nobody can see whether they differ")
      .Flag("--plan", &flags.plan,
            "Plan each stack that changes, and show what Terraform would do");
}

}  // namespace

void AddApplyCommands(Command root, Context& context) {
  const auto flags = std::make_shared<ApplyFlags>();
  Command apply = root.Sub("apply", "Make things as files say, and show first what is different");
  AddFiles(apply, *flags);
  apply.Flag("--dry-run", &flags->dry_run, "Only check and show; 1 when something is different")
      .Flag("-y,--yes", &flags->yes, "Do not ask");
  flags->wait.AddTo(apply);
  apply.Run([&context, flags] { return Apply(context, *flags); });

  Command diff = root.Sub("diff", "Show what `apply` would change; 0: nothing, 1: something");
  AddFiles(diff, *flags);
  diff.Run([&context, flags] {
    flags->dry_run = true;
    const absl::Status status = Apply(context, *flags);
    // 1 is for what is different.
    return AsTrouble(status);
  });
}

}  // namespace stackyard::cli

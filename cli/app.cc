#include "cli/app.h"

#include "cli/commands.h"
#include "cli/errors.h"
#include "common/status.h"

namespace stackyard::cli {
namespace {

constexpr char kAbout[] = "Self-service Terraform with quota, approval and leases built in.";

constexpr char kFooter[] =
    R"(Names may be short (web, with --project) or full (projects/p/stacks/web).

)";

void AddGlobalFlags(Command root, GlobalFlags& flags) {
  root.Option("--endpoint", &flags.endpoint, "ADDRESS",
              "Gateway, host:port or unix:/path; STACKYARD_ENDPOINT [127.0.0.1:8081]")
      .Option("--token", &flags.token, "SECRET", "Token; STACKYARD_TOKEN keeps it out of sight")
      .Option("--token-file", &flags.token_file, "PATH",
              "File with the token; STACKYARD_TOKEN_FILE [~/.config/stackyard/token]")
      .Option("-p,--project", &flags.project, "PROJECT", "Project; STACKYARD_PROJECT")
      .Option("-o,--output", &flags.output, "FORMAT", "table, json, yaml or name [table]")
      .Flag("--no-color", &flags.no_color, "No colors; NO_COLOR does the same");
}

int Report(const absl::Status& status, const Context& context, const Environment& environment) {
  if (status.ok()) return kExitOk;
  // Programs that read JSON get errors as JSON as well.
  if (context.flags.output == "json" && !IsInterrupted(status)) {
    const absl::StatusOr<std::string> json = ToJson(ToProto(status));
    if (json.ok()) {
      environment.err << *json << std::flush;
      return ExitCodeOf(status);
    }
  }
  environment.err << ErrorText(status) << std::flush;
  return ExitCodeOf(status);
}

}  // namespace

int RunApp(const std::vector<std::string>& arguments, const Environment& environment) {
  Context context(environment);
  CommandTree tree("stackyard", kAbout, std::string(kFooter) + ExitCodesHelp());
  AddGlobalFlags(tree.root(), context.flags);
  AddTemplateCommands(tree.root(), context);
  AddStackCommands(tree.root(), context);
  AddRunCommands(tree.root(), context);
  AddStateCommands(tree.root(), context);
  AddRequestCommands(tree.root(), context);
  AddQuotaCommands(tree.root(), context);
  AddOperationCommands(tree.root(), context);
  AddProjectCommands(tree.root(), context);
  AddIdentityCommands(tree.root(), context);
  AddEventCommands(tree.root(), context);
  AddChannelCommands(tree.root(), context);
  AddCredentialCommands(tree.root(), context);
  AddNoticeCommands(tree.root(), context);
  AddCompletionCommands(tree.root(), context);

  // What completion scripts call; its arguments are words of another command line.
  if (arguments.size() >= 2 && arguments[0] == "__complete" && arguments[1] == "--") {
    environment.out << tree.Complete({arguments.begin() + 2, arguments.end()}) << std::flush;
    return kExitOk;
  }
  const absl::StatusOr<Parsed> parsed = tree.Parse(arguments);
  if (!parsed.ok()) return Report(parsed.status(), context, environment);
  if (parsed->action == nullptr) {
    environment.out << parsed->text << std::flush;
    return kExitOk;
  }
  absl::Status status = context.Resolve();
  if (status.ok()) status = parsed->action();
  return Report(status, context, environment);
}

}  // namespace stackyard::cli

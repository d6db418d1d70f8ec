#include "cli/app.h"

#include "cli/commands.h"
#include "cli/completions.h"
#include "cli/errors.h"
#include "cli/examples.h"
#include "common/status.h"

namespace stackyard::cli {
namespace {

constexpr char kAbout[] = "Self-service Terraform with quota, approval and leases built in.";

constexpr char kFooter[] =
    R"(Names may be short (web, with --project) or full (projects/p/stacks/web).
More: stackyard help names, filters, output, contexts, apply.

)";

// What a script is told: files may stand there.
constexpr int kCompleteFiles = 10;

void AddGlobalFlags(Command root, GlobalFlags& flags) {
  root.Option("--context", &flags.context, "CONTEXT",
              "Server and login; STACKYARD_CONTEXT [as `contexts use` says]")
      .Option("--endpoint", &flags.endpoint, "ADDRESS",
              "Gateway: https://HOST[:PORT], HOST:PORT or unix:/PATH; STACKYARD_ENDPOINT "
              "[127.0.0.1:8081]")
      .Option("--ca-file", &flags.ca_file, "PATH",
              "PEM file with the server's authorities; STACKYARD_CA_FILE [those of the machine]")
      .Flag("--plaintext", &flags.plaintext, "No TLS, also to another machine; STACKYARD_PLAINTEXT")
      .Option("--token", &flags.token, "SECRET", "Token; STACKYARD_TOKEN keeps it out of sight")
      .Option("--token-file", &flags.token_file, "PATH",
              "File with the token; STACKYARD_TOKEN_FILE [the login of the context]")
      .Option("-p,--project", &flags.project, "PROJECT", "Project; STACKYARD_PROJECT")
      .Option("-o,--output", &flags.output, "FORMAT", "table, wide, json, yaml or name [table]")
      .Option("--columns", &flags.columns, "NAMES", "Columns of tables, like NAME,STATE")
      .Flag("--no-headers", &flags.no_headers, "Tables without their first line")
      .Flag("--no-color", &flags.no_color, "No colors; NO_COLOR does the same");
}

int Report(const absl::Status& status, const Context& context, const Environment& environment) {
  if (status.ok()) return kExitOk;
  if (IsDiffers(status)) return ExitCodeOf(status);
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

void AddCommands(CommandTree& tree, Context& context) {
  AddLoginCommands(tree.root(), context);
  AddContextCommands(tree.root(), context);
  AddApplyCommands(tree.root(), context);
  AddExportCommand(tree.root(), context);
  AddStackCommands(tree.root(), context);
  AddKubeconfigCommand(tree.root(), context);
  AddTemplateCommands(tree.root(), context);
  AddRunCommands(tree.root(), context);
  AddStateCommands(tree.root(), context);
  AddRequestCommands(tree.root(), context);
  AddQuotaCommands(tree.root(), context);
  AddOperationCommands(tree.root(), context);
  AddDocumentCommands(tree.root(), context);
  AddEventCommands(tree.root(), context);
  AddNoticeCommands(tree.root(), context);
  AddProjectCommands(tree.root(), context);
  AddChannelCommands(tree.root(), context);
  AddCredentialCommands(tree.root(), context);
  AddIdentityCommands(tree.root(), context);
  AddRoleCommands(tree.root(), context);
  AddDenialCommands(tree.root(), context);
  AddSystemCommands(tree.root(), context);
  AddCompletionCommands(tree.root(), context);
  AddHelpCommands(tree.root(), context, tree);
  tree.SetExamples(Examples());
}

// What completion scripts call; its arguments are words of another command line.
int Complete(const CommandTree& tree, Context& context, const std::vector<std::string>& words) {
  Completion completion = tree.Complete(words);
  AddNames(context, completion);
  context.environment().out << CompletionText(completion) << std::flush;
  return TakesFiles(completion) ? kCompleteFiles : kExitOk;
}

}  // namespace

std::vector<CommandHelp> AllCommands(const Environment& environment) {
  Context context(environment);
  CommandTree tree("stackyard", kAbout, "");
  AddGlobalFlags(tree.root(), context.flags);
  AddCommands(tree, context);
  return tree.Commands();
}

int RunApp(const std::vector<std::string>& arguments, const Environment& environment) {
  Context context(environment);
  CommandTree tree("stackyard", kAbout, std::string(kFooter) + ExitCodesHelp());
  AddGlobalFlags(tree.root(), context.flags);
  AddCommands(tree, context);
  if (arguments.size() >= 2 && arguments[0] == "__complete" && arguments[1] == "--") {
    return Complete(tree, context, {arguments.begin() + 2, arguments.end()});
  }
  const absl::StatusOr<Parsed> parsed = tree.Parse(arguments);
  if (!parsed.ok()) return Report(parsed.status(), context, environment);
  if (parsed->action == nullptr) {
    environment.out << parsed->text << std::flush;
    return kExitOk;
  }
  absl::Status status = context.ResolveOutput();
  if (status.ok() && !parsed->local) status = context.Resolve();
  if (status.ok()) status = parsed->action();
  return Report(status, context, environment);
}

}  // namespace stackyard::cli

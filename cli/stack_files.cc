#include <filesystem>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cli/commands.h"
#include "cli/kubeconfig.h"
#include "cli/names.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "google/api/httpbody.pb.h"
#include "stackyard/v1/stacks.pb.h"

namespace stackyard::cli {
namespace {

constexpr char kStack[] = "projects/*/stacks/*";

absl::StatusOr<v1::Stack> Fetch(Context& context, const std::string& name) {
  v1::GetStackRequest request;
  ASSIGN_OR_RETURN(*request.mutable_name(), FullName(kStack, context.project(), name));
  v1::Stack stack;
  RETURN_IF_ERROR(context.client().Call("StackService/GetStack", request, &stack));
  return stack;
}

absl::StatusOr<std::string> Fetch(Context& context, const std::string& stack,
                                  const std::string& file) {
  v1::DownloadFileRequest request;
  ASSIGN_OR_RETURN(const std::string name, FullName(kStack, context.project(), stack));
  request.set_name(absl::StrCat(name, "/files/", file));
  google::api::HttpBody body;
  RETURN_IF_ERROR(context.client().Call("StackService/DownloadFile", request, &body));
  return body.data();
}

absl::Status List(Context& context, const std::string& name) {
  ASSIGN_OR_RETURN(const v1::Stack stack, Fetch(context, name));
  Table table({"FILE"});
  std::string names;
  for (const std::string& file : stack.files()) {
    table.Add({file});
    absl::StrAppend(&names, stack.name(), "/files/", file, "\n");
  }
  if (stack.files().empty()) context.Note(stack.name() + " offers no files");
  return context.output().WriteTable(table, names);
}

absl::Status Download(Context& context, const std::string& stack, const std::string& file,
                      const std::string& path) {
  ASSIGN_OR_RETURN(const std::string text, Fetch(context, stack, file));
  if (path == "-") {
    context.output().out() << text << std::flush;
    return absl::OkStatus();
  }
  const std::string target = path.empty() ? file : path;
  // The service chose this name, not whoever runs the command.
  if (path.empty() && std::filesystem::exists(target)) {
    return InvalidField("FILE",
                        absl::StrCat(target, " is there already; say where to: --out PATH"));
  }
  // It may hold secrets.
  RETURN_IF_ERROR(WriteFile("out", target, text, 0600));
  context.Note(absl::StrCat("Wrote ", text.size(), " bytes to ", target));
  return absl::OkStatus();
}

struct KubeconfigFlags {
  std::string stack, file = "kubeconfig", name;
  bool print = false;
  bool keep = false;
};

absl::Status Kubeconfig(Context& context, const KubeconfigFlags& flags) {
  ASSIGN_OR_RETURN(const std::string stack, FullName(kStack, context.project(), flags.stack));
  const absl::StatusOr<std::string> text = Fetch(context, stack, flags.file);
  if (text.status().code() == absl::StatusCode::kNotFound) {
    const absl::StatusOr<v1::Stack> found = Fetch(context, stack);
    if (!found.ok()) return found.status();
    return absl::NotFoundError(
        absl::StrCat(stack, " offers no file ", flags.file,
                     found->files().empty()
                         ? "; its template declares none"
                         : absl::StrCat("; there are: ", absl::StrJoin(found->files(), ", "))));
  }
  RETURN_IF_ERROR(text.status());
  if (flags.print) {
    context.output().out() << *text << std::flush;
    return absl::OkStatus();
  }
  const std::string name =
      flags.name.empty() ? absl::StrCat(ProjectOf(stack), "/", LastPart(stack)) : flags.name;
  ASSIGN_OR_RETURN(const std::string path,
                   AddToKubeconfig(context.environment(), *text, name, !flags.keep));
  context.Note(absl::StrCat("Context ", name, " is in ", path,
                            flags.keep ? "" : " and in use by kubectl", "."));
  return absl::OkStatus();
}

}  // namespace

void AddStackFileCommands(Command stacks, Context& context) {
  const auto stack = std::make_shared<std::string>();
  const auto file = std::make_shared<std::string>();
  const auto path = std::make_shared<std::string>();
  stacks.Sub("files", "List the files that a stack offers")
      .Argument("STACK", stack.get(), "Stack")
      .Run([&context, stack] { return List(context, *stack); });
  stacks.Sub("download", "Fetch a file that a stack offers; this is recorded")
      .Argument("STACK", stack.get(), "Stack")
      .Argument("NAME", file.get(), "File, as `stacks files` lists it")
      .Option("--out", path.get(), "PATH",
              "Where to; - is the standard output [a file of its name here]")
      .Run([&context, stack, file, path] { return Download(context, *stack, *file, *path); });
}

void AddKubeconfigCommand(Command root, Context& context) {
  const auto flags = std::make_shared<KubeconfigFlags>();
  root.Sub("kubeconfig", "Take a stack's cluster into your kubeconfig")
      .Argument("STACK", &flags->stack, "Stack")
      .Flag("--print", &flags->print, "Write it to the standard output, change nothing")
      .Option("--name", &flags->name, "NAME", "Name of the context [PROJECT/STACK]")
      .Option("--file", &flags->file, "NAME", "File that the stack offers it as [kubeconfig]")
      .Flag("--keep-current", &flags->keep, "Leave kubectl's current context as it is")
      .Run([&context, flags] { return Kubeconfig(context, *flags); });
}

}  // namespace stackyard::cli

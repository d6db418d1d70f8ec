#include <filesystem>
#include <memory>

#include "absl/strings/str_cat.h"
#include "cli/commands.h"
#include "cli/config.h"
#include "cli/endpoint.h"
#include "cli/login_store.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace stackyard::cli {
namespace {

struct ContextFlags {
  std::string name, project;
};

// Names a context, or the one in use when it is empty. INVALID_FIELD when there is neither.
absl::StatusOr<std::string> NameOf(Context& context, const Config& config,
                                   const std::string& name) {
  Setting found;
  if (!name.empty()) {
    found.value = name;
  } else {
    found.value = context.flags.context;
    if (found.value.empty()) found.value = context.environment().Variable("STACKYARD_CONTEXT");
    if (found.value.empty()) found.value = config.current;
  }
  if (found.value.empty()) {
    return InvalidField("context",
                        "no context is in use; name one, or make one with: "
                        "stackyard login --server URL");
  }
  if (config.Find(found.value) == nullptr) return NoSuchContext(config, found.value);
  return found.value;
}

absl::Status List(Context& context) {
  ASSIGN_OR_RETURN(const Config config, LoadConfig(context.environment()));
  const LoginStore store(context.environment());
  Table table({"", "NAME", "ENDPOINT", "PROJECT", "LOGIN", "+CA FILE"});
  std::string names;
  for (const ServerContext& one : config.contexts) {
    const auto login = store.Read(one.name);
    std::string how = "none";
    if (login.ok() && login->has_value()) {
      how = (*login)->token.empty() ? (*login)->provider.issuer : "token";
    }
    table.Add({one.name == config.current ? "*" : "", one.name, one.endpoint, one.project, how,
               one.ca_file});
    absl::StrAppend(&names, one.name, "\n");
  }
  return context.output().WriteTable(table, names);
}

absl::Status Use(Context& context, const std::string& name) {
  RETURN_IF_ERROR(EditConfig(context.environment(), [&](Config& config) -> absl::Status {
    if (config.Find(name) == nullptr) return NoSuchContext(config, name);
    config.current = name;
    return absl::OkStatus();
  }));
  context.Note("Context " + name + " is in use.");
  return absl::OkStatus();
}

// What holds, and who said so.
absl::Status Show(Context& context, const std::string& name) {
  if (!name.empty()) context.flags.context = name;
  ASSIGN_OR_RETURN(const Config config, LoadConfig(context.environment()));
  ASSIGN_OR_RETURN(const Settings settings, Settle(context.flags, context.environment(), config));
  Table table({"SETTING", "VALUE", "FROM"});
  const auto add = [&](const std::string& label, const Setting& setting, bool secret = false) {
    const std::string value = secret && !setting.source.empty() ? "(secret)" : setting.value;
    table.Add({label, value, setting.source});
  };
  add("context", settings.context);
  add("endpoint", settings.endpoint);
  add("ca-file", settings.ca_file);
  add("plaintext", settings.plaintext);
  add("project", settings.project);
  add("token", settings.token, true);
  return context.output().WriteTable(table, settings.context.value + "\n");
}

absl::Status Set(Context& context, const ContextFlags& flags) {
  RETURN_IF_ERROR(CheckContextName(flags.name));
  const GlobalFlags& given = context.flags;
  RETURN_IF_ERROR(EditConfig(context.environment(), [&](Config& config) -> absl::Status {
    ServerContext* found = config.Find(flags.name);
    if (found == nullptr) {
      if (given.endpoint.empty()) {
        return InvalidField("endpoint", "a new context needs --endpoint");
      }
      found = &config.contexts.emplace_back();
      found->name = flags.name;
      if (config.current.empty()) config.current = flags.name;
    }
    if (!given.endpoint.empty() && given.endpoint != found->endpoint) {
      // The login is of the server that was there.
      RETURN_IF_ERROR(LoginStore(context.environment()).Delete(flags.name).status());
      found->endpoint = given.endpoint;
    }
    if (!given.ca_file.empty()) {
      found->ca_file = std::filesystem::absolute(given.ca_file).string();
    }
    if (given.plaintext) found->plaintext = true;
    if (!given.project.empty()) found->project = given.project;
    return ReadEndpoint(found->endpoint, found->plaintext, !found->ca_file.empty()).status();
  }));
  context.Note("Context " + flags.name + " is set.");
  return absl::OkStatus();
}

absl::Status Rename(Context& context, const std::string& from, const std::string& to) {
  RETURN_IF_ERROR(CheckContextName(to));
  RETURN_IF_ERROR(EditConfig(context.environment(), [&](Config& config) -> absl::Status {
    ServerContext* found = config.Find(from);
    if (found == nullptr) return NoSuchContext(config, from);
    if (config.Find(to) != nullptr) return Exists("context " + to);
    RETURN_IF_ERROR(LoginStore(context.environment()).Rename(from, to));
    found->name = to;
    if (config.current == from) config.current = to;
    return absl::OkStatus();
  }));
  context.Note(absl::StrCat("Context ", from, " is called ", to, " now."));
  return absl::OkStatus();
}

absl::Status Delete(Context& context, const std::string& name) {
  RETURN_IF_ERROR(EditConfig(context.environment(), [&](Config& config) -> absl::Status {
    if (config.Find(name) == nullptr) return NoSuchContext(config, name);
    RETURN_IF_ERROR(LoginStore(context.environment()).Delete(name).status());
    std::erase_if(config.contexts, [&](const ServerContext& one) { return one.name == name; });
    if (config.current == name) config.current.clear();
    return absl::OkStatus();
  }));
  context.Note("Context " + name + " is deleted, and its login.");
  return absl::OkStatus();
}

absl::Status Logout(Context& context) {
  ASSIGN_OR_RETURN(const Config config, LoadConfig(context.environment()));
  ASSIGN_OR_RETURN(const std::string name, NameOf(context, config, ""));
  ASSIGN_OR_RETURN(const bool had, LoginStore(context.environment()).Delete(name));
  context.Note(had ? "Logged out of " + name + "." : "Nobody was logged in to " + name + ".");
  return absl::OkStatus();
}

}  // namespace

void AddContextCommands(Command root, Context& context) {
  Command contexts = root.Sub("contexts", "Servers that you work with, and which is in use");
  const auto flags = std::make_shared<ContextFlags>();
  const auto to = std::make_shared<std::string>();
  contexts.Sub("list", "List contexts; * is in use").Local().Run([&context] {
    return List(context);
  });
  contexts.Sub("use", "Use a context from now on")
      .Argument("CONTEXT", &flags->name, "Context")
      .Local()
      .Run([&context, flags] { return Use(context, flags->name); });
  contexts
      .Sub("show", "Show what is used, and whether a flag, the environment or a context says so")
      .Argument("CONTEXT", &flags->name, "Context [the one in use]", false)
      .Local()
      .Run([&context, flags] { return Show(context, flags->name); });
  contexts.Sub("set", "Make or change one: --endpoint, --ca-file, --plaintext and --project")
      .Argument("CONTEXT", &flags->name, "Context")
      .Local()
      .Run([&context, flags] { return Set(context, *flags); });
  contexts.Sub("rename", "Give a context another name; its login stays")
      .Argument("CONTEXT", &flags->name, "Context")
      .Argument("NEW-NAME", to.get(), "Its new name")
      .Local()
      .Run([&context, flags, to] { return Rename(context, flags->name, *to); });
  contexts.Sub("delete", "Forget a context and its login")
      .Argument("CONTEXT", &flags->name, "Context")
      .Local()
      .Run([&context, flags] { return Delete(context, flags->name); });
  root.Sub("logout", "Forget the login of the context in use").Local().Run([&context] {
    return Logout(context);
  });
}

}  // namespace stackyard::cli

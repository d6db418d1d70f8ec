#include "cli/settings.h"

#include <filesystem>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "cli/context.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace stackyard::cli {
namespace {

constexpr char kDefaultEndpoint[] = "127.0.0.1:8081";

class Settler {
 public:
  Settler(const Environment& environment, const ServerContext* context)
      : environment_(environment), context_(context) {}

  Setting Find(const std::string& name, const std::string& flag, std::string ServerContext::*field,
               const std::string& otherwise = "") const {
    Setting setting = FlagOrVariable(name, flag);
    if (setting.value.empty() && context_ != nullptr && field != nullptr &&
        !(context_->*field).empty()) {
      setting = {context_->*field, "context " + context_->name};
    }
    if (setting.value.empty() && !otherwise.empty()) setting = {otherwise, "default"};
    return setting;
  }

  Setting FlagOrVariable(const std::string& name, const std::string& flag) const {
    if (!flag.empty()) return {flag, "--" + name};
    const std::string variable = "STACKYARD_" + absl::AsciiStrToUpper(Underscored(name));
    const std::string value = environment_.Variable(variable);
    return value.empty() ? Setting() : Setting{value, variable};
  }

 private:
  static std::string Underscored(std::string name) {
    for (char& c : name) c = c == '-' ? '_' : c;
    return name;
  }

  const Environment& environment_;
  const ServerContext* context_;
};

absl::Status SettleToken(const GlobalFlags& flags, const Environment& environment,
                         const Settler& settler, const ServerContext* context, Settings& settings) {
  // On the command line the file wins over the environment, whichever of the two it has.
  Setting file;
  if (!flags.token.empty()) {
    settings.token = {flags.token, "--token"};
  } else if (!flags.token_file.empty()) {
    file = {flags.token_file, "--token-file"};
  } else {
    settings.token = settler.FlagOrVariable("token", "");
    if (settings.token.value.empty()) file = settler.FlagOrVariable("token-file", "");
  }
  if (!settings.token.value.empty()) return absl::OkStatus();
  const std::string folder = ConfigFolder(environment);
  if (file.value.empty() && context != nullptr && !folder.empty() &&
      settings.endpoint.value == context->endpoint &&
      std::filesystem::exists(absl::StrCat(folder, "/credentials/", context->name, ".json"))) {
    settings.from_login = true;
    settings.token.source = "login of context " + context->name;
    return absl::OkStatus();
  }
  // Only a file that was asked for has to be there, and the login of somewhere else is no secret
  // for a server of a context.
  if (file.value.empty() && context == nullptr && !folder.empty() &&
      std::filesystem::exists(folder + "/token")) {
    file = {folder + "/token", folder + "/token"};
  }
  if (file.value.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::string text, ReadFile("token-file", file.value));
  settings.token = {
      std::string(absl::StripAsciiWhitespace(text)),
      file.source == file.value ? file.value : absl::StrCat(file.source, " ", file.value)};
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Settings> Settle(const GlobalFlags& flags, const Environment& environment,
                                const Config& config) {
  Settings settings;
  settings.context = Settler(environment, nullptr).FlagOrVariable("context", flags.context);
  if (settings.context.value.empty() && !config.current.empty()) {
    settings.context = {config.current, "stackyard contexts use"};
  }
  const ServerContext* context = nullptr;
  if (!settings.context.value.empty()) {
    context = config.Find(settings.context.value);
    if (context == nullptr) return NoSuchContext(config, settings.context.value);
  }
  const Settler settler(environment, context);
  settings.endpoint =
      settler.Find("endpoint", flags.endpoint, &ServerContext::endpoint, kDefaultEndpoint);
  settings.project = settler.Find("project", flags.project, &ServerContext::project);
  // How a server is talked to belongs to the server: another endpoint does not inherit it.
  const bool own = context != nullptr && settings.endpoint.value == context->endpoint;
  const Settler of_server(environment, own ? context : nullptr);
  settings.ca_file = of_server.Find("ca-file", flags.ca_file, &ServerContext::ca_file);
  settings.plaintext = of_server.Find("plaintext", flags.plaintext ? "true" : "", nullptr);
  if (settings.plaintext.value.empty() && own && context->plaintext) {
    settings.plaintext = {"true", "context " + context->name};
  }
  if (settings.plaintext.value == "false" || settings.plaintext.value == "0") {
    settings.plaintext.value.clear();
  } else if (settings.plaintext.value == "1") {
    settings.plaintext.value = "true";
  } else if (!settings.plaintext.value.empty() && settings.plaintext.value != "true") {
    return InvalidField("plaintext",
                        absl::StrCat(settings.plaintext.source, " must be true or false"));
  }
  RETURN_IF_ERROR(SettleToken(flags, environment, settler, context, settings));
  return settings;
}

}  // namespace stackyard::cli

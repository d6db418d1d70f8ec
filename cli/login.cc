#include <filesystem>
#include <memory>
#include <sstream>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "cli/commands.h"
#include "cli/config.h"
#include "cli/endpoint.h"
#include "cli/login_store.h"
#include "cli/names.h"
#include "cli/oidc.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "stackyard/v1/identity.pb.h"

namespace stackyard::cli {
namespace {

struct LoginFlags {
  std::string server, name, provider, provider_ca;
  bool token_stdin = false;
};

// What a context is called after, when nobody names it: the host.
std::string NameFrom(const std::string& endpoint) {
  std::string host = endpoint;
  for (const char* scheme : {"https://", "http://", "dns:///", "unix:"}) {
    host = std::string(absl::StripPrefix(host, scheme));
  }
  if (const size_t colon = host.rfind(':'); colon != std::string::npos) host.resize(colon);
  if (IsThisMachine(host)) return "local";
  std::string name;
  for (const char c : host) {
    const bool good = std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '.' || c == '-';
    if (good && (!name.empty() || c != '.')) name.push_back(c);
  }
  return CheckContextName(name).ok() ? name : "default";
}

// The context that is logged in to: one that there is, or a new one that is not kept yet.
absl::StatusOr<ServerContext> Target(const Context& context, const LoginFlags& flags,
                                     const Config& config) {
  const GlobalFlags& given = context.flags;
  ServerContext target;
  const std::string server = flags.server.empty() ? given.endpoint : flags.server;
  const ServerContext* known = config.Find(server);
  if (known == nullptr && server.empty()) {
    std::string name = given.context;
    if (name.empty()) name = context.environment().Variable("STACKYARD_CONTEXT");
    if (name.empty()) name = config.current;
    if (!name.empty()) {
      known = config.Find(name);
      if (known == nullptr) return NoSuchContext(config, name);
    }
  }
  if (known != nullptr) {
    target = *known;
  } else {
    target.endpoint =
        server.empty() ? context.environment().Variable("STACKYARD_ENDPOINT") : server;
    if (target.endpoint.empty()) {
      return InvalidField("server", "say where: --server URL, or the name of a context");
    }
    // A word without a port is no address: it was meant as a name.
    if (target.endpoint.find_first_of(":/") == std::string::npos) {
      return NoSuchContext(config, target.endpoint);
    }
    for (const ServerContext& one : config.contexts) {
      if (one.endpoint == target.endpoint) target = one;
    }
    // Another server of that name keeps its login.
    const std::string name = NameFrom(target.endpoint);
    for (int i = 2; target.name.empty(); ++i) {
      const std::string free = i == 2 ? name : absl::StrCat(name, "-", i - 1);
      if (config.Find(free) == nullptr) target.name = free;
    }
  }
  if (!flags.name.empty()) target.name = flags.name;
  RETURN_IF_ERROR(CheckContextName(target.name));
  if (!given.ca_file.empty()) {
    target.ca_file = std::filesystem::absolute(given.ca_file).string();
  }
  if (given.plaintext) target.plaintext = true;
  if (!given.project.empty()) target.project = given.project;
  return target;
}

// Talks to the target from now on, with a token or without.
absl::Status Use(Context& context, const ServerContext& target, const std::string& token) {
  Settings settings;
  settings.context = {target.name, "login"};
  settings.endpoint = {target.endpoint, "login"};
  settings.ca_file = {target.ca_file, "login"};
  settings.plaintext = {target.plaintext ? "true" : "", "login"};
  settings.project = {target.project, "login"};
  settings.token = {token, "login"};
  return context.Use(std::move(settings));
}

absl::StatusOr<ProviderClient> ChooseProvider(Context& context, const std::string& wanted) {
  v1::ListIdentityProvidersRequest request;
  v1::ListIdentityProvidersResponse response;
  RETURN_IF_ERROR(
      context.client().Call("IdentityService/ListIdentityProviders", request, &response));
  std::vector<std::string> issuers;
  const v1::IdentityProvider* chosen = nullptr;
  for (const v1::IdentityProvider& provider : response.identity_providers()) {
    issuers.push_back(provider.issuer());
    if (wanted.empty() || provider.issuer() == wanted || provider.display_name() == wanted) {
      if (chosen == nullptr) chosen = &provider;
    }
  }
  if (issuers.empty()) {
    return absl::FailedPreconditionError(
        "the server knows no identity provider; log in with a token: stackyard login "
        "--token-stdin");
  }
  if (chosen == nullptr || (wanted.empty() && issuers.size() > 1)) {
    return InvalidField("provider", absl::StrCat("must be one of ", absl::StrJoin(issuers, ", ")));
  }
  ProviderClient client{chosen->issuer(), chosen->client_id(), {}, ""};
  client.scopes.assign(chosen->scopes().begin(), chosen->scopes().end());
  if (client.scopes.empty()) client.scopes = {"openid", "email", "profile", "offline_access"};
  return client;
}

absl::StatusOr<Login> ByDevice(Context& context, const LoginFlags& flags) {
  const Environment& environment = context.environment();
  Login login;
  ASSIGN_OR_RETURN(login.provider, ChooseProvider(context, flags.provider));
  if (!flags.provider_ca.empty()) {
    login.provider.ca_file = std::filesystem::absolute(flags.provider_ca).string();
  }
  ASSIGN_OR_RETURN(const ProviderEndpoints endpoints, Discover(environment, login.provider));
  ASSIGN_OR_RETURN(const DeviceCode code, AskForDeviceCode(environment, login.provider, endpoints));
  // Both: the link is comfortable, the code is for another device.
  environment.err << "Open " << code.verification_uri << "\nand enter the code " << code.user_code
                  << "\n";
  if (!code.verification_uri_complete.empty()) {
    environment.err << "or open " << code.verification_uri_complete << "\n";
  }
  environment.err << "Waiting for you; Ctrl-C gives up." << std::endl;
  ASSIGN_OR_RETURN(const OidcTokens tokens,
                   AwaitDevice(environment, login.provider, endpoints, code));
  login.id_token = tokens.id_token;
  login.refresh_token = tokens.refresh_token;
  return login;
}

// The token that is given by a flag or through the pipe; empty when none is.
absl::StatusOr<std::string> GivenToken(const Context& context, const LoginFlags& flags) {
  const GlobalFlags& given = context.flags;
  std::string token = given.token;
  if (flags.token_stdin) {
    ASSIGN_OR_RETURN(token, ReadFileOrInput(context.environment(), "token-stdin", "-"));
  } else if (!given.token_file.empty()) {
    ASSIGN_OR_RETURN(token, ReadFileOrInput(context.environment(), "token-file", given.token_file));
  } else if (token.empty()) {
    return token;
  }
  token = std::string(absl::StripAsciiWhitespace(token));
  if (token.empty()) return InvalidField("token", "is empty");
  return token;
}

absl::Status LogIn(Context& context, const LoginFlags& flags) {
  const Environment& environment = context.environment();
  ASSIGN_OR_RETURN(const Config config, LoadConfig(environment));
  ASSIGN_OR_RETURN(const ServerContext target, Target(context, flags, config));
  RETURN_IF_ERROR(Use(context, target, ""));
  Login login;
  ASSIGN_OR_RETURN(login.token, GivenToken(context, flags));
  if (login.token.empty()) {
    ASSIGN_OR_RETURN(login, ByDevice(context, flags));
  }
  // Nothing is kept that does not work.
  RETURN_IF_ERROR(Use(context, target, login.token.empty() ? login.id_token : login.token));
  v1::WhoAmIRequest request;
  v1::WhoAmIResponse who;
  RETURN_IF_ERROR(context.client().Call("IdentityService/WhoAmI", request, &who));
  const LoginStore store(environment);
  if (const ServerContext* old = config.Find(target.name);
      old != nullptr && old->endpoint != target.endpoint) {
    // A crash must leave no login beside a server that it is not for.
    RETURN_IF_ERROR(EditConfig(environment, [&](Config& edited) -> absl::Status {
      RETURN_IF_ERROR(store.Delete(target.name).status());
      if (ServerContext* found = edited.Find(target.name)) *found = target;
      return absl::OkStatus();
    }));
  }
  RETURN_IF_ERROR(EditConfig(environment, [&](Config& edited) -> absl::Status {
    // First the secret: a context in use without one would fail where the old one worked.
    ASSIGN_OR_RETURN(const FileLock lock, store.Lock(target.name));
    RETURN_IF_ERROR(store.Write(target.name, login));
    if (ServerContext* found = edited.Find(target.name)) {
      *found = target;
    } else {
      edited.contexts.push_back(target);
    }
    edited.current = target.name;
    return absl::OkStatus();
  }));
  return context.output().Write(who, [&] {
    context.output().out() << "Logged in to " << target.endpoint << " as " << who.user().name()
                           << ". Context " << target.name << " is in use.\n";
  });
}

}  // namespace

void AddLoginCommands(Command root, Context& context) {
  const auto flags = std::make_shared<LoginFlags>();
  root.Sub("login", "Log in to a server, by a browser or with a token, and use it from now on")
      .Option("--server", &flags->server, "CONTEXT|URL", "Where [the context in use]")
      .Option("--name", &flags->name, "NAME", "What to call a new context [the host]")
      .Option("--provider", &flags->provider, "ISSUER",
              "Who vouches for you, where there are several")
      .Option("--provider-ca-file", &flags->provider_ca, "PATH",
              "PEM file with the provider's authorities [those of the machine]")
      .Flag("--token-stdin", &flags->token_stdin, "Read a token from the standard input instead")
      .Local()
      .Run([&context, flags] { return LogIn(context, *flags); });
}

}  // namespace stackyard::cli

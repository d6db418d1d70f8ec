#include "services/runner/aws_files.h"

#include <re2/re2.h>

#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace stackyard::runner {
namespace {

constexpr char kEndpoint[] = "AWS_ENDPOINT_URL";
constexpr char kServiceEndpoint[] = "AWS_ENDPOINT_URL_";

// Settings by variable; AWS_REGION wins over AWS_DEFAULT_REGION.
const std::map<std::string, std::string, std::less<>>& ConfigSettings() {
  static const auto& settings = *new std::map<std::string, std::string, std::less<>>{
      {"AWS_DEFAULT_REGION", "region"},
      {"AWS_REGION", "region"},
      {kEndpoint, "endpoint_url"},
      {"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "ignore_configured_endpoint_urls"},
      {"AWS_MAX_ATTEMPTS", "max_attempts"},
      {"AWS_RETRY_MODE", "retry_mode"},
      {"AWS_USE_DUALSTACK_ENDPOINT", "use_dualstack_endpoint"},
      {"AWS_USE_FIPS_ENDPOINT", "use_fips_endpoint"},
      {"AWS_ROLE_ARN", "role_arn"},
      {"AWS_ROLE_SESSION_NAME", "role_session_name"},
      {"AWS_WEB_IDENTITY_TOKEN_FILE", "web_identity_token_file"},
  };
  return settings;
}

const std::map<std::string, std::string, std::less<>>& CredentialSettings() {
  static const auto& settings = *new std::map<std::string, std::string, std::less<>>{
      {"AWS_ACCESS_KEY_ID", "aws_access_key_id"},
      {"AWS_SECRET_ACCESS_KEY", "aws_secret_access_key"},
      {"AWS_SESSION_TOKEN", "aws_session_token"},
  };
  return settings;
}

// `AWS_ENDPOINT_URL_CLOUDWATCH_LOGS` is `cloudwatch_logs`; empty: another variable.
std::string ServiceOf(std::string_view name) {
  if (name.substr(0, sizeof(kServiceEndpoint) - 1) != kServiceEndpoint) return "";
  return absl::AsciiStrToLower(std::string(name.substr(sizeof(kServiceEndpoint) - 1)));
}

// What comes back from such a file as it went in: no blanks, which begin comments, and no quotes.
bool IsPlain(const std::string& value) {
  static const RE2 kPlain("[A-Za-z0-9/+=:._@%,~?&*!-]+");
  return RE2::FullMatch(value, kPlain);
}

}  // namespace

bool IsToldByAwsFile(std::string_view name) {
  return ConfigSettings().count(name) > 0 || CredentialSettings().count(name) > 0 ||
         !ServiceOf(name).empty();
}

bool ConcernsAwsProcess(std::string_view name) {
  static const std::set<std::string, std::less<>> kOthers = {
      "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY",      "http_proxy",  "https_proxy",
      "no_proxy",   "ALL_PROXY",   "SSL_CERT_FILE", "SSL_CERT_DIR"};
  if (kOthers.count(name) > 0) return true;
  // TF_AWS_ are the provider's own.
  const bool aws = name.substr(0, 4) == "AWS_" || name.substr(0, 7) == "TF_AWS_";
  return aws && !IsToldByAwsFile(name);
}

std::optional<AwsFiles> ToAwsFiles(const std::map<std::string, std::string>& environment) {
  std::map<std::string, std::string> config, credentials, services;
  for (const auto& [name, value] : environment) {
    if (!IsToldByAwsFile(name)) continue;
    // Empty is as good as not set, to the SDK.
    if (value.empty()) continue;
    if (!IsPlain(value)) return std::nullopt;
    const auto setting = ConfigSettings().find(name);
    const auto secret = CredentialSettings().find(name);
    if (setting != ConfigSettings().end()) {
      config[setting->second] = value;
    } else if (secret != CredentialSettings().end()) {
      credentials[secret->second] = value;
    } else {
      services[ServiceOf(name)] = value;
    }
  }
  if (!services.empty()) config["services"] = "run";
  AwsFiles files;
  files.config = "[default]\n";
  for (const auto& [name, value] : config) absl::StrAppend(&files.config, name, " = ", value, "\n");
  if (!services.empty()) absl::StrAppend(&files.config, "\n[services run]\n");
  for (const auto& [name, url] : services) {
    absl::StrAppend(&files.config, name, " =\n  endpoint_url = ", url, "\n");
  }
  if (credentials.empty()) return files;
  files.credentials = "[default]\n";
  for (const auto& [name, value] : credentials) {
    absl::StrAppend(&files.credentials, name, " = ", value, "\n");
  }
  return files;
}

}  // namespace stackyard::runner

#include "services/stacks/credential_rules.h"

#include <re2/re2.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/field_path.h"

namespace stackyard::stacks {
namespace {

using v1::Credential;

constexpr size_t kMostDisplayName = 100;
constexpr size_t kMostVariables = 64;
constexpr size_t kLongestName = 128;
constexpr size_t kLongestValue = 32 << 10;
constexpr size_t kMostBytes = 128 << 10;
constexpr int kMostProviders = 20;
constexpr size_t kLongestProvider = 200;

constexpr char kAt[] = "credential.";
constexpr char kVariables[] = "credential.static.variables";
constexpr char kSecrets[] = "credential.static.secret_variables";

// Who one is to AWS, whichever variables say it.
constexpr char kAwsIdentity[] = "the identity for AWS";

const std::set<std::string, std::less<>>& AwsKeys() {
  static const auto& names = *new std::set<std::string, std::less<>>{
      "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"};
  return names;
}

// A variable that is none of the secrets would be shown to whoever may read the credential.
bool IsNamedLikeSecret(std::string_view name) {
  static const RE2 kPattern(
      "(.*_)?(SECRET|TOKEN|PASSWORD|PASSWD|PASSPHRASE|(PRIVATE|SECRET|SECRET_ACCESS|API|ACCESS)_"
      "KEY)");
  return RE2::FullMatch(re2::StringPiece(name.data(), name.size()), kPattern);
}

bool IsVariableName(const std::string& name) {
  static const RE2 kName("[A-Za-z_][A-Za-z0-9_]*");
  return name.size() <= kLongestName && RE2::FullMatch(name, kName);
}

void CheckRegion(const std::string& field, const std::string& region, Violations& violations) {
  static const RE2 kRegion("[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}");
  if (region.empty() || RE2::FullMatch(region, kRegion)) return;
  violations.Add(field, absl::StrCat(Quoted(region), " is no region like eu-central-1"));
}

void CheckProviders(const Credential& credential, Violations& violations) {
  static const RE2 kSource(
      "(([a-z0-9]([a-z0-9-]*[a-z0-9])?\\.)+[a-z]{2,}(:[0-9]{1,5})?/)?"
      "[0-9A-Za-z]([0-9A-Za-z_-]*[0-9A-Za-z])?/[0-9A-Za-z]([0-9A-Za-z_-]*[0-9A-Za-z])?");
  const std::string field = std::string(kAt) + "providers";
  if (credential.providers_size() > kMostProviders) {
    violations.Add(field, absl::StrCat("must be at most ", kMostProviders));
    return;
  }
  std::set<std::string> seen;
  for (const std::string& source : credential.providers()) {
    if (source.size() > kLongestProvider || !RE2::FullMatch(source, kSource)) {
      violations.Add(field, absl::StrCat(Quoted(source),
                                         " is no provider like "
                                         "registry.terraform.io/hashicorp/aws or hashicorp/aws"));
    } else if (!seen.insert(source).second) {
      violations.Add(field, absl::StrCat(source, " is there twice"));
    }
  }
}

void CheckVariable(const char* field, const std::string& name, const std::string& value,
                   Violations& violations) {
  if (!IsVariableName(name)) {
    // It may be a secret in the wrong place.
    violations.Add(field, absl::StrCat("a name must be 1 to ", kLongestName,
                                       " of letters, digits and _, and start with no digit"));
    return;
  }
  const std::string at = absl::StrCat(field, ".", name);
  const std::string reserved = WhyReserved(name);
  if (!reserved.empty()) violations.Add(at, reserved);
  if (value.size() > kLongestValue) {
    violations.Add(at, absl::StrCat("must have at most ", kLongestValue, " bytes"));
  }
  if (value.find('\0') != std::string::npos) violations.Add(at, "must not hold a zero byte");
}

void CheckStatic(const v1::StaticCredential& keys, Violations& violations) {
  const size_t count = keys.variables().size() + keys.secret_variables().size();
  if (count == 0) violations.Add("credential.static", "must set at least one variable");
  if (count > kMostVariables) {
    violations.Add("credential.static",
                   absl::StrCat("must set at most ", kMostVariables, " variables"));
  }
  size_t bytes = 0;
  // Maps come in any order; answers should not.
  const std::map<std::string, std::string> open(keys.variables().begin(), keys.variables().end());
  const std::map<std::string, std::string> secret(keys.secret_variables().begin(),
                                                  keys.secret_variables().end());
  for (const auto& [name, value] : open) {
    CheckVariable(kVariables, name, value, violations);
    bytes += name.size() + value.size();
    if (IsNamedLikeSecret(name)) {
      violations.Add(absl::StrCat(kVariables, ".", name),
                     "is a secret by its name: set it in secret_variables");
    }
  }
  for (const auto& [name, value] : secret) {
    CheckVariable(kSecrets, name, value, violations);
    bytes += name.size() + value.size();
    if (value.empty()) {
      violations.Add(IsVariableName(name) ? absl::StrCat(kSecrets, ".", name) : kSecrets,
                     "must not be empty");
    }
    if (open.count(name) > 0) {
      violations.Add(absl::StrCat(kSecrets, ".", name), "is in variables too");
    }
  }
  if (bytes > kMostBytes) {
    violations.Add("credential.static",
                   absl::StrCat("must have at most ", kMostBytes, " bytes in all"));
  }
  const auto has = [&](const char* name) { return open.count(name) + secret.count(name) > 0; };
  if (has("AWS_ACCESS_KEY_ID") != has("AWS_SECRET_ACCESS_KEY") ||
      (has("AWS_SESSION_TOKEN") && !has("AWS_ACCESS_KEY_ID"))) {
    violations.Add("credential.static",
                   "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY go together, and "
                   "AWS_SESSION_TOKEN with both");
  }
}

std::string_view WithoutDefaultRegistry(std::string_view source) {
  for (const std::string_view host : {"registry.terraform.io/", "registry.opentofu.org/"}) {
    if (source.substr(0, host.size()) == host) return source.substr(host.size());
  }
  return source;
}

bool ShareProvider(const Credential& a, const Credential& b) {
  if (a.providers().empty() || b.providers().empty()) return true;
  return std::any_of(a.providers().begin(), a.providers().end(), [&](const std::string& one) {
    return std::any_of(b.providers().begin(), b.providers().end(), [&](const std::string& other) {
      return WithoutDefaultRegistry(one) == WithoutDefaultRegistry(other);
    });
  });
}

// What a credential sets, sorted.
std::set<std::string> SetBy(const Credential& credential) {
  std::set<std::string> names;
  const auto& keys = credential.static_();
  for (const auto& [name, value] : keys.variables()) names.insert(name);
  for (const auto& [name, value] : keys.secret_variables()) names.insert(name);
  names.insert(keys.secret_variable_names().begin(), keys.secret_variable_names().end());
  for (const std::string& key : AwsKeys()) {
    if (names.erase(key) > 0) names.insert(kAwsIdentity);
  }
  if (credential.has_web_identity() || credential.has_pod_identity()) names.insert(kAwsIdentity);
  const std::string& region = credential.has_web_identity() ? credential.web_identity().region()
                                                            : credential.pod_identity().region();
  if (!region.empty()) names.insert("AWS_REGION");
  return names;
}

}  // namespace

std::string WhyReserved(std::string_view variable) {
  const std::string name(variable);
  // Who could set these could become the runner, or read what lies on its machine.
  static const std::set<std::string> kIdentity = {
      "AWS_CONFIG_FILE",
      "AWS_CONTAINER_AUTHORIZATION_TOKEN",
      "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
      "AWS_CONTAINER_CREDENTIALS_FULL_URI",
      "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
      "AWS_DEFAULT_PROFILE",
      "AWS_EC2_METADATA_DISABLED",
      "AWS_EC2_METADATA_SERVICE_ENDPOINT",
      "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE",
      "AWS_PROFILE",
      "AWS_ROLE_ARN",
      "AWS_ROLE_SESSION_NAME",
      "AWS_SHARED_CREDENTIALS_FILE",
      "AWS_WEB_IDENTITY_TOKEN_FILE",
  };
  if (kIdentity.count(name) > 0) {
    return "is set by the runner: use web_identity or pod_identity for an identity without keys";
  }
  static const std::set<std::string> kPrograms = {
      "BASH_ENV",  "BASHOPTS",       "CDPATH", "ENV",     "GCONV_PATH",   "GLIBC_TUNABLES",
      "HOME",      "HOSTALIASES",    "IFS",    "LOCPATH", "NODE_OPTIONS", "OLDPWD",
      "PATH",      "PROMPT_COMMAND", "PS4",    "PWD",     "RES_OPTIONS",  "SHELL",
      "SHELLOPTS", "TEMP",           "TMP",    "TMPDIR",  "USER"};
  static const std::vector<std::string> kPrefixes = {"BASH_FUNC", "CHECKPOINT_", "DYLD_", "GIT_",
                                                     "LD_",       "MALLOC_",     "PERL5", "PLUGIN_",
                                                     "PYTHON",    "STACKYARD_",  "TF_",   "XDG_"};
  const bool prefixed =
      std::any_of(kPrefixes.begin(), kPrefixes.end(),
                  [&](const std::string& prefix) { return absl::StartsWith(name, prefix); });
  // GOGC, GODEBUG, GOTRACEBACK and the like, but not what Google's programs read.
  const bool go = absl::StartsWith(name, "GO") && !absl::StartsWith(name, "GOOGLE");
  if (kPrograms.count(name) == 0 && !prefixed && !go) return "";
  return "changes how programs run, and no credential may set it";
}

void CheckCredential(const Credential& credential, Violations& violations) {
  static const RE2 kRole("arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9+=,.@_/-]{1,512}");
  if (credential.display_name().size() > kMostDisplayName) {
    violations.Add("credential.display_name",
                   absl::StrCat("must have at most ", kMostDisplayName, " bytes"));
  }
  switch (credential.kind_case()) {
    case Credential::kStatic:
      CheckStatic(credential.static_(), violations);
      break;
    case Credential::kWebIdentity:
      if (!RE2::FullMatch(credential.web_identity().role_arn(), kRole)) {
        violations.Add("credential.web_identity.role_arn",
                       absl::StrCat(Quoted(credential.web_identity().role_arn()),
                                    " is no role like arn:aws:iam::123456789012:role/name"));
      }
      CheckRegion("credential.web_identity.region", credential.web_identity().region(), violations);
      break;
    case Credential::kPodIdentity:
      CheckRegion("credential.pod_identity.region", credential.pod_identity().region(), violations);
      break;
    case Credential::KIND_NOT_SET:
      violations.Add("credential.kind", "must be static, web_identity or pod_identity");
  }
  CheckProviders(credential, violations);
}

void CheckTogether(const Credential& credential, const Credential& other, Violations& violations) {
  if (!ShareProvider(credential, other)) return;
  const std::set<std::string> ours = SetBy(credential), theirs = SetBy(other);
  std::vector<std::string> both;
  std::set_intersection(ours.begin(), ours.end(), theirs.begin(), theirs.end(),
                        std::back_inserter(both));
  for (const std::string& name : both) {
    violations.Add("credential",
                   absl::StrCat(other.name(), " sets ", name, " for the same providers already"));
  }
}

}  // namespace stackyard::stacks

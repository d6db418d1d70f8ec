#include "services/runner/run_credentials.h"

#include <re2/re2.h>

#include <algorithm>
#include <cstdlib>
#include <set>

#include "absl/strings/str_cat.h"
#include "common/id.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace stackyard::runner {
namespace {

constexpr char kAws[] = "hashicorp/aws";
constexpr char kMetadataDisabled[] = "AWS_EC2_METADATA_DISABLED";
constexpr char kTokenFile[] = "AWS_WEB_IDENTITY_TOKEN_FILE";
constexpr char kContainerTokenFile[] = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE";

std::string ValueOf(const char* name) {
  const char* value = getenv(name);
  return value == nullptr ? "" : value;
}

// The source without a default registry.
std::string_view Short(std::string_view source) {
  for (const std::string_view host : {"registry.terraform.io/", "registry.opentofu.org/"}) {
    if (source.substr(0, host.size()) == host) return source.substr(host.size());
  }
  return source;
}

// Variables that say to AWS who one is. Halves of two identities make none, so all that is passed
// gives way to a credential that has one of them.
bool IsAwsIdentity(std::string_view name) {
  static const std::set<std::string, std::less<>> kNames = {"AWS_ACCESS_KEY_ID",
                                                            "AWS_SECRET_ACCESS_KEY",
                                                            "AWS_SESSION_TOKEN",
                                                            "AWS_PROFILE",
                                                            "AWS_DEFAULT_PROFILE",
                                                            "AWS_CONFIG_FILE",
                                                            "AWS_SHARED_CREDENTIALS_FILE",
                                                            "AWS_ROLE_ARN",
                                                            "AWS_ROLE_SESSION_NAME",
                                                            kTokenFile,
                                                            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
                                                            kContainerTokenFile};
  return kNames.count(name) > 0;
}

bool IsFor(const v1::Credential& credential, std::string_view source, const CredentialSite& site) {
  if (credential.providers().empty()) return true;
  return std::any_of(
      credential.providers().begin(), credential.providers().end(), [&](const std::string& wanted) {
        if (!source.empty()) return IsSameProvider(wanted, source);
        return std::any_of(site.providers.begin(), site.providers.end(),
                           [&](const auto& used) { return IsSameProvider(wanted, used); });
      });
}

absl::Status Missing(const v1::Credential& credential, std::string_view what) {
  return Error(
      v1::RUN_FAILED,
      absl::StrCat(credential.name(), " needs ", std::string(what), ", and the runner has none"),
      {{"credential", credential.name()}});
}

// Puts credentials together, one after the other.
class Merger {
 public:
  explicit Merger(const CredentialSite& site) : site_(site) {}

  absl::Status Add(const v1::Credential& credential) {
    switch (credential.kind_case()) {
      case v1::Credential::kStatic:
        for (const auto& [name, value] : credential.static_().variables()) {
          RETURN_IF_ERROR(Set(credential, name, value));
        }
        for (const auto& [name, value] : credential.static_().secret_variables()) {
          RETURN_IF_ERROR(Set(credential, name, value));
        }
        return absl::OkStatus();
      case v1::Credential::kWebIdentity:
        return AddWebIdentity(credential);
      case v1::Credential::kPodIdentity:
        return AddPodIdentity(credential);
      case v1::Credential::KIND_NOT_SET:
        break;
    }
    return Error(v1::RUN_FAILED,
                 absl::StrCat(credential.name(), " is of a kind that this runner does not know"));
  }

  // Variables of the credentials over those that are there without them.
  Environment Over(const Environment& base) const {
    const bool identity = std::any_of(set_.begin(), set_.end(),
                                      [](const auto& entry) { return IsAwsIdentity(entry.first); });
    Environment result;
    for (const auto& [name, value] : base) {
      if (!identity || !IsAwsIdentity(name)) result[name] = value;
    }
    for (const auto& [name, value] : set_) result[name] = value.text;
    return result;
  }
  std::vector<TokenCopy> tokens() const { return tokens_; }

 private:
  struct Value {
    std::string text;
    std::string credential;
  };

  absl::Status Set(const v1::Credential& credential, const std::string& name,
                   const std::string& text) {
    const auto [entry, added] = set_.emplace(name, Value{text, credential.name()});
    if (added || entry->second.text == text) return absl::OkStatus();
    return Error(v1::RUN_FAILED,
                 absl::StrCat(entry->second.credential, " and ", credential.name(), " both set ",
                              name, " for this run"),
                 {{"credential", credential.name()}});
  }
  absl::Status SetRegion(const v1::Credential& credential, const std::string& region) {
    if (region.empty()) return absl::OkStatus();
    return Set(credential, "AWS_REGION", region);
  }
  absl::Status SetToken(const v1::Credential& credential, const char* name, const char* file,
                        const std::string& from) {
    tokens_.push_back({from, absl::StrCat(site_.tokens, "/", file)});
    return Set(credential, name, tokens_.back().to);
  }

  absl::Status AddWebIdentity(const v1::Credential& credential) {
    const std::string& token = site_.identity.web_identity_token_file;
    if (token.empty()) return Missing(credential, "a web identity token");
    RETURN_IF_ERROR(SetToken(credential, kTokenFile, "web-identity", token));
    RETURN_IF_ERROR(Set(credential, "AWS_ROLE_ARN", credential.web_identity().role_arn()));
    // CloudTrail shows it.
    RETURN_IF_ERROR(Set(credential, "AWS_ROLE_SESSION_NAME", "stackyard"));
    return SetRegion(credential, credential.web_identity().region());
  }

  absl::Status AddPodIdentity(const v1::Credential& credential) {
    const RunnerIdentity& own = site_.identity;
    if (own.container_credentials_uri.empty() || own.container_token_file.empty()) {
      return Missing(credential, "a pod identity");
    }
    RETURN_IF_ERROR(
        Set(credential, "AWS_CONTAINER_CREDENTIALS_FULL_URI", own.container_credentials_uri));
    RETURN_IF_ERROR(
        SetToken(credential, kContainerTokenFile, "pod-identity", own.container_token_file));
    return SetRegion(credential, credential.pod_identity().region());
  }

  const CredentialSite& site_;
  std::map<std::string, Value> set_;
  std::vector<TokenCopy> tokens_;
};

// The process runs with `started`; everything else that concerns it must go by file.
std::optional<AwsFiles> FilesFor(const Environment& environment, const Environment& started) {
  const auto value = [](const Environment& of, const std::string& name) {
    const auto found = of.find(name);
    return found == of.end() ? "" : found->second;
  };
  for (const Environment* side : {&environment, &started}) {
    for (const auto& [name, unused] : *side) {
      if (ConcernsAwsProcess(name) && value(environment, name) != value(started, name)) {
        return std::nullopt;
      }
    }
  }
  return ToAwsFiles(environment);
}

// Names and values with their lengths, so that no two environments read the same.
std::string FingerprintOf(const Environment& environment) {
  std::string text;
  const auto append = [&text](std::string_view part) {
    absl::StrAppend(&text, part.size(), ":", std::string(part));
  };
  for (const auto& [name, value] : environment) {
    append(name);
    append(name == kTokenFile || name == kContainerTokenFile ? "" : std::string_view(value));
  }
  return Sha256Hex(text);
}

}  // namespace

RunnerIdentity RunnerIdentity::FromEnvironment() {
  return {ValueOf(kTokenFile), ValueOf("AWS_CONTAINER_CREDENTIALS_FULL_URI"),
          ValueOf(kContainerTokenFile)};
}

bool IsSameProvider(std::string_view a, std::string_view b) { return Short(a) == Short(b); }

std::vector<std::string> LockedProviders(std::string_view lock_file) {
  // Terraform writes the file, always in this form.
  static const RE2 kBlock(R"re((?m)^provider "([^"]+)" \{$)re");
  std::vector<std::string> sources;
  re2::StringPiece rest(lock_file.data(), lock_file.size());
  std::string source;
  while (RE2::FindAndConsume(&rest, kBlock, &source)) sources.push_back(source);
  return sources;
}

Environment BareEnvironment(const Environment& passed) {
  Environment result = passed;
  result.emplace(kMetadataDisabled, "true");
  return result;
}

Environment ProcessEnvironment(const Environment& passed) {
  Environment result;
  for (const auto& [name, value] : BareEnvironment(passed)) {
    if (!IsToldByAwsFile(name)) result[name] = value;
  }
  return result;
}

absl::StatusOr<RunCredentials> MakeRunCredentials(const internal::v1::Assignment& assignment,
                                                  std::string_view provider_source,
                                                  const CredentialSite& site) {
  Merger merger(site);
  for (const v1::Credential& credential : assignment.credentials()) {
    if (IsFor(credential, provider_source, site)) RETURN_IF_ERROR(merger.Add(credential));
  }
  Environment base = BareEnvironment(site.passed);
  for (const auto& [name, value] : assignment.environment()) base[name] = value;

  RunCredentials result;
  result.environment = merger.Over(base);
  result.tokens = merger.tokens();
  result.fingerprint = FingerprintOf(result.environment);
  if (Short(provider_source) == kAws) {
    result.aws_files = FilesFor(result.environment, ProcessEnvironment(site.passed));
  }
  return result;
}

}  // namespace stackyard::runner

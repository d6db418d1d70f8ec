#include "services/gateway/oidc_provider.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/http_get.h"
#include "common/yaml_reader.h"

namespace stackyard::gateway {
namespace {

bool IsDomain(std::string_view text) {
  return text.find('.') != std::string_view::npos && text.front() != '.' && text.back() != '.' &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return absl::ascii_isdigit(c) || absl::ascii_islower(c) || c == '.' || c == '-';
         });
}

// What user ids may begin with.
bool IsIdPrefix(std::string_view text) {
  const auto plain = [](char c) { return absl::ascii_isdigit(c) || absl::ascii_islower(c); };
  return text.size() <= 20 && (text.empty() || plain(text.front())) &&
         std::all_of(text.begin(), text.end(), [&](char c) {
           return plain(c) || c == '.' || c == '-' || c == '_' || c == '@';
         });
}

class ProviderReader {
 public:
  ProviderReader(const std::string& file, Violations& violations) : yaml_(file, violations) {}

  std::vector<OidcProvider> Read(const YAML::Node& root) {
    std::vector<OidcProvider> providers;
    std::set<std::string> issuers;
    yaml_.ReadList(root, "the file", [&](const YAML::Node& node, const std::string&) {
      const std::string where = absl::StrCat("provider ", providers.size() + 1);
      providers.push_back(ReadProvider(node, where));
      const std::string& issuer = providers.back().issuer;
      if (!issuer.empty() && !issuers.insert(issuer).second) {
        yaml_.Fault(node, absl::StrCat(where, " has the issuer of another one, ", issuer));
      }
    });
    if (root.IsSequence() && providers.empty()) yaml_.Fault(root, "the file names no provider");
    return providers;
  }

 private:
  OidcProvider ReadProvider(const YAML::Node& node, const std::string& where) {
    OidcProvider provider;
    const auto text = [&](std::string& target, const char* key, size_t least = 1) {
      return [this, &target, where, key, least](const YAML::Node& value) {
        const std::string at = absl::StrCat(where, ".", key);
        target = yaml_.ReadString(value, at, 500);
        if (target.size() < least) yaml_.Fault(value, absl::StrCat(at, " must not be empty"));
      };
    };
    const auto texts = [&](std::vector<std::string>& target, const char* key) {
      return [this, &target, where, key](const YAML::Node& value) {
        target = ReadTexts(value, absl::StrCat(where, ".", key));
      };
    };
    yaml_.ReadMap(node, where,
                  {{"issuer", text(provider.issuer, "issuer")},
                   {"client_id", text(provider.client_id, "client_id")},
                   {"audiences", texts(provider.audiences, "audiences")},
                   {"display_name", text(provider.display_name, "display_name")},
                   {"scopes", texts(provider.scopes, "scopes")},
                   {"username_claim", text(provider.username_claim, "username_claim")},
                   {"groups_claim", text(provider.groups_claim, "groups_claim", 0)},
                   {"username_prefix", text(provider.username_prefix, "username_prefix", 0)},
                   {"groups_prefix", text(provider.groups_prefix, "groups_prefix", 0)},
                   {"allowed_domains", texts(provider.allowed_domains, "allowed_domains")},
                   {"ca_file", text(provider.ca_file, "ca_file")},
                   {"algorithms", texts(provider.algorithms, "algorithms")},
                   {"link_existing", [&](const YAML::Node& value) {
                      provider.link_existing =
                          yaml_.ReadBool(value, absl::StrCat(where, ".link_existing"));
                    }}});
    if (node.IsMap()) Complete(node, where, provider);
    return provider;
  }

  void Complete(const YAML::Node& node, const std::string& where, OidcProvider& provider) {
    for (const char* key : {"issuer", "client_id"}) {
      if (!node[key]) yaml_.Fault(node, absl::StrCat(where, " must have `", key, "`"));
    }
    const auto check = [&](const char* key, bool good, std::string_view rule) {
      if (node[key] && !good) {
        yaml_.Fault(node[key], absl::StrCat(where, ".", key, " ", std::string(rule)));
      }
    };
    const absl::Status url = CheckTrustedUrl(provider.issuer);
    check("issuer", url.ok(), std::string(url.message()));
    const auto& algorithms = provider.algorithms;
    check("algorithms",
          std::all_of(algorithms.begin(), algorithms.end(),
                      [](const auto& one) { return one == "RS256" || one == "ES256"; }),
          "must be of RS256 and ES256");
    const auto& domains = provider.allowed_domains;
    check("allowed_domains", std::all_of(domains.begin(), domains.end(), IsDomain),
          "must be domains like example.com, in lower case");
    check("username_prefix", IsIdPrefix(provider.username_prefix),
          "must be at most 20 of a-z, 0-9, ., -, _ and @, starting with a letter or digit");
    if (provider.audiences.empty()) provider.audiences = {provider.client_id};
    if (provider.display_name.empty()) provider.display_name = provider.issuer;
    if (provider.scopes.empty()) provider.scopes = {"openid", "profile", "email"};
  }

  std::vector<std::string> ReadTexts(const YAML::Node& node, const std::string& where) {
    std::vector<std::string> result;
    yaml_.ReadList(node, where, [&](const YAML::Node& item, const std::string& at) {
      result.push_back(yaml_.ReadString(item, at, 500));
      if (result.back().empty()) yaml_.Fault(item, absl::StrCat(at, " must not be empty"));
    });
    if (node.IsSequence() && result.empty()) {
      yaml_.Fault(node, absl::StrCat(where, " must not be empty"));
    }
    return result;
  }

  YamlReader yaml_;
};

}  // namespace

absl::StatusOr<std::vector<OidcProvider>> ParseOidcProviders(const std::string& file,
                                                             std::string_view yaml) {
  Violations violations;
  std::vector<OidcProvider> providers;
  try {
    const std::string text(yaml);
    RefuseAliases(file, text, violations);
    if (!violations.empty()) return violations.ToStatus();
    providers = ProviderReader(file, violations).Read(YAML::Load(text));
  } catch (const YAML::Exception& error) {
    violations.Add(absl::StrCat(file, ":", error.mark.line + 1),
                   absl::StrCat("is no YAML: ", error.msg));
  }
  if (!violations.empty()) return violations.ToStatus();
  return providers;
}

absl::StatusOr<std::vector<OidcProvider>> LoadOidcProviders(const std::string& path) {
  if (path.empty()) return std::vector<OidcProvider>();
  std::ifstream stream(path);
  std::stringstream text;
  text << stream.rdbuf();
  if (!stream || std::filesystem::is_directory(path)) {
    return absl::InvalidArgumentError(absl::StrCat("--oidc-file=", path, " cannot be read"));
  }
  auto providers = ParseOidcProviders(std::filesystem::path(path).filename().string(), text.str());
  if (!providers.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--oidc-file: ", absl::StrReplaceAll(providers.status().message(), {{"\n", "; "}})));
  }
  for (const OidcProvider& provider : *providers) {
    if (!provider.ca_file.empty() && access(provider.ca_file.c_str(), R_OK) != 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("--oidc-file: the ca_file ", provider.ca_file, " cannot be read"));
    }
  }
  return providers;
}

}  // namespace stackyard::gateway

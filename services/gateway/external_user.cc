#include "services/gateway/external_user.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "services/gateway/member_name.h"

namespace stackyard::gateway {
namespace {

using nlohmann::json;

constexpr size_t kMostGroups = 200;
constexpr size_t kMostName = 100;
constexpr size_t kMostEmail = 254;

absl::Status Refused(std::string_view why) {
  return Error(v1::TOKEN_INVALID, absl::StrCat("the ID token is refused: ", std::string(why)));
}

// A claim by its name, or where there is none of that name by the path that its dots make.
const json* FindClaim(const json& claims, const std::string& name) {
  if (const auto found = claims.find(name); found != claims.end()) return &*found;
  const json* value = &claims;
  for (const absl::string_view part : absl::StrSplit(name, '.')) {
    if (!value->is_object()) return nullptr;
    const auto found = value->find(std::string(part));
    if (found == value->end()) return nullptr;
    value = &*found;
  }
  return value;
}

// Empty where it is not there or no string.
std::string TextClaim(const json& claims, const std::string& name) {
  const json* value = FindClaim(claims, name);
  return value != nullptr && value->is_string() ? value->get<std::string>() : "";
}

// Some providers write it as a string. One that says nothing of it vouches for what it tells.
bool IsVerified(const json& claims) {
  const auto found = claims.find("email_verified");
  return found == claims.end() || *found == json(true) || *found == json("true");
}

std::string Cut(std::string text, size_t most) {
  if (text.size() <= most) return text;
  text.resize(most);
  // Not within a character: what follows its first byte has the bits 10.
  while (!text.empty() && (text.back() & 0xc0) == 0x80) text.pop_back();
  if (!text.empty()) text.pop_back();
  return text;
}

// The claim that names the user.
absl::StatusOr<std::string> ReadUsername(const json& claims, const OidcProvider& provider) {
  const std::string email = TextClaim(claims, "email");
  if (!provider.username_claim.empty()) {
    const std::string& claim = provider.username_claim;
    if (claim == "email" && !email.empty() && !IsVerified(claims)) {
      return Refused("its `email` is not verified");
    }
    std::string name = TextClaim(claims, claim);
    if (name.empty()) return Refused(absl::StrCat("it has no `", claim, "` to name the user by"));
    return name;
  }
  if (!email.empty()) {
    if (!IsVerified(claims)) return Refused("its `email` is not verified");
    return email;
  }
  std::string name = TextClaim(claims, "preferred_username");
  // People choose it themselves, and could choose the address of somebody else.
  if (name.find('@') != std::string::npos) name.clear();
  return name.empty() ? TextClaim(claims, "sub") : name;
}

// Lower case, and `-` for what ids cannot hold. Two names may become one; whoever comes second is
// refused then, since the id belongs to another subject.
absl::StatusOr<std::string> MakeUserId(const std::string& name, const OidcProvider& provider) {
  std::string id = provider.username_prefix;
  for (const char c : name) {
    const char lower = absl::ascii_tolower(c);
    const bool plain = absl::ascii_isdigit(lower) || absl::ascii_islower(lower) || lower == '.' ||
                       lower == '-' || lower == '_' || lower == '@';
    if (!plain && id.empty()) continue;
    id.push_back(plain ? lower : '-');
  }
  if (!IsUserId(id)) {
    return Refused(
        "no user id of 1 to 64 characters, starting with a letter or digit, can be made "
        "from its claims; see `username_claim`");
  }
  return id;
}

absl::Status CheckDomain(const std::string& email, const OidcProvider& provider) {
  if (provider.allowed_domains.empty()) return absl::OkStatus();
  const std::string domain =
      absl::AsciiStrToLower(email.substr(std::min(email.size(), email.rfind('@') + 1)));
  const auto& allowed = provider.allowed_domains;
  if (email.find('@') != std::string::npos &&
      std::find(allowed.begin(), allowed.end(), domain) != allowed.end()) {
    return absl::OkStatus();
  }
  return Refused("it has no verified address in a domain that may come in");
}

std::vector<std::string> ReadGroups(const json& claims, const OidcProvider& provider) {
  const json* value = FindClaim(claims, provider.groups_claim);
  std::vector<std::string> groups;
  // Absent is how providers write that there are none.
  if (value == nullptr) return groups;
  const json list = value->is_array() ? *value : json::array({*value});
  for (const json& one : list) {
    if (!one.is_string() || one.get_ref<const std::string&>().empty()) continue;
    std::string name = absl::StrCat(provider.groups_prefix, one.get<std::string>());
    if (IsGroupName(name)) groups.push_back(std::move(name));
  }
  std::sort(groups.begin(), groups.end());
  groups.erase(std::unique(groups.begin(), groups.end()), groups.end());
  return groups;
}

}  // namespace

absl::StatusOr<ExternalUser> ReadExternalUser(const IdToken& token, const OidcProvider& provider) {
  const json& claims = token.claims;
  ExternalUser user;
  user.issuer = token.issuer;
  user.subject = token.subject;
  ASSIGN_OR_RETURN(const std::string name, ReadUsername(claims, provider));
  ASSIGN_OR_RETURN(user.user_id, MakeUserId(name, provider));
  const std::string email = TextClaim(claims, "email");
  const bool sound = email.size() <= kMostEmail && email.find('@') != std::string::npos;
  if (sound && IsVerified(claims)) user.email = email;
  RETURN_IF_ERROR(CheckDomain(user.email, provider));
  user.display_name = Cut(TextClaim(claims, "name"), kMostName);
  if (!provider.groups_claim.empty()) {
    user.groups = ReadGroups(claims, provider);
    if (user.groups->size() > kMostGroups) {
      return Refused(
          "it tells of more than 200 groups; have the provider send only those that "
          "matter here");
    }
  }
  user.issue_time = token.issue_time;
  user.expire_time = token.expire_time + kClockSkew;
  user.link_existing = provider.link_existing;
  return user;
}

}  // namespace stackyard::gateway

#include "services/gateway/id_token.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace stackyard::gateway {
namespace {

using nlohmann::json;

constexpr size_t kMostBytes = 16 << 10;
constexpr size_t kMostSubject = 255;
// The end of the year 9999.
constexpr double kLastSecond = 253'402'300'799;

absl::Status Refused(std::string_view why) {
  return Error(v1::TOKEN_INVALID, absl::StrCat("the ID token is refused: ", std::string(why)));
}

bool IsBase64Url(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isalnum(c) || c == '-' || c == '_';
  });
}

struct Parts {
  std::string_view header, claims, signature;
};

// Three parts of base64url and nothing else.
bool Split(std::string_view text, Parts& parts) {
  const size_t first = text.find('.');
  const size_t second = first == std::string_view::npos ? first : text.find('.', first + 1);
  if (second == std::string_view::npos) return false;
  parts = {text.substr(0, first), text.substr(first + 1, second - first - 1),
           text.substr(second + 1)};
  return IsBase64Url(parts.header) && IsBase64Url(parts.claims) && IsBase64Url(parts.signature);
}

absl::StatusOr<json> ReadObject(std::string_view part, std::string_view what) {
  std::string bytes;
  if (!absl::WebSafeBase64Unescape(absl::string_view(part.data(), part.size()), &bytes)) {
    return Refused(absl::StrCat("its ", std::string(what), " is no base64url"));
  }
  json object = json::parse(bytes, nullptr, false);
  if (!object.is_object()) {
    return Refused(absl::StrCat("its ", std::string(what), " is no JSON object"));
  }
  return object;
}

// Empty when there is none; an error when it is no string.
absl::Status ReadText(const json& object, const char* key, std::string& target) {
  const auto found = object.find(key);
  if (found == object.end()) return absl::OkStatus();
  if (!found->is_string()) return Refused(absl::StrCat("`", key, "` is no string"));
  target = found->get<std::string>();
  return absl::OkStatus();
}

absl::Status ReadTime(const json& claims, const char* key, bool required, absl::Time& target) {
  const auto found = claims.find(key);
  if (found == claims.end()) {
    return required ? Refused(absl::StrCat("it has no `", key, "`")) : absl::OkStatus();
  }
  const double seconds = found->is_number() ? found->get<double>() : -1;
  // Also refuses what is no number.
  if (!(seconds >= 0 && seconds <= kLastSecond)) {
    return Refused(absl::StrCat("`", key, "` is no time"));
  }
  target = absl::UnixEpoch() + absl::Seconds(seconds);
  return absl::OkStatus();
}

absl::Status ReadAudiences(const json& claims, std::vector<std::string>& target) {
  const auto found = claims.find("aud");
  if (found == claims.end()) return Refused("it has no `aud`");
  if (found->is_string()) {
    target.push_back(found->get<std::string>());
    return absl::OkStatus();
  }
  if (!found->is_array() || found->empty()) return Refused("`aud` is no string or list of them");
  for (const json& one : *found) {
    if (!one.is_string()) return Refused("`aud` is no string or list of them");
    target.push_back(one.get<std::string>());
  }
  return absl::OkStatus();
}

absl::Status ReadHeader(const json& header, IdToken& token) {
  std::string type;
  RETURN_IF_ERROR(ReadText(header, "alg", token.algorithm));
  RETURN_IF_ERROR(ReadText(header, "kid", token.key_id));
  RETURN_IF_ERROR(ReadText(header, "typ", type));
  if (token.algorithm != "RS256" && token.algorithm != "ES256") {
    return Refused("it must be signed with RS256 or ES256");
  }
  if (!type.empty() && !absl::EqualsIgnoreCase(type, "JWT")) {
    return Refused("its type says that it is no ID token");
  }
  if (header.contains("crit")) return Refused("it has extensions that are not known here");
  return absl::OkStatus();
}

absl::Status ReadClaims(const json& claims, IdToken& token) {
  RETURN_IF_ERROR(ReadText(claims, "iss", token.issuer));
  RETURN_IF_ERROR(ReadText(claims, "sub", token.subject));
  RETURN_IF_ERROR(ReadText(claims, "azp", token.authorized_party));
  RETURN_IF_ERROR(ReadAudiences(claims, token.audiences));
  RETURN_IF_ERROR(ReadTime(claims, "exp", true, token.expire_time));
  RETURN_IF_ERROR(ReadTime(claims, "iat", true, token.issue_time));
  token.not_before = absl::InfinitePast();
  RETURN_IF_ERROR(ReadTime(claims, "nbf", false, token.not_before));
  if (token.issuer.empty()) return Refused("it has no `iss`");
  if (token.subject.empty() || token.subject.size() > kMostSubject) {
    return Refused("`sub` must have 1 to 255 bytes");
  }
  return absl::OkStatus();
}

bool Contains(const std::vector<std::string>& list, const std::string& text) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

}  // namespace

bool LooksLikeIdToken(std::string_view text) {
  Parts parts;
  return text.size() <= kMostBytes && Split(text, parts);
}

absl::StatusOr<IdToken> ParseIdToken(std::string_view text) {
  if (text.size() > kMostBytes) return Refused("it has more than 16 KiB");
  Parts parts;
  if (!Split(text, parts)) return Refused("it is not made of three parts in base64url");
  ASSIGN_OR_RETURN(const json header, ReadObject(parts.header, "header"));
  IdToken token;
  token.text = std::string(text);
  RETURN_IF_ERROR(ReadHeader(header, token));
  ASSIGN_OR_RETURN(token.claims, ReadObject(parts.claims, "body"));
  RETURN_IF_ERROR(ReadClaims(token.claims, token));
  return token;
}

absl::Status CheckIdToken(const IdToken& token, const OidcProvider& provider, absl::Time now) {
  if (token.issuer != provider.issuer) return Refused("its issuer is another one");
  if (!Contains(provider.algorithms, token.algorithm)) {
    return Refused(absl::StrCat("its issuer must not sign with ", token.algorithm));
  }
  const auto ours = [&](const std::string& one) { return Contains(provider.audiences, one); };
  if (std::none_of(token.audiences.begin(), token.audiences.end(), ours)) {
    return Refused("it is for another audience");
  }
  // One that is for several must say who asked for it.
  if (token.audiences.size() > 1 && token.authorized_party.empty()) {
    return Refused("it is for several audiences and has no `azp`");
  }
  if (!token.authorized_party.empty() && !ours(token.authorized_party)) {
    return Refused("it was made for another client");
  }
  if (now >= token.expire_time + kClockSkew) return Refused("it has expired");
  if (now < token.not_before - kClockSkew) return Refused("it is not good yet");
  if (now < token.issue_time - kClockSkew) return Refused("it was made in the future");
  return absl::OkStatus();
}

}  // namespace stackyard::gateway

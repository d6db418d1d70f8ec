#include "services/runner/scrubber.h"

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "common/status.h"
#include "services/runner/json_value.h"
#include "services/runner/secret_forms.h"

namespace stackyard::runner {
namespace {

using nlohmann::json;

// Lines of a PEM file and the like are logged one by one.
constexpr size_t kMinLine = 8;
// Each of the first two parts of a signed token.
constexpr size_t kMinTokenPart = 10;

bool NamesSecret(std::string name) {
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return toupper(c); });
  for (const char* part :
       {"SECRET", "TOKEN", "PASSWORD", "PASSWD", "CREDENTIAL", "PRIVATE", "_KEY"}) {
    if (name.find(part) != std::string::npos) return true;
  }
  return false;
}

uint32_t KeyAt(std::string_view text, size_t at) {
  uint32_t key = 0;
  static_assert(sizeof(key) == Scrubber::kMinSecret);
  std::memcpy(&key, text.data() + at, sizeof(key));
  return key;
}

// A bit of 65,536.
uint32_t BitOf(uint32_t key) { return (key * 0x9E3779B1u) >> 16; }

// Length of a part of base64url from `at` on.
size_t PartAt(std::string_view text, size_t at) {
  size_t end = at;
  while (end < text.size() && (absl::ascii_isalnum(static_cast<unsigned char>(text[end])) ||
                               text[end] == '-' || text[end] == '_')) {
    ++end;
  }
  return end - at;
}

// Length of a signed token that begins at `at`: three parts, the first of them JSON. 0: none.
size_t TokenAt(std::string_view text, size_t at) {
  if (text.substr(at, 3) != "eyJ") return 0;
  size_t end = at;
  for (int part = 0; part < 2; ++part) {
    const size_t size = PartAt(text, end);
    if (size < kMinTokenPart || end + size >= text.size() || text[end + size] != '.') return 0;
    end += size + 1;
  }
  return end + PartAt(text, end) - at;
}

// The password in `scheme://user:password@host`; empty: none.
std::string_view PasswordIn(std::string_view url) {
  const size_t scheme = url.find("://");
  if (scheme == std::string_view::npos) return "";
  const std::string_view rest = url.substr(scheme + 3);
  const std::string_view user = rest.substr(0, rest.find_first_of("/?#"));
  const size_t at = user.rfind('@');
  const size_t colon = user.find(':');
  if (at == std::string_view::npos || colon == std::string_view::npos || colon > at) return "";
  return user.substr(colon + 1, at - colon - 1);
}

// Members of an object, or null where it is something else.
const json& Member(const json& object, const char* name) {
  static const json kNone;
  if (!object.is_object()) return kNone;
  const auto found = object.find(name);
  return found == object.end() ? kNone : *found;
}

// The part of an attribute that a path of a state file leads to.
const json& Follow(const json& attributes, const json& path) {
  static const json kNone;
  const json* value = &attributes;
  for (const json& step : path) {
    const json& key = Member(step, "type") == "index" ? Member(Member(step, "value"), "value")
                                                      : Member(step, "value");
    if (key.is_string() && value->is_object()) {
      value = &Member(*value, key.get_ref<const std::string&>().c_str());
    } else if (key.is_number_unsigned() && value->is_array() && key < value->size()) {
      value = &(*value)[key.get<size_t>()];
    } else {
      // Elements of sets have no place that a path could name: the whole set is meant.
      return *value;
    }
  }
  return *value;
}

}  // namespace

Scrubber::Scrubber(const internal::v1::Assignment& assignment,
                   const std::map<std::string, std::string>& passed) {
  for (const std::string& name : assignment.sensitive_parameters()) {
    const auto found = assignment.parameters().fields().find(name);
    if (found == assignment.parameters().fields().end()) continue;
    LearnAll(ToJson(found->second));
  }
  for (const v1::Credential& credential : assignment.credentials()) {
    for (const auto& [name, value] : credential.static_().variables()) LearnVariable(name, value);
    for (const auto& [name, value] : credential.static_().secret_variables()) LearnKey(value);
  }
  for (const auto& [name, value] : assignment.environment()) LearnVariable(name, value);
  for (const auto& [name, value] : passed) LearnVariable(name, value);
  if (!assignment.state().empty()) LearnState(assignment.state());
}

void Scrubber::LearnMarked(const json& value, const json& marks) { LearnBelow(value, marks); }

void Scrubber::LearnKey(const std::string& secret) {
  Learn(secret);
  const json parsed = json::parse(secret, nullptr, /*allow_exceptions=*/false);
  if (!parsed.is_object()) return;
  for (const auto& [name, member] : parsed.items()) {
    if (NamesSecret(name)) LearnAll(member);
  }
}

void Scrubber::LearnVariable(const std::string& name, const std::string& value) {
  // A key's id is no secret, and people need it to find out which key was refused.
  if (NamesSecret(name) && name != "AWS_ACCESS_KEY_ID") LearnKey(value);
  Learn(PasswordIn(value));
}

void Scrubber::LearnAll(const json& value) {
  if (value.is_structured()) {
    for (const json& member : value) LearnAll(member);
  } else if (value.is_string()) {
    Learn(value.get_ref<const std::string&>());
  } else if (value.is_number()) {
    Learn(value.dump());
  }
}

void Scrubber::LearnBelow(const json& value, const json& marks) {
  if (marks.is_boolean() && marks.get<bool>()) return LearnAll(value);
  if (marks.is_object() && value.is_object()) {
    for (const auto& [key, mark] : marks.items()) {
      if (value.contains(key)) LearnBelow(value[key], mark);
    }
  } else if (marks.is_array() && value.is_array()) {
    for (size_t i = 0; i < std::min(marks.size(), value.size()); ++i) {
      LearnBelow(value[i], marks[i]);
    }
  }
}

void Scrubber::LearnState(const std::string& text) {
  const json state = json::parse(text, nullptr, /*allow_exceptions=*/false);
  for (const json& output : Member(state, "outputs")) {
    if (Member(output, "sensitive") == true) LearnAll(Member(output, "value"));
  }
  for (const json& resource : Member(state, "resources")) {
    for (const json& instance : Member(resource, "instances")) {
      for (const json& path : Member(instance, "sensitive_attributes")) {
        LearnAll(Follow(Member(instance, "attributes"), path));
      }
    }
  }
}

void Scrubber::Learn(std::string_view secret) {
  if (secret.size() < kMinSecret) return;
  for (std::string& form : SecretForms(secret)) LearnForm(std::move(form));
  if (secret.find('\n') == std::string_view::npos) return;
  while (!secret.empty()) {
    const size_t end = secret.find('\n');
    std::string_view line = secret.substr(0, end);
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    if (line.size() >= kMinLine) LearnForm(std::string(line));
    secret.remove_prefix(end == std::string_view::npos ? secret.size() : end + 1);
  }
}

void Scrubber::LearnForm(std::string form) {
  if (form.size() < kMinSecret) return;
  const uint32_t key = KeyAt(form, 0);
  std::vector<std::string>& forms = secrets_[key];
  if (std::find(forms.begin(), forms.end(), form) != forms.end()) return;
  forms.push_back(std::move(form));
  filter_[BitOf(key) / 64] |= uint64_t{1} << (BitOf(key) % 64);
}

size_t Scrubber::MatchAt(std::string_view text, size_t at) const {
  const uint32_t key = KeyAt(text, at);
  size_t longest = TokenAt(text, at);
  const uint32_t bit = BitOf(key);
  if ((filter_[bit / 64] >> (bit % 64) & 1) == 0) return longest;
  const auto found = secrets_.find(key);
  if (found == secrets_.end()) return longest;
  for (const std::string& secret : found->second) {
    if (secret.size() > longest && text.substr(at, secret.size()) == secret) {
      longest = secret.size();
    }
  }
  return longest;
}

std::vector<std::pair<size_t, size_t>> Scrubber::Find(std::string_view text,
                                                      bool first_only) const {
  std::vector<std::pair<size_t, size_t>> found;
  for (size_t at = 0; at + kMinSecret <= text.size(); ++at) {
    const size_t size = MatchAt(text, at);
    if (size == 0) continue;
    if (!found.empty() && at < found.back().second) {
      found.back().second = std::max(found.back().second, at + size);
    } else {
      found.emplace_back(at, at + size);
    }
    if (first_only) break;
  }
  return found;
}

std::string Scrubber::Scrub(std::string_view text) const {
  std::string result;
  size_t done = 0;
  for (const auto& [begin, end] : Find(text, /*first_only=*/false)) {
    result.append(text.substr(done, begin - done));
    result.append(kMasked);
    done = end;
  }
  result.append(text.substr(done));
  return result;
}

absl::Status Scrubber::Scrub(const absl::Status& status) const {
  if (status.ok()) return status;
  absl::Status result(status.code(), Scrub(std::string(status.message())));
  google::rpc::ErrorInfo info;
  if (ReadDetail(status, info)) {
    for (auto& [key, value] : *info.mutable_metadata()) value = Scrub(value);
    AttachDetail(result, info);
  }
  return result;
}

bool Scrubber::Holds(std::string_view text) const {
  return !Find(text, /*first_only=*/true).empty();
}

}  // namespace stackyard::runner

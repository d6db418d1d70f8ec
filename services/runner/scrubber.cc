#include "services/runner/scrubber.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "services/runner/json_value.h"

namespace stackyard::runner {
namespace {

using nlohmann::json;

// Lines of a PEM file and the like are logged one by one.
constexpr size_t kMinLine = 8;

bool NamesSecret(std::string name) {
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return toupper(c); });
  for (const char* part :
       {"SECRET", "TOKEN", "PASSWORD", "PASSWD", "CREDENTIAL", "PRIVATE", "_KEY"}) {
    if (name.find(part) != std::string::npos) return true;
  }
  return false;
}

std::string InsideJson(std::string_view text) {
  const std::string quoted =
      json(std::string(text)).dump(-1, ' ', false, json::error_handler_t::replace);
  return quoted.substr(1, quoted.size() - 2);
}

}  // namespace

Scrubber::Scrubber(const internal::v1::Assignment& assignment,
                   const std::map<std::string, std::string>& passed) {
  for (const std::string& name : assignment.sensitive_parameters()) {
    const auto found = assignment.parameters().fields().find(name);
    if (found == assignment.parameters().fields().end()) continue;
    LearnAll(ToJson(found->second));
  }
  for (const auto& [name, value] : assignment.environment()) LearnVariable(name, value);
  for (const auto& [name, value] : passed) LearnVariable(name, value);
  Sort();
}

void Scrubber::LearnMarked(const json& value, const json& marks) {
  const size_t known = secrets_.size();
  LearnBelow(value, marks);
  if (secrets_.size() > known) Sort();
}

void Scrubber::LearnVariable(const std::string& name, const std::string& value) {
  // A key's id is no secret, and people need it to find out which key was refused.
  if (NamesSecret(name) && name != "AWS_ACCESS_KEY_ID") Learn(value);
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

void Scrubber::Sort() {
  std::sort(secrets_.begin(), secrets_.end(), [](const std::string& a, const std::string& b) {
    return a.size() != b.size() ? a.size() > b.size() : a < b;
  });
  secrets_.erase(std::unique(secrets_.begin(), secrets_.end()), secrets_.end());
}

void Scrubber::Learn(std::string_view secret) {
  if (secret.size() < kMinSecret) return;
  secrets_.emplace_back(secret);
  secrets_.push_back(InsideJson(secret));
  // Terraform's jsonencode and Go escape these three besides.
  std::string html;
  for (const char c : secrets_.back()) {
    if (c == '<')
      html += "\\u003c";
    else if (c == '>')
      html += "\\u003e";
    else if (c == '&')
      html += "\\u0026";
    else
      html += c;
  }
  secrets_.push_back(std::move(html));
  if (secret.find('\n') == std::string_view::npos) return;
  while (!secret.empty()) {
    const size_t end = secret.find('\n');
    std::string_view line = secret.substr(0, end);
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    if (line.size() >= kMinLine) secrets_.emplace_back(line);
    secret.remove_prefix(end == std::string_view::npos ? secret.size() : end + 1);
  }
}

std::string Scrubber::Scrub(std::string_view text) const {
  std::string result(text);
  for (const std::string& secret : secrets_) {
    size_t at = 0;
    while ((at = result.find(secret, at)) != std::string::npos) {
      result.replace(at, secret.size(), kMasked);
      at += kMasked.size();
    }
  }
  return result;
}

bool Scrubber::Holds(std::string_view text) const {
  return std::any_of(secrets_.begin(), secrets_.end(), [text](const std::string& secret) {
    return text.find(secret) != std::string_view::npos;
  });
}

}  // namespace stackyard::runner

#include "services/runner/secret_forms.h"

#include <nlohmann/json.hpp>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace stackyard::runner {
namespace {

using nlohmann::json;

// Shorter pieces of base64 turn up by chance.
constexpr size_t kMinBase64 = 8;

std::string InsideJson(const std::string& text, bool ascii) {
  const std::string quoted = json(text).dump(-1, ' ', ascii, json::error_handler_t::replace);
  return quoted.substr(1, quoted.size() - 2);
}

// What Terraform's jsonencode and Go escape besides.
std::string AsGo(const std::string& inside_json) {
  return absl::StrReplaceAll(inside_json, {{"<", "\\u003c"}, {">", "\\u003e"}, {"&", "\\u0026"}});
}

std::string InUrl(std::string_view text, std::string_view kept, bool plus, bool lower) {
  const char* digits = lower ? "0123456789abcdef" : "0123456789ABCDEF";
  std::string result;
  for (const char c : text) {
    if (absl::ascii_isalnum(static_cast<unsigned char>(c)) || kept.find(c) != kept.npos) {
      result += c;
    } else if (c == ' ' && plus) {
      result += '+';
    } else {
      result += '%';
      result += digits[static_cast<unsigned char>(c) >> 4];
      result += digits[static_cast<unsigned char>(c) & 15];
    }
  }
  return result;
}

// The characters of base64 that depend on the secret alone when `before` bytes (0 to 2) stand
// before it in its group of three.
std::string InBase64(std::string_view secret, size_t before) {
  std::string padded(before, '\0');
  padded.append(secret.data(), secret.size());
  const std::string encoded = absl::Base64Escape(padded);
  const size_t begin = (before * 8 + 5) / 6;
  const size_t end = padded.size() * 8 / 6;
  return end < begin + kMinBase64 ? "" : encoded.substr(begin, end - begin);
}

// What is packed as bytes: secrets as they are, and JSON that holds them.
void AddPacked(const std::string& text, std::vector<std::string>& forms) {
  for (const bool lower : {false, true}) {
    for (const bool plus : {false, true}) {
      // Queries, and paths, which keep more.
      forms.push_back(InUrl(text, "-_.~", plus, lower));
      forms.push_back(InUrl(text, "-_.~$&+=:@", plus, lower));
      forms.push_back(InUrl(text, "-_.~$&+=:@/!*'(),;", plus, lower));
    }
  }
  const std::string hex = absl::BytesToHexString(text);
  forms.push_back(hex);
  forms.push_back(absl::AsciiStrToUpper(hex));
  for (size_t before = 0; before < 3; ++before) {
    const std::string encoded = InBase64(text, before);
    if (encoded.empty()) continue;
    forms.push_back(encoded);
    forms.push_back(absl::StrReplaceAll(encoded, {{"+", "-"}, {"/", "_"}}));
  }
}

}  // namespace

std::vector<std::string> SecretForms(std::string_view secret) {
  const std::string plain(secret);
  std::set<std::string> texts = {plain};
  for (const bool ascii : {false, true}) {
    const std::string inside = InsideJson(plain, ascii);
    texts.insert({inside, AsGo(inside)});
  }
  std::vector<std::string> forms;
  for (const std::string& text : texts) {
    forms.push_back(text);
    forms.push_back(InsideJson(text, false));
    AddPacked(text, forms);
  }
  forms.push_back(absl::StrReplaceAll(
      plain, {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}, {"\"", "&quot;"}, {"'", "&apos;"}}));
  forms.push_back(absl::StrReplaceAll(
      plain, {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}, {"\"", "&#34;"}, {"'", "&#39;"}}));
  return forms;
}

}  // namespace stackyard::runner

#include "common/without_passwords.h"

#include <re2/re2.h>

namespace stackyard {

std::string WithoutPasswords(std::string_view text) {
  // To the last `@`: passwords hold what they should not.
  static const RE2 kInUrl(R"re(([A-Za-z][A-Za-z0-9+.-]*://[^:/?#\s]*:)\S*@)re");
  static const RE2 kByName(
      R"re((?i)((?:password|passwd|secret|token|[_-]key)\s*=\s*)('(?:[^'\\]|\\.)*'?|[^\s&;']+))re");
  std::string shown(text);
  RE2::GlobalReplace(&shown, kInUrl, R"(\1***@)");
  RE2::GlobalReplace(&shown, kByName, R"(\1***)");
  return shown;
}

}  // namespace stackyard

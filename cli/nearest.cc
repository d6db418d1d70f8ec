#include "cli/nearest.h"

#include <algorithm>
#include <cctype>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace stackyard::cli {
namespace {

std::string Plain(const std::string& word) {
  std::string plain;
  for (const char c : word) {
    if (c == '-' || c == '_') continue;
    plain.push_back(static_cast<char>(std::tolower(static_cast<unsigned char>(c))));
  }
  return plain;
}

// Insertions, deletions, replacements and swapped neighbours that make one word of the other.
size_t Distance(const std::string& a, const std::string& b) {
  std::vector<std::vector<size_t>> cost(a.size() + 1, std::vector<size_t>(b.size() + 1));
  for (size_t i = 0; i <= a.size(); ++i) {
    for (size_t j = 0; j <= b.size(); ++j) {
      if (i == 0 || j == 0) {
        cost[i][j] = i + j;
        continue;
      }
      const size_t replaced = cost[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      cost[i][j] = std::min({cost[i - 1][j] + 1, cost[i][j - 1] + 1, replaced});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        cost[i][j] = std::min(cost[i][j], cost[i - 2][j - 2] + 1);
      }
    }
  }
  return cost[a.size()][b.size()];
}

}  // namespace

std::string Nearest(const std::string& word, const std::vector<std::string>& known) {
  const std::string wanted = Plain(word);
  if (wanted.empty()) return "";
  std::string best;
  // A third of the letters may be wrong: beyond that a guess confuses.
  size_t least = std::max<size_t>(1, wanted.size() / 3) + 1;
  for (const std::string& one : known) {
    const std::string plain = Plain(one);
    size_t distance = Distance(wanted, plain);
    // `descr` is as good as a word with one letter wrong.
    if (wanted.size() >= 3 && absl::StartsWith(plain, wanted))
      distance = std::min<size_t>(distance, 1);
    if (distance < least) {
      least = distance;
      best = one;
    }
  }
  return best;
}

std::string DidYouMean(const std::string& word, const std::vector<std::string>& known) {
  const std::string nearest = Nearest(word, known);
  return nearest.empty() ? "" : absl::StrCat("; did you mean \"", nearest, "\"?");
}

}  // namespace stackyard::cli

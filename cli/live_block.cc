#include "cli/live_block.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace stackyard::cli {

void LiveBlock::Show(const std::string& text) {
  std::vector<std::string> lines = absl::StrSplit(text, '\n');
  if (!lines.empty() && lines.back().empty()) lines.pop_back();
  const size_t most = static_cast<size_t>(std::max(height_ - 2, 1));
  if (lines.size() > most) {
    const size_t more = lines.size() - most + 1;
    lines.resize(most - 1);
    lines.push_back(absl::StrCat("… and ", more, " more"));
  }
  if (drawn_ > 0) out_ << "\033[" << drawn_ << "A";
  // Without wrapping each line is one line of the screen, whatever its width.
  out_ << "\r\033[J\033[?7l";
  for (const std::string& line : lines) out_ << line << "\n";
  out_ << "\033[?7h" << std::flush;
  drawn_ = static_cast<int>(lines.size());
}

}  // namespace stackyard::cli

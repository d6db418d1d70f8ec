// Cuts a stream of bytes into lines.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace stackyard::runner {

class LineSplitter {
 public:
  using Handler = std::function<void(std::string_view line)>;
  // Lines longer than this are handed on in pieces.
  static constexpr size_t kMaxLine = 4 << 20;

  explicit LineSplitter(Handler handler) : handler_(std::move(handler)) {}

  // Hands on each line that is complete, without its line break.
  void Feed(std::string_view bytes) {
    while (!bytes.empty()) {
      const size_t end = bytes.find('\n');
      rest_.append(bytes.substr(0, end));
      if (end == std::string_view::npos) {
        if (rest_.size() >= kMaxLine) Emit();
        return;
      }
      Emit();
      bytes.remove_prefix(end + 1);
    }
  }

  // Hands on a last line that has no line break.
  void Finish() {
    if (!rest_.empty()) Emit();
  }

 private:
  void Emit() {
    std::string line = std::exchange(rest_, {});
    if (!line.empty() && line.back() == '\r') line.pop_back();
    handler_(line);
  }

  const Handler handler_;
  std::string rest_;
};

}  // namespace stackyard::runner

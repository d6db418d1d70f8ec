// Text on a terminal that takes the place of what stood there before.
#pragma once

#include <ostream>
#include <string>

namespace stackyard::cli {

class LiveBlock {
 public:
  // Of a terminal with `height` lines.
  LiveBlock(std::ostream& out, int height) : out_(out), height_(height) {}

  // Shows as many lines as fit, and how many do not. Lines that are too long are cut off by the
  // terminal.
  void Show(const std::string& text);

 private:
  std::ostream& out_;
  const int height_;
  int drawn_ = 0;
};

}  // namespace stackyard::cli

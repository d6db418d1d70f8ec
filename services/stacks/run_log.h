// What Terraform wrote in a run, by offset.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "services/stacks/change.h"

namespace stackyard::stacks {

// How much of a log is kept: its beginning, which says what was to be done, and its end, which says
// what became of it. What is between them is forgotten while the log grows.
struct LogLimits {
  int64_t head = 16 << 20;
  int64_t tail = 48 << 20;
};

// Appends whole lines to a log of `size` bytes. Offsets go on as if nothing was forgotten.
absl::Status AppendLog(Change& change, const std::string& run, int64_t size, std::string_view text,
                       const LogLimits& limits);

struct LogPart {
  std::string text;
  // Where the next part begins.
  int64_t next_offset = 0;
};

// Whole lines from `offset` on, about `limit` bytes; a line that is longer than that in pieces. An
// offset within a character means the next one. In the place of what was forgotten stands a line
// that says how many bytes are left out. Empty when there is no more.
LogPart ReadLog(soci::session& sql, const std::string& run, int64_t offset, int64_t limit);

}  // namespace stackyard::stacks

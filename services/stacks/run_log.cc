#include "services/stacks/run_log.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "services/stacks/rows.h"

namespace stackyard::stacks {
namespace {

// Rows read at once: a row has up to 256 KiB.
constexpr int kRows = 16;
// The middle is forgotten in steps of this size, not at each line.
constexpr int64_t kStep = 1 << 20;

bool IsInsideCharacter(char byte) { return (static_cast<unsigned char>(byte) & 0xc0) == 0x80; }

struct Chunk {
  int64_t start = 0;
  std::string text;

  int64_t end() const { return start + static_cast<int64_t>(text.size()); }
};

std::vector<Chunk> ReadChunks(soci::session& sql, const std::string& run, int64_t from) {
  std::vector<Chunk> chunks;
  soci::rowset<soci::row> rows =
      (sql.prepare << "SELECT start, text FROM run_logs WHERE run = :run AND start >= :from "
                      "ORDER BY start LIMIT :rows",
       soci::use(run), soci::use(from), soci::use(kRows));
  for (const soci::row& row : rows) {
    chunks.push_back({IntAt(row, 0), row.get<std::string>(1)});
  }
  return chunks;
}

// How much of a text that is too long is handed on: whole lines, else whole characters.
size_t CutAt(const std::string& text, size_t limit) {
  const size_t line = text.rfind('\n', limit - 1);
  if (line != std::string::npos) return line + 1;
  size_t end = limit;
  while (end > 0 && IsInsideCharacter(text[end])) --end;
  if (end > 0) return end;
  // One character at least, or nobody would ever come further.
  end = 1;
  while (end < text.size() && IsInsideCharacter(text[end])) ++end;
  return end;
}

}  // namespace

absl::Status AppendLog(Change& change, const std::string& run, int64_t size, std::string_view text,
                       const LogLimits& limits) {
  if (text.empty()) return absl::OkStatus();
  const std::string copy(text);
  change.sql << "INSERT INTO run_logs (run, start, text) VALUES (:run, :start, :text)",
      soci::use(run), soci::use(size), soci::use(copy);
  change.touched.names.insert(run);
  const int64_t now = size + static_cast<int64_t>(text.size());
  const int64_t step = std::min(kStep, limits.tail);
  const int64_t forget = now - limits.tail;
  if (forget <= limits.head || size / step == now / step) return absl::OkStatus();
  change.sql << "DELETE FROM run_logs WHERE run = :run AND start >= :head AND start < :forget",
      soci::use(run), soci::use(limits.head), soci::use(forget);
  return absl::OkStatus();
}

LogPart ReadLog(soci::session& sql, const std::string& run, int64_t offset, int64_t limit) {
  LogPart part;
  int64_t at = offset;
  // The chunk that holds the offset, and those behind it.
  int64_t from = 0;
  sql << "SELECT COALESCE(MAX(start), 0) FROM run_logs WHERE run = :run AND start <= :offset",
      soci::use(run), soci::use(offset), soci::into(from);
  bool more = true;
  while (more && static_cast<int64_t>(part.text.size()) < limit) {
    const std::vector<Chunk> chunks = ReadChunks(sql, run, from);
    more = chunks.size() == kRows;
    for (const Chunk& chunk : chunks) {
      from = chunk.start + 1;
      if (chunk.end() <= at) continue;
      if (chunk.start > at) {
        if (part.text.empty()) {
          part.text = absl::StrCat("(", chunk.start - at, " bytes of the log are left out here)\n");
          at = chunk.start;
        }
        part.next_offset = at;
        return part;
      }
      part.text.append(chunk.text, at - chunk.start);
      at = chunk.end();
      if (static_cast<int64_t>(part.text.size()) >= limit) break;
    }
  }
  size_t begin = 0;
  while (begin < part.text.size() && IsInsideCharacter(part.text[begin])) ++begin;
  part.text.erase(0, begin);
  if (static_cast<int64_t>(part.text.size()) > limit) {
    const size_t end = CutAt(part.text, limit);
    at -= static_cast<int64_t>(part.text.size() - end);
    part.text.resize(end);
  }
  part.next_offset = at;
  return part;
}

}  // namespace stackyard::stacks

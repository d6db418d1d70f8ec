#include "services/quota/change.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/proto_time.h"

namespace stackyard::quota {
namespace {

// Ids hold no space and never are this.
constexpr char kNobody[] = "-";

void AppendHolding(const Holding& holding, std::string& line) {
  absl::StrAppend(&line, " ", holding.user.empty() ? kNobody : holding.user, " ",
                  ToMicros(holding.span.window.start), " ", ToMicros(holding.span.window.end), " ",
                  holding.span.amount);
}

// Takes the words of a line one after the other.
class Words {
 public:
  explicit Words(absl::string_view line) : words_(absl::StrSplit(line, ' ')) {}

  std::string Id() {
    const std::string word = Next();
    return word == kNobody ? "" : word;
  }
  int64_t Number() {
    int64_t number = 0;
    good_ = absl::SimpleAtoi(Next(), &number) && good_;
    return number;
  }
  absl::Time Time() { return FromMicros(Number()); }
  Holding TakeHolding() {
    Holding holding;
    holding.user = Id();
    holding.span.window.start = Time();
    holding.span.window.end = Time();
    holding.span.amount = Number();
    return holding;
  }
  bool more() const { return next_ < words_.size(); }
  // All words were there, were what they should be, and were taken.
  bool good() const { return good_ && !more(); }

 private:
  std::string Next() {
    if (more()) return std::string(words_[next_++]);
    good_ = false;
    return "";
  }

  const std::vector<absl::string_view> words_;
  size_t next_ = 0;
  bool good_ = true;
};

}  // namespace

void AppendLine(const Change& change, std::string& lines) {
  absl::StrAppend(&lines, change.id, " ", static_cast<int>(change.state), " ",
                  change.committed_before);
  AppendHolding(change.holding, lines);
  if (change.state == ReservationState::kPending) {
    absl::StrAppend(&lines, " ", ToMicros(change.expire_time), " ",
                    change.supersedes.empty() ? kNobody : change.supersedes);
    if (change.old) AppendHolding(*change.old, lines);
  }
  lines.push_back('\n');
}

std::optional<Changes> ReadLines(std::string_view lines) {
  Changes changes;
  for (absl::string_view line :
       absl::StrSplit(absl::string_view(lines.data(), lines.size()), '\n', absl::SkipEmpty())) {
    if (line == "limits") {
      changes.limits = true;
      continue;
    }
    Words words(line);
    Change& change = changes.reservations.emplace_back();
    change.id = words.Id();
    const int64_t state = words.Number();
    if (state < 1 || state > 3) return std::nullopt;
    change.state = static_cast<ReservationState>(state);
    change.committed_before = words.Number();
    change.holding = words.TakeHolding();
    if (change.state == ReservationState::kPending) {
      change.expire_time = words.Time();
      change.supersedes = words.Id();
      if (words.more()) change.old = words.TakeHolding();
    }
    if (!words.good()) return std::nullopt;
  }
  return changes;
}

}  // namespace stackyard::quota

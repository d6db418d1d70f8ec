#include "services/quota/admission.h"

#include <algorithm>
#include <limits>
#include <map>

#include "absl/numeric/int128.h"

namespace stackyard::quota {
namespace {

// A stretch of time in which neither the timeline nor the wish changes.
struct Piece {
  Window window;
  Step step;
  bool covered = false;  // What is replaced holds as much already.

  absl::int128 Excess(int64_t amount) const {
    return absl::int128(step.used) + amount - step.limit;
  }
  bool Refuses(int64_t amount) const { return !covered && Excess(amount) > 0; }
};

int64_t Saturate(absl::int128 value) {
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  return value > kMost ? kMost : static_cast<int64_t>(value);
}

std::vector<Piece> PiecesFrom(absl::Time start, const Timeline& others, const Ask& ask) {
  std::vector<absl::Time> cuts = {start};
  for (const Step& step : others.steps()) cuts.push_back(step.from);
  if (ask.replaces) {
    cuts.push_back(ask.replaces->window.start);
    cuts.push_back(ask.replaces->window.end);
  }
  std::sort(cuts.begin(), cuts.end());
  cuts.erase(cuts.begin(), std::lower_bound(cuts.begin(), cuts.end(), start));
  cuts.erase(std::unique(cuts.begin(), cuts.end()), cuts.end());

  std::vector<Piece> pieces;
  auto step = others.steps().begin();
  for (size_t i = 0; i < cuts.size(); ++i) {
    while (std::next(step) != others.steps().end() && std::next(step)->from <= cuts[i]) ++step;
    const absl::Time end = i + 1 < cuts.size() ? cuts[i + 1] : absl::InfiniteFuture();
    const bool covered = ask.replaces && ask.replaces->amount >= ask.amount &&
                         ask.replaces->window.Contains(cuts[i]);
    pieces.push_back({{cuts[i], end}, *step, covered});
  }
  return pieces;
}

}  // namespace

Timeline::Timeline(absl::Time from, int64_t limit, const std::vector<Span>& grants,
                   const std::vector<Span>& holds) {
  struct Change {
    absl::int128 used = 0;
    absl::int128 limit = 0;
  };
  std::map<absl::Time, Change> changes;
  changes[from].limit = limit;
  const auto add = [&](const Span& span, absl::int128 Change::*field) {
    if (span.window.end <= from || span.window.end <= span.window.start) return;
    changes[std::max(span.window.start, from)].*field += span.amount;
    changes[span.window.end].*field -= span.amount;
  };
  for (const Span& grant : grants) add(grant, &Change::limit);
  for (const Span& hold : holds) add(hold, &Change::used);

  // Sums are kept exact and only cut off where they are shown.
  Change now;
  for (const auto& [time, change] : changes) {
    now.used += change.used;
    now.limit += change.limit;
    const Step step{time, Saturate(now.used), Saturate(now.limit)};
    if (steps_.empty() || steps_.back().used != step.used || steps_.back().limit != step.limit) {
      steps_.push_back(step);
    }
  }
}

std::optional<Shortage> Check(const Timeline& others, const Ask& ask) {
  if (ask.amount <= 0) return std::nullopt;
  const std::vector<Piece> pieces = PiecesFrom(ask.window.start, others, ask);
  const Piece* tightest = nullptr;
  std::optional<absl::Time> fits_from = ask.window.start;
  for (const Piece& piece : pieces) {
    const bool inside = piece.window.start < ask.window.end;
    if (!inside && (!fits_from || piece.window.start >= *fits_from + ask.window.length())) break;
    if (!piece.Refuses(ask.amount)) continue;
    if (inside && (!tightest || piece.Excess(ask.amount) > tightest->Excess(ask.amount))) {
      tightest = &piece;
    }
    // A window that touches a refusing piece can only fit behind it.
    fits_from = piece.window.end;
    if (*fits_from == absl::InfiniteFuture()) fits_from.reset();
  }
  if (!tightest) return std::nullopt;
  return Shortage{tightest->window.start, tightest->step.used, tightest->step.limit, fits_from};
}

}  // namespace stackyard::quota

#include "services/stacks/stack_listing.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "services/stacks/stack_place.h"
#include "services/stacks/stack_statements.h"

namespace stackyard::stacks {
namespace {

// In the measure of ListingLimits::budget.
constexpr int kCostOfStatement = 5;
constexpr int kCostOfStack = 10;
constexpr int kBudgetOfStack = 2 * kCostOfStack;

// A part of the stacks that one statement walks through in order.
struct Stream {
  int live = 1;
  std::optional<std::string> project;
  // Empty: all of them.
  std::string term;
  bool done = false;
};

// ---- The two ways to a page ----------------------------------------------------------------

// Which of the conditions leads to the answer.
struct Plan {
  // All that this one leaves are gathered.
  const StackCondition* few = nullptr;
  // The walk goes along the terms of this one.
  const StackCondition* along = nullptr;
  // All of them, those that leave the fewest first: what fails is best asked first.
  std::vector<const StackCondition*> conditions;
};

Plan MakePlan(soci::session& sql, const StackQuery& query, const ListingLimits& limits) {
  Plan plan;
  // A count that ends early must not look like a small one.
  const int counted = std::max(limits.counted, limits.few + 1);
  int fewest = limits.few + 1;
  int fewest_along = counted + 1;
  std::vector<std::pair<int, const StackCondition*>> counts;
  for (const StackCondition& condition : query.conditions) {
    const int count = Count(sql, query, condition, counted);
    counts.emplace_back(count, &condition);
    if (count < fewest) {
      fewest = count;
      plan.few = &condition;
    }
    const bool walkable = query.by_name() && condition.is_terms() &&
                          std::all_of(condition.terms.begin(), condition.terms.end(),
                                      [](const TermRange& range) { return range.single(); });
    if (walkable && count < fewest_along) {
      fewest_along = count;
      plan.along = &condition;
    }
  }
  std::stable_sort(counts.begin(), counts.end(),
                   [](const auto& left, const auto& right) { return left.first < right.first; });
  for (const auto& [count, condition] : counts) plan.conditions.push_back(condition);
  return plan;
}

// The stacks of a gathered condition, behind a place.
SqlQuery GatherStatement(const StackQuery& query, const StackCondition& few,
                         const std::optional<Place>& after, int most, int limit) {
  SqlQuery sql;
  sql << "WITH found AS MATERIALIZED (";
  const std::vector<SqlQuery> parts = Matching(query, few);
  for (size_t i = 0; i < parts.size(); ++i) {
    sql << (i == 0 ? "" : " UNION ") << parts[i];
  }
  // It has no more; the planner of PostgreSQL is to know.
  sql << " LIMIT " << Bind(int64_t{most}) << ") SELECT ";
  AddColumns(sql, query);
  // SQLite joins a CROSS JOIN in the order in which it is written.
  sql << "1 FROM found f CROSS JOIN stack_index i WHERE i.uid = f.uid";
  for (const StackCondition& condition : query.conditions) {
    if (&condition == &few) continue;
    sql << " AND ";
    AddCondition(sql, condition, false);
  }
  if (after) AddAfter(sql, query, false, *after);
  AddOrder(sql, query, false, limit);
  return sql;
}

// A walk along a stream, behind a place.
SqlQuery WalkStatement(const StackQuery& query, const Plan& plan, const Stream& stream,
                       const std::optional<Place>& after, int limit) {
  const bool of_terms = !stream.term.empty();
  SqlQuery sql;
  sql << "SELECT ";
  AddColumns(sql, query);
  const char* join = "CASE WHEN ";
  const char* end = "1";
  std::vector<const StackCondition*> bounds;
  for (const StackCondition* condition : plan.conditions) {
    if (condition == plan.along) continue;
    // Bounds of what the walk is ordered by say where it begins and ends.
    if (condition->column == query.order && (!query.by_name() || stream.project)) {
      bounds.push_back(condition);
      continue;
    }
    sql << join;
    AddCondition(sql, *condition, of_terms);
    join = " AND ";
    end = " THEN 1 ELSE 0 END";
  }
  sql << end << " AS hit FROM " << (of_terms ? "stack_terms" : "stack_index")
      << " i WHERE i.live = " << absl::StrCat(stream.live);
  if (of_terms) sql << " AND i.term = " << Bind(stream.term);
  if (stream.project) sql << " AND i.project = " << Bind(*stream.project);
  for (const StackCondition* condition : bounds) {
    // The place is within the bounds, and SQLite seeks by one lower bound only.
    const bool from = !after || query.descending;
    const bool until = !after || !query.descending;
    if (from) sql << " AND i." << query.order << " >= " << Bind(condition->first);
    if (until) sql << " AND i." << query.order << " <= " << Bind(condition->last);
  }
  const bool behind =
      after && !(query.by_name() && stream.project && *stream.project != after->project);
  if (behind) AddAfter(sql, query, stream.project.has_value(), *after);
  AddOrder(sql, query, stream.project.has_value(), limit);
  return sql;
}

std::vector<Stream> StreamsOf(const StackQuery& query, const Plan& plan,
                              const std::optional<Place>& after) {
  std::vector<std::optional<std::string>> projects;
  // By name the projects come one after the other, however many they are.
  if (query.FewProjects() || (query.by_name() && !query.all_projects)) {
    for (const std::string& project : query.projects) {
      const bool over = query.by_name() && after &&
                        (query.descending ? project > after->project : project < after->project);
      if (!over) projects.emplace_back(project);
    }
    if (query.by_name() && query.descending) std::reverse(projects.begin(), projects.end());
  } else {
    projects.emplace_back();
  }
  std::vector<std::string> terms = {""};
  if (plan.along != nullptr) {
    terms.clear();
    for (const TermRange& range : plan.along->terms) terms.push_back(range.first);
  }
  std::vector<Stream> streams;
  for (const auto& project : projects) {
    for (const int live : Lives(query)) {
      for (const std::string& term : terms) streams.push_back({live, project, term});
    }
  }
  return streams;
}

// Finds candidates in the order of a query, some at a time.
class Walk {
 public:
  Walk(soci::session& sql, const StackQuery& query, const ListingLimits& limits,
       std::optional<Place> after)
      : sql_(sql),
        query_(query),
        limits_(limits),
        order_(query),
        plan_(MakePlan(sql, query, limits)),
        after_(std::move(after)),
        streams_(StreamsOf(query, plan_, after_)) {}

  // The next candidates, from about `rows` rows of each stream; there may be none although there
  // are more.
  std::vector<Candidate> Next(int rows) {
    return plan_.few != nullptr ? Gathered(rows) : Walked(rows);
  }
  bool more() const { return more_; }
  // Next answered all up to here.
  const std::optional<Place>& after() const { return after_; }
  void Spend(int cost) { spent_ += cost; }
  int spent() const { return spent_; }

 private:
  // A stream that ended, and with what.
  struct End {
    Stream* stream;
    std::optional<Place> last;
  };

  std::vector<Candidate> Gathered(int rows) {
    std::vector<Candidate> found =
        Run(sql_, GatherStatement(query_, *plan_.few, after_, limits_.few, rows), rows);
    Spend(limits_.few / 2);
    more_ = static_cast<int>(found.size()) == rows;
    if (!found.empty()) after_ = found.back().place;
    return found;
  }

  std::vector<Candidate> Walked(int rows) {
    std::vector<Candidate> found;
    // How far all streams were read.
    std::optional<Place> edge;
    std::vector<End> ends;
    const std::vector<Stream*> streams = NextStreams();
    for (Stream* stream : streams) {
      const auto part = Run(sql_, WalkStatement(query_, plan_, *stream, after_, rows), rows);
      Spend(kCostOfStatement + static_cast<int>(part.size()));
      if (static_cast<int>(part.size()) < rows) {
        ends.push_back({stream, part.empty() ? std::nullopt : std::optional(part.back().place)});
      } else if (!edge || order_(part.back().place, *edge)) {
        edge = part.back().place;
      }
      found.insert(found.end(), part.begin(), part.end());
    }
    // What is behind the edge is read again, in its turn.
    for (const End& end : ends) {
      end.stream->done = !edge || !end.last || !order_(*edge, *end.last);
    }
    if (edge) {
      std::erase_if(found, [&](const Candidate& one) { return order_(*edge, one.place); });
    }
    Sort(found);
    if (!found.empty()) {
      after_ = found.back().place;
    } else if (query_.by_name() && !streams.empty() && streams.front()->project) {
      // Behind all ids of the project, so that a page which is given up goes on from there.
      after_ = Place{0, *streams.front()->project, query_.descending ? "" : "~", ""};
    }
    more_ = std::any_of(streams_.begin(), streams_.end(), [](const Stream& s) { return !s.done; });
    return found;
  }

  void Sort(std::vector<Candidate>& found) const {
    std::sort(found.begin(), found.end(), [&](const Candidate& left, const Candidate& right) {
      return order_(left.place, right.place);
    });
    // A stack with two of the terms is met twice.
    const auto twice = [](const Candidate& left, const Candidate& right) {
      return left.place.uid == right.place.uid;
    };
    found.erase(std::unique(found.begin(), found.end(), twice), found.end());
  }

  // Those that are to be read now: by name, of the first project that has more.
  std::vector<Stream*> NextStreams() {
    std::vector<Stream*> next;
    for (Stream& stream : streams_) {
      if (stream.done) continue;
      if (query_.by_name() && !next.empty() && stream.project != next.front()->project) break;
      next.push_back(&stream);
    }
    return next;
  }

  soci::session& sql_;
  const StackQuery& query_;
  const ListingLimits& limits_;
  const PlaceOrder order_;
  const Plan plan_;
  std::optional<Place> after_;
  std::vector<Stream> streams_;
  bool more_ = true;
  int spent_ = 0;
};

// Bodies of stacks by uid.
std::map<std::string, std::string> BodiesOf(soci::session& sql,
                                            const std::vector<std::string>& uids) {
  if (uids.empty()) return {};
  SqlQuery query;
  query << "SELECT uid, body FROM stacks WHERE uid IN (";
  // Few different texts, each of which is prepared once: filled up with what is there already.
  size_t places = 1;
  while (places < uids.size()) places *= 2;
  for (size_t i = 0; i < places; ++i) {
    query << (i == 0 ? "" : ", ") << Bind(uids[std::min(i, uids.size() - 1)]);
  }
  query << ")";
  std::vector<std::string> found, bodies;
  query.Run(sql, static_cast<int>(uids.size()), found, bodies);
  std::map<std::string, std::string> by_uid;
  for (size_t i = 0; i < found.size(); ++i) by_uid[found[i]] = std::move(bodies[i]);
  return by_uid;
}

// Fills a page from what a walk finds.
class PageFiller {
 public:
  PageFiller(soci::session& sql, const Page& page,
             const std::function<bool(const StackRecord&)>& accept, int budget)
      : sql_(sql), page_(page), accept_(accept), budget_(budget + kBudgetOfStack * page.size) {}

  // False when the page is full and something of the answer is left, or the walk costs too much.
  absl::StatusOr<bool> Take(Walk& walk, const std::vector<Candidate>& found) {
    for (size_t begin = 0; begin < found.size(); begin += kAtOnce) {
      const size_t end = std::min(found.size(), begin + kAtOnce);
      ASSIGN_OR_RETURN(const bool all, TakeSome(walk, found, begin, end));
      if (!all) return false;
    }
    return true;
  }

  bool TooMuch(const Walk& walk) const { return walk.spent() > budget_; }

  // Stacks that were taken, and the last place that was decided on.
  std::vector<StackRecord> items;
  std::optional<Place> decided;

 private:
  static constexpr size_t kAtOnce = 64;

  absl::StatusOr<bool> TakeSome(Walk& walk, const std::vector<Candidate>& found, size_t begin,
                                size_t end) {
    std::vector<std::string> uids;
    for (size_t i = begin; i < end; ++i) {
      if (found[i].hit) uids.push_back(found[i].place.uid);
    }
    const auto bodies = BodiesOf(sql_, uids);
    for (size_t i = begin; i < end; ++i) {
      const auto body = bodies.find(found[i].place.uid);
      if (body != bodies.end()) {
        // Each page decides on one place, at least.
        if (decided && TooMuch(walk)) return false;
        walk.Spend(kCostOfStack);
        ASSIGN_OR_RETURN(StackRecord record, Unpacked<StackRecord>(body->second));
        if (accept_(record)) {
          if (static_cast<int>(items.size()) == page_.size) return false;
          items.push_back(std::move(record));
        }
      }
      decided = found[i].place;
    }
    return true;
  }

  soci::session& sql_;
  const Page& page_;
  const std::function<bool(const StackRecord&)>& accept_;
  const int budget_;
};

}  // namespace

absl::StatusOr<Rows<StackRecord>> FindStacks(soci::session& sql, const StackQuery& query,
                                             const Page& page,
                                             const std::function<bool(const StackRecord&)>& accept,
                                             const ListingLimits& limits) {
  const PlaceOrder order(query);
  ASSIGN_OR_RETURN(const std::optional<Place> after, order.Read(page.after));
  if (!query.all_projects && query.projects.empty()) return Rows<StackRecord>{};
  Walk walk(sql, query, limits, after);
  PageFiller filler(sql, page, accept, limits.budget);
  std::string next;
  for (int rows = std::min(page.size + 1, limits.rows); walk.more();
       rows = std::min(rows * 4, limits.rows)) {
    ASSIGN_OR_RETURN(const bool all, filler.Take(walk, walk.Next(rows)));
    if (!all) {
      next = order.Token(*filler.decided);
      break;
    }
    if (walk.more() && filler.TooMuch(walk)) {
      next = order.Token(*walk.after());
      break;
    }
  }
  return Rows<StackRecord>{std::move(filler.items), std::move(next)};
}

std::vector<SqlQuery> StatementsOf(soci::session& sql, const StackQuery& query, const Page& page,
                                   const ListingLimits& limits) {
  const auto after = PlaceOrder(query).Read(page.after);
  const Plan plan = MakePlan(sql, query, limits);
  std::vector<SqlQuery> statements;
  for (const StackCondition& condition : query.conditions) {
    for (const SqlQuery& part : Matching(query, condition)) statements.push_back(part);
  }
  if (plan.few != nullptr) {
    statements.push_back(GatherStatement(query, *plan.few, *after, limits.few, page.size));
    return statements;
  }
  for (const Stream& stream : StreamsOf(query, plan, *after)) {
    statements.push_back(WalkStatement(query, plan, stream, *after, page.size));
  }
  return statements;
}

}  // namespace stackyard::stacks

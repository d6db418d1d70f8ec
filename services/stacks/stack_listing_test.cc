// Listings of stacks against a slow and obviously right one: every stack is matched, and the rest
// is sorted.
#include "services/stacks/stack_listing.h"

#include <random>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/id.h"
#include "services/stacks/lifecycle.h"
#include "services/stacks/stack_index.h"
#include "services/stacks/test_env.h"
#include "services/stacks/test_faults.h"

namespace stackyard::stacks {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

constexpr int kStacks = 240;

Principal Everybody() {
  Principal principal = Person("root", {"admin"});
  principal.set_everywhere(true);
  return principal;
}

class ListingTest : public StacksTest {
 protected:
  void SetUp() override {
    StacksTest::SetUp();
    if (store_ == nullptr) return;
    for (const char* project : {"aa", "aa-b", "db"}) {
      v1::CreateProjectRequest request;
      request.set_project_id(project);
      ASSERT_TRUE(catalog_->CreateProject(Everybody(), request).ok());
    }
  }

  template <typename T>
  T OneOf(const std::vector<T>& choices) {
    return choices[random_() % choices.size()];
  }
  bool Chance(int percent) { return static_cast<int>(random_() % 100) < percent; }

  StackRecord RandomStack(const std::string& project, int number) {
    StackRecord record;
    v1::Stack& stack = *record.mutable_stack();
    stack.set_name(absl::StrCat("projects/", project, "/stacks/s", number));
    stack.set_uid(RandomId());
    stack.set_state(v1::Stack::READY);
    stack.set_creator(OneOf<std::string>({"users/ann", "users/adam", "users/bob"}));
    stack.set_display_name(OneOf<std::string>({"Web shop", "the Base", "", "x"}));
    stack.set_template_version(OneOf<std::string>(
        {"templates/shop/versions/1", "templates/shop/versions/2", "templates/shed/versions/1"}));
    stack.set_resource_count(static_cast<int>(random_() % 4));
    auto& labels = *stack.mutable_labels();
    if (Chance(80)) labels["team"] = OneOf<std::string>({"a", "b", "b c", ""});
    if (Chance(30)) labels["env"] = OneOf<std::string>({"prod", std::string("pr\0od", 5)});
    labels["ticket"] = absl::StrCat("t", number);
    *stack.mutable_create_time() = ToProto(RandomTime());
    *stack.mutable_update_time() = ToProto(RandomTime());
    if (Chance(90)) *stack.mutable_lease()->mutable_end_time() = ToProto(RandomTime());
    return record;
  }
  // Few different ones, some of them apart by less than a microsecond.
  absl::Time RandomTime() {
    return clock_.TimeNow() + absl::Minutes(static_cast<int>(random_() % 20)) +
           absl::Nanoseconds(static_cast<int>(random_() % 3));
  }

  // Stacks in several projects; names of those that died are used again.
  void Fill(int count) {
    int written = 0;
    while (written < count) {
      clock_.Advance(absl::Minutes(1));
      const absl::Status done = store_->Write(Actor(), [&](Change& change) -> absl::Status {
        for (int i = 0; i < 12 && written < count; ++i, ++written) {
          StackRecord record = RandomStack(OneOf<std::string>({"aa", "aa-b", "web"}),
                                           static_cast<int>(random_() % ids_));
          const absl::Status inserted = InsertStack(change, record);
          if (ReasonOf(inserted) == v1::RESOURCE_EXISTS) continue;
          RETURN_IF_ERROR(inserted);
          if (Chance(80)) {
            record.mutable_stack()->set_state(static_cast<v1::Stack::State>(1 + random_() % 9));
            RETURN_IF_ERROR(SaveStack(change, record));
          }
          stacks_made_.push_back(record);
        }
        return absl::OkStatus();
      });
      ASSERT_TRUE(done.ok()) << done;
    }
  }

  std::string TimeText() {
    return absl::FormatTime(absl::RFC3339_full, RandomTime(), absl::UTCTimeZone());
  }
  std::string RandomTest() {
    const std::string sign = OneOf<std::string>({"<", "<=", ">", ">=", "=", "!="});
    const std::string number = absl::StrCat(random_() % 60);
    return OneOf<std::string>({"state = READY",
                               "state:FAILED",
                               "state != READY",
                               "state = DESTROYED",
                               "creator = \"users/ann\"",
                               "creator = \"users/a*\"",
                               "creator = \"*b\"",
                               "creator != \"users/bob\"",
                               "creator:AD",
                               "template_version = \"templates/shop/*\"",
                               "template_version = \"templates/shop/versions/1\"",
                               "template_version = \"templates/shop/versions/*\"",
                               "template_version = \"templates/sh*\"",
                               "labels.team = \"a\"",
                               "labels.team = \"b*\"",
                               "labels.team:b",
                               "labels.team != \"b\"",
                               "labels.team = \"\"",
                               "labels:env",
                               "labels.env:*",
                               "labels.env = \"prod\"",
                               "labels:none",
                               absl::StrCat("labels.ticket = t", number),
                               "labels.ticket = \"t1*\"",
                               absl::StrCat("create_time ", sign, " \"", TimeText(), "\""),
                               absl::StrCat("update_time ", sign, " \"", TimeText(), "\""),
                               absl::StrCat("lease.end_time ", sign, " \"", TimeText(), "\""),
                               "name = \"projects/aa/stacks/s1*\"",
                               absl::StrCat("name = \"projects/web/stacks/s", number, "\""),
                               "name:s3",
                               "display_name:web",
                               "shop",
                               "resource_count > 1",
                               "lease.end_time:*"});
  }
  std::string RandomFilter(int depth) {
    if (depth == 0 || Chance(30)) return absl::StrCat(Chance(12) ? "NOT " : "", RandomTest());
    std::vector<std::string> parts;
    const int count = 2 + static_cast<int>(random_() % 2);
    for (int i = 0; i < count; ++i) parts.push_back(RandomFilter(depth - 1));
    return absl::StrCat(Chance(10) ? "NOT " : "", "(",
                        absl::StrJoin(parts, Chance(65) ? " AND " : " OR "), ")");
  }

  // What a listing has to answer, by uid.
  std::vector<std::string> Expected(const Principal& caller, const std::string& project,
                                    const v1::ListStacksRequest& request) {
    const Filter filter = *Filter::Parse(request.filter(), v1::Stack::descriptor());
    std::vector<const StackRecord*> found;
    for (const StackRecord& record : stacks_made_) {
      const StackName name = *StackName::Parse("name", record.stack().name());
      if ((project.empty() || project == name.project) && MaySee(caller, name.project) &&
          (request.show_deleted() || HoldsName(record.stack().state())) &&
          filter.Matches(record.stack())) {
        found.push_back(&record);
      }
    }
    const bool descending = absl::EndsWith(request.order_by(), " desc");
    const auto key = [&](const StackRecord& record) {
      const v1::Stack& stack = record.stack();
      const StackName name = *StackName::Parse("name", stack.name());
      if (absl::StartsWith(request.order_by(), "create_time")) {
        return std::tuple(ToMicros(FromProto(stack.create_time())), std::string(), std::string(),
                          stack.uid());
      }
      if (absl::StartsWith(request.order_by(), "update_time")) {
        return std::tuple(ToMicros(FromProto(stack.update_time())), std::string(), std::string(),
                          stack.uid());
      }
      if (absl::StartsWith(request.order_by(), "lease.end_time")) {
        return std::tuple(ToMicros(FromProto(stack.lease().end_time())), std::string(),
                          std::string(), stack.uid());
      }
      return std::tuple(int64_t{0}, name.project, name.stack, stack.uid());
    };
    std::sort(found.begin(), found.end(), [&](const StackRecord* left, const StackRecord* right) {
      return descending ? key(*right) < key(*left) : key(*left) < key(*right);
    });
    std::vector<std::string> uids;
    for (const StackRecord* record : found) uids.push_back(record->stack().uid());
    return uids;
  }

  // All pages, by uid. `between` is called after each page.
  std::vector<std::string> Listed(const Principal& caller, const std::string& project,
                                  const v1::ListStacksRequest& request, int page_size,
                                  const ListingLimits& limits,
                                  const std::function<void()>& between = nullptr) {
    const Filter filter = *Filter::Parse(request.filter(), v1::Stack::descriptor());
    const auto query = MakeStackQuery(caller, project, request, filter);
    EXPECT_TRUE(query.ok()) << query.status();
    std::vector<std::string> uids;
    Page page;
    page.size = page_size;
    int pages = 0;
    do {
      const auto rows = store_->ReadValue<Rows<StackRecord>>([&](soci::session& sql) {
        EXPECT_TRUE(IsIndexed(sql));
        return FindStacks(
            sql, *query, page,
            [&](const StackRecord& record) {
              const auto name = StackName::Parse("name", record.stack().name());
              return MaySee(caller, name->project) && filter.Matches(record.stack());
            },
            limits);
      });
      EXPECT_TRUE(rows.ok()) << rows.status();
      if (!rows.ok()) return uids;
      EXPECT_LE(rows->items.size(), static_cast<size_t>(page_size));
      for (const StackRecord& record : rows->items) uids.push_back(record.stack().uid());
      EXPECT_NE(rows->next, page.after.empty() ? "-" : page.after) << "no step was made";
      page.after = rows->next;
      if (between) between();
    } while (!page.after.empty() && ++pages < 5000);
    return uids;
  }

  v1::ListStacksRequest RandomRequest() {
    v1::ListStacksRequest request;
    if (Chance(90)) request.set_filter(RandomFilter(2));
    request.set_order_by(OneOf<std::string>({"", "name", "name desc", "create_time",
                                             "create_time desc", "update_time", "update_time desc",
                                             "lease.end_time", "lease.end_time desc"}));
    request.set_show_deleted(Chance(30));
    return request;
  }

  std::mt19937 random_{20261126};
  // Names that stacks have, of each project.
  unsigned ids_ = 60;
  std::vector<StackRecord> stacks_made_;
};

STACKS_TEST_ON_BOTH(ListingTest);

TEST_P(ListingTest, EveryListingIsThatOfTheSlowWay) {
  Fill(kStacks);
  ASSERT_GT(stacks_made_.size(), 100u);
  Principal few = Person("ann", {"dev"});
  few.add_projects("aa-b");
  Principal many = Person("bob", {"dev"});
  for (int i = 0; i < 60; ++i) many.add_projects(absl::StrCat("p", i));
  many.add_projects("aa");
  const int rounds = GetParam() == Engine::kSqlite ? 600 : 80;
  size_t found = 0;
  for (int round = 0; round < rounds; ++round) {
    const v1::ListStacksRequest request = RandomRequest();
    const Principal caller = OneOf<Principal>({Everybody(), few, many});
    const std::string project = OneOf<std::string>({"", "", "web", "aa"});
    const ListingLimits limits{OneOf<int>({0, 4, 1000}), 5000, OneOf<int>({2, 9, 2000}),
                               OneOf<int>({1, 60, 10000})};
    const int size = OneOf<int>({1, 7, 50, 1000});
    const auto expected = Expected(caller, project, request);
    found += expected.size();
    ASSERT_EQ(Listed(caller, project, request, size, limits), expected)
        << "of " << project << " for " << caller.user() << ": " << request.ShortDebugString()
        << " in pages of " << size << ", few " << limits.few << ", rows " << limits.rows;
  }
  EXPECT_GT(found, static_cast<size_t>(rounds)) << "the filters find too little to tell";
}

TEST_P(ListingTest, PagesStayInPlaceWhileStacksChange) {
  Fill(120);
  for (const char* order : {"", "create_time desc", "lease.end_time"}) {
    v1::ListStacksRequest request;
    request.set_order_by(order);
    request.set_filter("labels.team = \"a\" OR labels.team = \"b\"");
    // Every third one changes its state, now and then.
    std::set<std::string> moving;
    for (size_t i = 0; i < stacks_made_.size(); i += 3) {
      moving.insert(stacks_made_[i].stack().uid());
    }
    const auto still = [&](std::vector<std::string> uids) {
      std::erase_if(uids, [&](const std::string& uid) { return moving.count(uid) > 0; });
      return uids;
    };
    const auto before = still(Expected(Everybody(), "", request));
    size_t next = 0;
    const auto seen = Listed(Everybody(), "", request, 5, {0, 5000, 9, 10000}, [&] {
      StackRecord& record = stacks_made_[next % stacks_made_.size()];
      next += 3;
      record.mutable_stack()->set_state(Chance(50) ? v1::Stack::READY : v1::Stack::FAILED);
      if (next % 2 == 0) record.mutable_stack()->mutable_labels()->erase("team");
      ASSERT_TRUE(
          store_->Write(Actor(), [&](Change& change) { return SaveStack(change, record); }).ok());
    });
    EXPECT_EQ(still(seen), before) << order;
  }
}

TEST_P(ListingTest, WhatIsPushedDownIsLookedUpAndNotScanned) {
  Fill(60);
  const auto plan_of = [&](const SqlQuery& statement) {
    std::vector<std::string> lines(64);
    const absl::Status read = db_->Read([&](soci::session& sql) {
      SqlQuery explained;
      if (db_->is_sqlite()) {
        std::vector<int> ids, parents, unused;
        explained << "EXPLAIN QUERY PLAN " << statement;
        explained.Run(sql, 64, ids, parents, unused, lines);
      } else {
        // Of so few rows the planner would rather read all.
        sql << "SET LOCAL enable_seqscan = off";
        explained << "EXPLAIN " << statement;
        explained.Run(sql, 64, lines);
      }
      return absl::OkStatus();
    });
    EXPECT_TRUE(read.ok()) << read;
    return lines;
  };
  for (const char* filter :
       {"", "state = READY", "labels.team = \"a\" AND state = READY", "labels:team",
        "creator = \"users/ann\" OR creator = \"users/bob\"", "labels.ticket = \"t1*\"",
        "template_version = \"templates/shop/*\"", "update_time > \"2020-01-01T00:00:00Z\"",
        "name = \"projects/web/stacks/s1*\""}) {
    for (const char* order :
         {"", "name desc", "create_time", "update_time desc", "lease.end_time"}) {
      for (const char* project : {"", "web"}) {
        for (const int few : {0, 1000}) {
          v1::ListStacksRequest request;
          request.set_filter(filter);
          request.set_order_by(order);
          const auto query = MakeStackQuery(Everybody(), project, request,
                                            *Filter::Parse(filter, v1::Stack::descriptor()));
          ASSERT_TRUE(query.ok()) << query.status();
          Page page;
          page.after = query->by_name() ? "web/s3/u" : "5/u";
          std::vector<SqlQuery> statements;
          ASSERT_TRUE(db_->Read([&](soci::session& sql) {
                           statements = StatementsOf(sql, *query, page, {few});
                           return absl::OkStatus();
                         })
                          .ok());
          EXPECT_THAT(statements, Not(IsEmpty()));
          for (const SqlQuery& statement : statements) {
            const auto lines = plan_of(statement);
            EXPECT_THAT(lines, Not(IsEmpty()));
            for (const std::string& line : lines) {
              const std::string all =
                  absl::StrCat(statement.text(), "\n", absl::StrJoin(lines, "\n"));
              EXPECT_FALSE(absl::StrContains(line, "SCAN i") || absl::StrContains(line, "SCAN t") ||
                           absl::StrContains(line, "SCAN x") || absl::StrContains(line, "SCAN s"))
                  << all;
              EXPECT_THAT(line, Not(HasSubstr("Seq Scan on stack"))) << all;
              // A walk comes in order; only what was gathered is sorted.
              if (few == 0 && absl::StrContains(statement.text(), "ORDER BY")) {
                EXPECT_THAT(line, Not(HasSubstr("TEMP B-TREE"))) << all;
              }
            }
          }
        }
      }
    }
  }
}

// ---- The listing as it is served
// -----------------------------------------------------------------

class ListStacksTest : public ListingTest {
 protected:
  std::vector<std::string> Names(const std::string& filter, const std::string& order = "") {
    v1::ListStacksRequest request;
    request.set_parent(kProject);
    request.set_filter(filter);
    request.set_order_by(order);
    std::vector<std::string> names;
    do {
      const auto page = stacks_->List(Ann(), request);
      EXPECT_TRUE(page.ok()) << page.status();
      if (!page.ok()) break;
      for (const v1::Stack& stack : page->stacks()) {
        names.push_back(stack.name().substr(std::string(kProject).size() + 8));
      }
      request.set_page_token(page->next_page_token());
    } while (!request.page_token().empty());
    return names;
  }
  void Sql(const std::string& statement) {
    const absl::Status done = db_->Write([&](soci::session& sql) {
      sql << statement;
      return absl::OkStatus();
    });
    ASSERT_TRUE(done.ok()) << done;
  }
  // Writes a stack as a replica does that knows of no index.
  void WriteBlindly(const std::string& id, const std::string& team) {
    const absl::Status done = store_->Write(Actor(), [&](Change& change) -> absl::Status {
      ASSIGN_OR_RETURN(StackRecord record, LockStack(change, {"web", id}));
      (*record.mutable_stack()->mutable_labels())["team"] = team;
      const std::string body = Pack(record);
      change.sql << "UPDATE stacks SET body = :body WHERE uid = :uid", soci::use(body),
          soci::use(record.stack().uid());
      return absl::OkStatus();
    });
    ASSERT_TRUE(done.ok()) << done;
  }
};

STACKS_TEST_ON_BOTH(ListStacksTest);

TEST_P(ListStacksTest, FollowsAStackThroughItsLife) {
  Create("one");
  EXPECT_THAT(Names("state = PENDING"), ElementsAre("one"));
  const auto plan = Acquire(internal::v1::Assignment::PLAN);
  EXPECT_THAT(Names("state = PENDING"), IsEmpty());
  EXPECT_THAT(Names("state = PLANNING AND creator = \"users/ann\""), ElementsAre("one"));
  clock_.Advance(absl::Minutes(1));
  Create("two");
  EXPECT_THAT(Names("", "update_time desc"), ElementsAre("two", "one"));
  EXPECT_THAT(Names("", "create_time"), ElementsAre("one", "two"));
  EXPECT_THAT(Names("", "name desc"), ElementsAre("two", "one"));
}

TEST_P(ListStacksTest, RefusesOrdersThatItDoesNotKeep) {
  v1::ListStacksRequest request;
  request.set_parent(kProject);
  for (const char* order : {"state", "name, create_time", "create_time asc", "nothing"}) {
    request.set_order_by(order);
    const auto page = stacks_->List(Ann(), request);
    EXPECT_EQ(ReasonOf(page.status()), v1::INVALID_FIELD) << order;
    EXPECT_THAT(FaultsOf(page.status()), Contains(HasSubstr("order_by"))) << order;
  }
}

TEST_P(ListStacksTest, ATokenIsForItsOrderAlone) {
  Create("one");
  Create("two");
  v1::ListStacksRequest request;
  request.set_parent(kProject);
  request.set_page_size(1);
  const auto page = stacks_->List(Ann(), request);
  ASSERT_TRUE(page.ok()) << page.status();
  request.set_page_token(page->next_page_token());
  EXPECT_THAT(stacks_->List(Ann(), request)->stacks(), SizeIs(1));
  request.set_order_by("create_time");
  EXPECT_EQ(ReasonOf(stacks_->List(Ann(), request).status()), v1::INVALID_FIELD);
}

TEST_P(ListStacksTest, FindsWhatOlderReplicasWrite) {
  Create("one");
  Create("two");
  WriteBlindly("one", "old");
  EXPECT_EQ(Count("SELECT COUNT(*) FROM stack_unindexed"), 1);
  EXPECT_THAT(Names("labels.team = \"old\""), ElementsAre("one"));
  EXPECT_EQ(Count("SELECT COUNT(*) FROM stack_unindexed"), 0);
  WriteBlindly("one", "older");
  EXPECT_THAT(Names("labels.team = \"old\""), IsEmpty());
  EXPECT_THAT(Names("labels.team = \"older\""), ElementsAre("one"));
  // And one that is new, and one that goes.
  Sql("INSERT INTO stacks (uid, project, id, holds_name, template, create_micros, body) "
      "SELECT 'copy', project, id, 0, template, create_micros, body FROM stacks WHERE id = 'one'");
  EXPECT_EQ(Count("SELECT COUNT(*) FROM stack_unindexed"), 1);
  Sql("DELETE FROM stacks WHERE uid = 'copy'");
  Sql("DELETE FROM stacks WHERE id = 'two'");
  EXPECT_THAT(Names("state = PENDING"), ElementsAre("one"));
  EXPECT_EQ(Count("SELECT COUNT(*) FROM stack_index"), 1);
}

TEST_P(ListStacksTest, OwnWritesLeaveNothingToBeIndexed) {
  MakeReady("shop");
  ASSERT_TRUE(Delete("shop").ok());
  EXPECT_EQ(Count("SELECT COUNT(*) FROM stack_unindexed"), 0);
}

TEST_P(ListStacksTest, StacksFromBeforeTheIndexAreListedWhileItIsMade) {
  ids_ = 1000;
  Fill(450);
  const size_t live = Expected(Ann(), "web", {}).size();
  ASSERT_GT(live, 20u);
  const std::string filter = "labels.team = \"a\"";
  const auto before = Names(filter);
  ASSERT_THAT(before, Not(IsEmpty()));
  Sql("DELETE FROM stack_index");
  Sql("DELETE FROM stack_terms");
  Sql("UPDATE stack_index_progress SET done = 0, after_uid = ''");
  int steps = 0;
  bool done = false;
  while (!done) {
    EXPECT_EQ(Names(filter), before) << "after " << steps << " steps";
    v1::ListStacksRequest request;
    request.set_parent(kProject);
    request.set_order_by("create_time");
    EXPECT_EQ(ReasonOf(stacks_->List(Ann(), request).status()), v1::DEPENDENCY_UNAVAILABLE);
    const auto more = IndexMore(*store_);
    ASSERT_TRUE(more.ok()) << more.status();
    done = *more;
    ++steps;
  }
  EXPECT_GT(steps, 1);
  EXPECT_EQ(Names(filter), before);
  EXPECT_EQ(Count("SELECT COUNT(*) FROM stack_index"), Count("SELECT COUNT(*) FROM stacks"));
  for (int round = 0; round < 30; ++round) {
    const v1::ListStacksRequest request = RandomRequest();
    ASSERT_EQ(Listed(Everybody(), "", request, 50, {}), Expected(Everybody(), "", request))
        << request.ShortDebugString();
  }
}

}  // namespace
}  // namespace stackyard::stacks

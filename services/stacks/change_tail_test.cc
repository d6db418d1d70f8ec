// Replicas hear of each other's changes: two stores over one database.
#include "services/stacks/change_tail.h"

#include "absl/strings/str_cat.h"
#include "services/stacks/test_env.h"

namespace stackyard::stacks {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

class ChangeTailTest : public StacksTest {
 protected:
  void SetUp() override {
    StacksTest::SetUp();
    if (store_ == nullptr) return;
    other_ = std::make_unique<Store>(*db_, clock_, other_signals_, store_->sealer());
    tail_ = MakeTail(*store_);
    Look();
  }
  std::unique_ptr<ChangeTail> MakeTail(Store& store) {
    return std::make_unique<ChangeTail>(
        store, ChangeTail::Listener{[this](const std::set<std::string>& names) {
                                      heard_.insert(heard_.end(), names.begin(), names.end());
                                    },
                                    [this] { ++gaps_; }});
  }
  // What the tail hears of in one look.
  std::vector<std::string> Look() {
    heard_.clear();
    const absl::Status status = tail_->Look();
    EXPECT_TRUE(status.ok()) << status;
    return heard_;
  }
  static void Touch(Store& store, const std::set<std::string>& names) {
    const absl::Status done = store.Write(Actor(), [&](Change& change) {
      change.touched.names = names;
      return absl::OkStatus();
    });
    ASSERT_TRUE(done.ok()) << done;
  }
  void Sql(const std::string& statement) {
    const absl::Status done = db_->Write([&](soci::session& sql) {
      sql << statement;
      return absl::OkStatus();
    });
    ASSERT_TRUE(done.ok()) << done;
  }
  int64_t Highest() { return Count("SELECT COALESCE(MAX(id), 0) FROM touches"); }
  void Insert(int64_t id, const std::string& name) {
    Sql(absl::StrCat("INSERT INTO touches (id, origin, names, create_micros) VALUES (", id,
                     ", 'elsewhere', '", name, "', ", absl::ToUnixMicros(clock_.TimeNow()), ")"));
  }

  Signals other_signals_;
  std::unique_ptr<Store> other_;
  std::unique_ptr<ChangeTail> tail_;
  std::vector<std::string> heard_;
  int gaps_ = 0;
};

STACKS_TEST_ON_BOTH(ChangeTailTest);

TEST_P(ChangeTailTest, WhatOthersTouchIsHeardOnceAndOnesOwnIsNot) {
  Touch(*other_, {"a", "b"});
  Touch(*store_, {"mine"});
  Touch(*other_, {"c"});
  EXPECT_THAT(Look(), UnorderedElementsAre("a", "b", "c"));
  EXPECT_THAT(Look(), IsEmpty());
  Touch(*other_, {"a"});
  EXPECT_THAT(Look(), ElementsAre("a"));
  EXPECT_EQ(gaps_, 0);
}

TEST_P(ChangeTailTest, EveryChangeOfAStackIsHeard) {
  StackManager manager(*other_, *blobs_);
  const auto operation = manager.Create(Ann(), CreateRequest("shop"));
  ASSERT_TRUE(operation.ok()) << operation.status();
  const auto heard = Look();
  EXPECT_THAT(heard, Contains(StackOf("shop")));
  EXPECT_THAT(heard, Contains(kProject));
  EXPECT_THAT(heard, Contains(operation->name()));
}

TEST_P(ChangeTailTest, WhatIsRolledBackIsNotHeard) {
  const absl::Status done = other_->Write(Actor(), [](Change& change) {
    change.touched.names = {"a"};
    return absl::CancelledError("no");
  });
  EXPECT_FALSE(done.ok());
  EXPECT_THAT(Look(), IsEmpty());
}

TEST_P(ChangeTailTest, ALowerNumberThatCommitsLaterIsHeard) {
  const int64_t high = Highest();
  Insert(high + 3, "third");
  EXPECT_THAT(Look(), ElementsAre("third"));
  clock_.Advance(absl::Seconds(20));
  Insert(high + 1, "first");
  EXPECT_THAT(Look(), ElementsAre("first"));
  Insert(high + 4, "fourth");
  clock_.Advance(absl::Seconds(20));
  Insert(high + 2, "second");
  EXPECT_THAT(Look(), UnorderedElementsAre("second", "fourth"));
  EXPECT_THAT(Look(), IsEmpty());
}

TEST_P(ChangeTailTest, WhatWasOnItsWayAtTheStartIsHeard) {
  const int64_t high = Highest();
  Insert(high + 5, "later");
  auto late = MakeTail(*store_);
  heard_.clear();
  ASSERT_TRUE(late->Look().ok());
  Insert(high + 2, "earlier");
  heard_.clear();
  ASSERT_TRUE(late->Look().ok());
  EXPECT_THAT(heard_, ElementsAre("earlier"));
}

TEST_P(ChangeTailTest, ManyAreHeardInOrderOfNumbersWhateverTheirCount) {
  std::vector<std::string> expected;
  for (int i = 0; i < 2300; ++i) {
    const std::string name = absl::StrCat("n", i);
    Insert(Highest() + 1 + i % 2, name);
    expected.push_back(name);
  }
  auto heard = Look();
  std::sort(heard.begin(), heard.end());
  std::sort(expected.begin(), expected.end());
  EXPECT_EQ(heard, expected);
}

TEST_P(ChangeTailTest, WhoWasAwayForLongLooksAtEverything) {
  Touch(*other_, {"a"});
  clock_.Advance(absl::Minutes(10));
  ASSERT_TRUE(tail_->Prune().ok());
  EXPECT_EQ(Count("SELECT COUNT(*) FROM touches"), 0);
  EXPECT_THAT(Look(), IsEmpty());
  EXPECT_EQ(gaps_, 1);
  Look();
  EXPECT_EQ(gaps_, 1);
}

TEST_P(ChangeTailTest, RowsAreKeptAsLongAsSomebodyMayNeedThem) {
  Touch(*other_, {"a"});
  clock_.Advance(absl::Seconds(50));
  ASSERT_TRUE(tail_->Prune().ok());
  EXPECT_THAT(Look(), ElementsAre("a"));
  EXPECT_EQ(gaps_, 0);
}

}  // namespace
}  // namespace stackyard::stacks

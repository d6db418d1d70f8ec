// Reads of single stacks through two replicas, while both write.
#include "services/stacks/stack_reads.h"

#include <atomic>
#include <thread>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/blob_store.h"
#include "services/stacks/schema.h"
#include "services/stacks/stack_index.h"
#include "services/stacks/test_env.h"
#include "tests/support/postgres.h"

namespace stackyard::stacks {
namespace {

constexpr int64_t kCache = 1 << 20;

// A second process over the same database.
struct Replica {
  explicit Replica(Database& database, const Clock& clock, const Sealer& sealer, BlobStore& blobs)
      : store(database, clock, signals, sealer), manager(store, blobs), reads(store, kCache) {}

  Signals signals;
  Store store;
  StackManager manager;
  StackReads reads;
};

class ReadsTest : public StacksTest {
 protected:
  void SetUp() override {
    StacksTest::SetUp();
    if (store_ == nullptr) return;
    one_ = std::make_unique<Replica>(*db_, clock_, store_->sealer(), *blobs_);
    auto other = Database::Open(url(), Schema());
    ASSERT_TRUE(other.ok()) << other.status();
    other_db_ = *std::move(other);
    two_ = std::make_unique<Replica>(*other_db_, clock_, store_->sealer(), *blobs_);
  }

  // As the handler does; `hit` tells whether memory answered.
  static absl::StatusOr<v1::Stack> Get(StackReads& reads, const std::string& name,
                                       bool* hit = nullptr) {
    AnswerBytes bytes = reads.Remembered(name);
    if (hit != nullptr) *hit = bytes != nullptr;
    if (bytes == nullptr) {
      absl::StatusOr<AnswerBytes> answer = absl::UnknownError("not answered");
      Notifier answered;
      reads.Read(name, [&](const absl::StatusOr<AnswerBytes>& found) {
        answer = found;
        answered.Notify();
      });
      answered.Wait(0, absl::InfiniteDuration());
      if (!answer.ok()) return answer.status();
      bytes = *answer;
    }
    v1::Stack stack;
    if (!stack.ParseFromString(*bytes)) return absl::InternalError("no stack");
    return stack;
  }
  // Whether memory answers a stack once it was read.
  static bool IsKept(StackReads& reads, const std::string& name) {
    bool hit = false;
    EXPECT_TRUE(Get(reads, name).ok());
    EXPECT_TRUE(Get(reads, name, &hit).ok());
    return hit;
  }
  static std::string TitleOf(StackReads& reads, const std::string& name) {
    const auto stack = Get(reads, name);
    EXPECT_TRUE(stack.ok()) << stack.status();
    return stack.ok() ? stack->display_name() : "";
  }
  static void Entitle(StackManager& manager, const std::string& name, const std::string& title) {
    v1::UpdateStackRequest request;
    request.mutable_stack()->set_name(name);
    request.mutable_stack()->set_display_name(title);
    request.mutable_update_mask()->add_paths("display_name");
    const auto done = manager.Update(Ann(), request);
    ASSERT_TRUE(done.ok()) << done.status();
  }
  void Sql(const std::string& statement) {
    const absl::Status done = db_->Write([&](soci::session& sql) {
      sql << statement;
      return absl::OkStatus();
    });
    ASSERT_TRUE(done.ok()) << done;
  }
  // What a reader sees must be there when it begins to look.
  static int64_t NumberOf(StackReads& reads, const std::string& name) {
    int64_t number = -1;
    const std::string title = TitleOf(reads, name);
    EXPECT_TRUE(absl::SimpleAtoi(title, &number)) << title;
    return number;
  }
  bool keeps() const { return GetParam() == Engine::kSqlite; }

  std::unique_ptr<Database> other_db_;
  std::unique_ptr<Replica> one_, two_;
};

STACKS_TEST_ON_BOTH(ReadsTest);

TEST_P(ReadsTest, AnswersWhatTheManagerDoes) {
  MakeReady("shop");
  const std::string name = StackOf("shop");
  for (int i = 0; i < 3; ++i) {
    const auto stack = Get(one_->reads, name);
    ASSERT_TRUE(stack.ok()) << stack.status();
    EXPECT_EQ(stack->DebugString(), GetStack("shop").DebugString());
  }
  EXPECT_EQ(IsKept(one_->reads, name), keeps());
}

TEST_P(ReadsTest, ErrorsAreThoseOfARead) {
  EXPECT_EQ(ReasonOf(Get(one_->reads, StackOf("none")).status()), v1::RESOURCE_NOT_FOUND);
  EXPECT_EQ(ReasonOf(Get(one_->reads, "none").status()), v1::INVALID_FIELD);
  EXPECT_EQ(ReasonOf(Get(one_->reads, "").status()), v1::INVALID_FIELD);
  // What is not there is not remembered.
  Create("none");
  EXPECT_TRUE(Get(one_->reads, StackOf("none")).ok());
}

TEST_P(ReadsTest, ANameThatIsUsedAgainIsTheNewStacks) {
  Create("shop");
  const std::string first = Get(one_->reads, StackOf("shop"))->uid();
  Acquire(internal::v1::Assignment::PLAN);
  Sql("UPDATE stacks SET holds_name = 0 WHERE id = 'shop'");
  clock_.Advance(absl::Seconds(1));
  Create("shop");
  EXPECT_NE(Get(one_->reads, StackOf("shop"))->uid(), first);
}

TEST_P(ReadsTest, AWriteIsSeenByTheNextReadOfEveryReplica) {
  Create("shop");
  Create("other");
  const std::string name = StackOf("shop");
  for (int i = 0; i < 20; ++i) {
    for (Replica* writer : {one_.get(), two_.get()}) {
      const std::string title = absl::StrCat("t", i, writer == one_.get());
      Entitle(writer->manager, name, title);
      EXPECT_EQ(TitleOf(one_->reads, name), title);
      EXPECT_EQ(TitleOf(two_->reads, name), title);
    }
  }
}

TEST_P(ReadsTest, WhatOthersWriteLeavesTheRestInMemory) {
  if (!keeps()) return;
  Create("shop");
  Create("other");
  EXPECT_TRUE(IsKept(one_->reads, StackOf("shop")));
  EXPECT_TRUE(IsKept(one_->reads, StackOf("other")));
  Entitle(two_->manager, StackOf("other"), "new");
  // The number has moved on, so nothing is answered until somebody looked; then only what was
  // written is read again.
  EXPECT_EQ(one_->reads.Remembered(StackOf("shop")), nullptr);
  EXPECT_EQ(TitleOf(one_->reads, StackOf("other")), "new");
  EXPECT_NE(one_->reads.Remembered(StackOf("shop")), nullptr);
}

TEST_P(ReadsTest, RowsThatWereDroppedAreMissed) {
  Create("shop");
  EXPECT_EQ(IsKept(one_->reads, StackOf("shop")), keeps());
  Entitle(two_->manager, StackOf("shop"), "new");
  Sql("DELETE FROM touches");
  EXPECT_EQ(TitleOf(one_->reads, StackOf("shop")), "new");
  EXPECT_EQ(IsKept(one_->reads, StackOf("shop")), keeps());
}

TEST_P(ReadsTest, WhoTellsNobodyIsNoticed) {
  Create("shop");
  const std::string name = StackOf("shop");
  const auto write_blindly = [&](const std::string& title) {
    ASSERT_TRUE(db_->Write([&](soci::session& sql) -> absl::Status {
                     ASSIGN_OR_RETURN(StackRecord record, FindStack(sql, {"web", "shop"}));
                     record.mutable_stack()->set_display_name(title);
                     const std::string body = Pack(record);
                     sql << "UPDATE stacks SET body = :body WHERE id = 'shop'", soci::use(body);
                     return absl::OkStatus();
                   })
                    .ok());
  };
  IsKept(one_->reads, name);
  write_blindly("first");
  EXPECT_EQ(TitleOf(one_->reads, name), "first");
  write_blindly("second");
  EXPECT_EQ(TitleOf(one_->reads, name), "second");
  // Two writes in one look, the index made good in between.
  write_blindly("third");
  ASSERT_TRUE(IndexMore(*store_).ok());
  EXPECT_EQ(TitleOf(one_->reads, name), "third");
  EXPECT_EQ(IsKept(one_->reads, name), keeps());
  Sql("DELETE FROM stacks WHERE id = 'shop'");
  EXPECT_EQ(ReasonOf(Get(one_->reads, name).status()), v1::RESOURCE_NOT_FOUND);
}

TEST_P(ReadsTest, WithoutMemoryEverythingIsRead) {
  StackReads bare(*store_, 0);
  Create("shop");
  EXPECT_FALSE(IsKept(bare, StackOf("shop")));
}

// Writers count up in the title of a stack, each in one of its own; readers go from replica to
// replica. None may see less than what was written when it began, nor less than it saw before.
TEST_P(ReadsTest, ReadsNeverGoBack) {
  constexpr int kWriters = 2;
  const int writes = GetParam() == Engine::kSqlite ? 150 : 60;
  for (int i = 0; i < kWriters; ++i) {
    Create(absl::StrCat("shop-", i));
    Entitle(*stacks_, StackOf(absl::StrCat("shop-", i)), "0");
  }
  std::atomic<int64_t> written[kWriters] = {};
  std::atomic<int> writing = kWriters;
  std::atomic<int64_t> hits = 0, looks = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < kWriters; ++i) {
    threads.emplace_back([&, i] {
      const std::string name = StackOf(absl::StrCat("shop-", i));
      for (int number = 1; number <= writes; ++number) {
        Replica& replica = number % 2 == 0 ? *one_ : *two_;
        Entitle(replica.manager, name, absl::StrCat(number));
        written[i] = number;
        // What was answered is read back at the other one.
        EXPECT_GE(NumberOf((number % 2 == 0 ? *two_ : *one_).reads, name), number);
      }
      --writing;
    });
  }
  for (int reader = 0; reader < 3; ++reader) {
    threads.emplace_back([&, reader] {
      int64_t seen[kWriters] = {};
      for (int turn = reader; writing > 0; ++turn) {
        const int which = turn % kWriters;
        const std::string name = StackOf(absl::StrCat("shop-", which));
        StackReads& reads = (turn / 2) % 2 == 0 ? one_->reads : two_->reads;
        const int64_t before = written[which];
        bool hit = false;
        const auto stack = Get(reads, name, &hit);
        ASSERT_TRUE(stack.ok()) << stack.status();
        int64_t number = -1;
        ASSERT_TRUE(absl::SimpleAtoi(stack->display_name(), &number));
        ASSERT_GE(number, before) << "older than what was there when the read began";
        ASSERT_GE(number, seen[which]) << "older than what was read before";
        seen[which] = number;
        hits += hit ? 1 : 0;
        ++looks;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_GT(looks, 0);
  if (keeps()) {
    EXPECT_GT(hits, 0) << "nothing was tested";
  }
}

}  // namespace
}  // namespace stackyard::stacks

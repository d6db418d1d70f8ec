// What is written down: the event log, listings, tasks.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "services/stacks/events.h"
#include "services/stacks/task_store.h"
#include "services/stacks/test_env.h"

namespace stackyard::stacks {
namespace {

using internal::v1::Assignment;
using testing::HasSubstr;
using testing::SizeIs;

class EventLogTest : public StacksTest {
 protected:
  // Writes `count` events of a project, with details.
  void Write(const std::string& project, int count) {
    const absl::Status written =
        store_->Write({"users/ann", "req"}, [&](Change& change) -> absl::Status {
          for (int i = 0; i < count; ++i) {
            v1::Event event;
            event.set_type("test.happened");
            event.set_message(absl::StrCat("number ", i));
            auto& details = *event.mutable_details()->mutable_fields();
            for (const char* key : {"b", "a", "d", "c"}) details[key].set_number_value(i);
            if (auto status = AppendEvent(change, project, event); !status.ok()) return status;
          }
          return absl::OkStatus();
        });
    ASSERT_TRUE(written.ok()) << written;
  }
  void Sql(const std::string& statement) {
    const absl::Status done = store_->Write(Actor(), [&](Change& change) {
      change.sql << statement;
      return absl::OkStatus();
    });
    ASSERT_TRUE(done.ok()) << done;
  }
  // Changes the row of an event without its hash.
  void Forge(const std::string& project, int64_t sequence,
             const std::function<void(v1::Event&)>& edit) {
    const absl::Status done = store_->Write(Actor(), [&](Change& change) -> absl::Status {
      auto event = FindEvent(change.sql, project, sequence);
      if (!event.ok()) return event.status();
      edit(*event);
      const std::string body = Pack(*event);
      change.sql << "UPDATE events SET body = :body WHERE project = :project AND sequence = :s",
          soci::use(body), soci::use(project), soci::use(sequence);
      return absl::OkStatus();
    });
    ASSERT_TRUE(done.ok()) << done;
  }
  void ExpectBroken(const std::string& project, int64_t sequence, const std::string& message) {
    const v1::VerifyEventsResponse response = Verify(project);
    EXPECT_FALSE(response.intact());
    EXPECT_EQ(response.broken_sequence(), sequence);
    EXPECT_THAT(response.message(), HasSubstr(message));
  }
};

STACKS_TEST_ON_BOTH(EventLogTest);

TEST_P(EventLogTest, EventsAreNumberedAndSigned) {
  Write("a", 3);
  const auto event =
      store_->ReadValue<v1::Event>([&](soci::session& sql) { return FindEvent(sql, "a", 2); });
  ASSERT_TRUE(event.ok()) << event.status();
  EXPECT_EQ(event->name(), "projects/a/events/2");
  EXPECT_EQ(event->actor(), "users/ann");
  EXPECT_EQ(event->request_id(), "req");
  EXPECT_EQ(FromProto(event->time()), clock_.TimeNow());
  EXPECT_EQ(event->hash().size(), 64u);
  EXPECT_TRUE(Verify("a").intact());
  EXPECT_EQ(Verify("a").checked(), 3);
  EXPECT_TRUE(Verify("nobody").intact());
}

TEST_P(EventLogTest, ALongLogVerifies) {
  Write("long", 2500);
  EXPECT_EQ(Verify("long").checked(), 2500);
  EXPECT_TRUE(Verify("long").intact());
  Forge("long", 2100, [](v1::Event& event) { event.set_message("nothing"); });
  ExpectBroken("long", 2100, "was changed");
}

TEST_P(EventLogTest, AChangedEventIsFound) {
  for (const auto& [project, edit] : std::map<std::string, std::function<void(v1::Event&)>>{
           {"message", [](v1::Event& event) { event.set_message("nothing to see"); }},
           {"actor", [](v1::Event& event) { event.set_actor("users/eve"); }},
           {"time", [](v1::Event& event) { event.mutable_time()->set_seconds(1); }},
           {"hash", [](v1::Event& event) { event.set_hash(std::string(64, '0')); }},
           {"details", [](v1::Event& event) {
              (*event.mutable_details()->mutable_fields())["a"].set_number_value(77);
            }}}) {
    Write(project, 5);
    Forge(project, 3, edit);
    ExpectBroken(project, 3, "was changed");
  }
}

TEST_P(EventLogTest, AMissingEventIsFound) {
  Write("middle", 5);
  Sql("DELETE FROM events WHERE project = 'middle' AND sequence = 3");
  ExpectBroken("middle", 3, "missing");
  Write("first", 5);
  Sql("DELETE FROM events WHERE project = 'first' AND sequence = 1");
  ExpectBroken("first", 1, "missing");
  Write("last", 5);
  Sql("DELETE FROM events WHERE project = 'last' AND sequence = 5");
  ExpectBroken("last", 5, "missing");
  Write("all", 2);
  Sql("DELETE FROM events WHERE project = 'all'");
  ExpectBroken("all", 1, "missing");
}

TEST_P(EventLogTest, SwappedEventsAreFound) {
  Write("a", 5);
  Sql("UPDATE events SET sequence = 100 WHERE project = 'a' AND sequence = 2");
  Sql("UPDATE events SET sequence = 2 WHERE project = 'a' AND sequence = 4");
  Sql("UPDATE events SET sequence = 4 WHERE project = 'a' AND sequence = 100");
  ExpectBroken("a", 2, "");
  // The numbers inside swapped as well.
  Write("b", 5);
  Sql("UPDATE events SET sequence = 100 WHERE project = 'b' AND sequence = 2");
  Sql("UPDATE events SET sequence = 2 WHERE project = 'b' AND sequence = 4");
  Sql("UPDATE events SET sequence = 4 WHERE project = 'b' AND sequence = 100");
  Forge("b", 2, [](v1::Event& event) { event.set_sequence(2); });
  Forge("b", 4, [](v1::Event& event) { event.set_sequence(4); });
  ExpectBroken("b", 2, "was changed");
}

TEST_P(EventLogTest, ARowUnderAnotherNumberIsFound) {
  Write("last", 5);
  Sql("UPDATE events SET sequence = 7 WHERE project = 'last' AND sequence = 5");
  ExpectBroken("last", 5, "missing");
  Write("before", 5);
  Sql("INSERT INTO events (project, sequence, body) "
      "SELECT project, 0, body FROM events WHERE project = 'before' AND sequence = 3");
  ExpectBroken("before", 1, "out of its place");
  Write("behind", 5);
  Sql("INSERT INTO events (project, sequence, body) "
      "SELECT project, 6, body FROM events WHERE project = 'behind' AND sequence = 5");
  ExpectBroken("behind", 6, "out of its place");
  Write("other", 5);
  Sql("DELETE FROM events WHERE project = 'other' AND sequence = 2");
  Sql("INSERT INTO events (project, sequence, body) "
      "SELECT 'other', 2, body FROM events WHERE project = 'last' AND sequence = 2");
  ExpectBroken("other", 2, "was changed");
}

TEST_P(EventLogTest, ACutOffEndIsFoundThoughTheHeadFollows) {
  Write("gone", 5);
  Sql("DELETE FROM event_heads WHERE project = 'gone'");
  ExpectBroken("gone", 1, "from outside");
  // The head goes back to the event before, but not its hash.
  Write("back", 5);
  Sql("DELETE FROM events WHERE project = 'back' AND sequence = 5");
  Sql("UPDATE event_heads SET sequence = 4 WHERE project = 'back'");
  ExpectBroken("back", 5, "missing");
  Write("broken", 3);
  Sql("UPDATE events SET body = '!' WHERE project = 'broken' AND sequence = 2");
  ExpectBroken("broken", 2, "cannot be read");
}

TEST_P(EventLogTest, EveryTransitionIsInTheLogWithItsStates) {
  MakeReady();
  ASSERT_TRUE(Delete("shop").ok());
  const Assignment destroy = Acquire(Assignment::DESTROY);
  ASSERT_TRUE(SaveState(destroy, StateOf(2, 0)).ok());
  ASSERT_TRUE(Complete(destroy).ok());
  std::string state = "PENDING";
  int transitions = 0;
  const absl::Status read = store_->Read([&](soci::session& sql) -> absl::Status {
    Page page;
    page.size = 1000;
    const auto rows = ListEvents(sql, "web", page, true, [](const v1::Event&) { return true; });
    if (!rows.ok()) return rows.status();
    for (const v1::Event& event : rows->items) {
      if (event.from_state().empty()) continue;
      EXPECT_EQ(event.from_state(), state) << event.type();
      state = event.to_state();
      ++transitions;
    }
    return absl::OkStatus();
  });
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(state, "DESTROYED");
  EXPECT_EQ(transitions, 7);
}

TEST_P(EventLogTest, APageGoesOnWhereTheLastOneEndedWhateverIsAdded) {
  for (const char* id : {"bb", "dd", "ff", "hh"}) Create(id);
  v1::ListStacksRequest list;
  list.set_parent(kProject);
  list.set_page_size(2);
  const auto first = stacks_->List(Ann(), list);
  ASSERT_TRUE(first.ok()) << first.status();
  ASSERT_EQ(first->stacks_size(), 2);
  EXPECT_EQ(first->stacks(1).name(), StackOf("dd"));
  for (const char* id : {"aa", "cc", "ee"}) Create(id);
  list.set_page_token(first->next_page_token());
  const auto second = stacks_->List(Ann(), list);
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(second->stacks(0).name(), StackOf("ee"));
  EXPECT_EQ(second->stacks(1).name(), StackOf("ff"));
  list.set_page_token(second->next_page_token());
  const auto third = stacks_->List(Ann(), list);
  ASSERT_EQ(third->stacks_size(), 1);
  EXPECT_EQ(third->stacks(0).name(), StackOf("hh"));
  EXPECT_EQ(third->next_page_token(), "");
  list.set_filter("state = PENDING");
  EXPECT_EQ(ReasonOf(stacks_->List(Ann(), list).status()), v1::INVALID_FIELD)
      << "a token is for its own listing";
  list.clear_page_token();
  list.set_page_size(0);
  EXPECT_EQ(stacks_->List(Ann(), list)->stacks_size(), 7);
  list.set_order_by("state");
  EXPECT_EQ(ReasonOf(stacks_->List(Ann(), list).status()), v1::INVALID_FIELD);
}

TEST_P(EventLogTest, RunsOfNoStackAreNotFound) {
  v1::ListRunsRequest request;
  request.set_parent(StackOf("none"));
  EXPECT_EQ(ReasonOf(runs_->List(Ann(), request).status()), v1::RESOURCE_NOT_FOUND);
  request.set_parent("projects/web/stacks/shop/runs");
  EXPECT_EQ(ReasonOf(runs_->List(Ann(), request).status()), v1::INVALID_FIELD);
}

TEST_P(EventLogTest, ListingsNewestFirstStandStillToo) {
  MakeReady();
  // Over ten of each, so that numbers and texts sort in different ways.
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(stacks_->Update(Ann(), UpdateRequest("shop", 3 + i % 5)).ok());
    ASSERT_TRUE(Complete(Acquire(Assignment::PLAN), RunFailed("no")).ok());
  }
  v1::ListRunsRequest runs;
  runs.set_parent(StackOf("shop"));
  runs.set_page_size(2);
  auto page = runs_->List(Ann(), runs);
  ASSERT_TRUE(page.ok()) << page.status();
  EXPECT_EQ(page->runs(0).name(), StackOf("shop") + "/runs/12");
  ASSERT_TRUE(stacks_->Update(Ann(), UpdateRequest("shop", 8)).ok());
  Create("aaa");
  runs.set_page_token(page->next_page_token());
  page = runs_->List(Ann(), runs);
  EXPECT_EQ(page->runs(0).name(), StackOf("shop") + "/runs/10");
  v1::ListRunsRequest all;
  all.set_parent("projects/-/stacks/-");
  all.set_page_size(1);
  std::vector<std::string> names;
  do {
    const auto answer = runs_->List(Ann(), all);
    ASSERT_TRUE(answer.ok()) << answer.status();
    for (const v1::Run& run : answer->runs()) names.push_back(run.name());
    all.set_page_token(answer->next_page_token());
  } while (!all.page_token().empty());
  EXPECT_EQ(names.size(), 14u);
  EXPECT_EQ(names.front(), StackOf("aaa") + "/runs/1");
  std::sort(names.begin(), names.end());
  EXPECT_EQ(std::unique(names.begin(), names.end()), names.end());

  v1::ListRevisionsRequest revisions;
  revisions.set_parent(StackOf("shop"));
  revisions.set_page_size(3);
  const auto some = stacks_->ListRevisions(revisions);
  ASSERT_TRUE(some.ok()) << some.status();
  EXPECT_EQ(some->revisions(0).number(), 12);
  revisions.set_page_token(some->next_page_token());
  EXPECT_EQ(stacks_->ListRevisions(revisions)->revisions(0).number(), 9);
}

TEST_P(EventLogTest, ResourcesAreListedByAddress) {
  MakeReady("shop", 3);
  v1::ListResourcesRequest list;
  list.set_parent(StackOf("shop"));
  list.set_page_size(2);
  const auto first = stacks_->ListResources(list);
  ASSERT_TRUE(first.ok()) << first.status();
  ASSERT_EQ(first->resources_size(), 2);
  EXPECT_EQ(first->resources(0).name(), StackOf("shop") + "/resources/aws_instance.web[0]");
  list.set_page_token(first->next_page_token());
  const auto second = stacks_->ListResources(list);
  EXPECT_EQ(second->resources_size(), 1);
  EXPECT_EQ(second->next_page_token(), "");
  v1::GetResourceRequest get;
  get.set_name(first->resources(1).name());
  EXPECT_EQ(stacks_->GetResource(get)->id(), "i-1");
  get.set_name(StackOf("shop") + "/resources/none");
  EXPECT_EQ(ReasonOf(stacks_->GetResource(get).status()), v1::RESOURCE_NOT_FOUND);
}

class TaskStoreTest : public StacksTest {
 protected:
  void Do(const std::function<absl::Status(Change&)>& body) {
    const absl::Status done = store_->Write(Actor(), body);
    ASSERT_TRUE(done.ok()) << done;
  }
  void Add(const std::string& reservation) {
    Do([&](Change& change) {
      TaskRecord record;
      record.set_kind(TaskRecord::COMMIT);
      record.set_reservation(reservation);
      AddTask(change, "commit/a", record, change.now);
      return absl::OkStatus();
    });
  }
  std::vector<DueTask> Claim() {
    auto tasks = store_->WriteValue<std::vector<DueTask>>(Actor(), [](Change& change) {
      return ClaimTasks(change, 8, change.now + absl::Minutes(1));
    });
    EXPECT_TRUE(tasks.ok()) << tasks.status();
    return tasks.ok() ? *tasks : std::vector<DueTask>();
  }
  bool Finish(const DueTask& task) {
    bool finished = false;
    Do([&](Change& change) {
      finished = FinishTask(change, task);
      return absl::OkStatus();
    });
    return finished;
  }
};

STACKS_TEST_ON_BOTH(TaskStoreTest);

TEST_P(TaskStoreTest, ATaskIsClaimedByOneAndComesBackWhenItsClaimRunsOut) {
  Add("a");
  const auto first = Claim();
  ASSERT_THAT(first, SizeIs(1));
  EXPECT_THAT(Claim(), SizeIs(0));
  clock_.Advance(absl::Minutes(2));
  const auto second = Claim();
  ASSERT_THAT(second, SizeIs(1));
  EXPECT_FALSE(Finish(first[0])) << "another has it now";
  EXPECT_TRUE(Finish(second[0]));
  EXPECT_FALSE(Finish(second[0]));
}

TEST_P(TaskStoreTest, WhoClaimedTheOldContentDoesNotEndTheNew) {
  Add("old");
  const auto old = Claim();
  Add("new");
  EXPECT_FALSE(Finish(old.at(0)));
  const auto current = Claim();
  ASSERT_THAT(current, SizeIs(1));
  EXPECT_EQ(current[0].record.reservation(), "new");
  EXPECT_FALSE(Finish(old[0]));
  EXPECT_TRUE(Finish(current[0]));
}

TEST_P(TaskStoreTest, APostponedTaskWaits) {
  Add("a");
  const auto tasks = Claim();
  Do([&](Change& change) {
    PostponeTask(change, tasks.at(0), change.now + absl::Hours(1));
    return absl::OkStatus();
  });
  clock_.Advance(absl::Minutes(59));
  EXPECT_THAT(Claim(), SizeIs(0));
  clock_.Advance(absl::Minutes(1));
  EXPECT_THAT(Claim(), SizeIs(1));
}

}  // namespace
}  // namespace stackyard::stacks

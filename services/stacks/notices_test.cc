// Who is told what, and reads it.
#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "services/stacks/event_types.h"
#include "services/stacks/notices_env.h"

namespace stackyard::stacks {
namespace {

using internal::v1::Assignment;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

STACKS_TEST_ON_BOTH(NoticesTest);

TEST_P(NoticesTest, TheWayOfAStackIsToldToThoseWhomItConcerns) {
  Create("shop");
  Plan(PlanOf("plan-1", 1, 1));
  Announce();
  const Principal ann = Caller("ann", {"dev"}), dan = Caller("dan", {"devops"});
  EXPECT_THAT(Types(ann), IsEmpty());
  ASSERT_THAT(Notices(dan), SizeIs(1));
  EXPECT_EQ(Notices(dan)[0].resource(), PendingRequest().name());
  EXPECT_THAT(Types(Caller("eve", {"dev"})), IsEmpty());
  ApproveAll();
  Apply(StateOf(1, 1));
  Announce();
  EXPECT_THAT(Types(ann), ElementsAre("stack.applied", "changeRequest.approved"));
  const Notification ready = Notices(ann)[0];
  EXPECT_EQ(ready.title(), "Stack web/shop is ready");
  EXPECT_EQ(ready.resource(), StackOf("shop"));
  EXPECT_FALSE(ready.read());
  EXPECT_EQ(FromProto(ready.create_time()), clock_.TimeNow());
  ASSERT_TRUE(Delete("shop").ok());
  const Assignment destroy = Acquire(Assignment::DESTROY);
  ASSERT_TRUE(Complete(destroy, RunFailed("it hangs")).ok());
  Announce();
  EXPECT_EQ(Notices(ann)[0].title(), "Stack web/shop could not be destroyed");
  EXPECT_THAT(Notices(ann)[0].text(), HasSubstr("it hangs"));
}

TEST_P(NoticesTest, ARejectionIsToldOnceWithItsReason) {
  Create("shop");
  Plan(PlanOf("plan-1", 1, 1));
  v1::RejectChangeRequestRequest reject;
  reject.set_name(PendingRequest().name());
  reject.set_reason("too large for a Tuesday");
  ASSERT_TRUE(reviews_->Reject(Dan(), reject).ok());
  Announce();
  const auto notices = Notices(Caller("ann", {"dev"}));
  ASSERT_THAT(notices, SizeIs(1));
  EXPECT_EQ(notices[0].event_type(), "changeRequest.rejected");
  EXPECT_THAT(notices[0].text(), HasSubstr("too large for a Tuesday"));
}

TEST_P(NoticesTest, WhoHoldsARoleReadsWhatIsAddressedToIt) {
  Happen("stack.destroyFailed", StackOf("shop"));
  Announce();
  EXPECT_THAT(Types(Caller("dan", {"devops"})), SizeIs(1));
  EXPECT_THAT(Types(Caller("rob", {}, {"admin"})), SizeIs(1)) << "held everywhere";
  EXPECT_THAT(Types(Caller("both", {"devops", "admin"}, {"devops"})), SizeIs(1)) << "only once";
  EXPECT_THAT(Types(Caller("ann", {"dev"})), IsEmpty());
  Principal other = Caller("oli");
  auto& entry = *other.add_project_roles();
  entry.set_project("lab");
  entry.add_roles("devops");
  EXPECT_THAT(Types(other), IsEmpty()) << "on another project";
  // What was announced before they got the role is theirs too.
  EXPECT_THAT(Types(Caller("new", {"admin"})), SizeIs(1));
}

TEST_P(NoticesTest, ReadingIsEverybodysOwn) {
  for (int i = 0; i < 3; ++i) Happen("stack.destroyFailed", StackOf("shop"));
  Announce();
  const Principal dan = Caller("dan", {"devops"}), eve = Caller("eve", {"devops"});
  const auto notices = Notices(dan);
  ASSERT_THAT(notices, SizeIs(3));
  EXPECT_THAT(notices[0].name(), HasSubstr("users/dan/notifications/"));
  ASSERT_TRUE(MarkRead(dan, {notices[1].name()}).ok());
  ASSERT_TRUE(MarkRead(dan, {notices[1].name()}).ok()) << "again";
  EXPECT_THAT(Notices(dan, "read = true"), SizeIs(1));
  EXPECT_EQ(Notices(dan, "read = true")[0].name(), notices[1].name());
  EXPECT_THAT(Notices(eve, "read = false"), SizeIs(3));
  ASSERT_TRUE(MarkRead(dan, {}).ok());
  EXPECT_THAT(Notices(dan, "read = false"), IsEmpty());
  EXPECT_THAT(Notices(eve, "read = false"), SizeIs(3));
  Happen("stack.destroyFailed", StackOf("shop"));
  Announce();
  EXPECT_THAT(Notices(dan, "read = false"), SizeIs(1)) << "what comes later is new";
}

TEST_P(NoticesTest, NobodyReachesIntoAnothersInbox) {
  Happen("stack.destroyFailed", StackOf("shop"));
  Announce();
  const Principal dan = Caller("dan", {"devops"}), eve = Caller("eve", {"viewer"});
  const std::string name = Notices(dan).at(0).name();
  v1::ListNotificationsRequest list;
  list.set_parent("users/dan");
  EXPECT_EQ(ReasonOf(inbox_->List(eve, list).status()), v1::PERMISSION_MISSING);
  EXPECT_TRUE(inbox_->List(dan, list).ok());
  v1::GetNotificationSettingsRequest get;
  get.set_name("users/dan/notificationSettings");
  EXPECT_EQ(ReasonOf(inbox_->GetSettings(eve, get).status()), v1::PERMISSION_MISSING);
  v1::MarkNotificationsReadRequest mark;
  mark.set_parent("users/dan");
  EXPECT_EQ(ReasonOf(inbox_->MarkRead(eve, mark)), v1::PERMISSION_MISSING);
  EXPECT_EQ(ReasonOf(MarkRead(eve, {name})), v1::INVALID_FIELD);
  const std::string forged = "users/eve" + name.substr(name.find("/notifications"));
  EXPECT_EQ(ReasonOf(MarkRead(eve, {forged})), v1::INVALID_FIELD) << "not in their inbox";
  EXPECT_EQ(ReasonOf(MarkRead(eve, {"users/eve/notifications/x"})), v1::INVALID_FIELD);
  EXPECT_EQ(Count("SELECT COUNT(*) FROM notice_reads"), 0);
}

TEST_P(NoticesTest, MutedTypesAreNotShownAndComeBack) {
  Happen("stack.destroyFailed", StackOf("shop"));
  Happen("quota.overCommitted");
  Announce();
  const Principal dan = Caller("dan", {"devops"});
  EXPECT_THAT(Types(dan), SizeIs(2));
  const auto settings = Settle(dan, {"stack.*"}, false);
  ASSERT_TRUE(settings.ok()) << settings.status();
  EXPECT_EQ(settings->name(), "users/dan/notificationSettings");
  EXPECT_THAT(settings->muted(), ElementsAre("stack.*"));
  EXPECT_THAT(Types(dan), ElementsAre("quota.overCommitted"));
  ASSERT_TRUE(Settle(dan, {}, false).ok());
  EXPECT_THAT(Types(dan), SizeIs(2));
  EXPECT_EQ(ReasonOf(Settle(dan, {"stack.ready"}, false).status()), v1::INVALID_FIELD);
}

TEST_P(NoticesTest, PagesStandStillWhileNoticesCome) {
  for (int i = 0; i < 5; ++i) Happen("stack.destroyFailed", absl::StrCat(kProject, "/stacks/s", i));
  Announce();
  const Principal dan = Caller("dan", {"devops", "admin"});
  v1::ListNotificationsRequest request;
  request.set_parent("users/me");
  request.set_page_size(2);
  std::vector<std::string> seen;
  do {
    const auto page = inbox_->List(dan, request);
    ASSERT_TRUE(page.ok()) << page.status();
    for (const Notification& notice : page->notifications()) seen.push_back(notice.resource());
    request.set_page_token(page->next_page_token());
    Happen("stack.destroyFailed", StackOf("late"));
    Announce();
  } while (!request.page_token().empty());
  EXPECT_THAT(
      seen, ElementsAre(StackOf("s4"), StackOf("s3"), StackOf("s2"), StackOf("s1"), StackOf("s0")));
  request.set_order_by("title");
  EXPECT_EQ(ReasonOf(inbox_->List(dan, request).status()), v1::INVALID_FIELD);
}

TEST_P(NoticesTest, OldNoticesAreDropped) {
  Happen("stack.destroyFailed", StackOf("old"));
  Announce();
  const Principal dan = Caller("dan", {"devops"});
  ASSERT_TRUE(MarkRead(dan, {}).ok());
  clock_.Advance(absl::Hours(48));
  Happen("stack.destroyFailed", StackOf("new"));
  Announce();
  ASSERT_TRUE(inbox_->DropOld(absl::Hours(24)).ok());
  ASSERT_THAT(Notices(dan), SizeIs(1));
  EXPECT_EQ(Notices(dan)[0].resource(), StackOf("new"));
  EXPECT_EQ(Count("SELECT COUNT(*) FROM notice_reads"), 0);
  EXPECT_EQ(Count("SELECT COUNT(*) FROM notice_recipients"), 2);
}

TEST_P(NoticesTest, EachEventIsAnnouncedOnceHoweverManyAnnounce) {
  MakeChannel("all");
  Announce();
  Deliver();
  carrier_.posts.clear();
  // More than one batch, with announcers of several replicas that race.
  for (int i = 0; i < 230; ++i)
    Happen("stack.destroyFailed", absl::StrCat(kProject, "/stacks/s", i));
  {
    std::vector<Task> replicas;
    for (int i = 0; i < 4; ++i) {
      replicas.emplace_back("replica", [&] {
        Announcer announcer(*store_);
        // Beaten to it by another one: it answers 0 while there is work.
        for (int round = 0; round < 20; ++round) EXPECT_TRUE(announcer.RunDue().ok());
      });
    }
  }
  Announce();
  EXPECT_EQ(Count("SELECT COUNT(*) FROM notices"), 230);
  EXPECT_EQ(Deliver(), 230);
  std::set<std::string> ids;
  for (const auto& [url, letter] : carrier_.posts) ids.insert(letter.id);
  EXPECT_EQ(ids.size(), 230u);
}

TEST_P(NoticesTest, WhatFailsHalfWayIsAnnouncedFromTheLog) {
  Happen("stack.destroyFailed", StackOf("shop"));
  Happen("stack.destroyFailed", StackOf("shop"));
  // The second notice cannot be written: neither is, and the cursor stays.
  const absl::Status blocked = store_->Write(Actor(), [](Change& change) {
    change.sql << "ALTER TABLE notice_recipients RENAME TO away";
    return absl::OkStatus();
  });
  ASSERT_TRUE(blocked.ok()) << blocked;
  EXPECT_FALSE(announcer_->RunDue().ok());
  EXPECT_EQ(Count("SELECT COUNT(*) FROM notices"), 0);
  const absl::Status mended = store_->Write(Actor(), [](Change& change) {
    change.sql << "ALTER TABLE away RENAME TO notice_recipients";
    return absl::OkStatus();
  });
  ASSERT_TRUE(mended.ok()) << mended;
  Announce();
  EXPECT_THAT(Types(Caller("dan", {"devops"})), SizeIs(2));
}

TEST_P(NoticesTest, ALogThatCannotBeReadHoldsUpNoOther) {
  Happen("stack.destroyFailed", "projects/aa/stacks/shop", "aa");
  Happen("stack.destroyFailed", "projects/zz/stacks/shop", "zz");
  Happen("stack.destroyFailed", StackOf("shop"));
  const absl::Status spoiled = store_->Write(Actor(), [](Change& change) {
    change.sql << "UPDATE events SET body = '!' WHERE project IN ('aa', 'zz')";
    return absl::OkStatus();
  });
  ASSERT_TRUE(spoiled.ok()) << spoiled;
  EXPECT_FALSE(announcer_->RunDue().ok());
  EXPECT_THAT(Types(Caller("dan", {"devops"})), SizeIs(1));
}

TEST_P(NoticesTest, EveryEventOfALifeIsOfAKnownType) {
  MakeReady();
  MakeChannel("all");
  ASSERT_TRUE(Delete("shop", true).ok());
  for (const std::string& type : EventTypes()) {
    const auto& known = stacks::EventTypes();
    EXPECT_NE(std::find(known.begin(), known.end(), type), known.end()) << type;
  }
}

TEST_P(NoticesTest, WhoWantsMailGetsItAtTheirAddress) {
  Principal ann = Caller("ann", {"dev"});
  EXPECT_EQ(ReasonOf(Settle(ann, {}, true).status()), v1::INVALID_FIELD) << "no address is known";
  ann.set_email("ann@example.com");
  carrier_.sends_mail = false;
  EXPECT_EQ(ReasonOf(Settle(ann, {}, true).status()), v1::INVALID_FIELD) << "no mail server";
  carrier_.sends_mail = true;
  ASSERT_TRUE(Settle(ann, {"changeRequest.*"}, true).ok());
  MakeReady();
  AnnounceAndDeliver();
  ASSERT_THAT(carrier_.mails, SizeIs(1)) << "muted types are not mailed";
  EXPECT_EQ(carrier_.mails[0].first, "ann@example.com");
  EXPECT_EQ(carrier_.mails[0].second.event.type(), "stack.applied");
  // Who thinks better of it gets none of what is on its way.
  ASSERT_TRUE(Delete("shop", true).ok());
  ASSERT_TRUE(stacks_->Create(Ann(), CreateRequest("shop")).ok());
  Plan(PlanOf("plan-2", 1, 1));
  ApproveAll();
  Apply(StateOf(1, 1));
  Announce();
  ASSERT_TRUE(Settle(ann, {}, false).ok());
  Deliver();
  EXPECT_THAT(carrier_.mails, SizeIs(1));
  EXPECT_EQ(Count("SELECT COUNT(*) FROM tasks WHERE queue <> ''"), 0);
}

}  // namespace
}  // namespace stackyard::stacks

#include "services/stacks/notice_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/stacks/event_types.h"
#include "services/stacks/lifecycle.h"

namespace stackyard::stacks {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using v1::ChangeRequest;

v1::Event EventOf(const std::string& type, const std::string& from = "",
                  const std::string& to = "") {
  v1::Event event;
  event.set_type(type);
  event.set_resource(type.starts_with("stack.") ? "projects/web/stacks/shop"
                                                : "projects/web/changeRequests/7");
  event.set_actor("runners/r1");
  event.set_message("because");
  event.set_from_state(from);
  event.set_to_state(to);
  return event;
}

ChangeRequest RequestOf(ChangeRequest::Type type, const std::string& role = "leads") {
  ChangeRequest request;
  request.set_name("projects/web/changeRequests/7");
  request.set_type(type);
  request.set_requester("users/bob");
  request.mutable_policy()->set_reviewer_role(role);
  return request;
}

TEST(NoticeRulesTest, OwnersHearOfTheirStack) {
  const Subject subject{"users/ann", "users/bob", nullptr};
  for (const auto& [event, title] : std::vector<std::pair<v1::Event, std::string>>{
           {EventOf("stack.applied", "APPLYING", "READY"), "Stack web/shop is ready"},
           {EventOf("stack.givenUp", "PLANNING", "FAILED"), "Stack web/shop failed"},
           {EventOf("stack.givenUp", "PLANNING", "READY"),
            "The change of stack web/shop came to nothing"},
           {EventOf("stack.broken", "APPLYING", "FAILED"), "Stack web/shop failed"},
           {EventOf("stack.broken", "DESTROYING", "FAILED"),
            "Stack web/shop could not be destroyed"},
           {EventOf("stack.gone", "DESTROYING", "DESTROYED"), "Stack web/shop is destroyed"},
           {EventOf("stack.leaseWarning"), "The lease of stack web/shop ends soon"},
           {EventOf("stack.leaseExtended"), "The lease of stack web/shop is longer"},
           {EventOf("stack.driftFound"), "Stack web/shop has drifted"}}) {
    const Notice notice = NoticeOf(event, subject);
    EXPECT_EQ(notice.title, title);
    EXPECT_EQ(notice.text, "because");
    EXPECT_EQ(notice.resource, "projects/web/stacks/shop");
    EXPECT_THAT(notice.recipients, ElementsAre("users/ann", "users/bob")) << title;
  }
  // Who is both hears once.
  EXPECT_THAT(NoticeOf(EventOf("stack.applied"), {"users/ann", "users/ann", nullptr}).recipients,
              ElementsAre("users/ann"));
}

TEST(NoticeRulesTest, RequestersHearWhatBecameOfTheirRequest) {
  const ChangeRequest request = RequestOf(ChangeRequest::UPDATE);
  for (const char* what : {"approved", "rejected", "expired", "withdrawn", "commented"}) {
    const Notice notice = NoticeOf(EventOf(std::string("changeRequest.") + what),
                                   {"users/ann", "users/bob", &request});
    EXPECT_THAT(notice.recipients, ElementsAre("users/bob")) << what;
    EXPECT_THAT(notice.title, HasSubstr("web/7")) << what;
  }
}

TEST(NoticeRulesTest, ReviewersHearOfWhatTheyAreToReview) {
  const ChangeRequest update = RequestOf(ChangeRequest::UPDATE);
  const Notice notice = NoticeOf(EventOf("stack.reviewAsked"), {"users/ann", "users/bob", &update});
  EXPECT_THAT(notice.recipients, ElementsAre("roles/leads"));
  EXPECT_EQ(notice.not_to, "users/bob") << "nobody reviews their own request";
  EXPECT_EQ(notice.resource, update.name());
  const ChangeRequest quota = RequestOf(ChangeRequest::QUOTA, "");
  EXPECT_THAT(NoticeOf(EventOf("changeRequest.created"), {"", "", &quota}).recipients,
              ElementsAre("roles/devops"));
}

TEST(NoticeRulesTest, OneThingIsToldOnce) {
  const ChangeRequest update = RequestOf(ChangeRequest::UPDATE);
  const ChangeRequest destroy = RequestOf(ChangeRequest::DESTROY);
  const auto told = [](const v1::Event& event, const ChangeRequest& request) {
    return !NoticeOf(event, {"users/ann", "users/bob", &request}).recipients.empty();
  };
  EXPECT_NE(told(EventOf("stack.reviewAsked"), update),
            told(EventOf("changeRequest.created"), update));
  EXPECT_NE(told(EventOf("stack.reviewAsked"), destroy),
            told(EventOf("changeRequest.created"), destroy));
  // The request's own event tells what came of it.
  EXPECT_FALSE(told(EventOf("stack.givenUp", "AWAITING_APPROVAL", "REJECTED"), update));
}

TEST(NoticeRulesTest, OperatorsHearOfWhatNeedsThem) {
  EXPECT_THAT(NoticeOf(EventOf("stack.destroyFailed"), {"users/ann", "", nullptr}).recipients,
              ElementsAre("roles/admin", "roles/devops"));
  EXPECT_THAT(NoticeOf(EventOf("quota.overCommitted"), {}).recipients,
              ElementsAre("roles/admin", "roles/devops"));
}

TEST(NoticeRulesTest, NobodyIsToldWhatTheyDidThemselves) {
  const ChangeRequest request = RequestOf(ChangeRequest::UPDATE);
  v1::Event event = EventOf("changeRequest.withdrawn");
  event.set_actor("users/bob");
  EXPECT_THAT(NoticeOf(event, {"users/ann", "users/bob", &request}).recipients, IsEmpty());
  event = EventOf("stack.gone");
  event.set_actor("users/ann");
  EXPECT_THAT(NoticeOf(event, {"users/ann", "users/bob", nullptr}).recipients,
              ElementsAre("users/bob"));
}

TEST(NoticeRulesTest, WhatIsUnknownReachesNobodyAndDoesNoHarm) {
  EXPECT_THAT(NoticeOf(EventOf("stack.applied"), {}).recipients, IsEmpty());
  EXPECT_THAT(NoticeOf(EventOf("changeRequest.rejected"), {}).recipients, IsEmpty());
  EXPECT_THAT(NoticeOf(EventOf("stack.ofTomorrow"), {"users/ann", "", nullptr}).recipients,
              IsEmpty());
  // Steps on the way are for the log.
  for (const char* type : {"stack.planAsked", "stack.planStarted", "stack.applyAsked",
                           "stack.destroyAsked", "stack.planStale"}) {
    EXPECT_THAT(NoticeOf(EventOf(type), {"users/ann", "", nullptr}).recipients, IsEmpty());
  }
}

TEST(EventTypesTest, PatternsTakeInTypes) {
  EXPECT_TRUE(TakesIn("*", "stack.applied"));
  EXPECT_TRUE(TakesIn("stack.*", "stack.applied"));
  EXPECT_TRUE(TakesIn("stack.applied", "stack.applied"));
  EXPECT_FALSE(TakesIn("stack.*", "stackless.applied"));
  EXPECT_FALSE(TakesIn("stack.*", "changeRequest.approved"));
  EXPECT_FALSE(TakesIn("stack.app*", "stack.applied"));
  EXPECT_FALSE(TakesIn("stack", "stack.applied"));
}

TEST(EventTypesTest, PatternsThatTakeInNothingAreRefused) {
  google::protobuf::RepeatedPtrField<std::string> patterns;
  for (const char* good : {"*", "stack.*", "changeRequest.*", "stack.leaseWarning"}) {
    *patterns.Add() = good;
  }
  Violations none;
  CheckPatterns("muted", patterns, none);
  EXPECT_TRUE(none.empty());
  for (const char* bad : {"", "stack", "stack.ready", "stack.app*", "*.applied", "stacks.*"}) {
    Violations violations;
    patterns.Clear();
    *patterns.Add() = bad;
    CheckPatterns("muted", patterns, violations);
    EXPECT_FALSE(violations.empty()) << bad;
  }
}

TEST(EventTypesTest, EveryTransitionIsKnown) {
  const auto& types = EventTypes();
  EXPECT_TRUE(std::is_sorted(types.begin(), types.end()));
  for (const StackEvent& event :
       std::vector<StackEvent>{PlanAsked{}, PlanStarted{}, ReviewAsked{}, PlanStale{}, ApplyAsked{},
                               Applied{}, GivenUp{}, Broken{}, DestroyAsked{}, Gone{}}) {
    EXPECT_NE(std::find(types.begin(), types.end(), EventType(event)), types.end())
        << EventType(event);
  }
}

}  // namespace
}  // namespace stackyard::stacks

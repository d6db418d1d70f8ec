// The outputs of stacks as documents, through the life of the stacks.
#include "absl/strings/str_cat.h"
#include "services/stacks/documents_env.h"

namespace stackyard::stacks {
namespace {

using internal::v1::Assignment;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr char kUrl[] = R"({"url":"http://shop"})";

// A state whose output is `url`; the secret one is there too.
std::string StateWith(int64_t serial, const std::string& url) {
  std::string state = StateOf(serial, 1);
  const std::string before = "\"http://shop\"";
  return state.replace(state.find(before), before.size(), url);
}

class PublicationsTest : public DocumentsTestBase {
 protected:
  v1::CreateStackRequest Request(const std::string& id, const std::string& document) {
    v1::CreateStackRequest request = CreateRequest(id);
    request.mutable_stack()->set_publish_document("documents/" + document);
    return request;
  }
  absl::Status TryCreate(const Principal& who, const std::string& id, const std::string& document) {
    return stacks_->Create(who, Request(id, document)).status();
  }
  // Creates and applies; nothing is published yet.
  void MakeReadyWith(const std::string& id, const std::string& document) {
    const absl::Status made = TryCreate(Ann(), id, document);
    ASSERT_TRUE(made.ok()) << made;
    Plan(PlanOf("digest-of-" + id, 1, 1));
    ApproveAll(id);
    Apply(StateOf(1, 1));
    ASSERT_EQ(GetStack(id).state(), v1::Stack::READY);
  }
  void UpdateAndApply(const std::string& digest, const std::string& state) {
    const auto asked = stacks_->Update(Ann(), UpdateRequest("shop", 4));
    ASSERT_TRUE(asked.ok()) << asked.status();
    Plan(PlanOf(digest, 1, 1));
    ApproveAll();
    Apply(state);
  }
  absl::Status Rename(const Principal& who, const std::string& document) {
    v1::UpdateStackRequest request;
    request.mutable_stack()->set_name(StackOf("shop"));
    request.mutable_stack()->set_publish_document(document);
    request.mutable_update_mask()->add_paths("publish_document");
    return stacks_->Update(who, request).status();
  }
  void PublishAll() {
    const auto done = publisher_->RunDue();
    ASSERT_TRUE(done.ok()) << done.status();
    EXPECT_EQ(Count("SELECT COUNT(*) FROM documents WHERE pending <> ''"), 0);
  }
};
STACKS_TEST_ON_BOTH(PublicationsTest);

TEST_P(PublicationsTest, TheDocumentFollowsTheStack) {
  MakeReadyWith("shop", "web.shop");
  EXPECT_EQ(Read("web.shop"), "RESOURCE_NOT_FOUND") << "nothing is published yet";
  PublishAll();
  EXPECT_EQ(Read("web.shop"), kUrl) << "without what is sensitive";
  const auto document = Get("web.shop");
  ASSERT_TRUE(document.ok()) << document.status();
  EXPECT_EQ(document->stack(), StackOf("shop"));
  EXPECT_FALSE(document->public_());
  EXPECT_EQ(GetStack().publish_document(), "documents/web.shop");
  EXPECT_EQ(GetStack().links().at("document"), "/v1/documents/web.shop");
  EXPECT_THAT(EventsOf("stack.published"), SizeIs(1));

  // It stays open when it is written anew.
  ASSERT_TRUE(Open("web.shop", true).ok());
  clock_.Advance(absl::Minutes(1));
  UpdateAndApply("second", StateWith(2, "{\"b\":12345678901234567890123,\"a\":1.0}"));
  PublishAll();
  EXPECT_EQ(ReadPublic("web.shop"), R"({"url":{"b":12345678901234567890123,"a":1.0}})");
  const auto second = Get("web.shop");
  EXPECT_NE(second->etag(), document->etag());
  EXPECT_GT(FromProto(second->update_time()), FromProto(document->create_time()));

  // What says the same changes nothing.
  UpdateAndApply("third", StateWith(3, "{\"b\":12345678901234567890123,\"a\":1.0}"));
  PublishAll();
  EXPECT_EQ(Get("web.shop")->etag(), second->etag());
  EXPECT_THAT(EventsOf("stack.published"), SizeIs(2));

  ASSERT_TRUE(Delete("shop").ok());
  EXPECT_EQ(ReadPublic("web.shop"), R"({"url":{"b":12345678901234567890123,"a":1.0}})")
      << "until it is gone";
  const Assignment destroy = Acquire(Assignment::DESTROY);
  ASSERT_TRUE(SaveState(destroy, StateOf(4, 0)).ok());
  ASSERT_TRUE(Complete(destroy).ok());
  EXPECT_EQ(GetStack().state(), v1::Stack::DESTROYED);
  EXPECT_EQ(Read("web.shop"), "RESOURCE_NOT_FOUND");
  EXPECT_EQ(Count("SELECT COUNT(*) FROM documents"), 0);
}

TEST_P(PublicationsTest, OthersDoNotTouchIt) {
  ASSERT_TRUE(TryCreate(Ann(), "shop", "web.shop").ok());
  // The name is kept while there is nothing to read yet.
  EXPECT_EQ(Read("web.shop"), "RESOURCE_NOT_FOUND");
  EXPECT_EQ(ReasonOf(Put("web.shop", "{}").status()), v1::WRONG_STATE);
  EXPECT_EQ(ReasonOf(DeleteDocument("web.shop")), v1::WRONG_STATE);
  EXPECT_EQ(ReasonOf(Open("web.shop", true).status()), v1::RESOURCE_NOT_FOUND);
  v1::ListDocumentsRequest list;
  EXPECT_THAT(documents_->List(list)->documents(), IsEmpty());
  const absl::Status taken = TryCreate(Ann(), "other", "web.shop");
  EXPECT_EQ(ReasonOf(taken), v1::RESOURCE_EXISTS);
  EXPECT_THAT(std::string(taken.message()), HasSubstr(StackOf("shop")));
  EXPECT_EQ(Count("SELECT COUNT(*) FROM stacks WHERE id = 'other'"), 0);

  ASSERT_TRUE(Put("web.mine", kUrl).ok());
  EXPECT_EQ(ReasonOf(TryCreate(Ann(), "other", "web.mine")), v1::RESOURCE_EXISTS);
  v1::CreateStackRequest trial = Request("other", "web.mine");
  trial.set_validate_only(true);
  EXPECT_EQ(ReasonOf(stacks_->Create(Ann(), trial).status()), v1::RESOURCE_EXISTS);
}

TEST_P(PublicationsTest, DevelopersPublishUnderTheirProjectOnly) {
  const absl::Status refused = TryCreate(Ann(), "shop", "prices");
  EXPECT_EQ(ReasonOf(refused), v1::PERMISSION_MISSING);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("documents/web.shop"));
  EXPECT_EQ(ReasonOf(TryCreate(Ann(), "shop", "website.x")), v1::PERMISSION_MISSING);
  EXPECT_EQ(ReasonOf(TryCreate(Ann(), "shop", "Web.x")), v1::INVALID_FIELD);
  Principal narrowed = Dan();
  narrowed.add_scopes("stacks.*");
  EXPECT_EQ(ReasonOf(TryCreate(narrowed, "shop", "prices")), v1::PERMISSION_MISSING);
  narrowed.add_scopes("documents.*");
  EXPECT_TRUE(TryCreate(narrowed, "shop", "prices").ok());
}

TEST_P(PublicationsTest, AStackThatCameToNothingLetsGoOfTheName) {
  ASSERT_TRUE(TryCreate(Ann(), "shop", "web.shop").ok());
  Plan(PlanOf("digest", 1, 1));
  v1::RejectChangeRequestRequest reject;
  reject.set_name(PendingRequest().name());
  reject.set_reason("no");
  const auto rejected = reviews_->Reject(Dan(), reject);
  ASSERT_TRUE(rejected.ok()) << rejected.status();
  ASSERT_EQ(GetStack().state(), v1::Stack::REJECTED);
  EXPECT_TRUE(Put("web.shop", "{}").ok());
}

TEST_P(PublicationsTest, ItCanBeginEndAndMoveLater) {
  MakeReady();
  ASSERT_TRUE(Rename(Ann(), "documents/web.one").ok());
  PublishAll();
  EXPECT_EQ(Read("web.one"), kUrl);
  ASSERT_TRUE(Open("web.one", true).ok());
  ASSERT_TRUE(Rename(Ann(), "documents/web.two").ok());
  EXPECT_EQ(Read("web.one"), "RESOURCE_NOT_FOUND");
  PublishAll();
  EXPECT_EQ(Read("web.two"), kUrl);
  EXPECT_EQ(ReadPublic("web.two"), "RESOURCE_NOT_FOUND") << "the new one is not open";
  EXPECT_EQ(ReasonOf(Rename(Ann(), "documents/two")), v1::PERMISSION_MISSING);
  EXPECT_EQ(Read("web.two"), kUrl) << "nothing changes";
  EXPECT_EQ(GetStack().publish_document(), "documents/web.two");
  ASSERT_TRUE(Rename(Ann(), "").ok());
  EXPECT_EQ(Read("web.two"), "RESOURCE_NOT_FOUND");
  // While a change is planned what is applied is published.
  ASSERT_TRUE(stacks_->Update(Ann(), UpdateRequest("shop", 4)).ok());
  ASSERT_TRUE(Rename(Ann(), "documents/web.three").ok());
  PublishAll();
  EXPECT_EQ(Read("web.three"), kUrl);
}

TEST_P(PublicationsTest, HalfOfAChangeIsNotPublished) {
  MakeReadyWith("shop", "web.shop");
  PublishAll();
  const auto asked = stacks_->Update(Ann(), UpdateRequest("shop", 4));
  ASSERT_TRUE(asked.ok()) << asked.status();
  Plan(PlanOf("second", 1, 2, 1));
  ApproveAll();
  const Assignment apply = Acquire(Assignment::APPLY);
  ASSERT_TRUE(SaveState(apply, StateWith(2, "\"half\"")).ok());
  PublishAll();
  EXPECT_EQ(Read("web.shop"), kUrl);
  ASSERT_TRUE(Complete(apply, RunFailed("no")).ok());
  ASSERT_EQ(GetStack().state(), v1::Stack::FAILED);
  PublishAll();
  EXPECT_EQ(Read("web.shop"), kUrl) << "what was applied in full last";
}

TEST_P(PublicationsTest, AnApplyThatEndsBeforeTheLastWasPublishedWins) {
  MakeReadyWith("shop", "web.shop");
  // The first state is about to be written when the second is applied.
  contents_->after_put = [&] {
    contents_->after_put = nullptr;
    UpdateAndApply("second", StateWith(2, "\"http://new\""));
  };
  ASSERT_TRUE(publisher_->RunDue().ok());
  PublishAll();
  EXPECT_EQ(Read("web.shop"), R"({"url":"http://new"})");
}

TEST_P(PublicationsTest, WhatIsGoneMeanwhileDoesNotComeBack) {
  MakeReadyWith("shop", "web.shop");
  contents_->after_put = [&] {
    contents_->after_put = nullptr;
    EXPECT_TRUE(Delete("shop", true).ok());
  };
  PublishAll();
  EXPECT_EQ(Read("web.shop"), "RESOURCE_NOT_FOUND");
  EXPECT_THAT(EventsOf("stack.published"), IsEmpty());
}

TEST_P(PublicationsTest, WhatAnOlderReplicaLeavesBehindIsSweptAway) {
  MakeReadyWith("shop", "web.shop");
  PublishAll();
  ASSERT_TRUE(documents_->Sweep(absl::Hours(1)).ok());
  EXPECT_EQ(Read("web.shop"), kUrl) << "its stack is there";
  // It ends stacks, and knows nothing of their documents.
  ASSERT_TRUE(store_
                  ->Write(Actor(),
                          [](Change& change) {
                            change.sql << "UPDATE documents SET stack_uid = 'gone'";
                            return absl::OkStatus();
                          })
                  .ok());
  EXPECT_EQ(Read("web.shop"), kUrl);
  ASSERT_TRUE(documents_->Sweep(absl::Hours(1)).ok());
  EXPECT_EQ(Read("web.shop"), "RESOURCE_NOT_FOUND");
  EXPECT_TRUE(Put("web.shop", "{}").ok()) << "the name is free";
}

TEST_P(PublicationsTest, AnObjectStoreThatIsAwayIsWaitedFor) {
  MakeReadyWith("shop", "web.shop");
  contents_->failure = Error(v1::DEPENDENCY_UNAVAILABLE, "away");
  EXPECT_EQ(*publisher_->RunDue(), 0);
  contents_->failure = absl::OkStatus();
  EXPECT_EQ(*publisher_->RunDue(), 0) << "not at once";
  // Another process knows of it too.
  Publisher other(*store_, *blobs_, *contents_);
  EXPECT_EQ(*other.RunDue(), 1);
  EXPECT_EQ(Read("web.shop"), kUrl);
  clock_.Advance(absl::Minutes(1));
  PublishAll();
  EXPECT_THAT(EventsOf("stack.published"), SizeIs(1));
}

TEST_P(PublicationsTest, WhatCannotBeADocumentIsTold) {
  MakeReadyWith("shop", "web.shop");
  PublishAll();
  UpdateAndApply("second", StateWith(2, "\"" + std::string(1 << 20, 'x') + "\""));
  PublishAll();
  EXPECT_EQ(Read("web.shop"), kUrl);
  ASSERT_THAT(EventsOf("stack.publishFailed"), SizeIs(1));
  EXPECT_THAT(EventsOf("stack.publishFailed")[0].message(), HasSubstr("at most 1048576"));
}

}  // namespace
}  // namespace stackyard::stacks

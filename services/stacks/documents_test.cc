#include <thread>

#include "absl/strings/str_cat.h"
#include "common/id.h"
#include "services/stacks/documents_env.h"
#include "services/stacks/events.h"

namespace stackyard::stacks {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr char kBytes[] = R"({"b":1.0,"a":12345678901234567890})";

class DocumentsTest : public DocumentsTestBase {};
STACKS_TEST_ON_BOTH(DocumentsTest);

TEST_P(DocumentsTest, TheBytesAreKeptAsTheyAre) {
  const auto made = Put("settings", kBytes);
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_EQ(made->name(), "documents/settings");
  EXPECT_EQ(made->digest(), Sha256Hex(kBytes));
  EXPECT_EQ(made->size_bytes(), static_cast<int64_t>(sizeof kBytes - 1));
  EXPECT_FALSE(made->public_());
  EXPECT_EQ(made->content().fields().at("b").number_value(), 1);
  EXPECT_EQ(Read("settings"), kBytes);
  const auto read = Get("settings");
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->ShortDebugString(), made->ShortDebugString());

  clock_.Advance(absl::Minutes(1));
  const auto again = Put("settings", " {\"x\" : [ ] }\n");
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(Read("settings"), " {\"x\" : [ ] }\n");
  EXPECT_NE(again->etag(), made->etag());
  EXPECT_EQ(FromProto(again->create_time()), FromProto(made->create_time()));
  EXPECT_EQ(FromProto(again->update_time()), clock_.TimeNow());
  EXPECT_THAT(EventsOf("document.created", kCatalogue), SizeIs(1));
  ASSERT_THAT(EventsOf("document.updated", kCatalogue), SizeIs(1));
  EXPECT_EQ(EventsOf("document.updated", kCatalogue)[0].actor(), "users/dan");
  EXPECT_TRUE(Verify(kCatalogue).intact());
}

TEST_P(DocumentsTest, FaultsAreToldAndNothingChanges) {
  for (const char* name : {"settings", "documents/", "documents/A", "documents/-a", "documents/a/b",
                           "documents/a b"}) {
    v1::PutDocumentRequest request;
    request.set_name(name);
    request.mutable_content()->set_data("[");
    const absl::Status fault = documents_->Put(Dan(), request).status();
    EXPECT_EQ(ReasonOf(fault), v1::INVALID_FIELD) << name;
    EXPECT_THAT(std::string(fault.message()), HasSubstr("name")) << name;
    EXPECT_THAT(std::string(fault.message()), HasSubstr("content")) << "all at once";
  }
  EXPECT_EQ(ReasonOf(Put(std::string(64, 'a'), "{}").status()), v1::INVALID_FIELD);
  EXPECT_TRUE(Put(std::string(63, 'a'), "{}").ok());
  ASSERT_TRUE(Put("one", kBytes).ok());
  for (const char* bytes : {"", "[]", "{", "{\"a\":1,\"a\":2}", "{\"a\":\"\xff\"}"}) {
    const absl::Status fault = Put("one", bytes).status();
    EXPECT_EQ(ReasonOf(fault), v1::INVALID_FIELD) << bytes;
    EXPECT_THAT(std::string(fault.message()), HasSubstr("line 1, column")) << bytes;
  }
  EXPECT_EQ(Read("one"), kBytes);
}

TEST_P(DocumentsTest, EtagsGuard) {
  EXPECT_EQ(ReasonOf(Put("one", "{}", "*").status()), v1::ETAG_MISMATCH) << "there is none";
  EXPECT_EQ(ReasonOf(Put("one", "{}", "stale").status()), v1::ETAG_MISMATCH);
  EXPECT_EQ(Read("one"), "RESOURCE_NOT_FOUND");
  const std::string first = Put("one", "{}")->etag();
  const std::string second = Put("one", kBytes, first)->etag();
  EXPECT_EQ(ReasonOf(Put("one", "{}", first).status()), v1::ETAG_MISMATCH);
  EXPECT_EQ(ReasonOf(Open("one", true, first).status()), v1::ETAG_MISMATCH);
  EXPECT_EQ(ReasonOf(DeleteDocument("one", first)), v1::ETAG_MISMATCH);
  EXPECT_EQ(Read("one"), kBytes);
  EXPECT_TRUE(Put("one", "{}", "*").ok());
  EXPECT_TRUE(DeleteDocument("one", "*").ok());
  EXPECT_EQ(ReasonOf(DeleteDocument("one")), v1::RESOURCE_NOT_FOUND);
}

TEST_P(DocumentsTest, TheTagOfTheBytesGuardsThem) {
  const std::string first = Put("one", "{}")->digest();
  const auto second = Put("one", kBytes, first);
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(ReasonOf(Put("one", "{}", first).status()), v1::ETAG_MISMATCH);
  EXPECT_EQ(ReasonOf(DeleteDocument("one", first)), v1::ETAG_MISMATCH);
  EXPECT_TRUE(Open("one", true, second->digest()).ok());
  EXPECT_TRUE(Put("one", kBytes, second->digest()).ok());
  EXPECT_TRUE(DeleteDocument("one", second->digest()).ok());
}

TEST_P(DocumentsTest, OnlyWhatIsPublicIsReadByAnybody) {
  ASSERT_TRUE(Put("one", kBytes).ok());
  EXPECT_EQ(ReadPublic("one"), "RESOURCE_NOT_FOUND");
  const auto opened = Open("one", true);
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_TRUE(opened->public_());
  EXPECT_EQ(opened->content().fields_size(), 2);
  EXPECT_EQ(ReadPublic("one"), kBytes);
  // A write leaves it as it was, unless it says otherwise.
  ASSERT_TRUE(Put("one", "{}").ok());
  EXPECT_EQ(ReadPublic("one"), "{}");
  v1::PutDocumentRequest request;
  request.set_name("documents/one");
  request.mutable_content()->set_data(kBytes);
  request.set_public_(false);
  ASSERT_TRUE(documents_->Put(Dan(), request).ok());
  EXPECT_EQ(ReadPublic("one"), "RESOURCE_NOT_FOUND");
  EXPECT_EQ(Read("one"), kBytes);
  EXPECT_EQ(ReadPublic("../one"), "RESOURCE_NOT_FOUND");
  EXPECT_EQ(ReadPublic(""), "RESOURCE_NOT_FOUND");
  v1::UpdateDocumentRequest update;
  update.mutable_document()->set_name("documents/one");
  update.mutable_update_mask()->add_paths("stack");
  EXPECT_EQ(ReasonOf(documents_->Update(Dan(), update).status()), v1::INVALID_FIELD);
}

TEST_P(DocumentsTest, RequestsAreReplayedAndTried) {
  v1::PutDocumentRequest request;
  request.set_name("documents/one");
  request.mutable_content()->set_data(kBytes);
  request.set_validate_only(true);
  const auto tried = documents_->Put(Dan(), request);
  ASSERT_TRUE(tried.ok()) << tried.status();
  EXPECT_EQ(tried->digest(), Sha256Hex(kBytes));
  EXPECT_EQ(Read("one"), "RESOURCE_NOT_FOUND");
  EXPECT_THAT(*below_->ListOlder(absl::InfiniteFuture()), IsEmpty());

  request.set_validate_only(false);
  request.set_request_id("once");
  const auto first = documents_->Put(Dan(), request);
  ASSERT_TRUE(Put("one", "{}").ok());
  const auto again = documents_->Put(Dan(), request);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->ShortDebugString(), first->ShortDebugString());
  EXPECT_EQ(Read("one"), "{}") << "it is not written again";
  request.mutable_content()->set_data("{}");
  EXPECT_EQ(ReasonOf(documents_->Put(Dan(), request).status()), v1::REQUEST_ID_REUSED);
}

TEST_P(DocumentsTest, ListsLeaveTheContentOut) {
  for (const char* id : {"cc", "aa", "b.b", "b_b"}) ASSERT_TRUE(Put(id, "{\"id\":1}").ok());
  ASSERT_TRUE(Open("cc", true).ok());
  v1::ListDocumentsRequest request;
  request.set_page_size(3);
  const auto first = documents_->List(request);
  ASSERT_TRUE(first.ok()) << first.status();
  ASSERT_THAT(first->documents(), SizeIs(3));
  EXPECT_EQ(first->documents(0).name(), "documents/aa");
  EXPECT_EQ(first->documents(0).size_bytes(), 8);
  EXPECT_FALSE(first->documents(0).has_content());
  request.set_page_token(first->next_page_token());
  const auto second = documents_->List(request);
  ASSERT_THAT(second->documents(), SizeIs(1));
  EXPECT_EQ(second->documents(0).name(), "documents/cc");
  EXPECT_EQ(second->next_page_token(), "");
  request.Clear();
  request.set_filter("public = true");
  EXPECT_THAT(documents_->List(request)->documents(), SizeIs(1));
  request.set_filter("colour = red");
  EXPECT_EQ(ReasonOf(documents_->List(request).status()), v1::INVALID_FIELD);
  request.clear_filter();
  request.set_order_by("size_bytes");
  EXPECT_EQ(ReasonOf(documents_->List(request).status()), v1::INVALID_FIELD);
}

TEST_P(DocumentsTest, WhenTheObjectStoreIsAwayNothingIsLost) {
  ASSERT_TRUE(Put("one", kBytes).ok());
  contents_->failure = Error(v1::DEPENDENCY_UNAVAILABLE, "away");
  EXPECT_EQ(ReasonOf(Put("one", "{}").status()), v1::DEPENDENCY_UNAVAILABLE);
  EXPECT_EQ(ReasonOf(Put("two", "{}").status()), v1::DEPENDENCY_UNAVAILABLE);
  EXPECT_EQ(Read("one"), "DEPENDENCY_UNAVAILABLE");
  contents_->failure = absl::OkStatus();
  EXPECT_EQ(Read("one"), kBytes);
  EXPECT_EQ(Read("two"), "RESOURCE_NOT_FOUND");
}

TEST_P(DocumentsTest, ContentsThatNoDocumentHasAreSweptAway) {
  ASSERT_TRUE(Put("one", kBytes).ok());
  ASSERT_TRUE(Put("two", "{\"old\":true}").ok());
  ASSERT_TRUE(Put("two", "{\"new\":true}").ok());
  const absl::Duration ahead = absl::Now() - clock_.TimeNow();
  // Files are dated by the system's clock.
  EXPECT_EQ(*documents_->Sweep(absl::Hours(1) - ahead), 0) << "they are young";
  EXPECT_EQ(*documents_->Sweep(-absl::Hours(1) - ahead), 1);
  EXPECT_EQ(Read("one"), kBytes);
  EXPECT_EQ(Read("two"), "{\"new\":true}");
  EXPECT_FALSE(below_->Get(Sha256Hex("{\"old\":true}")).ok());
  ASSERT_TRUE(DeleteDocument("one").ok());
  EXPECT_EQ(*documents_->Sweep(-absl::Hours(1) - ahead), 1);
}

TEST_P(DocumentsTest, OfManyWhoWriteFromTheSameEtagOneWins) {
  const std::string etag = Put("one", "{}")->etag();
  std::atomic<int> won = 0, lost = 0;
  std::vector<std::thread> callers;
  for (int i = 0; i < 4; ++i) {
    callers.emplace_back([&, i] {
      const auto put = Put("one", absl::StrCat("{\"by\":", i, "}"), etag);
      if (put.ok()) ++won;
      if (ReasonOf(put.status()) == v1::ETAG_MISMATCH) ++lost;
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(won, 1);
  EXPECT_EQ(lost, 3);
}

}  // namespace
}  // namespace stackyard::stacks

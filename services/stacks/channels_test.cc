// What leaves the house, and comes back as a failure.
#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "services/stacks/notices_env.h"

namespace stackyard::stacks {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::UnorderedElementsAre;

class ChannelsTest : public NoticesTest {};

STACKS_TEST_ON_BOTH(ChannelsTest);

TEST_P(ChannelsTest, AChannelGetsTheEventsThatItAsksFor) {
  MakeChannel("all");
  MakeChannel("ready", {"stack.applied"});
  MakeReady();
  AnnounceAndDeliver();
  std::map<std::string, int> by_id;
  std::vector<std::string> ready;
  for (const auto& [url, letter] : carrier_.posts) {
    EXPECT_EQ(url, "https://example.com/hook");
    EXPECT_EQ(++by_id[letter.id], 1);
    if (letter.id.ends_with(".ready")) ready.push_back(letter.event.type());
  }
  EXPECT_THAT(ready, ElementsAre("stack.applied"));
  // All but what was there before the channel, which is not announced yet either.
  EXPECT_EQ(by_id.size() - ready.size(), EventTypes().size() - 1);
  for (const std::string& key : carrier_.keys) EXPECT_EQ(key, kKey);
  EXPECT_EQ(Deliver(), 0);
}

TEST_P(ChannelsTest, TheSecretIsNeverShown) {
  v1::CreateNotificationChannelRequest request = NewChannel("ops");
  request.set_request_id("once");
  const auto made = channels_->Create(Dan(), request);
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_EQ(made->webhook().secret_key(), "");
  EXPECT_EQ(channels_->Create(Dan(), request)->webhook().secret_key(), "") << "replayed";
  EXPECT_EQ(GetChannel("ops").webhook().secret_key(), "");
  v1::ListNotificationChannelsRequest list;
  list.set_parent(kProject);
  const auto listed = channels_->List(Dan(), list);
  ASSERT_TRUE(listed.ok());
  EXPECT_EQ(listed->notification_channels(0).webhook().secret_key(), "");
  list.set_filter(absl::StrCat("\"", kKey, "\""));
  EXPECT_THAT(channels_->List(Dan(), list)->notification_channels(), IsEmpty())
      << "a filter finds it";
  v1::UpdateNotificationChannelRequest update;
  *update.mutable_notification_channel() = GetChannel("ops");
  update.mutable_notification_channel()->set_display_name("Operations");
  const auto updated = channels_->Update(Dan(), update);
  ASSERT_TRUE(updated.ok()) << updated.status();
  EXPECT_EQ(updated->webhook().secret_key(), "");
  Announce();
  Deliver();
  EXPECT_EQ(carrier_.keys.at(0), kKey) << "who writes back what they read keeps it";
  v1::GetEventRequest get;
  for (const auto& [url, letter] : carrier_.posts) {
    EXPECT_EQ(letter.event.DebugString().find(kKey), std::string::npos);
  }
}

TEST_P(ChannelsTest, ChannelsAreChangedByMaskAndEtag) {
  const NotificationChannel made = MakeChannel("ops");
  v1::UpdateNotificationChannelRequest update;
  auto& sent = *update.mutable_notification_channel();
  sent.set_name(made.name());
  sent.set_etag("stale");
  sent.mutable_webhook()->set_url("https://example.com/other");
  update.mutable_update_mask()->add_paths("webhook.url");
  EXPECT_EQ(ReasonOf(channels_->Update(Dan(), update).status()), v1::ETAG_MISMATCH);
  sent.set_etag(made.etag());
  update.set_validate_only(true);
  EXPECT_EQ(channels_->Update(Dan(), update)->webhook().url(), "https://example.com/other");
  EXPECT_EQ(GetChannel("ops").webhook().url(), "https://example.com/hook");
  update.set_validate_only(false);
  const auto updated = channels_->Update(Dan(), update);
  ASSERT_TRUE(updated.ok()) << updated.status();
  EXPECT_NE(updated->etag(), made.etag());
  EXPECT_THAT(updated->event_types(), ElementsAre("*"));
  sent.clear_etag();
  sent.mutable_webhook()->set_secret_key("another key of 20 by");
  update.mutable_update_mask()->set_paths(0, "webhook.secret_key");
  ASSERT_TRUE(channels_->Update(Dan(), update).ok());
  sent.mutable_webhook()->set_secret_key("short");
  EXPECT_EQ(ReasonOf(channels_->Update(Dan(), update).status()), v1::INVALID_FIELD);
  update.mutable_update_mask()->set_paths(0, "dead_letters");
  EXPECT_EQ(ReasonOf(channels_->Update(Dan(), update).status()), v1::INVALID_FIELD);
  AnnounceAndDeliver();
  EXPECT_EQ(carrier_.keys.at(0), "another key of 20 by");
  EXPECT_EQ(carrier_.posts.at(0).first, "https://example.com/other");
  // From a webhook to mail and back: a new webhook needs a key.
  update.Clear();
  update.mutable_notification_channel()->set_name(made.name());
  update.mutable_notification_channel()->mutable_email()->add_to("ops@example.com");
  const auto mail = channels_->Update(Dan(), update);
  ASSERT_TRUE(mail.ok()) << mail.status();
  EXPECT_FALSE(mail->has_webhook());
  update.mutable_notification_channel()->mutable_webhook()->set_url("https://example.com/x");
  EXPECT_EQ(ReasonOf(channels_->Update(Dan(), update).status()), v1::INVALID_FIELD);
}

TEST_P(ChannelsTest, AllFaultsOfAChannelAreToldAtOnce) {
  v1::CreateNotificationChannelRequest request;
  request.set_parent(kProject);
  request.set_notification_channel_id("No");
  auto& channel = *request.mutable_notification_channel();
  channel.set_display_name(std::string(101, 'x'));
  channel.add_event_types("stack.ready");
  channel.mutable_webhook()->set_url("file:///etc/passwd");
  channel.mutable_webhook()->set_secret_key("short");
  const absl::Status status = channels_->Create(Dan(), request).status();
  google::rpc::BadRequest bad;
  ASSERT_TRUE(ReadDetail(status, bad)) << status;
  std::vector<std::string> fields;
  for (const auto& violation : bad.field_violations()) fields.push_back(violation.field());
  EXPECT_THAT(fields, UnorderedElementsAre(
                          "notification_channel_id", "notification_channel.display_name",
                          "notification_channel.event_types", "notification_channel.webhook.url",
                          "notification_channel.webhook.secret_key"));
  EXPECT_THAT(std::string(status.message()), testing::Not(HasSubstr("short")));
  channel.Clear();
  channel.add_event_types("*");
  channel.mutable_email()->add_to("ann@example.com\r\nBcc: eve@example.com");
  EXPECT_EQ(ReasonOf(channels_->Create(Dan(), request).status()), v1::INVALID_FIELD);
  request = NewChannel("ops");
  request.set_parent("projects/none");
  EXPECT_EQ(ReasonOf(channels_->Create(Dan(), request).status()), v1::RESOURCE_NOT_FOUND);
  request = NewChannel("ops");
  request.set_validate_only(true);
  EXPECT_TRUE(channels_->Create(Dan(), request).ok());
  EXPECT_EQ(Count("SELECT COUNT(*) FROM channels"), 0);
  MakeChannel("ops");
  EXPECT_EQ(ReasonOf(channels_->Create(Dan(), request).status()), v1::RESOURCE_EXISTS);
}

TEST_P(ChannelsTest, ChannelsAreListedInPagesAndDeleted) {
  for (const char* id : {"cc", "aa", "bb"}) MakeChannel(id);
  v1::ListNotificationChannelsRequest list;
  list.set_parent(kProject);
  list.set_page_size(2);
  const auto first = channels_->List(Dan(), list);
  ASSERT_TRUE(first.ok()) << first.status();
  ASSERT_EQ(first->notification_channels_size(), 2);
  EXPECT_EQ(first->notification_channels(0).name(), absl::StrCat(kProject, "/channels/aa"));
  list.set_page_token(first->next_page_token());
  const auto second = channels_->List(Dan(), list);
  ASSERT_EQ(second->notification_channels_size(), 1);
  EXPECT_EQ(second->next_page_token(), "");
  v1::DeleteNotificationChannelRequest drop;
  drop.set_name(absl::StrCat(kProject, "/channels/aa"));
  drop.set_etag("stale");
  EXPECT_EQ(ReasonOf(channels_->Delete(Dan(), drop)), v1::ETAG_MISMATCH);
  drop.clear_etag();
  drop.set_request_id("once");
  EXPECT_TRUE(channels_->Delete(Dan(), drop).ok());
  EXPECT_TRUE(channels_->Delete(Dan(), drop).ok()) << "replayed";
  drop.set_request_id("twice");
  EXPECT_EQ(ReasonOf(channels_->Delete(Dan(), drop)), v1::RESOURCE_NOT_FOUND);
  EXPECT_THAT(EventTypes(), testing::Contains("channel.deleted").Times(1));
}

TEST_P(ChannelsTest, WhatFailsIsTriedAgainThenPutByAndReplayed) {
  MakeChannel("ops", {"stack.destroyFailed"});
  Happen("stack.destroyFailed", StackOf("shop"));
  Announce();
  carrier_.failure = absl::UnavailableError("the other side answered 503");
  EXPECT_EQ(Deliver(), 1);
  EXPECT_EQ(GetChannel("ops").last_error(), "the other side answered 503");
  EXPECT_EQ(Deliver(), 0) << "not before its pause is over";
  clock_.Advance(absl::Seconds(5));
  EXPECT_EQ(Deliver(), 1);
  EXPECT_EQ(GetChannel("ops").dead_letters(), 0);
  clock_.Advance(absl::Seconds(4));
  EXPECT_EQ(Deliver(), 0) << "pauses grow";
  clock_.Advance(absl::Seconds(6));
  EXPECT_EQ(Deliver(), 1);
  EXPECT_EQ(GetChannel("ops").dead_letters(), 1);
  clock_.Advance(absl::Hours(24));
  EXPECT_EQ(Deliver(), 0) << "given up";
  EXPECT_EQ(Count("SELECT COUNT(*) FROM tasks"), 0);
  carrier_.failure = absl::OkStatus();
  EXPECT_EQ(Replay("ops"), 1);
  EXPECT_EQ(Replay("ops"), 0);
  EXPECT_EQ(GetChannel("ops").dead_letters(), 0);
  EXPECT_EQ(Deliver(), 1);
  ASSERT_THAT(carrier_.posts, SizeIs(1));
  EXPECT_EQ(carrier_.posts[0].second.event.resource(), StackOf("shop"));
  EXPECT_EQ(GetChannel("ops").last_error(), "");
}

TEST_P(ChannelsTest, WhoDoesNotAnswerHoldsUpNobodyElse) {
  MakeChannel("slow", {"stack.destroyFailed"});
  MakeChannel("quick", {"stack.destroyFailed"});
  for (int i = 0; i < 3; ++i) Happen("stack.destroyFailed", StackOf("shop"));
  Announce();
  // While one delivery to a channel is on its way, other threads find those to others only.
  std::vector<std::string> found;
  bool inner = false;
  carrier_.on_send = [&] {
    if (inner) return;
    inner = true;
    while (*courier_->RunOne()) {
    }
  };
  ASSERT_TRUE(*courier_->RunOne());
  const std::string held = carrier_.posts.back().second.id;
  for (size_t i = 0; i + 1 < carrier_.posts.size(); ++i) {
    EXPECT_NE(carrier_.posts[i].second.id.substr(held.rfind('.')), held.substr(held.rfind('.')));
  }
  EXPECT_THAT(carrier_.posts, SizeIs(4)) << "three of the other, and the one held";
  carrier_.on_send = nullptr;
  EXPECT_EQ(Deliver(), 2);
}

TEST_P(ChannelsTest, ADeliveryWhoseCourierDiedIsTakenOver) {
  MakeChannel("ops", {"stack.destroyFailed"});
  Happen("stack.destroyFailed", StackOf("shop"));
  Announce();
  const auto lost = store_->WriteValue<std::optional<DueTask>>(Actor(), [](Change& change) {
    return ClaimDelivery(change, change.now + absl::Seconds(15));
  });
  ASSERT_TRUE(lost.ok() && lost->has_value());
  EXPECT_EQ(Deliver(), 0);
  clock_.Advance(absl::Seconds(16));
  EXPECT_EQ(Deliver(), 1);
  EXPECT_THAT(carrier_.posts, SizeIs(1));
}

TEST_P(ChannelsTest, ADisabledChannelGetsNothingAndADeletedOneLeavesNothing) {
  MakeChannel("ops", {"stack.destroyFailed"});
  Happen("stack.destroyFailed", StackOf("first"));
  Announce();
  v1::UpdateNotificationChannelRequest update;
  update.mutable_notification_channel()->set_name(absl::StrCat(kProject, "/channels/ops"));
  update.mutable_notification_channel()->set_disabled(true);
  ASSERT_TRUE(channels_->Update(Dan(), update).ok());
  Happen("stack.destroyFailed", StackOf("second"));
  Announce();
  for (int i = 0; i < 3; ++i) {
    Deliver();
    clock_.Advance(absl::Hours(1));
  }
  EXPECT_EQ(carrier_.tries, 0);
  EXPECT_EQ(GetChannel("ops").dead_letters(), 1) << "what was on its way waits for a replay";
  update.mutable_notification_channel()->set_disabled(false);
  update.mutable_update_mask()->add_paths("disabled");
  ASSERT_TRUE(channels_->Update(Dan(), update).ok());
  EXPECT_EQ(Replay("ops"), 1);
  v1::DeleteNotificationChannelRequest drop;
  drop.set_name(absl::StrCat(kProject, "/channels/ops"));
  ASSERT_TRUE(channels_->Delete(Dan(), drop).ok());
  // Another channel of that name is not the one that was meant.
  MakeChannel("ops", {"stack.destroyFailed"});
  Deliver();
  EXPECT_EQ(carrier_.tries, 0);
  EXPECT_EQ(Count("SELECT COUNT(*) FROM tasks"), 0);
  EXPECT_EQ(Count("SELECT COUNT(*) FROM dead_letters"), 0);
}

TEST_P(ChannelsTest, ChannelsGoWithTheirProject) {
  MakeChannel("ops");
  carrier_.failure = absl::UnavailableError("no");
  Announce();
  for (int i = 0; i < 3; ++i) {
    Deliver();
    clock_.Advance(absl::Hours(1));
  }
  EXPECT_GT(Count("SELECT COUNT(*) FROM dead_letters"), 0);
  v1::DeleteProjectRequest drop;
  drop.set_name(kProject);
  ASSERT_TRUE(catalog_->DeleteProject(Person("root", {"admin"}), drop).ok());
  Announce();
  EXPECT_EQ(Deliver(), 0);
  EXPECT_EQ(Count("SELECT COUNT(*) FROM channels"), 0);
  EXPECT_EQ(Count("SELECT COUNT(*) FROM dead_letters"), 0);
}

TEST_P(ChannelsTest, ATestTellsHowItWent) {
  MakeChannel("ops");
  v1::TestNotificationChannelRequest request;
  request.set_name(absl::StrCat(kProject, "/channels/ops"));
  auto answer = channels_->Test(Dan(), request);
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_TRUE(answer->delivered());
  EXPECT_EQ(carrier_.posts.at(0).second.event.type(), "channel.test");
  carrier_.failure = absl::UnavailableError("the other side answered 500");
  answer = channels_->Test(Dan(), request);
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_FALSE(answer->delivered());
  EXPECT_EQ(answer->message(), "the other side answered 500");
  request.set_name(absl::StrCat(kProject, "/channels/none"));
  EXPECT_EQ(ReasonOf(channels_->Test(Dan(), request).status()), v1::RESOURCE_NOT_FOUND);
}

TEST_P(ChannelsTest, AMailChannelMailsToAllItsAddresses) {
  v1::CreateNotificationChannelRequest request = NewChannel("ops", {"stack.destroyFailed"});
  auto& email = *request.mutable_notification_channel()->mutable_email();
  email.add_to("ops@example.com");
  email.add_to("boss@example.com");
  carrier_.sends_mail = false;
  EXPECT_EQ(ReasonOf(channels_->Create(Dan(), request).status()), v1::INVALID_FIELD);
  carrier_.sends_mail = true;
  ASSERT_TRUE(channels_->Create(Dan(), request).ok());
  Happen("stack.destroyFailed", StackOf("shop"));
  AnnounceAndDeliver();
  ASSERT_THAT(carrier_.mails, SizeIs(2));
  EXPECT_EQ(carrier_.mails[0].second.id, carrier_.mails[1].second.id);
}

TEST(SignatureTest, IsTheHmacOfTimeAndBody) {
  // python3 -c 'import hmac; hmac.new(b"a key of sixteen", b"1800000000.{}", "sha256")'
  EXPECT_EQ(Sign(kKey, "{}", absl::FromUnixSeconds(1'800'000'000)),
            "t=1800000000,v1=a9f12babf60067eed92da10f0f57549387b470edf91a321ff4a2b3c8078f087c");
  EXPECT_NE(Sign(kKey, "{}", absl::FromUnixSeconds(1'800'000'001)).substr(13),
            Sign(kKey, "{}", absl::FromUnixSeconds(1'800'000'000)).substr(13));
}

}  // namespace
}  // namespace stackyard::stacks

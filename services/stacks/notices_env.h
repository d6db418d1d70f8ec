// Notices in tests: from the event log to inboxes and channels, with a carrier that can be told to
// fail.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "services/stacks/announcer.h"
#include "services/stacks/channels.h"
#include "services/stacks/courier.h"
#include "services/stacks/events.h"
#include "services/stacks/inbox.h"
#include "services/stacks/test_env.h"

namespace stackyard::stacks {

using v1::Notification;
using v1::NotificationChannel;

inline constexpr char kKey[] = "a key of sixteen";

// Keeps what it is given, unless it is told to fail.
class FakeCarrier final : public Carrier {
 public:
  absl::Status ToWebhook(const v1::Webhook& webhook, const Letter& letter, absl::Time) override {
    ++tries;
    if (on_send) on_send();
    if (!failure.ok()) return failure;
    posts.emplace_back(webhook.url(), letter);
    keys.push_back(webhook.secret_key());
    return absl::OkStatus();
  }
  absl::Status ToMail(const std::vector<std::string>& to, const Letter& letter,
                      absl::Time) override {
    ++tries;
    if (!failure.ok()) return failure;
    for (const std::string& address : to) mails.emplace_back(address, letter);
    return absl::OkStatus();
  }
  bool SendsMail() const override { return sends_mail; }
  absl::Status CheckUrl(const std::string& url) const override {
    return url.starts_with("https://") ? absl::OkStatus()
                                       : absl::InvalidArgumentError("must be an address");
  }

  absl::Status failure;
  std::function<void()> on_send;
  int tries = 0;
  bool sends_mail = true;
  std::vector<std::pair<std::string, Letter>> posts, mails;
  std::vector<std::string> keys;
};

// Somebody as the gateway describes them where no project is asked about.
inline Principal Caller(const std::string& id, const std::vector<std::string>& roles_on_web = {},
                        const std::vector<std::string>& roles = {}) {
  Principal principal = Person(id, roles);
  if (!roles_on_web.empty()) {
    auto& entry = *principal.add_project_roles();
    entry.set_project("web");
    entry.mutable_roles()->Assign(roles_on_web.begin(), roles_on_web.end());
  }
  return principal;
}

class NoticesTest : public StacksTest {
 protected:
  void SetUp() override {
    StacksTest::SetUp();
    if (store_ == nullptr) return;
    channels_ = std::make_unique<Channels>(*store_, carrier_);
    inbox_ = std::make_unique<Inbox>(*store_, carrier_);
    announcer_ = std::make_unique<Announcer>(*store_);
    CourierOptions options;
    options.attempts = 3;
    courier_ = std::make_unique<Courier>(*store_, carrier_, options, &delivery_counts_);
  }

  // Announces all there is.
  void Announce() {
    for (;;) {
      const auto count = announcer_->RunDue();
      ASSERT_TRUE(count.ok()) << count.status();
      if (*count == 0) return;
    }
  }
  // Does the deliveries that are due; answers how many tries there were.
  int Deliver() {
    int count = 0;
    for (;;) {
      const auto done = courier_->RunOne();
      EXPECT_TRUE(done.ok()) << done.status();
      if (!done.ok() || !*done) return count;
      ++count;
    }
  }
  void AnnounceAndDeliver() {
    Announce();
    Deliver();
  }
  // Writes an event to a log as somebody.
  void Happen(const std::string& type, const std::string& resource = "projects/web",
              const std::string& project = "web") {
    const absl::Status done = store_->Write({"users/root", ""}, [&](Change& change) {
      v1::Event event;
      event.set_type(type);
      event.set_resource(resource);
      event.set_message("it happened");
      return AppendEvent(change, project, event);
    });
    ASSERT_TRUE(done.ok()) << done;
  }
  std::vector<Notification> Notices(const Principal& caller, const std::string& filter = "") {
    v1::ListNotificationsRequest request;
    request.set_parent("users/me");
    request.set_filter(filter);
    const auto response = inbox_->List(caller, request);
    EXPECT_TRUE(response.ok()) << response.status();
    if (!response.ok()) return {};
    return {response->notifications().begin(), response->notifications().end()};
  }
  std::vector<std::string> Types(const Principal& caller, const std::string& filter = "") {
    std::vector<std::string> types;
    for (const Notification& notice : Notices(caller, filter)) types.push_back(notice.event_type());
    return types;
  }
  absl::Status MarkRead(const Principal& caller, const std::vector<std::string>& names) {
    v1::MarkNotificationsReadRequest request;
    request.set_parent("users/me");
    request.mutable_names()->Assign(names.begin(), names.end());
    return inbox_->MarkRead(caller, request);
  }
  absl::StatusOr<v1::NotificationSettings> Settle(const Principal& caller,
                                                  const std::vector<std::string>& muted,
                                                  bool email) {
    v1::UpdateNotificationSettingsRequest request;
    auto& settings = *request.mutable_notification_settings();
    settings.set_name("users/me/notificationSettings");
    settings.mutable_muted()->Assign(muted.begin(), muted.end());
    settings.set_email(email);
    request.mutable_update_mask()->add_paths("muted");
    request.mutable_update_mask()->add_paths("email");
    return inbox_->UpdateSettings(caller, request);
  }

  v1::CreateNotificationChannelRequest NewChannel(const std::string& id,
                                                  const std::vector<std::string>& types = {"*"}) {
    v1::CreateNotificationChannelRequest request;
    request.set_parent(kProject);
    request.set_notification_channel_id(id);
    auto& channel = *request.mutable_notification_channel();
    channel.mutable_event_types()->Assign(types.begin(), types.end());
    channel.mutable_webhook()->set_url("https://example.com/hook");
    channel.mutable_webhook()->set_secret_key(kKey);
    return request;
  }
  NotificationChannel MakeChannel(const std::string& id,
                                  const std::vector<std::string>& types = {"*"}) {
    const auto channel = channels_->Create(Dan(), NewChannel(id, types));
    EXPECT_TRUE(channel.ok()) << channel.status();
    return channel.ok() ? *channel : NotificationChannel();
  }
  NotificationChannel GetChannel(const std::string& id) {
    v1::GetNotificationChannelRequest request;
    request.set_name(absl::StrCat(kProject, "/channels/", id));
    const auto channel = channels_->Get(request);
    EXPECT_TRUE(channel.ok()) << channel.status();
    return channel.ok() ? *channel : NotificationChannel();
  }
  int Replay(const std::string& id) {
    v1::ReplayNotificationChannelRequest request;
    request.set_name(absl::StrCat(kProject, "/channels/", id));
    const auto response = channels_->Replay(Dan(), request);
    EXPECT_TRUE(response.ok()) << response.status();
    return response.ok() ? response->queued() : -1;
  }

  FakeCarrier carrier_;
  prometheus::Registry registry_;
  DeliveryCounts delivery_counts_{registry_};
  std::unique_ptr<Channels> channels_;
  std::unique_ptr<Inbox> inbox_;
  std::unique_ptr<Announcer> announcer_;
  std::unique_ptr<Courier> courier_;
};

}  // namespace stackyard::stacks

// From the event log to inboxes and channels, with a carrier that can be told to fail.
#include <map>

#include "absl/strings/str_cat.h"
#include "services/stacks/announcer.h"
#include "services/stacks/channels.h"
#include "services/stacks/courier.h"
#include "services/stacks/event_types.h"
#include "services/stacks/events.h"
#include "services/stacks/inbox.h"
#include "services/stacks/test_env.h"

namespace stackyard::stacks {
namespace {

using internal::v1::Assignment;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::UnorderedElementsAre;
using v1::Notification;
using v1::NotificationChannel;

constexpr char kKey[] = "a key of sixteen";

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
  absl::Status CheckUrl(const std::string& url) const override {
    return url.starts_with("https://") ? absl::OkStatus()
                                       : absl::InvalidArgumentError("must be an address");
  }

  absl::Status failure;
  std::function<void()> on_send;
  int tries = 0;
  std::vector<std::pair<std::string, Letter>> posts, mails;
  std::vector<std::string> keys;
};

// Somebody as the gateway describes them where no project is asked about.
Principal Caller(const std::string& id, const std::vector<std::string>& roles_on_web = {},
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
    inbox_ = std::make_unique<Inbox>(*store_);
    announcer_ = std::make_unique<Announcer>(*store_);
    CourierOptions options;
    options.attempts = 3;
    courier_ = std::make_unique<Courier>(*store_, carrier_, options);
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
  std::unique_ptr<Channels> channels_;
  std::unique_ptr<Inbox> inbox_;
  std::unique_ptr<Announcer> announcer_;
  std::unique_ptr<Courier> courier_;
};

STACKS_TEST_ON_BOTH(NoticesTest);

// ---- Inboxes -----------------------------------------------------------------------------------

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

TEST_P(NoticesTest, EveryEventOfALifeIsOfAKnownType) {
  MakeReady();
  MakeChannel("all");
  ASSERT_TRUE(Delete("shop", true).ok());
  for (const std::string& type : EventTypes()) {
    const auto& known = stacks::EventTypes();
    EXPECT_NE(std::find(known.begin(), known.end(), type), known.end()) << type;
  }
}

// ---- Channels ----------------------------------------------------------------------------------

TEST_P(NoticesTest, AChannelGetsTheEventsThatItAsksFor) {
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
  EXPECT_EQ(by_id.size() - ready.size(), EventTypes().size());
  for (const std::string& key : carrier_.keys) EXPECT_EQ(key, kKey);
  EXPECT_EQ(Deliver(), 0);
}

TEST_P(NoticesTest, TheSecretIsNeverShown) {
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

TEST_P(NoticesTest, ChannelsAreChangedByMaskAndEtag) {
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

TEST_P(NoticesTest, AllFaultsOfAChannelAreToldAtOnce) {
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

TEST_P(NoticesTest, ChannelsAreListedInPagesAndDeleted) {
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

TEST_P(NoticesTest, WhatFailsIsTriedAgainThenPutByAndReplayed) {
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

TEST_P(NoticesTest, WhoDoesNotAnswerHoldsUpNobodyElse) {
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

TEST_P(NoticesTest, ADeliveryWhoseCourierDiedIsTakenOver) {
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

TEST_P(NoticesTest, ADisabledChannelGetsNothingAndADeletedOneLeavesNothing) {
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

TEST_P(NoticesTest, ChannelsGoWithTheirProject) {
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

TEST_P(NoticesTest, ATestTellsHowItWent) {
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

// ---- Mail --------------------------------------------------------------------------------------

TEST_P(NoticesTest, WhoWantsMailGetsItAtTheirAddress) {
  Principal ann = Caller("ann", {"dev"});
  EXPECT_EQ(ReasonOf(Settle(ann, {}, true).status()), v1::INVALID_FIELD) << "no address is known";
  ann.set_email("ann@example.com");
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

TEST_P(NoticesTest, AMailChannelMailsToAllItsAddresses) {
  v1::CreateNotificationChannelRequest request = NewChannel("ops", {"stack.destroyFailed"});
  auto& email = *request.mutable_notification_channel()->mutable_email();
  email.add_to("ops@example.com");
  email.add_to("boss@example.com");
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

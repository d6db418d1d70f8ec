// `stackyard channels` and `stackyard notices` against a fake service.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "cli/app.h"
#include "common/grpc_status.h"
#include "common/proto_time.h"
#include "common/status.h"
#include "stackyard/v1/notifications.grpc.pb.h"

namespace stackyard::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using v1::NotificationChannel;

class FakeNotifications : public v1::NotificationService::Service {
 public:
  grpc::Status CreateNotificationChannel(grpc::ServerContext*,
                                         const v1::CreateNotificationChannelRequest* request,
                                         NotificationChannel* response) override {
    created = *request;
    *response = request->notification_channel();
    response->set_name(request->parent() + "/channels/" + request->notification_channel_id());
    return grpc::Status::OK;
  }
  grpc::Status ListNotificationChannels(grpc::ServerContext*,
                                        const v1::ListNotificationChannelsRequest* request,
                                        v1::ListNotificationChannelsResponse* response) override {
    NotificationChannel& channel = *response->add_notification_channels();
    channel.set_name(request->parent() + "/channels/ops");
    channel.mutable_webhook()->set_url("https://example.com/hook");
    channel.add_event_types("stack.*");
    channel.set_dead_letters(3);
    return grpc::Status::OK;
  }
  grpc::Status UpdateNotificationChannel(grpc::ServerContext*,
                                         const v1::UpdateNotificationChannelRequest* request,
                                         NotificationChannel* response) override {
    updated = *request;
    *response = request->notification_channel();
    return grpc::Status::OK;
  }
  grpc::Status DeleteNotificationChannel(grpc::ServerContext*,
                                         const v1::DeleteNotificationChannelRequest* request,
                                         google::protobuf::Empty*) override {
    named = request->name();
    return grpc::Status::OK;
  }
  grpc::Status TestNotificationChannel(grpc::ServerContext*,
                                       const v1::TestNotificationChannelRequest* request,
                                       v1::TestNotificationChannelResponse* response) override {
    named = request->name();
    response->set_delivered(delivers);
    response->set_message(delivers ? "the other side took it" : "the other side answered 500");
    return grpc::Status::OK;
  }
  grpc::Status ReplayNotificationChannel(grpc::ServerContext*,
                                         const v1::ReplayNotificationChannelRequest* request,
                                         v1::ReplayNotificationChannelResponse* response) override {
    named = request->name();
    response->set_queued(3);
    return grpc::Status::OK;
  }
  grpc::Status ListNotifications(grpc::ServerContext*, const v1::ListNotificationsRequest* request,
                                 v1::ListNotificationsResponse* response) override {
    listed = *request;
    v1::Notification& notice = *response->add_notifications();
    notice.set_name("users/ann/notifications/17");
    notice.set_title("Stack web/shop is ready");
    *notice.mutable_create_time() = ToProto(absl::Now());
    return grpc::Status::OK;
  }
  grpc::Status MarkNotificationsRead(grpc::ServerContext*,
                                     const v1::MarkNotificationsReadRequest* request,
                                     google::protobuf::Empty*) override {
    marked = *request;
    return grpc::Status::OK;
  }
  grpc::Status GetNotificationSettings(grpc::ServerContext*,
                                       const v1::GetNotificationSettingsRequest* request,
                                       v1::NotificationSettings* response) override {
    response->set_name(request->name());
    response->add_muted("stack.gone");
    return grpc::Status::OK;
  }
  grpc::Status UpdateNotificationSettings(grpc::ServerContext*,
                                          const v1::UpdateNotificationSettingsRequest* request,
                                          v1::NotificationSettings* response) override {
    settings = *request;
    *response = request->notification_settings();
    return grpc::Status::OK;
  }

  bool delivers = true;
  std::string named;
  v1::CreateNotificationChannelRequest created;
  v1::UpdateNotificationChannelRequest updated;
  v1::ListNotificationsRequest listed;
  v1::MarkNotificationsReadRequest marked;
  v1::UpdateNotificationSettingsRequest settings;
};

struct Result {
  int code;
  std::string out, err;
};

class NoticeCommandsTest : public ::testing::Test {
 protected:
  NoticeCommandsTest() {
    char pattern[] = "/tmp/notices_test.XXXXXX";
    directory_ = mkdtemp(pattern);
    key_file_ = directory_ + "/key";
    std::ofstream(key_file_) << "a key of sixteen\n";
    int port = 0;
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(&service_);
    server_ = builder.BuildAndStart();
    endpoint_ = absl::StrCat("127.0.0.1:", port);
  }
  ~NoticeCommandsTest() override {
    server_->Shutdown();
    std::filesystem::remove_all(directory_);
  }

  Result Run(std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"--endpoint", endpoint_, "--token", "t0ken", "-p", "p"});
    std::ostringstream out, err;
    const Environment environment{
        .out = out,
        .err = err,
        .variable = [](const std::string&) { return std::optional<std::string>(); },
        .clock = clock_,
    };
    const int code = RunApp(arguments, environment);
    return {code, out.str(), err.str()};
  }

  std::string directory_, key_file_, endpoint_;
  SystemClock clock_;
  FakeNotifications service_;
  std::unique_ptr<grpc::Server> server_;
};

TEST_F(NoticeCommandsTest, AWebhookIsMadeWithAKeyFromAFile) {
  const Result result =
      Run({"channels", "create", "webhook", "ops", "--url", "https://example.com/hook",
           "--key-file", key_file_, "--event", "stack.*", "--event", "changeRequest.created",
           "--name", "Operations"});
  EXPECT_EQ(result.code, 0) << result.err;
  const NotificationChannel& channel = service_.created.notification_channel();
  EXPECT_EQ(service_.created.parent(), "projects/p");
  EXPECT_EQ(service_.created.notification_channel_id(), "ops");
  EXPECT_FALSE(service_.created.request_id().empty());
  EXPECT_EQ(channel.webhook().url(), "https://example.com/hook");
  EXPECT_EQ(channel.webhook().secret_key(), "a key of sixteen") << "without the line's end";
  EXPECT_THAT(channel.event_types(), ElementsAre("stack.*", "changeRequest.created"));
  EXPECT_EQ(channel.display_name(), "Operations");
  EXPECT_THAT(result.out + result.err, Not(HasSubstr("a key of sixteen")));
}

TEST_F(NoticeCommandsTest, AMailChannelTakesAddresses) {
  const Result result = Run({"channels", "create", "email", "team", "--to", "a@example.com", "--to",
                             "b@example.com", "--event", "*"});
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_THAT(service_.created.notification_channel().email().to(),
              ElementsAre("a@example.com", "b@example.com"));
  EXPECT_THAT(result.out, HasSubstr("a@example.com, b@example.com"));
}

TEST_F(NoticeCommandsTest, WhatIsMissingIsTold) {
  for (const std::vector<std::string>& arguments : std::vector<std::vector<std::string>>{
           {"channels", "create", "webhook", "ops", "--url", "https://x"},
           {"channels", "create", "webhook", "ops", "--key-file", key_file_, "--event", "*"},
           {"channels", "create", "email", "ops", "--event", "*"},
           {"channels", "update", "ops"},
           {"channels", "update", "ops", "--enable", "--disable"},
           {"channels", "update", "ops", "--to", "a@b", "--url", "https://x"},
           {"notices", "settings", "--email", "maybe"}}) {
    const Result result = Run(arguments);
    EXPECT_EQ(result.code, 2) << arguments[1];
    EXPECT_FALSE(result.err.empty());
  }
  EXPECT_EQ(service_.created.parent() + service_.updated.notification_channel().name(), "");
}

TEST_F(NoticeCommandsTest, OnlyWhatIsNamedIsChanged) {
  EXPECT_EQ(Run({"channels", "update", "ops", "--disable"}).code, 0);
  EXPECT_THAT(service_.updated.update_mask().paths(), ElementsAre("disabled"));
  EXPECT_TRUE(service_.updated.notification_channel().disabled());
  EXPECT_EQ(service_.updated.notification_channel().name(), "projects/p/channels/ops");
  EXPECT_EQ(
      Run({"channels", "update", "ops", "--enable", "--event", "*", "--key-file", key_file_}).code,
      0);
  EXPECT_THAT(service_.updated.update_mask().paths(),
              ElementsAre("disabled", "event_types", "webhook.secret_key"));
  EXPECT_FALSE(service_.updated.notification_channel().disabled());
  EXPECT_EQ(service_.updated.notification_channel().webhook().secret_key(), "a key of sixteen");
}

TEST_F(NoticeCommandsTest, ChannelsAreListedWithTheirHealth) {
  const Result result = Run({"channels", "list"});
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("ops"));
  EXPECT_THAT(result.out, HasSubstr("https://example.com/hook"));
  EXPECT_THAT(result.out, HasSubstr("3 dead letters"));
}

TEST_F(NoticeCommandsTest, ATestThatFailsIsAFailure) {
  EXPECT_EQ(Run({"channels", "test", "ops"}).code, 0);
  EXPECT_EQ(service_.named, "projects/p/channels/ops");
  service_.delivers = false;
  const Result failed = Run({"channels", "test", "ops"});
  EXPECT_NE(failed.code, 0);
  EXPECT_THAT(failed.err, HasSubstr("the other side answered 500"));
}

TEST_F(NoticeCommandsTest, DeadLettersAreReplayedAndChannelsDeleted) {
  EXPECT_THAT(Run({"channels", "replay", "ops"}).out, HasSubstr("3 messages"));
  EXPECT_EQ(Run({"channels", "delete", "projects/q/channels/old"}).code, 0);
  EXPECT_EQ(service_.named, "projects/q/channels/old");
}

TEST_F(NoticeCommandsTest, NoticesAreOnesOwn) {
  const Result result = Run({"notices", "list", "--unread", "--filter", "event_type = stack.gone"});
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(service_.listed.parent(), "users/me");
  EXPECT_EQ(service_.listed.filter(), "(event_type = stack.gone) read = false");
  EXPECT_THAT(result.out, HasSubstr("Stack web/shop is ready"));
  EXPECT_EQ(Run({"notices", "read"}).code, 0);
  EXPECT_THAT(service_.marked.names(), IsEmpty());
  EXPECT_EQ(Run({"notices", "read", "17", "users/ann/notifications/18"}).code, 0);
  EXPECT_THAT(service_.marked.names(),
              ElementsAre("users/me/notifications/17", "users/me/notifications/18"));
}

TEST_F(NoticeCommandsTest, SettingsAreShownAndEdited) {
  EXPECT_THAT(Run({"notices", "settings"}).out, HasSubstr("stack.gone"));
  EXPECT_EQ(service_.settings.notification_settings().name(), "") << "only shown";
  EXPECT_EQ(Run({"notices", "settings", "--mute", "stack.applied", "--mute", "stack.gone",
                 "--email", "on"})
                .code,
            0);
  EXPECT_THAT(service_.settings.notification_settings().muted(),
              ElementsAre("stack.gone", "stack.applied"));
  EXPECT_TRUE(service_.settings.notification_settings().email());
  EXPECT_EQ(Run({"notices", "settings", "--unmute", "stack.gone"}).code, 0);
  EXPECT_THAT(service_.settings.notification_settings().muted(), IsEmpty());
  EXPECT_THAT(service_.settings.update_mask().paths(), ElementsAre("muted"));
}

}  // namespace
}  // namespace stackyard::cli

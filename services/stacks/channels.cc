#include "services/stacks/channels.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/field_path.h"
#include "common/id.h"
#include "common/proto_time.h"
#include "common/resource_name.h"
#include "common/status.h"
#include "services/stacks/catalog_store.h"
#include "services/stacks/channel_store.h"
#include "services/stacks/event_types.h"
#include "services/stacks/events.h"
#include "services/stacks/labels.h"
#include "services/stacks/listing.h"
#include "services/stacks/row_secrets.h"

namespace stackyard::stacks {
namespace {

using v1::NotificationChannel;

constexpr size_t kMostName = 100;
constexpr int kMostAddresses = 20;
constexpr int64_t kMostChannels = 50;
constexpr size_t kShortestKey = 16;
constexpr size_t kLongestKey = 256;
// Revived in one transaction.
constexpr int kReplayBatch = 1000;

constexpr char kPattern[] = "projects/*/channels/*";

absl::Status Record(Change& change, const std::string& type, const std::string& name,
                    const std::string& message) {
  ASSIGN_OR_RETURN(const auto parts, ParseName("name", name, kPattern));
  v1::Event event;
  event.set_type(absl::StrCat("channel.", type));
  event.set_resource(name);
  event.set_message(message);
  return AppendEvent(change, parts[0], event);
}

// Parts of a target can be changed alone: they are merged with what is there, and the whole of it
// takes their place.
void MergeParts(const NotificationChannel& before, NotificationChannel& sent,
                google::protobuf::FieldMask& mask) {
  for (std::string& path : *mask.mutable_paths()) {
    if (path == "webhook.url") {
      v1::Webhook webhook = before.webhook();
      webhook.set_url(sent.webhook().url());
      if (!sent.webhook().secret_key().empty()) {
        webhook.set_secret_key(sent.webhook().secret_key());
      }
      *sent.mutable_webhook() = webhook;
      path = "webhook";
    } else if (path == "webhook.secret_key") {
      v1::Webhook webhook = before.webhook();
      if (!sent.webhook().url().empty()) webhook.set_url(sent.webhook().url());
      webhook.set_secret_key(sent.webhook().secret_key());
      *sent.mutable_webhook() = webhook;
      path = "webhook";
    } else if (path == "email.to") {
      path = "email";
    }
  }
}

absl::Status Edit(const v1::UpdateNotificationChannelRequest& request,
                  NotificationChannel& channel) {
  const NotificationChannel before = channel;
  NotificationChannel sent = request.notification_channel();
  google::protobuf::FieldMask mask = request.update_mask();
  MergeParts(before, sent, mask);
  RETURN_IF_ERROR(ApplyMask(
      sent, mask, {"display_name", "event_types", "webhook", "email", "disabled"}, channel));
  // Who reads a channel gets no key, and can write it back as it was read.
  if (channel.has_webhook() && channel.webhook().secret_key().empty()) {
    channel.mutable_webhook()->set_secret_key(before.webhook().secret_key());
  }
  return absl::OkStatus();
}

}  // namespace

void Channels::Check(const NotificationChannel& channel, Violations& violations) const {
  const std::string at = "notification_channel.";
  if (channel.display_name().size() > kMostName) {
    violations.Add(at + "display_name", absl::StrCat("must have at most ", kMostName, " bytes"));
  }
  if (channel.event_types().empty()) {
    violations.Add(at + "event_types", "must name what is sent; * is all");
  }
  CheckPatterns(at + "event_types", channel.event_types(), violations);
  switch (channel.target_case()) {
    case NotificationChannel::kWebhook: {
      const absl::Status url = carrier_.CheckUrl(channel.webhook().url());
      if (!url.ok()) violations.Add(at + "webhook.url", std::string(url.message()));
      const size_t size = channel.webhook().secret_key().size();
      if (size < kShortestKey || size > kLongestKey) {
        violations.Add(at + "webhook.secret_key",
                       absl::StrCat("must have ", kShortestKey, " to ", kLongestKey, " bytes"));
      }
      break;
    }
    case NotificationChannel::kEmail:
      if (channel.email().to().empty() || channel.email().to_size() > kMostAddresses) {
        violations.Add(at + "email.to", absl::StrCat("must be 1 to ", kMostAddresses));
      }
      for (const std::string& address : channel.email().to()) {
        if (IsMailAddress(address)) continue;
        violations.Add(at + "email.to", absl::StrCat(Quoted(address), " is no mail address"));
      }
      break;
    case NotificationChannel::TARGET_NOT_SET:
      violations.Add(at + "target", "must be a webhook or an email");
  }
}

absl::StatusOr<NotificationChannel> Channels::Create(
    const Principal& caller, const v1::CreateNotificationChannelRequest& request) {
  Violations violations;
  const auto parent = ParseName("parent", request.parent(), "projects/*");
  if (!parent.ok()) violations.Add("parent", "must be projects/{project}");
  if (!IsResourceId(request.notification_channel_id())) {
    violations.Add("notification_channel_id", kResourceIdRule);
  }
  Check(request.notification_channel(), violations);
  if (request.notification_channel().has_email() && !carrier_.SendsMail()) {
    violations.Add("notification_channel.email", kNoMailServer);
  }
  RETURN_IF_ERROR(violations.ToStatus());
  const std::string& project = (*parent)[0];

  ChannelRecord record;
  record.set_uid(RandomId());
  NotificationChannel& channel = *record.mutable_channel();
  channel = request.notification_channel();
  channel.clear_dead_letters();
  channel.clear_last_error();
  channel.set_name(absl::StrCat(request.parent(), "/channels/", request.notification_channel_id()));
  channel.set_etag(RandomId());
  *channel.mutable_create_time() = ToProto(store_.Now());
  const auto check_place = [&](soci::session& sql) -> absl::Status {
    RETURN_IF_ERROR(FindProject(sql, project).status());
    if (FindChannel(sql, channel.name()).ok()) return Exists(channel.name());
    if (CountChannels(sql, project) < kMostChannels) return absl::OkStatus();
    return InvalidField("parent", absl::StrCat("has ", kMostChannels, " channels, which is most"));
  };
  if (request.validate_only()) {
    return store_.ReadValue<NotificationChannel>(
        [&](soci::session& sql) -> absl::StatusOr<NotificationChannel> {
          RETURN_IF_ERROR(check_place(sql));
          return ShowChannel(sql, record);
        });
  }
  return store_.WriteValue<NotificationChannel>(
      ActorOf(caller), [&](Change& change) -> absl::StatusOr<NotificationChannel> {
        NotificationChannel shown;
        RETURN_IF_ERROR(Once(change, request.request_id(), "CreateNotificationChannel", request,
                             shown, [&]() -> absl::Status {
                               RETURN_IF_ERROR(check_place(change.sql));
                               RETURN_IF_ERROR(Record(change, "created", channel.name(),
                                                      "the channel was created"));
                               // Of its own beginning it hears already.
                               record.set_since(LastSequence(change.sql, project) - 1);
                               RETURN_IF_ERROR(InsertChannel(change, record));
                               ASSIGN_OR_RETURN(shown, ShowChannel(change.sql, record));
                               return absl::OkStatus();
                             }));
        return shown;
      });
}

absl::StatusOr<NotificationChannel> Channels::Get(
    const v1::GetNotificationChannelRequest& request) {
  return store_.ReadValue<NotificationChannel>(
      [&](soci::session& sql) -> absl::StatusOr<NotificationChannel> {
        ASSIGN_OR_RETURN(const ChannelRecord record, FindChannel(sql, request.name()));
        return ShowChannel(sql, record);
      });
}

absl::StatusOr<v1::ListNotificationChannelsResponse> Channels::List(
    const Principal& caller, const v1::ListNotificationChannelsRequest& request) {
  using Response = v1::ListNotificationChannelsResponse;
  ASSIGN_OR_RETURN(const auto parts, ParseName("parent", request.parent(), "projects/*"));
  ASSIGN_OR_RETURN(const Listing listing,
                   ReadListing<NotificationChannel>(request, request.parent(), request.order_by()));
  return store_.ReadValue<Response>([&](soci::session& sql) -> absl::StatusOr<Response> {
    // What is filtered is what is shown: never the secret.
    std::map<std::string, NotificationChannel> shown;
    absl::Status status;
    ASSIGN_OR_RETURN(auto rows, ListChannels(sql, parts[0] == "-" ? "" : parts[0], listing.page,
                                             [&](const ChannelRecord& record) {
                                               const std::string& name = record.channel().name();
                                               const auto channel =
                                                   ParseName("name", name, kPattern);
                                               if (!channel.ok() || !MaySee(caller, (*channel)[0]))
                                                 return false;
                                               const auto view = ShowChannel(sql, record);
                                               if (!view.ok()) {
                                                 status = view.status();
                                                 return false;
                                               }
                                               shown[name] = *view;
                                               return listing.filter.Matches(*view);
                                             }));
    RETURN_IF_ERROR(status);
    Response response;
    for (const ChannelRecord& record : rows.items) {
      *response.add_notification_channels() = shown[record.channel().name()];
    }
    response.set_next_page_token(listing.Token(rows.next));
    return response;
  });
}

absl::StatusOr<NotificationChannel> Channels::Update(
    const Principal& caller, const v1::UpdateNotificationChannelRequest& request) {
  const NotificationChannel& sent = request.notification_channel();
  return store_.WriteValue<NotificationChannel>(
      ActorOf(caller), [&](Change& change) -> absl::StatusOr<NotificationChannel> {
        NotificationChannel shown;
        const auto edit = [&]() -> absl::Status {
          ASSIGN_OR_RETURN(ChannelRecord record, LockChannel(change, sent.name()));
          RETURN_IF_ERROR(OpenSecrets(change.sealer, record));
          NotificationChannel& channel = *record.mutable_channel();
          RETURN_IF_ERROR(CheckEtag(sent.etag(), channel.etag(), channel.name()));
          RETURN_IF_ERROR(Edit(request, channel));
          Violations violations;
          Check(channel, violations);
          RETURN_IF_ERROR(violations.ToStatus());
          if (!request.validate_only()) {
            channel.set_etag(RandomId());
            RETURN_IF_ERROR(SaveChannel(change, record));
            RETURN_IF_ERROR(Record(change, "updated", channel.name(), "the channel was changed"));
          }
          ASSIGN_OR_RETURN(shown, ShowChannel(change.sql, record));
          return absl::OkStatus();
        };
        RETURN_IF_ERROR(Once(change, request.validate_only() ? "" : request.request_id(),
                             "UpdateNotificationChannel", request, shown, edit));
        return shown;
      });
}

absl::Status Channels::Delete(const Principal& caller,
                              const v1::DeleteNotificationChannelRequest& request) {
  return store_.Write(ActorOf(caller), [&](Change& change) -> absl::Status {
    // Nothing is answered; the type says so.
    NotificationChannel none;
    return Once(
        change, request.request_id(), "DeleteNotificationChannel", request, none,
        [&]() -> absl::Status {
          ASSIGN_OR_RETURN(const ChannelRecord record, LockChannel(change, request.name()));
          RETURN_IF_ERROR(CheckEtag(request.etag(), record.channel().etag(), request.name()));
          RETURN_IF_ERROR(DeleteChannel(change, request.name()));
          return Record(change, "deleted", request.name(), "the channel was deleted");
        });
  });
}

absl::StatusOr<v1::TestNotificationChannelResponse> Channels::Test(
    const Principal& caller, const v1::TestNotificationChannelRequest& request) {
  ASSIGN_OR_RETURN(const auto parts, ParseName("name", request.name(), kPattern));
  ASSIGN_OR_RETURN(ChannelRecord record, store_.ReadValue<ChannelRecord>([&](soci::session& sql) {
    return FindChannel(sql, request.name());
  }));
  RETURN_IF_ERROR(OpenSecrets(store_.sealer(), record));
  const absl::Time now = store_.Now();
  Letter letter;
  letter.id = absl::StrCat("test.", RandomId());
  letter.event.set_name(absl::StrCat("projects/", parts[0], "/events/0"));
  letter.event.set_type("channel.test");
  letter.event.set_resource(request.name());
  letter.event.set_actor(caller.user());
  letter.event.set_message(absl::StrCat(caller.user(), " tries the channel out"));
  letter.event.set_request_id(caller.request_id());
  *letter.event.mutable_time() = ToProto(now);
  const NotificationChannel& channel = record.channel();
  const absl::Status sent =
      channel.has_webhook()
          ? carrier_.ToWebhook(channel.webhook(), letter, now)
          : carrier_.ToMail({channel.email().to().begin(), channel.email().to().end()}, letter,
                            now);
  v1::TestNotificationChannelResponse response;
  response.set_delivered(sent.ok());
  response.set_message(sent.ok() ? "the other side took it" : std::string(sent.message()));
  return response;
}

absl::StatusOr<v1::ReplayNotificationChannelResponse> Channels::Replay(
    const Principal& caller, const v1::ReplayNotificationChannelRequest& request) {
  v1::ReplayNotificationChannelResponse response;
  for (bool more = true; more;) {
    ASSIGN_OR_RETURN(
        const int count,
        store_.WriteValue<int>(ActorOf(caller), [&](Change& change) -> absl::StatusOr<int> {
          RETURN_IF_ERROR(LockChannel(change, request.name()).status());
          ASSIGN_OR_RETURN(const int revived, Revive(change, request.name(), kReplayBatch));
          if (revived > 0) {
            RETURN_IF_ERROR(Record(change, "replayed", request.name(),
                                   absl::StrCat(revived, " messages are sent again")));
          }
          return revived;
        }));
    response.set_queued(response.queued() + count);
    more = count == kReplayBatch;
  }
  return response;
}

}  // namespace stackyard::stacks

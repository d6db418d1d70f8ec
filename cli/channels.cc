#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "cli/commands.h"
#include "cli/errors.h"
#include "cli/names.h"
#include "cli/text.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "google/protobuf/empty.pb.h"
#include "stackyard/v1/notifications.pb.h"

namespace stackyard::cli {
namespace {

using v1::NotificationChannel;

constexpr char kChannel[] = "projects/*/channels/*";

struct ChannelFlags {
  std::string id, url, key_file, display_name;
  std::vector<std::string> to, events;
  bool enable = false;
  bool disable = false;
};

std::string Target(const NotificationChannel& channel) {
  if (channel.has_webhook()) return channel.webhook().url();
  return absl::StrJoin(channel.email().to(), ", ");
}

std::string Health(const NotificationChannel& channel) {
  if (channel.disabled()) return "disabled";
  if (channel.dead_letters() > 0) return absl::StrCat(channel.dead_letters(), " dead letters");
  return channel.last_error().empty() ? "ok" : "failing";
}

absl::Status List(Context& context, const std::string& filter) {
  v1::ListNotificationChannelsRequest request;
  ASSIGN_OR_RETURN(*request.mutable_parent(), ProjectName(context.project()));
  request.set_filter(filter);
  v1::ListNotificationChannelsResponse response;
  RETURN_IF_ERROR(
      context.client().List("NotificationService/ListNotificationChannels", request, &response));
  return context.output().Write(response, [&] {
    Table table({"CHANNEL", "KIND", "TO", "EVENTS", "HEALTH"});
    for (const NotificationChannel& channel : response.notification_channels()) {
      table.Add({LastPart(channel.name()), channel.has_webhook() ? "webhook" : "email",
                 Cut(Target(channel), 60), Cut(absl::StrJoin(channel.event_types(), ", "), 40),
                 Health(channel)});
    }
    context.output().Show(table);
  });
}

void ShowChannel(Context& context, const NotificationChannel& channel) {
  Fields fields;
  fields.Add("Name", channel.name());
  fields.Add("Display name", channel.display_name());
  fields.Add("Kind", channel.has_webhook() ? "webhook" : "email");
  fields.Add("To", Target(channel));
  fields.Add("Events", absl::StrJoin(channel.event_types(), ", "));
  fields.Add("Health", Health(channel));
  fields.Add("Last error", channel.last_error());
  context.output().Show(fields);
}

absl::Status Get(Context& context, const std::string& name) {
  v1::GetNotificationChannelRequest request;
  ASSIGN_OR_RETURN(*request.mutable_name(), FullName(kChannel, context.project(), name));
  return context.Show<NotificationChannel>(
      "NotificationService/GetNotificationChannel", request,
      [&](const NotificationChannel& channel) { ShowChannel(context, channel); });
}

// The key of a webhook, from a file so that no list of processes shows it.
absl::StatusOr<std::string> ReadKey(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string text, ReadFile("key-file", path));
  return std::string(absl::StripSuffix(absl::StripSuffix(text, "\n"), "\r"));
}

absl::Status Create(Context& context, const ChannelFlags& flags, bool webhook) {
  v1::CreateNotificationChannelRequest request;
  ASSIGN_OR_RETURN(*request.mutable_parent(), ProjectName(context.project()));
  request.set_notification_channel_id(flags.id);
  NotificationChannel& channel = *request.mutable_notification_channel();
  channel.set_display_name(flags.display_name);
  channel.mutable_event_types()->Assign(flags.events.begin(), flags.events.end());
  if (webhook) {
    channel.mutable_webhook()->set_url(flags.url);
    ASSIGN_OR_RETURN(*channel.mutable_webhook()->mutable_secret_key(), ReadKey(flags.key_file));
  } else {
    channel.mutable_email()->mutable_to()->Assign(flags.to.begin(), flags.to.end());
  }
  return context.Show<NotificationChannel>("NotificationService/CreateNotificationChannel", request,
                                           [&](const NotificationChannel& made) {
                                             context.output().out()
                                                 << made.name() << " sends "
                                                 << absl::StrJoin(made.event_types(), ", ")
                                                 << " to " << Target(made) << "\n";
                                           });
}

absl::Status Update(Context& context, const ChannelFlags& flags) {
  v1::UpdateNotificationChannelRequest request;
  NotificationChannel& channel = *request.mutable_notification_channel();
  auto& mask = *request.mutable_update_mask();
  ASSIGN_OR_RETURN(*channel.mutable_name(), FullName(kChannel, context.project(), flags.id));
  if (flags.enable && flags.disable) return InvalidField("enable", "goes not with --disable");
  if (!flags.to.empty() && !(flags.url.empty() && flags.key_file.empty())) {
    return InvalidField("to", "is for mail, and --url and --key-file are for a webhook");
  }
  if (flags.enable || flags.disable) {
    channel.set_disabled(flags.disable);
    mask.add_paths("disabled");
  }
  if (!flags.display_name.empty()) {
    channel.set_display_name(flags.display_name);
    mask.add_paths("display_name");
  }
  if (!flags.events.empty()) {
    channel.mutable_event_types()->Assign(flags.events.begin(), flags.events.end());
    mask.add_paths("event_types");
  }
  if (!flags.url.empty()) {
    channel.mutable_webhook()->set_url(flags.url);
    mask.add_paths("webhook.url");
  }
  if (!flags.key_file.empty()) {
    ASSIGN_OR_RETURN(*channel.mutable_webhook()->mutable_secret_key(), ReadKey(flags.key_file));
    mask.add_paths("webhook.secret_key");
  }
  if (!flags.to.empty()) {
    channel.mutable_email()->mutable_to()->Assign(flags.to.begin(), flags.to.end());
    mask.add_paths("email");
  }
  if (mask.paths().empty()) return InvalidField("update", "name what is to change");
  return context.Show<NotificationChannel>(
      "NotificationService/UpdateNotificationChannel", request,
      [&](const NotificationChannel& changed) { ShowChannel(context, changed); });
}

absl::Status Test(Context& context, const std::string& name) {
  v1::TestNotificationChannelRequest request;
  ASSIGN_OR_RETURN(*request.mutable_name(), FullName(kChannel, context.project(), name));
  v1::TestNotificationChannelResponse response;
  RETURN_IF_ERROR(context.client().Call("NotificationService/TestNotificationChannel", request,
                                        &response, absl::Minutes(1)));
  RETURN_IF_ERROR(context.output().Write(response, [&] {
    if (response.delivered()) context.output().out() << "Delivered: " << response.message() << "\n";
  }));
  if (response.delivered()) return absl::OkStatus();
  return AsOutcome(absl::UnavailableError(absl::StrCat("not delivered: ", response.message())));
}

absl::Status Replay(Context& context, const std::string& name) {
  v1::ReplayNotificationChannelRequest request;
  ASSIGN_OR_RETURN(*request.mutable_name(), FullName(kChannel, context.project(), name));
  return context.Show<v1::ReplayNotificationChannelResponse>(
      "NotificationService/ReplayNotificationChannel", request,
      [&](const v1::ReplayNotificationChannelResponse& response) {
        context.output().out() << response.queued() << " messages are sent again\n";
      });
}

absl::Status Delete(Context& context, const std::string& name) {
  v1::DeleteNotificationChannelRequest request;
  ASSIGN_OR_RETURN(*request.mutable_name(), FullName(kChannel, context.project(), name));
  google::protobuf::Empty response;
  RETURN_IF_ERROR(
      context.client().Call("NotificationService/DeleteNotificationChannel", request, &response));
  context.Note(request.name() + " is deleted");
  return absl::OkStatus();
}

}  // namespace

void AddChannelCommands(Command root, Context& context) {
  Command channels = root.Sub("channels", "Where a project's events are sent");
  const auto flags = std::make_shared<ChannelFlags>();
  const auto text = std::make_shared<std::string>();
  const std::string type = "Type to send, like stack.applied, stack.* or *; may be repeated";

  channels.Sub("list", "List channels")
      .Option("--filter", text.get(), "EXPRESSION", "AIP-160 filter")
      .Run([&context, text] { return List(context, *text); });
  channels.Sub("get", "Show a channel")
      .Argument("CHANNEL", text.get(), "Channel")
      .Run([&context, text] { return Get(context, *text); });
  Command create = channels.Sub("create", "Make a channel");
  create.Sub("webhook", "By HTTP, signed")
      .Argument("CHANNEL", &flags->id, "Last part of its name")
      .Option("--url", &flags->url, "URL", "Where to, http or https")
      .Required()
      .Option("--key-file", &flags->key_file, "PATH",
              "File with the key that signs, 16 to 256 bytes")
      .Required()
      .Option("--event", &flags->events, "TYPE", type)
      .Required()
      .Option("--name", &flags->display_name, "TEXT", "Name for people")
      .Run([&context, flags] { return Create(context, *flags, true); });
  create.Sub("email", "By mail")
      .Argument("CHANNEL", &flags->id, "Last part of its name")
      .Option("--to", &flags->to, "ADDRESS", "Where to; may be repeated")
      .Required()
      .Option("--event", &flags->events, "TYPE", type)
      .Required()
      .Option("--name", &flags->display_name, "TEXT", "Name for people")
      .Run([&context, flags] { return Create(context, *flags, false); });
  channels.Sub("update", "Change a channel")
      .Argument("CHANNEL", &flags->id, "Channel")
      .Option("--url", &flags->url, "URL", "Where to")
      .Option("--key-file", &flags->key_file, "PATH", "File with the new key")
      .Option("--to", &flags->to, "ADDRESS", "Where mail goes, in place of what is there")
      .Option("--event", &flags->events, "TYPE", type + ", in place of what is there")
      .Option("--name", &flags->display_name, "TEXT", "Name for people")
      .Flag("--enable", &flags->enable, "Send again")
      .Flag("--disable", &flags->disable, "Send nothing")
      .Run([&context, flags] { return Update(context, *flags); });
  channels.Sub("test", "Send a message and tell how it went")
      .Argument("CHANNEL", text.get(), "Channel")
      .Run([&context, text] { return Test(context, *text); });
  channels.Sub("replay", "Send again what could not be delivered")
      .Argument("CHANNEL", text.get(), "Channel")
      .Run([&context, text] { return Replay(context, *text); });
  channels.Sub("delete", "Delete a channel and its dead letters")
      .Argument("CHANNEL", text.get(), "Channel")
      .Run([&context, text] { return Delete(context, *text); });
}

}  // namespace stackyard::cli

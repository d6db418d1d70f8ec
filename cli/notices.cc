#include <algorithm>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cli/commands.h"
#include "cli/names.h"
#include "cli/text.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "google/protobuf/empty.pb.h"
#include "stackyard/v1/notifications.pb.h"

namespace stackyard::cli {
namespace {

using v1::NotificationSettings;

constexpr char kMe[] = "users/me";
constexpr char kSettings[] = "users/me/notificationSettings";

struct SettingsFlags {
  std::vector<std::string> mute, unmute;
  std::string email;
};

absl::Status List(Context& context, std::string filter, bool unread, int64_t limit) {
  v1::ListNotificationsRequest request;
  request.set_parent(kMe);
  if (unread)
    filter = filter.empty() ? "read = false" : absl::StrCat("(", filter, ") read = false");
  request.set_filter(filter);
  v1::ListNotificationsResponse response;
  RETURN_IF_ERROR(context.client().List("NotificationService/ListNotifications", request, &response,
                                        static_cast<int>(limit)));
  return context.output().Write(response, [&] {
    Table table({"NOTICE", "", "AGE", "TITLE", "TEXT"});
    for (const v1::Notification& notice : response.notifications()) {
      table.Add({LastPart(notice.name()), notice.read() ? "" : "new",
                 Age(notice.create_time(), context.Now()), Cut(notice.title(), 60),
                 Cut(notice.text(), 70)});
    }
    context.output().Show(table);
  });
}

absl::Status Read(Context& context, const std::vector<std::string>& notices) {
  v1::MarkNotificationsReadRequest request;
  request.set_parent(kMe);
  for (const std::string& notice : notices) {
    request.add_names(absl::StrCat(kMe, "/notifications/", LastPart(notice)));
  }
  google::protobuf::Empty response;
  RETURN_IF_ERROR(
      context.client().Call("NotificationService/MarkNotificationsRead", request, &response));
  context.Note(notices.empty() ? "all notices are read"
                               : absl::StrCat(notices.size(), " notices are read"));
  return absl::OkStatus();
}

absl::StatusOr<NotificationSettings> Fetch(Context& context) {
  v1::GetNotificationSettingsRequest request;
  request.set_name(kSettings);
  NotificationSettings settings;
  RETURN_IF_ERROR(
      context.client().Call("NotificationService/GetNotificationSettings", request, &settings));
  return settings;
}

absl::Status ChangeSettings(Context& context, const SettingsFlags& flags) {
  ASSIGN_OR_RETURN(NotificationSettings settings, Fetch(context));
  v1::UpdateNotificationSettingsRequest request;
  if (!flags.mute.empty() || !flags.unmute.empty()) {
    std::vector<std::string> muted(settings.muted().begin(), settings.muted().end());
    for (const std::string& type : flags.unmute) std::erase(muted, type);
    for (const std::string& type : flags.mute) {
      if (std::find(muted.begin(), muted.end(), type) == muted.end()) muted.push_back(type);
    }
    settings.mutable_muted()->Assign(muted.begin(), muted.end());
    request.mutable_update_mask()->add_paths("muted");
  }
  if (!flags.email.empty()) {
    if (flags.email != "on" && flags.email != "off") {
      return InvalidField("email", "must be on or off");
    }
    settings.set_email(flags.email == "on");
    request.mutable_update_mask()->add_paths("email");
  }
  if (!request.update_mask().paths().empty()) {
    *request.mutable_notification_settings() = settings;
    RETURN_IF_ERROR(context.client().Call("NotificationService/UpdateNotificationSettings", request,
                                          &settings));
  }
  return context.output().Write(settings, [&] {
    Fields fields;
    fields.Add("Muted",
               settings.muted().empty() ? "nothing" : absl::StrJoin(settings.muted(), ", "));
    fields.Add("Mail", settings.email() ? "on" : "off");
    context.output().Show(fields);
  });
}

}  // namespace

void AddNoticeCommands(Command root, Context& context) {
  Command notices = root.Sub("notices", "What you are told");
  const auto text = std::make_shared<std::string>();
  const auto unread = std::make_shared<bool>(false);
  const auto limit = std::make_shared<int64_t>(50);
  const auto names = std::make_shared<std::vector<std::string>>();
  const auto flags = std::make_shared<SettingsFlags>();
  notices.Sub("list", "List your notices, newest first")
      .Flag("--unread", unread.get(), "Those that you have not read")
      .Option("--filter", text.get(), "EXPRESSION", "AIP-160 filter")
      .Option("--limit", limit.get(), "COUNT", "How many; 0 for all [50]")
      .Run([&context, text, unread, limit] { return List(context, *text, *unread, *limit); });
  notices.Sub("read", "Mark notices as read")
      .Arguments("NOTICE", names.get(), "Notices [all]", false)
      .Run([&context, names] { return Read(context, *names); });
  notices.Sub("settings", "Show and change which events you are told of")
      .Option("--mute", &flags->mute, "TYPE", "Not to be told of, like stack.gone; may be repeated")
      .Option("--unmute", &flags->unmute, "TYPE", "To be told of again; may be repeated")
      .Option("--email", &flags->email, "on|off", "Mail as well, to your user's address")
      .Run([&context, flags] { return ChangeSettings(context, *flags); });
}

}  // namespace stackyard::cli

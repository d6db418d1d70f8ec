#include "services/stacks/inbox.h"

#include <set>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/field_path.h"
#include "common/mail.h"
#include "common/resource_name.h"
#include "common/status.h"
#include "services/stacks/event_types.h"
#include "services/stacks/labels.h"
#include "services/stacks/listing.h"
#include "services/stacks/notice_store.h"

namespace stackyard::stacks {
namespace {

using v1::Notification;
using v1::NotificationSettings;

constexpr int kMostNames = 1000;

// Checks that a name of `pattern`, which starts with `users/*`, is the caller's own. Answers its
// last part.
absl::StatusOr<std::string> Own(const Principal& caller, std::string_view field,
                                const std::string& name, std::string_view pattern) {
  ASSIGN_OR_RETURN(const auto parts, ParseName(field, name, pattern));
  if (parts[0] != "me" && absl::StrCat("users/", parts[0]) != caller.user()) {
    return Error(v1::PERMISSION_MISSING, "notices are for those who get them",
                 {{"resource", name}});
  }
  return parts.back();
}

absl::StatusOr<std::vector<int64_t>> ReadIds(const Principal& caller,
                                             const v1::MarkNotificationsReadRequest& request) {
  Violations violations;
  if (request.names_size() > kMostNames) {
    violations.Add("names", absl::StrCat("must be at most ", kMostNames));
  }
  std::set<int64_t> ids;
  for (const std::string& name : request.names()) {
    const auto last = Own(caller, "names", name, "users/*/notifications/*");
    int64_t id = 0;
    if (last.ok() && absl::SimpleAtoi(*last, &id) && id > 0) {
      ids.insert(id);
    } else {
      violations.Add("names", absl::StrCat(Quoted(name), " is no notice of yours"));
    }
  }
  RETURN_IF_ERROR(violations.ToStatus());
  return std::vector<int64_t>(ids.begin(), ids.end());
}

}  // namespace

absl::StatusOr<v1::ListNotificationsResponse> Inbox::List(
    const Principal& caller, const v1::ListNotificationsRequest& request) {
  using Response = v1::ListNotificationsResponse;
  RETURN_IF_ERROR(Own(caller, "parent", request.parent(), "users/*").status());
  ASSIGN_OR_RETURN(
      const Listing listing,
      ReadListing<Notification>(request, caller.user(), request.order_by(), "create_time desc"));
  return store_.ReadValue<Response>([&](soci::session& sql) -> absl::StatusOr<Response> {
    ASSIGN_OR_RETURN(const auto record, FindSettings(sql, caller.user()));
    ASSIGN_OR_RETURN(const auto rows, ListNotices(sql, ReaderOf(caller), record.settings().muted(),
                                                  listing.page, [&](const Notification& notice) {
                                                    return listing.filter.Matches(notice);
                                                  }));
    Response response;
    response.mutable_notifications()->Assign(rows.items.begin(), rows.items.end());
    response.set_next_page_token(listing.Token(rows.next));
    return response;
  });
}

absl::Status Inbox::MarkRead(const Principal& caller,
                             const v1::MarkNotificationsReadRequest& request) {
  RETURN_IF_ERROR(Own(caller, "parent", request.parent(), "users/*").status());
  ASSIGN_OR_RETURN(const std::vector<int64_t> ids, ReadIds(caller, request));
  const Reader reader = ReaderOf(caller);
  return store_.Write(ActorOf(caller), [&](Change& change) -> absl::Status {
    if (CountNotices(change.sql, reader, ids) < static_cast<int64_t>(ids.size())) {
      return InvalidField("names", "not all of them are notices of yours");
    }
    stacks::MarkRead(change, reader, ids);
    return absl::OkStatus();
  });
}

absl::StatusOr<NotificationSettings> Inbox::GetSettings(
    const Principal& caller, const v1::GetNotificationSettingsRequest& request) {
  RETURN_IF_ERROR(Own(caller, "name", request.name(), "users/*/notificationSettings").status());
  ASSIGN_OR_RETURN(const auto record,
                   store_.ReadValue<NotificationSettingsRecord>(
                       [&](soci::session& sql) { return FindSettings(sql, caller.user()); }));
  return record.settings();
}

absl::StatusOr<NotificationSettings> Inbox::UpdateSettings(
    const Principal& caller, const v1::UpdateNotificationSettingsRequest& request) {
  const NotificationSettings& sent = request.notification_settings();
  RETURN_IF_ERROR(
      Own(caller, "notification_settings.name", sent.name(), "users/*/notificationSettings")
          .status());
  return store_.WriteValue<NotificationSettings>(
      ActorOf(caller), [&](Change& change) -> absl::StatusOr<NotificationSettings> {
        ASSIGN_OR_RETURN(auto record, FindSettings(change.sql, caller.user()));
        NotificationSettings& settings = *record.mutable_settings();
        RETURN_IF_ERROR(ApplyMask(sent, request.update_mask(), {"muted", "email"}, settings));
        // The gateway's word of now is better than what it said before.
        if (!caller.email().empty()) record.set_address(caller.email());
        Violations violations;
        CheckPatterns("notification_settings.muted", settings.muted(), violations);
        if (settings.email() && !carrier_.SendsMail()) {
          violations.Add("notification_settings.email", kNoMailServer);
        } else if (settings.email() && !IsMailAddress(record.address())) {
          violations.Add("notification_settings.email",
                         "needs a mail address: have an admin set that of your user");
        }
        RETURN_IF_ERROR(violations.ToStatus());
        SaveSettings(change, record);
        return settings;
      });
}

absl::Status Inbox::DropOld(absl::Duration age) {
  return store_.Write(Actor(), [&](Change& change) {
    DropNotices(change, change.now - age);
    return absl::OkStatus();
  });
}

}  // namespace stackyard::stacks

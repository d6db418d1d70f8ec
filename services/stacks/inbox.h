// One's own notices, and what one wants to be told.
#pragma once

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "services/stacks/carrier.h"
#include "services/stacks/change.h"
#include "stackyard/v1/notifications.pb.h"

namespace stackyard::stacks {

// `users/me` stands for the caller. PERMISSION_MISSING for anybody else's.
class Inbox {
 public:
  Inbox(Store& store, const Carrier& carrier) : store_(store), carrier_(carrier) {}

  absl::StatusOr<v1::ListNotificationsResponse> List(const Principal& caller,
                                                     const v1::ListNotificationsRequest& request);
  absl::Status MarkRead(const Principal& caller, const v1::MarkNotificationsReadRequest& request);
  absl::StatusOr<v1::NotificationSettings> GetSettings(
      const Principal& caller, const v1::GetNotificationSettingsRequest& request);
  absl::StatusOr<v1::NotificationSettings> UpdateSettings(
      const Principal& caller, const v1::UpdateNotificationSettingsRequest& request);
  // Drops notices that are older.
  absl::Status DropOld(absl::Duration age);

 private:
  Store& store_;
  const Carrier& carrier_;
};

}  // namespace stackyard::stacks

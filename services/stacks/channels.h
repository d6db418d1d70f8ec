// Notification channels, as users see them.
#pragma once

#include "absl/status/statusor.h"
#include "common/status.h"
#include "services/stacks/carrier.h"
#include "services/stacks/change.h"
#include "stackyard/v1/notifications.pb.h"

namespace stackyard::stacks {

class Channels {
 public:
  Channels(Store& store, Carrier& carrier) : store_(store), carrier_(carrier) {}

  absl::StatusOr<v1::NotificationChannel> Create(
      const Principal& caller, const v1::CreateNotificationChannelRequest& request);
  absl::StatusOr<v1::NotificationChannel> Get(const v1::GetNotificationChannelRequest& request);
  absl::StatusOr<v1::ListNotificationChannelsResponse> List(
      const Principal& caller, const v1::ListNotificationChannelsRequest& request);
  absl::StatusOr<v1::NotificationChannel> Update(
      const Principal& caller, const v1::UpdateNotificationChannelRequest& request);
  absl::Status Delete(const Principal& caller, const v1::DeleteNotificationChannelRequest& request);
  // Sends a message that is in no log, also to a disabled channel.
  absl::StatusOr<v1::TestNotificationChannelResponse> Test(
      const Principal& caller, const v1::TestNotificationChannelRequest& request);
  // Queues all dead letters again.
  absl::StatusOr<v1::ReplayNotificationChannelResponse> Replay(
      const Principal& caller, const v1::ReplayNotificationChannelRequest& request);

 private:
  void Check(const v1::NotificationChannel& channel, Violations& violations) const;

  Store& store_;
  Carrier& carrier_;
};

}  // namespace stackyard::stacks

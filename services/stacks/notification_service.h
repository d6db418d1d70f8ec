// Channels and notices over gRPC.
#pragma once

#include "services/stacks/channels.h"
#include "services/stacks/inbox.h"
#include "stackyard/v1/notifications.grpc.pb.h"

namespace stackyard::stacks {

class NotificationRpc final : public v1::NotificationService::Service {
 public:
  NotificationRpc(Channels& channels, Inbox& inbox) : channels_(channels), inbox_(inbox) {}

  grpc::Status CreateNotificationChannel(grpc::ServerContext* context,
                                         const v1::CreateNotificationChannelRequest* request,
                                         v1::NotificationChannel* response) override;
  grpc::Status GetNotificationChannel(grpc::ServerContext* context,
                                      const v1::GetNotificationChannelRequest* request,
                                      v1::NotificationChannel* response) override;
  grpc::Status ListNotificationChannels(grpc::ServerContext* context,
                                        const v1::ListNotificationChannelsRequest* request,
                                        v1::ListNotificationChannelsResponse* response) override;
  grpc::Status UpdateNotificationChannel(grpc::ServerContext* context,
                                         const v1::UpdateNotificationChannelRequest* request,
                                         v1::NotificationChannel* response) override;
  grpc::Status DeleteNotificationChannel(grpc::ServerContext* context,
                                         const v1::DeleteNotificationChannelRequest* request,
                                         google::protobuf::Empty* response) override;
  grpc::Status TestNotificationChannel(grpc::ServerContext* context,
                                       const v1::TestNotificationChannelRequest* request,
                                       v1::TestNotificationChannelResponse* response) override;
  grpc::Status ReplayNotificationChannel(grpc::ServerContext* context,
                                         const v1::ReplayNotificationChannelRequest* request,
                                         v1::ReplayNotificationChannelResponse* response) override;
  grpc::Status ListNotifications(grpc::ServerContext* context,
                                 const v1::ListNotificationsRequest* request,
                                 v1::ListNotificationsResponse* response) override;
  grpc::Status MarkNotificationsRead(grpc::ServerContext* context,
                                     const v1::MarkNotificationsReadRequest* request,
                                     google::protobuf::Empty* response) override;
  grpc::Status GetNotificationSettings(grpc::ServerContext* context,
                                       const v1::GetNotificationSettingsRequest* request,
                                       v1::NotificationSettings* response) override;
  grpc::Status UpdateNotificationSettings(grpc::ServerContext* context,
                                          const v1::UpdateNotificationSettingsRequest* request,
                                          v1::NotificationSettings* response) override;

 private:
  Channels& channels_;
  Inbox& inbox_;
};

}  // namespace stackyard::stacks

#include "services/stacks/notification_service.h"

#include "common/handler.h"

namespace stackyard::stacks {

using grpc::ServerContext;

grpc::Status NotificationRpc::CreateNotificationChannel(
    ServerContext* context, const v1::CreateNotificationChannelRequest* request,
    v1::NotificationChannel* response) {
  return Handle(context, response,
                [&](const Principal& caller) { return channels_.Create(caller, *request); });
}

grpc::Status NotificationRpc::GetNotificationChannel(
    ServerContext* context, const v1::GetNotificationChannelRequest* request,
    v1::NotificationChannel* response) {
  return Handle(context, response, [&](const Principal&) { return channels_.Get(*request); });
}

grpc::Status NotificationRpc::ListNotificationChannels(
    ServerContext* context, const v1::ListNotificationChannelsRequest* request,
    v1::ListNotificationChannelsResponse* response) {
  return Handle(context, response,
                [&](const Principal& caller) { return channels_.List(caller, *request); });
}

grpc::Status NotificationRpc::UpdateNotificationChannel(
    ServerContext* context, const v1::UpdateNotificationChannelRequest* request,
    v1::NotificationChannel* response) {
  return Handle(context, response,
                [&](const Principal& caller) { return channels_.Update(caller, *request); });
}

grpc::Status NotificationRpc::DeleteNotificationChannel(
    ServerContext* context, const v1::DeleteNotificationChannelRequest* request,
    google::protobuf::Empty* response) {
  return Handle(context, response,
                [&](const Principal& caller) { return channels_.Delete(caller, *request); });
}

grpc::Status NotificationRpc::TestNotificationChannel(
    ServerContext* context, const v1::TestNotificationChannelRequest* request,
    v1::TestNotificationChannelResponse* response) {
  return Handle(context, response,
                [&](const Principal& caller) { return channels_.Test(caller, *request); });
}

grpc::Status NotificationRpc::ReplayNotificationChannel(
    ServerContext* context, const v1::ReplayNotificationChannelRequest* request,
    v1::ReplayNotificationChannelResponse* response) {
  return Handle(context, response,
                [&](const Principal& caller) { return channels_.Replay(caller, *request); });
}

grpc::Status NotificationRpc::ListNotifications(ServerContext* context,
                                                const v1::ListNotificationsRequest* request,
                                                v1::ListNotificationsResponse* response) {
  return Handle(context, response,
                [&](const Principal& caller) { return inbox_.List(caller, *request); });
}

grpc::Status NotificationRpc::MarkNotificationsRead(ServerContext* context,
                                                    const v1::MarkNotificationsReadRequest* request,
                                                    google::protobuf::Empty* response) {
  return Handle(context, response,
                [&](const Principal& caller) { return inbox_.MarkRead(caller, *request); });
}

grpc::Status NotificationRpc::GetNotificationSettings(
    ServerContext* context, const v1::GetNotificationSettingsRequest* request,
    v1::NotificationSettings* response) {
  return Handle(context, response,
                [&](const Principal& caller) { return inbox_.GetSettings(caller, *request); });
}

grpc::Status NotificationRpc::UpdateNotificationSettings(
    ServerContext* context, const v1::UpdateNotificationSettingsRequest* request,
    v1::NotificationSettings* response) {
  return Handle(context, response,
                [&](const Principal& caller) { return inbox_.UpdateSettings(caller, *request); });
}

}  // namespace stackyard::stacks

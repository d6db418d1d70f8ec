// The event log over gRPC.
#pragma once

#include "services/stacks/events.h"
#include "services/stacks/watch_hub.h"
#include "stackyard/v1/events.grpc.pb.h"

namespace stackyard::stacks {

class EventRpc final
    : public v1::EventService::WithCallbackMethod_WatchProject<v1::EventService::Service> {
 public:
  EventRpc(Store& store, WatchHub& hub) : store_(store), hub_(hub), reads_(hub) {}

  grpc::Status GetEvent(grpc::ServerContext* context, const v1::GetEventRequest* request,
                        v1::Event* response) override;
  grpc::Status ListEvents(grpc::ServerContext* context, const v1::ListEventsRequest* request,
                          v1::ListEventsResponse* response) override;
  grpc::Status VerifyEvents(grpc::ServerContext* context, const v1::VerifyEventsRequest* request,
                            v1::VerifyEventsResponse* response) override;
  grpc::ServerWriteReactor<v1::WatchProjectResponse>* WatchProject(
      grpc::CallbackServerContext* context, const v1::WatchProjectRequest* request) override;

 private:
  absl::StatusOr<v1::Event> Get(const v1::GetEventRequest& request);
  absl::StatusOr<v1::ListEventsResponse> List(const v1::ListEventsRequest& request);
  absl::StatusOr<v1::VerifyEventsResponse> Verify(const v1::VerifyEventsRequest& request);

  // The next events behind a resume token.
  absl::StatusOr<News<v1::WatchProjectResponse>> ReadBehind(const std::string& project,
                                                            const std::string& token);

  Store& store_;
  WatchHub& hub_;
  SharedReads<News<v1::WatchProjectResponse>> reads_;
};

}  // namespace stackyard::stacks

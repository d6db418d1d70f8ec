#include "services/gateway/service_listing.h"

#include <grpcpp/impl/rpc_method.h>
#include <grpcpp/impl/rpc_service_method.h>
#include <grpcpp/support/method_handler.h>

#include "absl/strings/str_cat.h"

namespace stackyard::gateway {
namespace {

class ListedService final : public grpc::Service {
 public:
  // gRPC takes a service's name from its methods. An RPC cannot have an empty name.
  explicit ListedService(const std::string& name) : method_(absl::StrCat("/", name, "/")) {
    using Refuse = grpc::internal::ErrorMethodHandler<grpc::StatusCode::UNIMPLEMENTED>;
    AddMethod(new grpc::internal::RpcServiceMethod(
        method_.c_str(), grpc::internal::RpcMethod::NORMAL_RPC, new Refuse("not an RPC")));
  }

 private:
  // The method keeps a pointer to it.
  const std::string method_;
};

}  // namespace

std::vector<std::unique_ptr<grpc::Service>> ListedServices(const std::vector<std::string>& names) {
  std::vector<std::unique_ptr<grpc::Service>> services;
  for (const std::string& name : names) services.push_back(std::make_unique<ListedService>(name));
  return services;
}

}  // namespace stackyard::gateway

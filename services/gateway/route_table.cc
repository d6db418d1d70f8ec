#include "services/gateway/route_table.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/status_macros.h"
#include "google/api/annotations.pb.h"
#include "google/protobuf/descriptor_database.h"
#include "stackyard/v1/annotations.pb.h"

namespace stackyard::gateway {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::DescriptorPool;
using google::protobuf::FieldDescriptor;
using google::protobuf::FileDescriptor;
using google::protobuf::MethodDescriptor;
using google::protobuf::ServiceDescriptor;

constexpr char kPackage[] = "stackyard.v1";

absl::StatusOr<FieldPath> ResolvePath(const MethodDescriptor& method, const std::string& text) {
  FieldPath path;
  path.text = text;
  const Descriptor* message = method.input_type();
  for (const absl::string_view part : absl::StrSplit(text, '.')) {
    const FieldDescriptor* field =
        message == nullptr ? nullptr : message->FindFieldByName(std::string(part));
    // In a repeated field or a oneof more than one value could be meant.
    if (field == nullptr || field->is_repeated() || field->real_containing_oneof() != nullptr) {
      return absl::FailedPreconditionError(
          absl::StrCat(method.full_name(), ": `", text, "` is not a single field"));
    }
    path.numbers.push_back(field->number());
    message = field->message_type();
    if (message == nullptr && field->type() != FieldDescriptor::TYPE_STRING) {
      return absl::FailedPreconditionError(
          absl::StrCat(method.full_name(), ": `", text, "` is not a string"));
    }
  }
  if (message != nullptr) {
    return absl::FailedPreconditionError(
        absl::StrCat(method.full_name(), ": `", text, "` is not a string"));
  }
  return path;
}

std::string PathOf(const google::api::HttpRule& rule) {
  return absl::StrCat(rule.get(), rule.put(), rule.post(), rule.delete_(), rule.patch());
}

// Whether every URL of the method has the resource under projects/.
bool IsInProject(const MethodDescriptor& method, const std::string& field) {
  const google::api::HttpRule& rule = method.options().GetExtension(google::api::http);
  const std::string variable = absl::StrCat("{", field, "=projects/*");
  const auto named = [&](const google::api::HttpRule& one) {
    return PathOf(one).find(variable) != std::string::npos;
  };
  return named(rule) &&
         std::all_of(rule.additional_bindings().begin(), rule.additional_bindings().end(), named);
}

absl::StatusOr<Route> ReadMethod(const MethodDescriptor& method, const std::string& backend) {
  Route route;
  route.method = absl::StrCat("/", method.service()->full_name(), "/", method.name());
  route.backend = backend;
  route.client_streaming = method.client_streaming();
  route.server_streaming = method.server_streaming();
  if (!method.options().HasExtension(v1::access)) return route;

  const v1::Access& access = method.options().GetExtension(v1::access);
  route.permission = access.permission();
  if (access.audience() == v1::Access::PUBLIC) {
    route.audience = Audience::kPublic;
  } else if (access.audience() == v1::Access::AUTHENTICATED) {
    route.audience = Audience::kAuthenticated;
  } else if (!access.permission().empty()) {
    route.audience = Audience::kPermission;
  }
  if (!access.resource().empty()) {
    ASSIGN_OR_RETURN(route.resource, ResolvePath(method, access.resource()));
    route.in_project = IsInProject(method, access.resource());
    // Writes and single reads name their project.
    route.across_projects = absl::StartsWith(method.name(), "List");
  }
  return route;
}

}  // namespace

absl::StatusOr<RouteTable> RouteTable::FromLinkedProtos() {
  std::vector<std::string> files;
  if (!DescriptorPool::internal_generated_database()->FindAllFileNames(&files)) {
    return absl::InternalError("the linked protos cannot be listed");
  }
  std::vector<const ServiceDescriptor*> services;
  for (const std::string& name : files) {
    // Others need not be loaded.
    if (!absl::StartsWith(name, "stackyard/")) continue;
    const FileDescriptor* file = DescriptorPool::generated_pool()->FindFileByName(name);
    if (file == nullptr || file->package() != kPackage) continue;
    for (int i = 0; i < file->service_count(); ++i) services.push_back(file->service(i));
  }
  return Build(services);
}

absl::StatusOr<RouteTable> RouteTable::Build(
    const std::vector<const ServiceDescriptor*>& services) {
  RouteTable table;
  for (const ServiceDescriptor* service : services) {
    const std::string& backend = service->options().GetExtension(v1::backend);
    if (backend.empty()) continue;
    table.services_.push_back(service->full_name());
    for (int i = 0; i < service->method_count(); ++i) {
      ASSIGN_OR_RETURN(Route route, ReadMethod(*service->method(i), backend));
      route.index = static_cast<int>(table.routes_.size());
      if (!route.permission.empty()) table.permissions_.push_back(route.permission);
      table.by_method_[route.method] = route.index;
      table.routes_.push_back(std::move(route));
    }
  }
  std::sort(table.services_.begin(), table.services_.end());
  std::sort(table.permissions_.begin(), table.permissions_.end());
  table.permissions_.erase(std::unique(table.permissions_.begin(), table.permissions_.end()),
                           table.permissions_.end());
  return table;
}

const Route* RouteTable::Find(std::string_view method) const {
  const auto found = by_method_.find(absl::string_view(method.data(), method.size()));
  return found == by_method_.end() ? nullptr : &routes_[found->second];
}

}  // namespace stackyard::gateway

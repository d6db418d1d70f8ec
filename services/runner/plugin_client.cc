#include "services/runner/plugin_client.h"

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/support/byte_buffer.h>

#include <chrono>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "common/grpc_status.h"
#include "common/status_macros.h"

namespace stackyard::runner {
namespace {

// Of GetProviderSchema.Response and of GetResourceIdentitySchemas.Response.
constexpr int kSchemaDiagnostics = 4;
constexpr int kIdentityDiagnostics = 2;

// A call with an empty request.
absl::StatusOr<std::string> Call(const ProviderProcess& process, const std::string& name,
                                 absl::Duration timeout) {
  grpc::GenericStub stub(process.channel());
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + absl::ToChronoMicroseconds(timeout));
  context.set_wait_for_ready(true);
  const grpc::Slice nothing;
  const grpc::ByteBuffer request(&nothing, 1);
  grpc::ByteBuffer response;
  grpc::Status status;
  absl::Notification done;
  stub.UnaryCall(&context, absl::StrCat("/tfplugin", process.protocol(), ".Provider/", name),
                 grpc::StubOptions(), &request, &response, [&](grpc::Status ended) {
                   status = std::move(ended);
                   done.Notify();
                 });
  done.WaitForNotification();
  if (!status.ok()) {
    return absl::Status(static_cast<absl::StatusCode>(status.error_code()),
                        absl::StrCat(name, ": ", status.error_message()));
  }
  std::vector<grpc::Slice> slices;
  std::string bytes;
  if (!response.Dump(&slices).ok()) return absl::InternalError(name + " answered nothing");
  for (const grpc::Slice& slice : slices) {
    bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return bytes;
}

absl::Status Check(const std::string& answer, int diagnostics_field, std::string_view what) {
  ASSIGN_OR_RETURN(const bool failed, HasErrorDiagnostic(answer, diagnostics_field));
  if (!failed) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("the provider cannot tell its ", std::string(what)));
}

}  // namespace

absl::StatusOr<ProviderSchema> AskSchema(const ProviderProcess& process, absl::Duration timeout) {
  ProviderSchema schema;
  ASSIGN_OR_RETURN(
      schema.schemas,
      Call(process, process.protocol() == 5 ? "GetSchema" : "GetProviderSchema", timeout));
  RETURN_IF_ERROR(Check(schema.schemas, kSchemaDiagnostics, "schemas"));
  absl::StatusOr<std::string> identities = Call(process, "GetResourceIdentitySchemas", timeout);
  if (absl::IsUnimplemented(identities.status())) return schema;
  RETURN_IF_ERROR(identities.status());
  RETURN_IF_ERROR(Check(*identities, kIdentityDiagnostics, "identities"));
  schema.identities = *std::move(identities);
  return schema;
}

}  // namespace stackyard::runner

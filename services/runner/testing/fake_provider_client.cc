#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/support/byte_buffer.h>
#include <gtest/gtest.h>

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "common/id.h"
#include "services/runner/testing/fake_provider.h"

namespace stackyard::runner {

ProviderBinary FakeProvider(const std::string& source) {
  auto binary = ReadProviderBinary(source, "1.0.0", STACKYARD_FAKE_PROVIDER);
  EXPECT_TRUE(binary.ok()) << binary.status();
  if (!binary.ok()) return {};
  binary->identity = Sha256Hex(absl::StrCat(binary->identity, source)).substr(0, 32);
  return *std::move(binary);
}

std::string AskFake(const ProviderProcess& process, const std::string& name,
                    const std::string& request) {
  grpc::GenericStub stub(process.channel());
  grpc::ClientContext context;
  const grpc::Slice slice(request);
  const grpc::ByteBuffer sent(&slice, 1);
  grpc::ByteBuffer got;
  grpc::Status status;
  absl::Notification done;
  stub.UnaryCall(&context, "/X/" + name, grpc::StubOptions(), &sent, &got, [&](grpc::Status ended) {
    status = std::move(ended);
    done.Notify();
  });
  done.WaitForNotification();
  std::vector<grpc::Slice> slices;
  std::string bytes;
  if (!status.ok() || !got.Dump(&slices).ok()) return bytes;
  for (const grpc::Slice& part : slices) {
    bytes.append(reinterpret_cast<const char*>(part.begin()), part.size());
  }
  return bytes;
}

}  // namespace stackyard::runner

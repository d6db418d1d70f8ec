#include "services/runner/testing/provider_schema.h"

#include <fcntl.h>
#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "services/runner/testing/wire_message.h"
#include "services/runner/wire_fields.h"

namespace stackyard::runner {
namespace {

namespace fs = std::filesystem;

// A provider that runs, and what it said when it began: `1|5|unix|/tmp/plugin|grpc|`.
class Provider {
 public:
  explicit Provider(const std::string& program) {
    int ends[2];
    if (pipe(ends) != 0) return;
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    posix_spawn_file_actions_addclose(&actions, ends[0]);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    char* argv[] = {const_cast<char*>(program.c_str()), nullptr};
    std::string cookie =
        "TF_PLUGIN_MAGIC_COOKIE=d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2";
    std::string versions = "PLUGIN_PROTOCOL_VERSIONS=5,6";
    char* environment[] = {cookie.data(), versions.data(), nullptr};
    if (posix_spawn(&pid_, program.c_str(), &actions, nullptr, argv, environment) != 0) pid_ = -1;
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    FILE* out = fdopen(ends[0], "r");
    char line[4096] = "";
    if (fgets(line, sizeof(line), out) != nullptr) handshake_ = absl::StrSplit(line, '|');
    fclose(out);
  }
  ~Provider() {
    if (pid_ < 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }

  bool ok() const { return handshake_.size() >= 5; }
  int protocol() const { return handshake_[1] == "6" ? 6 : 5; }
  std::string target() const { return absl::StrCat(handshake_[2], ":", handshake_[3]); }

 private:
  pid_t pid_ = -1;
  std::vector<std::string> handshake_;
};

std::string CallEmpty(const std::string& target, const std::string& method) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(-1);
  grpc::GenericStub stub(
      grpc::CreateCustomChannel(target, grpc::InsecureChannelCredentials(), arguments));
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::minutes(1));
  grpc::CompletionQueue queue;
  const grpc::ByteBuffer empty(nullptr, 0);
  const auto call = stub.PrepareUnaryCall(&context, method, empty, &queue);
  grpc::ByteBuffer answer;
  grpc::Status status;
  call->StartCall();
  call->Finish(&answer, &status, &queue);
  void* tag = nullptr;
  bool ok = false;
  queue.Next(&tag, &ok);
  EXPECT_TRUE(ok && status.ok()) << method << ": " << status.error_message();
  std::vector<grpc::Slice> slices;
  answer.Dump(&slices);
  std::string bytes;
  for (const grpc::Slice& slice : slices) {
    bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return bytes;
}

// The types of resources and data that are wanted, and nothing else.
std::string Pruned(const std::string& response, const std::set<std::string>& types) {
  WireMessage kept;
  EXPECT_TRUE(ForEachField(response, [&](const WireField& field) -> absl::Status {
                if (field.number != 2 && field.number != 3) return absl::OkStatus();
                bool wanted = false;
                const absl::Status read =
                    ForEachField(field.bytes, [&](const WireField& part) -> absl::Status {
                      wanted |= part.number == 1 && types.count(std::string(part.bytes)) > 0;
                      return absl::OkStatus();
                    });
                if (wanted) kept.Bytes(field.number, field.bytes);
                return read;
              }).ok());
  return kept.bytes();
}

}  // namespace

std::string ProviderProgram(const std::string& mirror, const std::string& source) {
  std::error_code error;
  for (const auto& entry : fs::recursive_directory_iterator(mirror + "/" + source, error)) {
    const std::string name = entry.path().filename().string();
    if (absl::StartsWith(name, "terraform-provider-") && entry.is_regular_file(error) &&
        access(entry.path().c_str(), X_OK) == 0) {
      return entry.path().string();
    }
  }
  return "";
}

std::string ReadProviderSchema(const std::string& program, const std::set<std::string>& types) {
  const Provider provider(program);
  EXPECT_TRUE(provider.ok()) << program << " is no provider";
  if (!provider.ok()) return "";
  const std::string response = CallEmpty(
      provider.target(), provider.protocol() == 6 ? "/tfplugin6.Provider/GetProviderSchema"
                                                  : "/tfplugin5.Provider/GetSchema");
  return types.empty() ? response : Pruned(response, types);
}

}  // namespace stackyard::runner

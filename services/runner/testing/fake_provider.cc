// A provider for tests: starts as go-plugin's servers do, and answers what the tests ask.
//
//   GetSchema        SCHEMA_FILE's content
//   X/Environment    its environment, `NAME=value` lines
//   X/Folder         the names in its current folder
//   X/Crash          ends at once, with a word on standard error
//   X/Complain       says something on standard error
//   anything else    the request
//
// FAKE_PROVIDER makes it odd: `silent` prints nothing, `dead` ends at once, `old` speaks version 4,
// `chatty` fills its standard output before it is ready.
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>

namespace {

std::string Value(const char* name) {
  const char* value = getenv(name);
  return value == nullptr ? "" : value;
}

std::string Environment() {
  std::string text;
  for (char** entry = environ; *entry != nullptr; ++entry) text += std::string(*entry) + "\n";
  return text;
}

std::string Folder() {
  std::string text;
  for (const auto& entry : std::filesystem::directory_iterator(".")) {
    text += entry.path().filename().string() + "\n";
  }
  return text;
}

std::atomic<int> schema_calls{0};

class Call final : public grpc::ServerGenericBidiReactor {
 public:
  explicit Call(std::string method) : method_(std::move(method)) { StartRead(&message_); }
  void OnReadDone(bool ok) override {
    if (!ok) return Finish(grpc::Status::CANCELLED);
    const std::string_view name = std::string_view(method_).substr(method_.rfind('/') + 1);
    if (name == "Crash") {
      fputs("panic: the fake provider crashes\n", stderr);
      _exit(3);
    }
    if (name == "Complain") fputs("something is odd\n", stderr);
    if (name == "GetResourceIdentitySchemas" || name == "StreamStdio") {
      return Finish({grpc::StatusCode::UNIMPLEMENTED, "not known"});
    }
    if (name == "GetSchema") {
      ++schema_calls;
      std::ostringstream text;
      text << std::ifstream(Value("SCHEMA_FILE"), std::ios::binary).rdbuf();
      Say(text.str());
    }
    if (name == "SchemaCalls") Say(std::to_string(schema_calls));
    if (name == "Environment") Say(Environment());
    if (name == "Folder") Say(Folder());
    StartWriteAndFinish(&message_, grpc::WriteOptions(), grpc::Status::OK);
  }
  void OnDone() override { delete this; }

 private:
  void Say(const std::string& text) {
    const grpc::Slice slice(text);
    message_ = grpc::ByteBuffer(&slice, 1);
  }

  const std::string method_;
  grpc::ByteBuffer message_;
};

class Provider final : public grpc::CallbackGenericService {
 public:
  grpc::ServerGenericBidiReactor* CreateReactor(
      grpc::GenericCallbackServerContext* context) override {
    return new Call(context->method());
  }
};

}  // namespace

int main() {
  const std::string odd = Value("FAKE_PROVIDER");
  if (Value("TF_PLUGIN_MAGIC_COOKIE").size() != 64 || odd == "dead") {
    fputs("This binary is a plugin.\n", stderr);
    return 1;
  }
  const std::string socket = Value("PLUGIN_UNIX_SOCKET_DIR") + "/plugin" + std::to_string(getpid());
  Provider provider;
  grpc::ServerBuilder builder;
  builder.AddListeningPort("unix:" + socket, grpc::InsecureServerCredentials());
  builder.RegisterCallbackGenericService(&provider);
  const auto server = builder.BuildAndStart();
  if (server == nullptr) return 1;
  if (odd != "silent") {
    printf("1|%d|unix|%s|grpc|\n", odd == "old" ? 4 : 5, socket.c_str());
    fflush(stdout);
  }
  if (odd == "chatty") {
    // More than fits a pipe: it only goes on when somebody reads.
    for (int i = 0; i < 10000; ++i) printf("something that nobody asked for, line %d\n", i);
    fflush(stdout);
  }
  server->Wait();
}

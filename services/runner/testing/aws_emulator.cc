#include "services/runner/testing/aws_emulator.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <re2/re2.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/poll_until.h"
#include "services/runner/engine.h"
#include "services/runner/file.h"

namespace stackyard::runner {
namespace {

std::string Program() {
  const std::string own = STACKYARD_TOOLS "/py/bin/moto_server";
  return std::filesystem::exists(own) ? own : FindProgram("moto_server");
}

sockaddr_in Loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<uint16_t>(port));
  return address;
}

// A socket on a free port of the loopback.
Fd Bound() {
  Fd bound(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_in address = Loopback(0);
  EXPECT_EQ(bind(bound.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  return bound;
}

int PortOf(const Fd& bound) {
  sockaddr_in address{};
  socklen_t size = sizeof(address);
  EXPECT_EQ(getsockname(bound.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
  return ntohs(address.sin_port);
}

}  // namespace

std::string AwsMirror() {
  const char* mirror = getenv("STACKYARD_PROVIDER_MIRROR");
  if (mirror == nullptr) return "";
  const std::string provider = absl::StrCat(mirror, "/registry.terraform.io/hashicorp/aws");
  return std::filesystem::is_directory(provider) ? mirror : "";
}

std::string AwsEmulator::Missing() {
  if (AwsMirror().empty()) {
    return "no AWS provider: STACKYARD_PROVIDER_MIRROR names no folder that holds it";
  }
  return Program().empty() ? "no emulator: moto_server is not installed (make setup)" : "";
}

AwsEmulator::AwsEmulator() : port_(PortOf(Bound())), address_(absl::StrCat("127.0.0.1:", port_)) {
  Command command;
  command.argv = {Program(), "-H", "127.0.0.1", "-p", absl::StrCat(port_)};
  for (const char* name : {"PATH", "HOME", "PYENV_ROOT"}) {
    if (const char* value = getenv(name); value != nullptr) {
      command.environment.push_back(absl::StrCat(name, "=", value));
    }
  }
  // What it prints would fill the pipe.
  command.argv.insert(command.argv.begin(),
                      {"/bin/sh", "-c", "exec \"$@\" >moto.log 2>&1 </dev/null", "sh"});
  command.directory = folder_.path();
  auto process = ChildProcess::Start(command);
  EXPECT_TRUE(process.ok()) << process.status();
  if (!process.ok()) return;
  process_ = std::make_unique<ChildProcess>(*std::move(process));
  const auto ready = [this] { return absl::StrContains(Get("/moto-api/"), "200 OK"); };
  if (!PollUntil(ready, absl::Minutes(1), absl::Milliseconds(50))) {
    ADD_FAILURE() << ReadFile(folder_.path() + "/moto.log").value_or("no log");
  }
}

std::string AwsEmulator::Get(const std::string& path) const {
  const Fd connection(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_in address = Loopback(port_);
  if (connect(connection.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) !=
      0) {
    return "";
  }
  const std::string request = absl::StrCat(
      "GET ", path, " HTTP/1.0\r\nHost: ", address_,
      "\r\nAuthorization: AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request, "
      "SignedHeaders=host, Signature=0\r\n\r\n");
  if (write(connection.get(), request.data(), request.size()) < 0) return "";
  std::string answer;
  char buffer[4096];
  ssize_t got;
  while ((got = read(connection.get(), buffer, sizeof(buffer))) > 0) {
    answer.append(buffer, static_cast<size_t>(got));
  }
  return answer;
}

std::vector<std::string> AwsEmulator::Buckets() const {
  const std::string listing = Get("/");
  EXPECT_TRUE(absl::StrContains(listing, "ListAllMyBucketsResult")) << listing;
  re2::StringPiece rest(listing);
  std::vector<std::string> names;
  std::string name;
  while (RE2::FindAndConsume(&rest, "<Name>([^<]+)</Name>", &name)) names.push_back(name);
  std::sort(names.begin(), names.end());
  return names;
}

SilentServer::SilentServer() : socket_(Bound()) { EXPECT_EQ(listen(socket_.get(), 16), 0); }

std::string SilentServer::url() const { return absl::StrCat("http://127.0.0.1:", PortOf(socket_)); }

void SilentServer::WaitConnected() const {
  pollfd waiting{socket_.get(), POLLIN, 0};
  EXPECT_EQ(poll(&waiting, 1, 60'000), 1) << "nobody connected";
}

}  // namespace stackyard::runner

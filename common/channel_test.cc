// How channels follow a name whose addresses change, as those of a headless Service do.
#include "common/channel.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "common/grpc_status.h"
#include "common/poll_until.h"
#include "common/server.h"
#include "common/work.h"
#include "stackyard/v1/projects.grpc.pb.h"

namespace stackyard {
namespace {

using testing::ElementsAre;
using testing::Key;
using testing::UnorderedElementsAre;

constexpr absl::Duration kPatience = absl::Seconds(60);

// A name server on loopback, of one name with addresses that can be changed.
class NameServer {
 public:
  NameServer() : socket_(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in own{};
    own.sin_family = AF_INET;
    own.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(bind(socket_, reinterpret_cast<sockaddr*>(&own), sizeof(own)), 0);
    socklen_t length = sizeof(own);
    getsockname(socket_, reinterpret_cast<sockaddr*>(&own), &length);
    port_ = ntohs(own.sin_port);
    thread_ = std::make_unique<Task>("name-server", [this] { Serve(); });
  }
  ~NameServer() {
    shutdown(socket_, SHUT_RDWR);
    thread_.reset();
    close(socket_);
  }
  // What Connect takes: the name by way of this server.
  std::string TargetOf(int port) const {
    return absl::StrCat("dns://127.0.0.1:", port_, "/replicas.test:", port);
  }
  void Set(std::set<std::string> addresses) {
    absl::MutexLock lock(&mutex_);
    addresses_ = std::move(addresses);
  }

 private:
  void Serve() {
    char query[512];
    sockaddr_in from{};
    for (;;) {
      socklen_t length = sizeof(from);
      const ssize_t size =
          recvfrom(socket_, query, sizeof(query), 0, reinterpret_cast<sockaddr*>(&from), &length);
      if (size <= 0) return;
      const std::string answer = Answer(std::string(query, static_cast<size_t>(size)));
      sendto(socket_, answer.data(), answer.size(), 0, reinterpret_cast<sockaddr*>(&from), length);
    }
  }
  // The question, and its addresses when it is for those (type A).
  std::string Answer(const std::string& query) {
    constexpr size_t kHeader = 12;
    const size_t end = query.find('\0', kHeader) + 5;
    if (query.size() < end) return query;
    const bool wants_addresses = query.substr(end - 4, 2) == std::string("\0\1", 2);
    absl::MutexLock lock(&mutex_);
    const size_t count = wants_addresses ? addresses_.size() : 0;
    std::string answer = query.substr(0, 2) + std::string("\x81\x80\0\1\0", 5) +
                         static_cast<char>(count) + std::string(4, '\0') +
                         query.substr(kHeader, end - kHeader);
    for (const std::string& address : addresses_) {
      if (!wants_addresses) break;
      in_addr bytes{};
      inet_pton(AF_INET, address.c_str(), &bytes);
      // The question's name, A, IN, to be kept for no time.
      answer += std::string("\xC0\x0C\0\1\0\1\0\0\0\0\0\4", 12);
      answer.append(reinterpret_cast<const char*>(&bytes), sizeof(bytes));
    }
    return answer;
  }

  const int socket_;
  int port_ = 0;
  absl::Mutex mutex_;
  std::set<std::string> addresses_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<Task> thread_;
};

// A replica, which answers its address.
class Replica final : public v1::ProjectService::Service {
 public:
  Replica(std::string address, int port, absl::Duration max_connection_age)
      : address_(std::move(address)) {
    ServerOptions options;
    options.listen = absl::StrCat(address_, ":", port);
    options.max_connection_age = max_connection_age;
    auto server = Server::Start(options, {this});
    EXPECT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }
  int port() const { return server_->port(); }
  grpc::Status GetProject(grpc::ServerContext*, const v1::GetProjectRequest*,
                          v1::Project* response) override {
    response->set_name(address_);
    return grpc::Status::OK;
  }

 private:
  const std::string address_;
  std::unique_ptr<Server> server_;
};

class ChannelTest : public testing::Test {
 protected:
  void ConnectTo(int port) { stub_ = v1::ProjectService::NewStub(Connect(names_.TargetOf(port))); }
  // Calls, and counts who answered. No call may fail.
  std::map<std::string, int> Call(int count) {
    std::map<std::string, int> answers;
    for (int i = 0; i < count; ++i) {
      grpc::ClientContext context;
      Prepare(context, kPatience);
      v1::Project response;
      const absl::Status status = FromGrpc(stub_->GetProject(&context, {}, &response));
      EXPECT_TRUE(status.ok()) << status;
      ++answers[response.name()];
    }
    return answers;
  }
  // Within less than the 30 s that gRPC lets pass by itself.
  bool Answer(const std::set<std::string>& addresses) {
    return PollUntil(
        [&] {
          std::set<std::string> seen;
          for (const auto& [address, count] : Call(6)) seen.insert(address);
          return seen == addresses;
        },
        absl::Seconds(25));
  }

  NameServer names_;
  std::unique_ptr<v1::ProjectService::Stub> stub_;
};

TEST_F(ChannelTest, CallsGoRoundRobinOverTheAddressesOfAName) {
  const Replica first("127.0.0.1", 0, absl::ZeroDuration());
  const Replica second("127.0.0.2", first.port(), absl::ZeroDuration());
  names_.Set({"127.0.0.1", "127.0.0.2"});
  ConnectTo(first.port());
  ASSERT_TRUE(Answer({"127.0.0.1", "127.0.0.2"}));
  const auto answers = Call(100);
  EXPECT_THAT(answers, UnorderedElementsAre(Key("127.0.0.1"), Key("127.0.0.2")));
  EXPECT_EQ(answers.at("127.0.0.1"), 50);
}

TEST_F(ChannelTest, ANewReplicaGetsCallsWhenConnectionsHaveAnEnd) {
  const Replica first("127.0.0.1", 0, absl::Milliseconds(200));
  names_.Set({"127.0.0.1"});
  ConnectTo(first.port());
  EXPECT_THAT(Call(3), ElementsAre(testing::Pair("127.0.0.1", 3)));
  const Replica second("127.0.0.2", first.port(), absl::Milliseconds(200));
  names_.Set({"127.0.0.1", "127.0.0.2"});
  EXPECT_TRUE(Answer({"127.0.0.1", "127.0.0.2"}));
}

TEST_F(ChannelTest, AReplicaThatIsReplacedLosesNoCall) {
  auto first = std::make_unique<Replica>("127.0.0.1", 0, absl::ZeroDuration());
  const int port = first->port();
  names_.Set({"127.0.0.1"});
  ConnectTo(port);
  Call(3);
  const Replica second("127.0.0.2", port, absl::ZeroDuration());
  names_.Set({"127.0.0.2"});
  // It drains; calls find the other one.
  first.reset();
  EXPECT_THAT(Call(20), ElementsAre(testing::Pair("127.0.0.2", 20)));
}

}  // namespace
}  // namespace stackyard

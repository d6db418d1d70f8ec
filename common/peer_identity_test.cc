// Real certificates, sockets and handshakes: who gets through to a handler, and who does not.
#include "common/peer_identity.h"

#include <gmock/gmock.h>
#include <grpcpp/create_channel.h>
#include <gtest/gtest.h>

#include <atomic>

#include "common/channel.h"
#include "common/grpc_status.h"
#include "common/principal.h"
#include "common/server.h"
#include "common/test_certificates.h"
#include "common/work.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "stackyard/internal/v1/run_queue.grpc.pb.h"
#include "stackyard/v1/projects.grpc.pb.h"

namespace stackyard {
namespace {

using testing::HasSubstr;

std::string IdOf(const std::string& service) { return "spiffe://stackyard/" + service; }

// The certificate that the other end of a call showed.
template <typename Context>
std::string PeerPem(const Context& context) {
  const auto pem = context.auth_context()->FindPropertyValues(GRPC_X509_PEM_CERT_PROPERTY_NAME);
  return pem.empty() ? "" : std::string(pem.front().data(), pem.front().size());
}

// Tells what certificate called it, and counts who gets in.
class Projects final : public v1::ProjectService::Service {
 public:
  grpc::Status GetProject(grpc::ServerContext* context, const v1::GetProjectRequest*,
                          v1::Project* response) override {
    ++calls;
    response->set_display_name(PeerPem(*context));
    return grpc::Status::OK;
  }
  std::atomic<int> calls = 0;
};

class RunQueue final : public internal::v1::RunQueueService::Service {
 public:
  grpc::Status Heartbeat(grpc::ServerContext*, const internal::v1::HeartbeatRequest*,
                         internal::v1::HeartbeatResponse*) override {
    ++calls;
    return grpc::Status::OK;
  }
  std::atomic<int> calls = 0;
};

// A service of the mesh: its files and what it makes of them.
struct Party {
  Party(const std::string& service, const TestCertificate& own, const std::string& ca,
        const Clock& clock)
      : files(own, ca), identity(*PeerIdentity::Open(files.files(), service, clock)) {}
  TestCertificateFiles files;
  std::unique_ptr<PeerIdentity> identity;
};

class PeerIdentityTest : public testing::Test {
 protected:
  PeerIdentityTest() : stacks_(MakeParty("stacks")) {
    ServerOptions options;
    options.service = "stacks";
    options.listen = "127.0.0.1:0";
    options.identity = stacks_->identity.get();
    options.peers =
        PeerTable(PeerTable::Entries{{"stackyard.v1.ProjectService", {"gateway"}},
                                     {"stackyard.internal.v1.RunQueueService", {"runner"}}});
    server_ = *Server::Start(options, {&projects_, &queue_});
  }

  std::unique_ptr<Party> MakeParty(const std::string& service) {
    return std::make_unique<Party>(service, authority_.Issue(IdOf(service)), authority_.pem(),
                                   clock_);
  }
  std::shared_ptr<grpc::Channel> ConnectAs(const Party& party,
                                           const std::string& expected = "stacks") {
    return ConnectPeer(server_->target(), expected, party.identity.get());
  }
  // One that does not care who answers, with a certificate or none.
  std::shared_ptr<grpc::Channel> Intruder(const TestCertificate* own) {
    grpc::experimental::TlsChannelCredentialsOptions options;
    const auto pairs =
        own == nullptr
            ? std::vector<grpc::experimental::IdentityKeyCertPair>()
            : std::vector<grpc::experimental::IdentityKeyCertPair>{{own->key, own->certificate}};
    options.set_certificate_provider(
        std::make_shared<grpc::experimental::StaticDataCertificateProvider>(authority_.pem(),
                                                                            pairs));
    options.watch_root_certs();
    if (own != nullptr) options.watch_identity_key_cert_pairs();
    options.set_verify_server_certs(false);
    options.set_check_call_host(false);
    options.set_certificate_verifier(
        std::make_shared<grpc::experimental::NoOpCertificateVerifier>());
    return grpc::CreateChannel(server_->target(), grpc::experimental::TlsCredentials(options));
  }

  static absl::Status GetProject(const std::shared_ptr<grpc::Channel>& channel,
                                 bool with_principal = false, v1::Project* answer = nullptr,
                                 std::string* server_pem = nullptr, bool wait = false) {
    grpc::ClientContext context;
    Prepare(context, absl::Seconds(20));
    context.set_wait_for_ready(wait);
    if (with_principal) {
      Principal principal;
      principal.set_user("users/admin");
      context.AddMetadata(kPrincipalKey, principal.SerializeAsString());
    }
    v1::Project ignored;
    const absl::Status status = FromGrpc(v1::ProjectService::NewStub(channel)->GetProject(
        &context, {}, answer == nullptr ? &ignored : answer));
    if (server_pem != nullptr && status.ok()) *server_pem = PeerPem(context);
    return status;
  }
  static absl::Status Heartbeat(const std::shared_ptr<grpc::Channel>& channel,
                                bool with_principal = false) {
    grpc::ClientContext context;
    Prepare(context, absl::Seconds(20));
    context.set_wait_for_ready(false);
    if (with_principal) context.AddMetadata(kPrincipalKey, "x");
    internal::v1::HeartbeatResponse answer;
    return FromGrpc(
        internal::v1::RunQueueService::NewStub(channel)->Heartbeat(&context, {}, &answer));
  }
  static absl::Status Health(const std::shared_ptr<grpc::Channel>& channel) {
    grpc::ClientContext context;
    Prepare(context, absl::Seconds(20));
    context.set_wait_for_ready(false);
    grpc::health::v1::HealthCheckResponse answer;
    return FromGrpc(grpc::health::v1::Health::NewStub(channel)->Check(&context, {}, &answer));
  }

  // Nothing of it gets through, and the log of this process says why in one line.
  void ExpectRefused(const std::shared_ptr<grpc::Channel>& channel, const std::string& why) {
    testing::internal::CaptureStderr();
    const absl::Status project = GetProject(channel);
    const absl::Status health = Health(channel);
    const std::string log = testing::internal::GetCapturedStderr();
    EXPECT_EQ(ReasonOf(project), v1::DEPENDENCY_UNAVAILABLE) << project;
    EXPECT_EQ(ReasonOf(health), v1::DEPENDENCY_UNAVAILABLE) << health;
    EXPECT_THAT(log, HasSubstr(why));
    EXPECT_EQ(projects_.calls, 0);
  }

  FakeClock clock_{absl::Now()};
  TestAuthority authority_;
  std::unique_ptr<Party> stacks_;
  Projects projects_;
  RunQueue queue_;
  std::unique_ptr<Server> server_;
};

TEST_F(PeerIdentityTest, EachServiceCallsWhatTheTableGivesIt) {
  const auto gateway = MakeParty("gateway"), runner = MakeParty("runner"),
             quota = MakeParty("quota"), stacks = MakeParty("stacks");
  EXPECT_TRUE(GetProject(ConnectAs(*gateway), true).ok());
  EXPECT_TRUE(Heartbeat(ConnectAs(*runner)).ok());
  EXPECT_EQ(projects_.calls, 1);
  EXPECT_EQ(queue_.calls, 1);
  for (const Party* party : {runner.get(), quota.get(), stacks.get()}) {
    EXPECT_EQ(ReasonOf(GetProject(ConnectAs(*party))), v1::PEER_REFUSED);
    EXPECT_EQ(ReasonOf(GetProject(ConnectAs(*party), true)), v1::PEER_REFUSED);
    EXPECT_TRUE(Health(ConnectAs(*party)).ok());
  }
  for (const Party* party : {gateway.get(), quota.get(), stacks.get()}) {
    EXPECT_EQ(ReasonOf(Heartbeat(ConnectAs(*party))), v1::PEER_REFUSED);
  }
  EXPECT_EQ(projects_.calls, 1);
  EXPECT_EQ(queue_.calls, 1);
}

TEST_F(PeerIdentityTest, APrincipalIsTheGatewaysAlone) {
  const auto runner = MakeParty("runner");
  testing::internal::CaptureStderr();
  const absl::Status status = Heartbeat(ConnectAs(*runner), true);
  EXPECT_EQ(ReasonOf(status), v1::PEER_REFUSED);
  EXPECT_TRUE(absl::IsPermissionDenied(status)) << status;
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("in the name of a user"));
  EXPECT_EQ(queue_.calls, 0);
}

TEST_F(PeerIdentityTest, IntrudersAreRefused) {
  ExpectRefused(grpc::CreateChannel(server_->target(), grpc::InsecureChannelCredentials()), "");
  ExpectRefused(Intruder(nullptr), "it shows no certificate");
  const TestCertificate foreign = TestAuthority("other").Issue(IdOf("gateway"));
  ExpectRefused(Intruder(&foreign), "no authority of --mtls-ca signed it");
  const TestCertificate elsewhere = authority_.Issue("spiffe://elsewhere/gateway");
  ExpectRefused(Intruder(&elsewhere), "it is spiffe://elsewhere/gateway, not spiffe://stackyard/");
  const TestCertificate deeper = authority_.Issue("spiffe://stackyard/ns/x/sa/gateway");
  ExpectRefused(Intruder(&deeper), "it is spiffe://stackyard/ns/x/sa/gateway");
  const TestCertificate nameless = authority_.Issue("");
  ExpectRefused(Intruder(&nameless), "has 0 URIs");
  const TestCertificate server_only =
      authority_.Issue(TestSubject{.uris = IdOf("gateway"), .usage = "serverAuth"});
  ExpectRefused(Intruder(&server_only), "purpose");
  TestSubject past{.uris = IdOf("gateway"), .not_before = absl::Now() - absl::Hours(2)};
  past.not_after = absl::Now() - absl::Hours(1);
  const TestCertificate expired = authority_.Issue(past);
  ExpectRefused(Intruder(&expired), "certificate has expired at");
}

TEST_F(PeerIdentityTest, AClientRefusesWhoIsNotTheServiceThatItMeans) {
  const auto gateway = MakeParty("gateway");
  ExpectRefused(ConnectAs(*gateway, "quota"),
                "it is spiffe://stackyard/stacks, not spiffe://stackyard/quota");
  const TestAuthority other("other");
  const Party apart("gateway", other.Issue(IdOf("gateway")), other.pem(), clock_);
  ExpectRefused(ConnectAs(apart), "a service is not who it should be");
}

TEST_F(PeerIdentityTest, WhatExpiresIsRefusedFromThenOn) {
  const auto gateway = MakeParty("gateway");
  EXPECT_TRUE(GetProject(ConnectAs(*gateway)).ok());
  projects_.calls = 0;
  clock_.Advance(absl::Hours(2));
  ExpectRefused(ConnectAs(*gateway), "certificate has expired at");
}

// Everything is replaced while calls go on, and none is lost: certificates first, then the
// authority by the usual three steps.
TEST_F(PeerIdentityTest, RotatesUnderCalls) {
  const auto gateway = MakeParty("gateway");
  const TestCertificate old_gateway = authority_.Issue(IdOf("gateway"));
  std::atomic<bool> stop = false;
  std::atomic<int> calls = 0, failures = 0;
  std::vector<Task> callers;
  for (int i = 0; i < 3; ++i) {
    callers.emplace_back("caller", [&, i] {
      auto channel = ConnectAs(*gateway);
      while (!stop) {
        // One stays connected, the others connect anew all the time.
        if (i > 0) channel = ConnectAs(*gateway);
        const absl::Status status = GetProject(channel);
        ++calls;
        if (!status.ok() && failures++ == 0) ADD_FAILURE() << status;
      }
    });
  }
  // New connections until both ends show these certificates.
  const auto in_force = [&](const TestCertificate& server, const TestCertificate& client) {
    const absl::Time deadline = absl::Now() + absl::Seconds(30);
    std::string server_pem;
    v1::Project answer;
    do {
      const absl::Status status = GetProject(ConnectAs(*gateway), false, &answer, &server_pem);
      if (!status.ok()) return status;
      if (absl::Now() > deadline) return absl::DeadlineExceededError("not in force");
    } while (server_pem != server.certificate || answer.display_name() != client.certificate);
    return absl::OkStatus();
  };
  TestCertificate server = authority_.Issue(IdOf("stacks"));
  TestCertificate client = authority_.Issue(IdOf("gateway"));
  stacks_->files.Write(server);
  gateway->files.Write(client);
  EXPECT_EQ(in_force(server, client), absl::OkStatus());

  const TestAuthority fresh("fresh");
  // Services reload on their own: each step needs the one before in force everywhere. New
  // certificates tell when.
  const auto trust = [&](const std::string& ca, const TestAuthority& issuer) {
    stacks_->files.WriteCa(ca);
    gateway->files.WriteCa(ca);
    const absl::Time deadline = absl::Now() + absl::Seconds(30);
    const TestCertificate known = issuer.Issue(IdOf("gateway"));
    while (!GetProject(Intruder(&known)).ok() && absl::Now() < deadline) {
    }
    server = issuer.Issue(IdOf("stacks"));
    client = issuer.Issue(IdOf("gateway"));
    stacks_->files.Write(server);
    gateway->files.Write(client);
    return in_force(server, client);
  };
  EXPECT_EQ(trust(authority_.pem() + fresh.pem(), authority_), absl::OkStatus());
  EXPECT_EQ(trust(authority_.pem() + fresh.pem(), fresh), absl::OkStatus());
  EXPECT_EQ(trust(fresh.pem(), fresh), absl::OkStatus());

  stop = true;
  callers.clear();
  EXPECT_EQ(failures, 0) << "of " << calls;
  EXPECT_GT(calls, 50);
  // The old authority is worth nothing now.
  const absl::Time deadline = absl::Now() + absl::Seconds(30);
  while (GetProject(Intruder(&old_gateway)).ok() && absl::Now() < deadline) {
  }
  projects_.calls = 0;
  ExpectRefused(Intruder(&old_gateway), "no authority of --mtls-ca signed it");
}

// Most services are called and call others, with one identity.
TEST_F(PeerIdentityTest, BothEndsOfOneServiceTakeUpItsNewCertificate) {
  // Open before anything changes, and kept.
  const auto to_itself = ConnectAs(*stacks_);
  EXPECT_TRUE(Health(to_itself).ok());
  const auto gateway = MakeParty("gateway");
  for (int i = 0; i < 2; ++i) {
    const TestCertificate fresh = authority_.Issue(IdOf("stacks"));
    stacks_->files.Write(fresh);
    const absl::Time deadline = absl::Now() + absl::Seconds(20);
    std::string shown;
    while (shown != fresh.certificate && absl::Now() < deadline) {
      ASSERT_TRUE(GetProject(ConnectAs(*gateway), false, nullptr, &shown).ok());
    }
    EXPECT_EQ(shown, fresh.certificate);
    EXPECT_TRUE(Health(ConnectAs(*stacks_)).ok());
  }
}

TEST(PeerServerTest, EveryServiceNeedsAnEntryInTheTable) {
  Projects projects;
  RunQueue queue;
  ServerOptions options;
  options.listen = "127.0.0.1:0";
  options.peers = PeerTable(PeerTable::Entries{{"stackyard.v1.ProjectService", {"gateway"}}});
  EXPECT_TRUE(Server::Start(options, {&projects}).ok());
  const absl::Status status = Server::Start(options, {&projects, &queue}).status();
  EXPECT_EQ(status.message(),
            "stackyard.internal.v1.RunQueueService has no entry in the table of who may call what");
}

TEST(PeerServerTest, WithoutTlsNothingIsOpenToTheNetwork) {
  Projects projects;
  ServerOptions options;
  options.listen = "0.0.0.0:0";
  options.peers = PeerTable(PeerTable::Entries{{"stackyard.v1.ProjectService", {"gateway"}}});
  const absl::Status status = Server::Start(options, {&projects}).status();
  EXPECT_THAT(std::string(status.message()), HasSubstr("can be reached from the network"));
  options.listen = "localhost:0";
  EXPECT_TRUE(Server::Start(options, {&projects}).ok());
}

}  // namespace
}  // namespace stackyard

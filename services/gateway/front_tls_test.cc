// TLS of the public port, and mutual TLS with backends.
#include "services/gateway/front_env.h"

namespace stackyard::gateway {
namespace {

// A certificate that is its own authority, good for `name`.
void MakeCertificate(const std::string& cert, const std::string& key, const std::string& name) {
  const std::string command =
      "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj "
      "/CN=x "
      "-addext subjectAltName=" +
      name + " -keyout " + key + ".new -out " + cert + ".new 2>/dev/null && mv " + key + ".new " +
      key + " && mv " + cert + ".new " + cert;
  ASSERT_EQ(std::system(command.c_str()), 0);
}

std::string ReadFile(const std::string& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

class FrontTlsTest : public FrontTest {
 protected:
  bool Works(const std::string& ca) {
    grpc::SslCredentialsOptions options;
    options.pem_root_certs = ReadFile(ca);
    grpc::ChannelArguments arguments;
    arguments.SetSslTargetNameOverride("gateway.test");
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    const auto stub = grpc::health::v1::Health::NewStub(grpc::CreateCustomChannel(
        gateway_->server().target(), grpc::SslCredentials(options), arguments));
    grpc::ClientContext context;
    grpc::health::v1::HealthCheckResponse response;
    return stub->Check(&context, {}, &response).ok();
  }

  const std::string cert_ = folder_ / "tls.crt";
  const std::string key_ = folder_ / "tls.key";
};

TEST_F(FrontTlsTest, ServesAndReadsNewFiles) {
  MakeCertificate(cert_, key_, "DNS:gateway.test");
  options_.front.tls_cert = cert_;
  options_.front.tls_key = key_;
  Start();
  const std::string first = folder_ / "first.crt", second = folder_ / "second.crt";
  std::filesystem::copy(cert_, first);
  EXPECT_TRUE(Works(first));
  MakeCertificate(cert_, key_, "DNS:gateway.test");
  std::filesystem::copy(cert_, second);
  EXPECT_TRUE(PollUntil([&] { return Works(second); }, absl::Seconds(20)));
  EXPECT_FALSE(Works(first));
  // What cannot be used changes nothing. Two looks at the files go by.
  std::ofstream(cert_) << "no certificate";
  const absl::Time until = absl::Now() + absl::Milliseconds(2500);
  while (absl::Now() < until) ASSERT_TRUE(Works(second));
}

TEST_F(FrontTlsTest, FaultsOfFilesAreNamed) {
  options_.front.tls_cert = cert_;
  ServerOptions server;
  server.listen = "127.0.0.1:0";
  prometheus::Registry registry;
  EXPECT_THAT(std::string(Gateway::Start(server, options_, clock_, registry).status().message()),
              ::testing::HasSubstr("--tls-key"));
  options_.front.tls_key = key_;
  EXPECT_THAT(std::string(Gateway::Start(server, options_, clock_, registry).status().message()),
              ::testing::HasSubstr(cert_));
}

// The backend asks for our certificate, and must prove to be the one that is meant.
class FrontMutualTlsTest : public FrontTlsTest {
 protected:
  // The status of a call to a backend whose certificate has `name`.
  grpc::Status CallBackend(const std::string& name) {
    MakeCertificate(cert_, key_, "URI:spiffe://test/gateway");
    MakeCertificate(folder_ / "stacks.crt", folder_ / "stacks.key", name);
    grpc::SslServerCredentialsOptions credentials(
        GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
    credentials.pem_root_certs = ReadFile(cert_);
    credentials.pem_key_cert_pairs.push_back(
        {ReadFile(folder_ / "stacks.key"), ReadFile(folder_ / "stacks.crt")});
    grpc::ServerBuilder builder;
    int backend_port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::SslServerCredentials(credentials), &backend_port);
    builder.RegisterService(&documents_);
    const auto backend = builder.BuildAndStart();
    options_.stacks_target = "dns:///localhost:" + std::to_string(backend_port);
    options_.mtls = {cert_, key_, folder_ / "stacks.crt"};
    Start();
    const auto stub = v1::DocumentService::NewStub(
        grpc::CreateChannel(gateway_->server().target(), grpc::InsecureChannelCredentials()));
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    google::api::HttpBody body;
    const grpc::Status status = stub->ReadPublicDocument(&context, {}, &body);
    gateway_.reset();
    backend->Shutdown(std::chrono::system_clock::now());
    return status;
  }
};

TEST_F(FrontMutualTlsTest, TalksToTheServiceThatIsMeant) {
  const grpc::Status status = CallBackend("URI:spiffe://test/stacks");
  EXPECT_TRUE(status.ok()) << status.error_message();
}

TEST_F(FrontMutualTlsTest, TalksToNoOther) {
  EXPECT_EQ(ReasonOf(FromGrpc(CallBackend("URI:spiffe://test/quota"))), v1::DEPENDENCY_UNAVAILABLE);
  EXPECT_EQ(ReasonOf(FromGrpc(CallBackend("URI:spiffe://other/stacks"))),
            v1::DEPENDENCY_UNAVAILABLE);
  EXPECT_EQ(ReasonOf(FromGrpc(CallBackend("DNS:localhost"))), v1::DEPENDENCY_UNAVAILABLE);
  EXPECT_EQ(documents_.calls, 0);
}

}  // namespace
}  // namespace stackyard::gateway

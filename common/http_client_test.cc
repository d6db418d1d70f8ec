#include "common/http_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/id.h"
#include "tests/support/http_server.h"

namespace stackyard {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

TEST(HttpClientTest, SendsAndReadsWhole) {
  const std::string long_text(3'000'000, 'x');
  HttpServer server(
      [&](const HttpServer::Request&) { return HttpAnswer("201 Created", long_text); });
  HttpClient client;
  HttpCall call;
  call.method = "PUT";
  call.url = server.url() + "/a%20b";
  call.headers = {{"X-One", "1"}};
  call.body = long_text;
  const auto reply = client.Send(call);
  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_EQ(reply->status, 201);
  EXPECT_EQ(reply->body, long_text);
  ASSERT_THAT(server.seen(), SizeIs(1));
  EXPECT_THAT(server.seen()[0].head, HasSubstr("PUT /a%20b HTTP/1.1\r\n"));
  EXPECT_THAT(server.seen()[0].head, HasSubstr("X-One: 1\r\n"));
  EXPECT_EQ(server.seen()[0].body, long_text);

  // Nothing of a call is left to the next one, which may use the same connection.
  call = HttpCall();
  call.url = server.url();
  ASSERT_TRUE(client.Send(call).ok());
  EXPECT_THAT(server.seen()[1].head, HasSubstr("GET / HTTP/1.1\r\n"));
  EXPECT_THAT(server.seen()[1].head, Not(HasSubstr("X-One")));
  EXPECT_EQ(server.seen()[1].body, "");
}

TEST(HttpClientTest, FaultsAreTold) {
  HttpServer server([&](const HttpServer::Request& request) {
    const std::string whole = HttpAnswer("200 OK", std::string(1000, 'x'));
    if (request.head.find("/cut") != std::string::npos) return whole.substr(0, 500);
    if (request.head.find("/gone") != std::string::npos) return std::string();
    if (request.head.find("/silent") != std::string::npos) server.WaitForEnd();
    return whole;
  });
  HttpClient::Options options;
  options.stall_timeout = absl::Seconds(1);
  options.most_bytes = 1000;
  HttpClient client(options);
  const auto fault = [&](const std::string& url) {
    HttpCall call;
    call.url = url;
    return client.Send(call).status();
  };
  EXPECT_TRUE(fault(server.url() + "/whole").ok());
  EXPECT_TRUE(absl::IsUnavailable(fault(server.url() + "/cut")));
  EXPECT_TRUE(absl::IsUnavailable(fault(server.url() + "/gone")));
  const absl::Time begin = absl::Now();
  EXPECT_TRUE(absl::IsUnavailable(fault(server.url() + "/silent")));
  EXPECT_LT(absl::Now() - begin, absl::Seconds(30));
  EXPECT_TRUE(absl::IsUnavailable(fault("http://127.0.0.1:1")));
  EXPECT_TRUE(absl::IsUnavailable(fault("file:///etc/passwd")));
  options.most_bytes = 999;
  HttpCall call;
  call.url = server.url();
  EXPECT_TRUE(absl::IsResourceExhausted(HttpClient(options).Send(call).status()));
}

// The examples of "Signature Calculations for the Authorization Header" in Amazon's S3 API
// reference: with their keys and date the signatures have to be theirs.
class SignatureTest : public testing::Test {
 protected:
  std::string SignatureOf(HttpCall call, const std::string& path) {
    call.url = server_.url() + path;
    call.headers.emplace_back("Host", "examplebucket.s3.amazonaws.com");
    call.headers.emplace_back("x-amz-content-sha256", Sha256Hex(call.body));
    call.headers.emplace_back("x-amz-date", "20130524T000000Z");
    call.signature = {"us-east-1", "s3", "AKIAIOSFODNN7EXAMPLE",
                      "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"};
    const auto reply = client_.Send(call);
    EXPECT_TRUE(reply.ok()) << reply.status();
    const std::string head = server_.seen().back().head;
    const size_t at = head.find("Signature=");
    EXPECT_NE(at, std::string::npos) << head;
    return at == std::string::npos ? "" : head.substr(at + 10, 64);
  }

  HttpServer server_{[](const HttpServer::Request&) { return HttpAnswer("200 OK", ""); }};
  HttpClient client_;
};

TEST_F(SignatureTest, GetsAnObject) {
  HttpCall call;
  call.headers = {{"Range", "bytes=0-9"}};
  EXPECT_EQ(SignatureOf(call, "/test.txt"),
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
}

TEST_F(SignatureTest, PutsAnObjectWithAnEscapedName) {
  HttpCall call;
  call.method = "PUT";
  call.headers = {{"Date", "Fri, 24 May 2013 00:00:00 GMT"},
                  {"x-amz-storage-class", "REDUCED_REDUNDANCY"}};
  call.body = "Welcome to Amazon S3.";
  EXPECT_EQ(SignatureOf(call, "/test%24file.text"),
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
}

TEST_F(SignatureTest, ListsObjects) {
  EXPECT_EQ(SignatureOf(HttpCall(), "/?max-keys=2&prefix=J"),
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}

}  // namespace
}  // namespace stackyard

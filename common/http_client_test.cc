#include "common/http_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
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

}  // namespace
}  // namespace stackyard

// Against a small HTTP server of sockets; what a real one does is in tests/e2e/notices_test.py.
#include "common/http_post.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/work.h"

namespace stackyard {
namespace {

using ::testing::HasSubstr;

// Answers every connection with the same bytes, and keeps what it was sent.
class RawServer {
 public:
  // `silent`: it never answers.
  explicit RawServer(std::string answer, bool silent = false)
      : answer_(std::move(answer)), silent_(silent), socket_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(bind(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(listen(socket_, 8), 0);
    socklen_t size = sizeof address;
    getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    task_ = std::make_unique<Task>("raw-server", [this] { Serve(); });
  }
  ~RawServer() {
    shutdown(socket_, SHUT_RDWR);
    task_.reset();
    close(socket_);
    if (open_ >= 0) close(open_);
  }
  std::string url() const { return absl::StrCat("http://127.0.0.1:", port_, "/hook"); }
  int connections() const { return connections_; }
  std::string seen() {
    absl::MutexLock lock(&mutex_);
    return seen_;
  }

 private:
  void Serve() {
    for (;;) {
      const int peer = accept(socket_, nullptr, nullptr);
      if (peer < 0) return;
      ++connections_;
      if (silent_) {
        open_ = peer;
        continue;
      }
      std::string request;
      char buffer[4096];
      while (request.find("the body") == std::string::npos) {
        const ssize_t length = read(peer, buffer, sizeof buffer);
        if (length <= 0) break;
        request.append(buffer, length);
      }
      {
        absl::MutexLock lock(&mutex_);
        seen_ = request;
      }
      size_t sent = 0;
      while (sent < answer_.size()) {
        const ssize_t length =
            send(peer, answer_.data() + sent, answer_.size() - sent, MSG_NOSIGNAL);
        if (length <= 0) break;
        sent += length;
      }
      close(peer);
    }
  }

  const std::string answer_;
  const bool silent_;
  const int socket_;
  int port_ = 0;
  int open_ = -1;
  std::atomic<int> connections_ = 0;
  absl::Mutex mutex_;
  std::string seen_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<Task> task_;
};

HttpRequest RequestTo(const std::string& url) {
  HttpRequest request;
  request.url = url;
  request.headers = {{"X-One", "1"}, {"Content-Type", "application/json"}};
  request.body = "this is the body";
  return request;
}

NetGuard Open() { return *NetGuard::Make({"127.0.0.0/8", "::1"}); }

TEST(HttpPostTest, TheRequestArrivesAndItsAnswerIsRead) {
  RawServer server("HTTP/1.1 201 Created\r\nContent-Length: 5\r\n\r\nhello");
  const auto answer = PostHttp(RequestTo(server.url()), Open());
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->status, 201);
  EXPECT_EQ(answer->body, "hello");
  EXPECT_THAT(server.seen(), HasSubstr("POST /hook HTTP/1.1\r\n"));
  EXPECT_THAT(server.seen(), HasSubstr("X-One: 1\r\n"));
  EXPECT_THAT(server.seen(), HasSubstr("\r\n\r\nthis is the body"));
}

TEST(HttpPostTest, ARedirectIsAnAnswerAndNotFollowed) {
  RawServer target("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  RawServer server(absl::StrCat("HTTP/1.1 302 Found\r\nLocation: ", target.url(),
                                "\r\nContent-Length: 0\r\n\r\n"));
  const auto answer = PostHttp(RequestTo(server.url()), Open());
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->status, 302);
  EXPECT_EQ(target.connections(), 0);
}

TEST(HttpPostTest, OfALongAnswerOnlyTheBeginningIsRead) {
  std::string answer_of_the_server = "HTTP/1.1 200 OK\r\nContent-Length: 50000000\r\n\r\n";
  answer_of_the_server.resize(answer_of_the_server.size() + 50'000'000, 'x');
  RawServer server(answer_of_the_server);
  const auto answer = PostHttp(RequestTo(server.url()), Open());
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(answer->body, std::string(1024, 'x'));
}

TEST(HttpPostTest, WhoNeverAnswersIsNotWaitedFor) {
  RawServer server("", true);
  HttpRequest request = RequestTo(server.url());
  request.timeout = absl::Milliseconds(300);
  const absl::Time start = absl::Now();
  const auto answer = PostHttp(request, Open());
  EXPECT_TRUE(absl::IsUnavailable(answer.status())) << answer.status();
  EXPECT_LT(absl::Now() - start, absl::Seconds(10));
}

TEST(HttpPostTest, AddressesThatAreNotPublicAreNotConnectedTo) {
  RawServer server("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  std::string by_name = server.url();
  by_name.replace(by_name.find("127.0.0.1"), 9, "localhost");
  for (const std::string& url : {server.url(), by_name}) {
    const auto answer = PostHttp(RequestTo(url), NetGuard());
    EXPECT_TRUE(absl::IsUnavailable(answer.status())) << url;
    EXPECT_THAT(std::string(answer.status().message()), HasSubstr("not a public one")) << url;
  }
  // Spelled in other ways.
  for (const char* host : {"2130706433", "0x7f.1", "127.1", "[::ffff:127.0.0.1]", "[::1]"}) {
    std::string url = server.url();
    url.replace(url.find("127.0.0.1"), 9, host);
    EXPECT_FALSE(PostHttp(RequestTo(url), NetGuard()).ok()) << url;
  }
  EXPECT_EQ(server.connections(), 0);
}

TEST(HttpPostTest, OtherProtocolsAreNotSpoken) {
  for (const char* url : {"file:///etc/passwd", "ftp://127.0.0.1/x", "gopher://127.0.0.1/x"}) {
    EXPECT_FALSE(PostHttp(RequestTo(url), Open()).ok()) << url;
  }
}

TEST(HttpPostTest, AddressesAreCheckedBeforeTheyAreKept) {
  for (const char* url : {"https://example.com", "http://example.com:8080/a/b?c=d",
                          "https://8.8.8.8/x", "https://[2606:4700::1111]/"}) {
    EXPECT_TRUE(CheckHttpUrl(url, NetGuard()).ok()) << url << CheckHttpUrl(url, NetGuard());
  }
  for (const std::string& url :
       {std::string(""), std::string("example.com/x"), std::string("ftp://example.com"),
        std::string("https://"), std::string("https://ann@example.com"),
        std::string("https://ann:pw@example.com"), std::string("https://example.com/#part"),
        std::string("https://127.0.0.1/x"), std::string("http://2130706433/"),
        std::string("http://[::1]/"), std::string("https://example.com/a\r\nX: y"),
        std::string("https://example.com/a b"), "https://example.com/" + std::string(2000, 'x')}) {
    EXPECT_FALSE(CheckHttpUrl(url, NetGuard()).ok()) << url;
  }
  EXPECT_TRUE(CheckHttpUrl("http://127.0.0.1:9000/x", Open()).ok());
}

}  // namespace
}  // namespace stackyard

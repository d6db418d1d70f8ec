#include "tests/support/http_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace stackyard {
namespace {

constexpr char kEnd[] = "\r\n\r\n";

sockaddr_in Loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<uint16_t>(port));
  return address;
}

void SendAll(int socket, const std::string& data) {
  for (size_t sent = 0; sent < data.size();) {
    const ssize_t count = send(socket, data.data() + sent, data.size() - sent, MSG_NOSIGNAL);
    if (count <= 0) return;
    sent += count;
  }
}

// Adds what comes; false when nothing more does.
bool Receive(int socket, std::string& data) {
  char buffer[1 << 16];
  const ssize_t count = recv(socket, buffer, sizeof buffer, 0);
  if (count > 0) data.append(buffer, count);
  return count > 0;
}

// Value of a header; empty when there is none.
std::string HeaderOf(const std::string& head, const std::string& name) {
  for (const auto line : absl::StrSplit(head, "\r\n")) {
    const size_t colon = line.find(':');
    if (colon != line.npos && absl::EqualsIgnoreCase(line.substr(0, colon), name)) {
      return std::string(absl::StripAsciiWhitespace(line.substr(colon + 1)));
    }
  }
  return "";
}

// False when the other end has gone.
bool ReadRequest(int peer, HttpServer::Request& request) {
  std::string data;
  while (!absl::StrContains(data, kEnd)) {
    if (!Receive(peer, data)) return false;
  }
  const size_t end = data.find(kEnd) + 4;
  request.head = data.substr(0, end);
  request.body = data.substr(end);
  if (absl::EqualsIgnoreCase(HeaderOf(request.head, "Expect"), "100-continue")) {
    SendAll(peer, "HTTP/1.1 100 Continue\r\n\r\n");
  }
  size_t size = 0;
  if (!absl::SimpleAtoi(HeaderOf(request.head, "Content-Length"), &size)) size = 0;
  while (request.body.size() < size) {
    if (!Receive(peer, request.body)) return false;
  }
  return true;
}

}  // namespace

HttpServer::HttpServer(Handler handler)
    : handler_(std::move(handler)), socket_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address = Loopback(0);
  socklen_t size = sizeof address;
  if (bind(socket_, reinterpret_cast<sockaddr*>(&address), size) != 0 || listen(socket_, 64) != 0) {
    abort();
  }
  getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size);
  port_ = ntohs(address.sin_port);
  accepts_ = std::make_unique<Task>("http-server", [this] { Accept(); });
}

HttpServer::~HttpServer() {
  end_.Close();
  shutdown(socket_, SHUT_RDWR);
  accepts_.reset();
  std::vector<std::unique_ptr<Task>> calls;
  {
    absl::MutexLock lock(&mutex_);
    for (const int peer : peers_) shutdown(peer, SHUT_RDWR);
    calls = std::move(calls_);
  }
  calls.clear();
  for (const int peer : peers_) close(peer);
  close(socket_);
}

std::string HttpServer::url() const { return absl::StrCat("http://127.0.0.1:", port_); }

std::vector<HttpServer::Request> HttpServer::seen() const {
  absl::MutexLock lock(&mutex_);
  return seen_;
}

void HttpServer::WaitForEnd() const { end_.Wait(INT64_MAX, absl::InfiniteDuration()); }

void HttpServer::Accept() {
  for (;;) {
    const int peer = accept4(socket_, nullptr, nullptr, SOCK_CLOEXEC);
    if (peer < 0) return;
    absl::MutexLock lock(&mutex_);
    peers_.push_back(peer);
    calls_.push_back(std::make_unique<Task>("http-call", [this, peer] { Serve(peer); }));
  }
}

void HttpServer::Serve(int peer) {
  Request request;
  if (!ReadRequest(peer, request)) return;
  {
    absl::MutexLock lock(&mutex_);
    seen_.push_back(request);
  }
  SendAll(peer, handler_(request));
  shutdown(peer, SHUT_RDWR);
}

std::string HttpAnswer(const std::string& status, const std::string& body) {
  return absl::StrCat("HTTP/1.1 ", status, "\r\nContent-Length: ", body.size(),
                      "\r\nConnection: close\r\n\r\n", body);
}

std::string PassOn(const std::string& url, const HttpServer::Request& request) {
  int port = 0;
  if (!absl::SimpleAtoi(url.substr(url.rfind(':') + 1), &port)) return "";
  const int upstream = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = Loopback(port);
  std::string answer;
  if (connect(upstream, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
    // To the end of the connection, which is the end of the answer.
    std::string head = "";
    for (const auto line : absl::StrSplit(request.head, "\r\n")) {
      if (line.empty() || absl::StartsWithIgnoreCase(line, "Expect:")) continue;
      absl::StrAppend(&head, line, "\r\n");
    }
    SendAll(upstream, absl::StrCat(head, "Connection: close\r\n\r\n", request.body));
    while (Receive(upstream, answer)) {
    }
  }
  close(upstream);
  return answer;
}

}  // namespace stackyard

// A small HTTP server for tests, whose answers are bytes that the test makes up, or those of
// another server, which the test may spoil.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "common/work.h"

namespace stackyard {

class HttpServer {
 public:
  struct Request {
    // Request line and headers, with the empty line.
    std::string head;
    std::string body;
  };
  // Answers with all that is sent back, status line first. An empty answer cuts the connection.
  using Handler = std::function<std::string(const Request&)>;

  explicit HttpServer(Handler handler);
  // Ends connections that go on.
  ~HttpServer();

  std::string url() const;
  // Requests so far.
  std::vector<Request> seen() const;
  // For handlers that never answer: returns when the server ends.
  void WaitForEnd() const;

 private:
  void Accept();
  void Serve(int peer);

  const Handler handler_;
  const int socket_;
  int port_ = 0;
  Notifier end_;
  mutable absl::Mutex mutex_;
  std::vector<Request> seen_ ABSL_GUARDED_BY(mutex_);
  std::vector<int> peers_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::unique_ptr<Task>> calls_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<Task> accepts_;
};

// `HTTP/1.1 {status}` with a body.
std::string HttpAnswer(const std::string& status, const std::string& body);

// What the server at `url`, `http://127.0.0.1:PORT`, answers to a request.
std::string PassOn(const std::string& url, const HttpServer::Request& request);

}  // namespace stackyard

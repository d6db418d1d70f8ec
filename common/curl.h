// What http_post, http_client and mail have in common: one libcurl transfer.
#pragma once

#include <curl/curl.h>

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/net_guard.h"

namespace stackyard {

class Curl {
 public:
  Curl();

  CURL* handle() { return handle_.get(); }
  // Adds a line to a list that lives as long as this.
  void AddHeader(const std::string& line);
  void AddRecipient(const std::string& address);
  // Every socket is opened only where the guard admits the address that the name led to: what the
  // name leads to at another time does not matter. The guard must outlive this.
  void Guard(const NetGuard& guard);
  // Runs the transfer to `url`. UNAVAILABLE with a reason for people when it does not come about;
  // what was aborted by a callback is that callback's to tell.
  absl::Status Run(const std::string& url, const char* protocols, absl::Duration timeout);
  absl::Status Run(const std::string& url, const char* protocols, absl::Duration timeout,
                   absl::Duration connect_timeout);
  // As new, but for connections that are still open.
  void Reset();

 private:
  struct Free {
    void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
    void operator()(curl_slist* list) const { curl_slist_free_all(list); }
  };
  void SetDefaults();
  static curl_socket_t OpenSocket(void* self, curlsocktype purpose, curl_sockaddr* address);

  std::unique_ptr<CURL, Free> handle_;
  std::unique_ptr<curl_slist, Free> headers_;
  std::unique_ptr<curl_slist, Free> recipients_;
  const NetGuard* guard_ = nullptr;
  bool refused_ = false;
  char error_[CURL_ERROR_SIZE] = "";
};

}  // namespace stackyard

#include "common/curl.h"

#include <unistd.h>

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace stackyard {
namespace {

// Before the first handle, and once: curl's own set-up is not for several threads.
void SetUp() {
  static const CURLcode done = curl_global_init(CURL_GLOBAL_DEFAULT);
  (void)done;
}

template <typename List>
void Append(List& list, const std::string& line) {
  list.reset(curl_slist_append(list.release(), line.c_str()));
}

}  // namespace

Curl::Curl() {
  SetUp();
  handle_.reset(curl_easy_init());
  SetDefaults();
}

void Curl::Reset() {
  curl_easy_reset(handle());
  headers_.reset();
  recipients_.reset();
  guard_ = nullptr;
  refused_ = false;
  error_[0] = '\0';
  SetDefaults();
}

void Curl::SetDefaults() {
  CURL* curl = handle();
  // Threads and signals do not mix.
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, error_);
  // A proxy of the environment would connect where the guard cannot see.
  curl_easy_setopt(curl, CURLOPT_PROXY, "");
  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
}

void Curl::AddHeader(const std::string& line) {
  Append(headers_, line);
  curl_easy_setopt(handle(), CURLOPT_HTTPHEADER, headers_.get());
}

void Curl::AddRecipient(const std::string& address) {
  Append(recipients_, address);
  curl_easy_setopt(handle(), CURLOPT_MAIL_RCPT, recipients_.get());
}

void Curl::Guard(const NetGuard& guard) {
  guard_ = &guard;
  curl_easy_setopt(handle(), CURLOPT_OPENSOCKETFUNCTION, &Curl::OpenSocket);
  curl_easy_setopt(handle(), CURLOPT_OPENSOCKETDATA, this);
}

curl_socket_t Curl::OpenSocket(void* self, curlsocktype purpose, curl_sockaddr* address) {
  Curl& curl = *static_cast<Curl*>(self);
  if (purpose != CURLSOCKTYPE_IPCXN || !curl.guard_->Admits(address->addr)) {
    curl.refused_ = true;
    return CURL_SOCKET_BAD;
  }
  return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

absl::Status Curl::Run(const std::string& url, const char* protocols, absl::Duration timeout) {
  return Run(url, protocols, timeout, timeout / 2);
}

absl::Status Curl::Run(const std::string& url, const char* protocols, absl::Duration timeout,
                       absl::Duration connect_timeout) {
  CURL* curl = handle();
  const auto limit = static_cast<long>(absl::ToInt64Milliseconds(timeout));
  curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, protocols);
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, limit);
  const auto connect_limit = static_cast<long>(absl::ToInt64Milliseconds(connect_timeout));
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, std::max(connect_limit, 1L));
  // A name server that does not answer must not keep us beyond the limit.
  curl_easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L);
  const CURLcode code = curl_easy_perform(curl);
  if (code == CURLE_OK) return absl::OkStatus();
  if (refused_) {
    return absl::UnavailableError(
        "the address is not a public one, and the operator has not allowed its network");
  }
  return absl::UnavailableError(error_[0] != '\0' ? error_ : curl_easy_strerror(code));
}

}  // namespace stackyard

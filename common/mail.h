// Mail over SMTP.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace stackyard {

struct MailServer {
  // `smtp://host:port`, or `smtps://…` for TLS from the start; empty: no mail is sent.
  std::string url;
  std::string from;
  // Empty: no login. With a login smtp:// insists on STARTTLS, without one it takes it where it is
  // offered.
  std::string user;
  std::string password;
};

struct Mail {
  std::vector<std::string> to;
  std::string subject;
  std::string text;
  // Stays the same when a mail is sent again, so that readers can drop the second.
  std::string id;
  absl::Time time;
};

// Whether it is an address that is safe in a header and in an envelope: `local@domain` of plain
// ASCII, without quotes, at most 254 bytes.
bool IsMailAddress(std::string_view text);

// The message as it is sent. Whatever subject and text hold, they cannot add a header.
std::string ComposeMail(const Mail& mail, const std::string& from);

// UNAVAILABLE when the server does not take it; the message tells why.
absl::Status SendMail(const MailServer& server, const Mail& mail, absl::Duration timeout);

// Reads `user:password` from a file, for MailServer.
absl::Status ReadMailLogin(const std::string& path, MailServer& server);

}  // namespace stackyard

#include "common/mail.h"

#include <algorithm>
#include <fstream>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "common/curl.h"

namespace stackyard {
namespace {

constexpr size_t kMostAddress = 254;
// RFC 2045 and RFC 2047: an encoded line has at most 76 characters, an encoded word 75.
constexpr size_t kLine = 76;
constexpr size_t kWordBytes = 45;

bool IsPlain(char c) { return c >= 0x20 && c < 0x7f; }

// A header's value: plain ASCII as it is, anything else as encoded words. Control characters,
// line breaks among them, become spaces.
std::string HeaderText(std::string_view value) {
  std::string text(value);
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  const bool plain = std::all_of(text.begin(), text.end(), IsPlain);
  if (plain && text.size() <= kLine) return text;
  std::vector<std::string> words;
  for (size_t at = 0; at < text.size();) {
    size_t end = std::min(at + kWordBytes, text.size());
    // Not in the middle of a character.
    while (end < text.size() && end > at + 1 && (text[end] & 0xc0) == 0x80) --end;
    words.push_back(
        absl::StrCat("=?utf-8?B?", absl::Base64Escape(text.substr(at, end - at)), "?="));
    at = end;
  }
  return absl::StrJoin(words, "\r\n ");
}

std::string Body(const std::string& text) {
  const std::string encoded = absl::Base64Escape(text);
  std::string lines;
  for (size_t at = 0; at < encoded.size(); at += kLine) {
    absl::StrAppend(&lines, encoded.substr(at, kLine), "\r\n");
  }
  return lines;
}

struct Upload {
  std::string text;
  size_t sent = 0;
};

size_t Send(char* buffer, size_t size, size_t count, void* source) {
  Upload& upload = *static_cast<Upload*>(source);
  const size_t length = std::min(size * count, upload.text.size() - upload.sent);
  std::copy_n(upload.text.data() + upload.sent, length, buffer);
  upload.sent += length;
  return length;
}

}  // namespace

bool IsMailAddress(std::string_view text) {
  const size_t at = text.rfind('@');
  if (at == std::string_view::npos || at == 0 || at > 64 || text.size() > kMostAddress)
    return false;
  const std::string_view local = text.substr(0, at), domain = text.substr(at + 1);
  const auto in = [](std::string_view more) {
    return [more](char c) {
      return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
             more.find(c) != std::string_view::npos;
    };
  };
  return !domain.empty() && domain.front() != '-' && domain.front() != '.' &&
         domain.back() != '-' && domain.back() != '.' &&
         std::all_of(local.begin(), local.end(), in("!#$%&'*+-/=?^_`{|}~.")) &&
         std::all_of(domain.begin(), domain.end(), in("-."));
}

std::string ComposeMail(const Mail& mail, const std::string& from) {
  return absl::StrCat(
      "From: ", HeaderText(from), "\r\nTo: ", absl::StrJoin(mail.to, ",\r\n "),
      "\r\nSubject: ", HeaderText(mail.subject),
      "\r\nDate: ", absl::FormatTime("%a, %d %b %Y %H:%M:%S +0000", mail.time, absl::UTCTimeZone()),
      "\r\nMessage-ID: <", HeaderText(mail.id), from.substr(std::min(from.find('@'), from.size())),
      ">\r\nAuto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n"
      "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n",
      Body(mail.text));
}

absl::Status SendMail(const MailServer& server, const Mail& mail, absl::Duration timeout) {
  if (server.url.empty()) return absl::UnavailableError("no mail server is set (--smtp-server)");
  Curl curl;
  CURL* handle = curl.handle();
  for (const std::string& address : mail.to) {
    if (!IsMailAddress(address)) {
      return absl::UnavailableError(absl::StrCat("not a mail address: ", address));
    }
    curl.AddRecipient(absl::StrCat("<", address, ">"));
  }
  Upload upload{ComposeMail(mail, server.from), 0};
  const std::string sender = absl::StrCat("<", server.from, ">");
  curl_easy_setopt(handle, CURLOPT_MAIL_FROM, sender.c_str());
  curl_easy_setopt(handle, CURLOPT_UPLOAD, 1L);
  curl_easy_setopt(handle, CURLOPT_READFUNCTION, &Send);
  curl_easy_setopt(handle, CURLOPT_READDATA, &upload);
  if (!server.user.empty()) {
    curl_easy_setopt(handle, CURLOPT_USERNAME, server.user.c_str());
    curl_easy_setopt(handle, CURLOPT_PASSWORD, server.password.c_str());
  }
  curl_easy_setopt(handle, CURLOPT_USE_SSL,
                   static_cast<long>(server.user.empty() ? CURLUSESSL_TRY : CURLUSESSL_ALL));
  return curl.Run(server.url, "smtp,smtps", timeout);
}

absl::Status ReadMailLogin(const std::string& path, MailServer& server) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  const size_t colon = line.find(':');
  if (!file || colon == std::string::npos || colon == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, " cannot be read, or its first line is not user:password"));
  }
  server.user = line.substr(0, colon);
  server.password = line.substr(colon + 1);
  return absl::OkStatus();
}

}  // namespace stackyard

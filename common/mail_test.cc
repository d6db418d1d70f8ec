#include "common/mail.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"

namespace stackyard {
namespace {

using ::testing::HasSubstr;

Mail Hello() {
  Mail mail;
  mail.to = {"ann@example.com", "bob@example.com"};
  mail.subject = "Stack shop is ready";
  mail.text = "All is well.\n";
  mail.id = "web.17";
  mail.time = absl::FromUnixSeconds(1'800'000'000);
  return mail;
}

// Names of the headers, in order.
std::vector<std::string> Headers(const std::string& message) {
  const size_t end = message.find("\r\n\r\n");
  std::vector<std::string> names;
  for (absl::string_view line : absl::StrSplit(message.substr(0, end), "\r\n")) {
    if (line.empty() || line[0] == ' ') continue;
    names.emplace_back(line.substr(0, line.find(':')));
  }
  return names;
}

std::string BodyOf(const std::string& message) {
  std::string text;
  EXPECT_TRUE(absl::Base64Unescape(
      absl::StrReplaceAll(message.substr(message.find("\r\n\r\n") + 4), {{"\r\n", ""}}), &text));
  return text;
}

TEST(MailTest, AMessageHasItsHeadersAndItsText) {
  const std::string message = ComposeMail(Hello(), "stackyard@example.com");
  EXPECT_THAT(message, HasSubstr("From: stackyard@example.com\r\n"));
  EXPECT_THAT(message, HasSubstr("To: ann@example.com,\r\n bob@example.com\r\n"));
  EXPECT_THAT(message, HasSubstr("Subject: Stack shop is ready\r\n"));
  EXPECT_THAT(message, HasSubstr("Date: Fri, 15 Jan 2027 08:00:00 +0000\r\n"));
  EXPECT_THAT(message, HasSubstr("Message-ID: <web.17@example.com>\r\n"));
  EXPECT_EQ(BodyOf(message), "All is well.\n");
}

TEST(MailTest, NothingThatPeopleWriteAddsAHeader) {
  const std::string plain = ComposeMail(Hello(), "stackyard@example.com");
  Mail mail = Hello();
  mail.subject = "ready\r\nBcc: eve@example.com\r\n\r\nand a body";
  mail.text = ".\r\nBcc: eve@example.com\r\n";
  mail.id = "x\r\nBcc: eve";
  const std::string message = ComposeMail(mail, "stackyard@example.com");
  EXPECT_EQ(Headers(message), Headers(plain));
  EXPECT_EQ(BodyOf(message), mail.text);
}

TEST(MailTest, LongAndForeignSubjectsAreEncodedWords) {
  Mail mail = Hello();
  mail.subject = std::string(44, 'a') + "é is größer " + std::string(200, 'b');
  const std::string message = ComposeMail(mail, "stackyard@example.com");
  const size_t start = message.find("Subject: ") + 9;
  const std::string header = message.substr(start, message.find("\r\nDate") - start);
  std::string decoded;
  for (absl::string_view word : absl::StrSplit(header, "\r\n ")) {
    ASSERT_LE(word.size(), 75u);
    std::string part;
    ASSERT_TRUE(absl::Base64Unescape(word.substr(10, word.size() - 12), &part)) << word;
    EXPECT_NE(part[0] & 0xc0, 0x80) << "a character is cut in two";
    decoded += part;
  }
  EXPECT_EQ(decoded, mail.subject);
}

TEST(MailTest, AddressesThatCouldDoHarmAreNone) {
  for (const char* good : {"a@b", "ann.bell+x@mail.example.com", "o'hara@example.com"}) {
    EXPECT_TRUE(IsMailAddress(good)) << good;
  }
  for (const std::string& bad :
       {std::string("ann"), std::string("@example.com"), std::string("ann@"),
        std::string("ann@example.com\r\nBcc: eve@example.com"), std::string("a b@example.com"),
        std::string("<ann@example.com>"), std::string("ann@example.com,eve@example.com"),
        std::string("\"ann\"@example.com"), std::string("ann@exa mple.com"),
        std::string("ann@-example.com"), std::string("änn@example.com"), std::string("a\0@b", 4),
        std::string(65, 'a') + "@example.com", "a@" + std::string(300, 'b')}) {
    EXPECT_FALSE(IsMailAddress(bad)) << bad;
  }
}

TEST(MailTest, WithoutAServerThereIsAReason) {
  const absl::Status status = SendMail(MailServer(), Hello(), absl::Seconds(1));
  EXPECT_TRUE(absl::IsUnavailable(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("--smtp-server"));
}

}  // namespace
}  // namespace stackyard

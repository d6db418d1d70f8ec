#include "cli/endpoint.h"

#include <gtest/gtest.h>

namespace stackyard::cli {
namespace {

TEST(ReadEndpoint, KnowsWhereTlsIs) {
  struct Case {
    const char* text;
    bool plaintext, has_ca;
    // Empty: refused.
    const char* target;
    bool tls;
  };
  for (const Case& one : std::vector<Case>{
           {"127.0.0.1:8081", false, false, "127.0.0.1:8081", false},
           {"localhost:8081", false, true, "localhost:8081", true},
           {"[::1]:8081", false, false, "[::1]:8081", false},
           {"unix:/run/x.sock", false, false, "unix:/run/x.sock", false},
           {"unix:/run/x.sock", false, true, "", false},
           {"stackyard.example.com:443", false, false, "stackyard.example.com:443", true},
           {"stackyard.example.com:80", true, false, "stackyard.example.com:80", false},
           {"https://stackyard.example.com", false, false, "stackyard.example.com:443", true},
           {"https://stackyard.example.com:8443/", false, false, "stackyard.example.com:8443",
            true},
           {"https://127.0.0.1:8081", false, false, "127.0.0.1:8081", true},
           {"https://stackyard.example.com", true, false, "", false},
           {"http://127.0.0.1:8081", false, false, "127.0.0.1:8081", false},
           {"http://stackyard.example.com", false, false, "", false},
           {"http://stackyard.example.com", true, false, "stackyard.example.com:80", false},
           {"https://stackyard.example.com/path", false, false, "", false},
           {"stackyard.example.com", false, false, "", false},
           {"stackyard.example.com:http", false, false, "", false},
           {"stackyard.example.com:99999", false, false, "", false},
           {"127.evil.example.com:443", true, true, "", false},
           {"", false, false, "", false}}) {
    const auto endpoint = ReadEndpoint(one.text, one.plaintext, one.has_ca);
    if (*one.target == '\0') {
      EXPECT_FALSE(endpoint.ok()) << one.text;
      continue;
    }
    ASSERT_TRUE(endpoint.ok()) << one.text << ": " << endpoint.status();
    EXPECT_EQ(endpoint->target, one.target);
    EXPECT_EQ(endpoint->tls, one.tls) << one.text;
  }
}

TEST(IsThisMachine, IsNoNameThatBeginsLikeIt) {
  EXPECT_TRUE(IsThisMachine("127.0.0.1"));
  EXPECT_TRUE(IsThisMachine("127.8.9.10"));
  EXPECT_FALSE(IsThisMachine("127.evil.example.com"));
  EXPECT_FALSE(IsThisMachine("localhost.example.com"));
}

}  // namespace
}  // namespace stackyard::cli

#include "common/ip_network.h"

#include <gtest/gtest.h>

namespace stackyard {
namespace {

bool Contains(const std::string& network, const std::string& address) {
  const auto parsed = IpNetwork::Parse(network);
  EXPECT_TRUE(parsed.ok()) << parsed.status();
  return parsed->Contains(*ParseAddress(address));
}

TEST(IpNetworkTest, ReadsAndWritesAddresses) {
  for (const char* text : {"192.0.2.1", "0.0.0.0", "2001:db8::1", "::1", "::"}) {
    const auto address = ParseAddress(text);
    ASSERT_TRUE(address) << text;
    EXPECT_EQ(FormatAddress(*address), text);
  }
  // Written as IPv6, meant as IPv4: one client, one address.
  EXPECT_EQ(ParseAddress("::ffff:192.0.2.1"), ParseAddress("192.0.2.1"));
  for (const std::string text :
       {"", "192.0.2", "192.0.2.1:80", "[::1]", "fe80::1%eth0", "localhost",
        "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc"}) {
    EXPECT_FALSE(ParseAddress(text)) << text;
  }
  EXPECT_FALSE(ParseAddress(std::string_view("192.0.2.1\0x", 11)));
}

TEST(IpNetworkTest, ContainsByTheBit) {
  EXPECT_TRUE(Contains("10.0.0.0/8", "10.255.0.1"));
  EXPECT_FALSE(Contains("10.0.0.0/8", "11.0.0.1"));
  EXPECT_TRUE(Contains("192.0.2.128/25", "192.0.2.200"));
  EXPECT_FALSE(Contains("192.0.2.128/25", "192.0.2.100"));
  EXPECT_TRUE(Contains("192.0.2.7", "192.0.2.7"));
  EXPECT_FALSE(Contains("192.0.2.7", "192.0.2.8"));
  EXPECT_TRUE(Contains("fd00::/8", "fdff::1"));
  EXPECT_FALSE(Contains("fd00::/8", "fe00::1"));
  EXPECT_TRUE(Contains("0.0.0.0/0", "203.0.113.9"));
  EXPECT_FALSE(Contains("0.0.0.0/0", "2001:db8::1"));
}

TEST(IpNetworkTest, NamesABadOne) {
  for (const char* text : {"", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/", "x/8", "::/129"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(IpNetwork::Parse(text).status())) << text;
  }
}

}  // namespace
}  // namespace stackyard

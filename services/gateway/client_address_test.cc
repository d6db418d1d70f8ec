#include "services/gateway/client_address.h"

#include <gtest/gtest.h>

namespace stackyard::gateway {
namespace {

std::string Find(const std::string& peer, const std::string& forwarded_for,
                 const std::vector<std::string>& trusted = {"127.0.0.0/8", "::1", "10.0.0.0/8"}) {
  return ClientAddresses::Make(trusted)->Find(peer, forwarded_for).text;
}

TEST(ClientAddressTest, ReadsPeers) {
  EXPECT_EQ(Find("ipv4:192.0.2.1:50000", ""), "192.0.2.1");
  EXPECT_EQ(Find("ipv6:[2001:db8::1]:50000", ""), "2001:db8::1");
  EXPECT_EQ(Find("ipv6:%5B2001:db8::1%5D:50000", ""), "2001:db8::1");
  EXPECT_EQ(Find("ipv6:%5B::ffff:192.0.2.1%5D:50000", ""), "192.0.2.1");
  EXPECT_EQ(Find("192.0.2.1:50000", ""), "192.0.2.1");
  EXPECT_EQ(Find("[2001:db8::1]:50000", ""), "2001:db8::1");
  EXPECT_EQ(Find("unix:/run/gateway.sock", ""), "unix");
  EXPECT_EQ(Find("unix:", ""), "unix");
  EXPECT_EQ(Find("something", "192.0.2.1"), "something");
}

TEST(ClientAddressTest, BelievesTrustedProxiesAlone) {
  EXPECT_EQ(Find("ipv4:127.0.0.1:1", "192.0.2.1"), "192.0.2.1");
  EXPECT_EQ(Find("unix:", "192.0.2.1"), "192.0.2.1");
  EXPECT_EQ(Find("ipv4:198.51.100.7:1", "192.0.2.1"), "198.51.100.7");
  EXPECT_EQ(Find("ipv4:127.0.0.1:1", "192.0.2.1", {}), "127.0.0.1");
}

// What the client wrote itself stands on the left.
TEST(ClientAddressTest, TheLastThatIsNoProxyIsTheClient) {
  EXPECT_EQ(Find("ipv4:127.0.0.1:1", "1.2.3.4, 192.0.2.1, 10.1.2.3"), "192.0.2.1");
  EXPECT_EQ(Find("ipv4:127.0.0.1:1", "1.2.3.4,192.0.2.1:8080 ,10.1.2.3"), "192.0.2.1");
  EXPECT_EQ(Find("ipv4:127.0.0.1:1", "10.1.1.1, 10.1.2.3"), "10.1.1.1");
  EXPECT_EQ(Find("ipv4:127.0.0.1:1", "192.0.2.1, junk, 10.1.2.3"), "10.1.2.3");
  EXPECT_EQ(Find("ipv4:127.0.0.1:1", "[2001:db8::1]:99, 127.0.0.1"), "2001:db8::1");
  EXPECT_EQ(Find("ipv4:127.0.0.1:1", ",,,"), "127.0.0.1");
  EXPECT_EQ(Find("unix:", "junk"), "unix");
}

TEST(ClientAddressTest, ANetworkOfIpv6IsOneClient) {
  const auto addresses = ClientAddresses::Make({});
  const auto key = [&](const char* peer) { return addresses->Find(peer, "").key; };
  EXPECT_EQ(key("[2001:db8:1:2::1]:1"), key("[2001:db8:1:2:ffff::9]:2"));
  EXPECT_NE(key("[2001:db8:1:2::1]:1"), key("[2001:db8:1:3::1]:1"));
  EXPECT_EQ(key("192.0.2.1:1"), key("192.0.2.1:2"));
  EXPECT_NE(key("192.0.2.1:1"), key("192.0.2.2:1"));
}

TEST(ClientAddressTest, NamesABadNetwork) {
  EXPECT_FALSE(ClientAddresses::Make({"10.0.0.0/8", "proxy.example.com"}).ok());
}

}  // namespace
}  // namespace stackyard::gateway

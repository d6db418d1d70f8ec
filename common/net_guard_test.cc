#include "common/net_guard.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include <cstring>

namespace stackyard {
namespace {

bool Connects(const NetGuard& guard, const std::string& text) {
  sockaddr_storage storage{};
  if (text.find(':') == std::string::npos) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    EXPECT_EQ(inet_pton(AF_INET, text.c_str(), &v4.sin_addr), 1) << text;
    std::memcpy(&storage, &v4, sizeof v4);
  } else {
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    EXPECT_EQ(inet_pton(AF_INET6, text.c_str(), &v6.sin6_addr), 1) << text;
    std::memcpy(&storage, &v6, sizeof v6);
  }
  const bool admitted = guard.Admits(reinterpret_cast<const sockaddr&>(storage));
  EXPECT_EQ(guard.AdmitsHost(text), admitted) << text;
  return admitted;
}

TEST(NetGuardTest, PublicAddressesAreOpen) {
  const NetGuard guard;
  for (const char* address :
       {"1.1.1.1", "8.8.8.8", "100.63.255.255", "100.128.0.0", "172.15.0.1", "172.32.0.1",
        "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"}) {
    EXPECT_TRUE(Connects(guard, address)) << address;
  }
}

TEST(NetGuardTest, WhatIsNotPublicIsClosed) {
  const NetGuard guard;
  for (const char* address : {"0.0.0.0",
                              "127.0.0.1",
                              "127.9.9.9",
                              "10.0.0.1",
                              "172.16.0.1",
                              "172.31.255.255",
                              "192.168.1.1",
                              "169.254.169.254",
                              "100.64.0.1",
                              "100.100.100.200",
                              "168.63.129.16",
                              "224.0.0.1",
                              "255.255.255.255",
                              "::",
                              "::1",
                              "fe80::1",
                              "fc00::1",
                              "fd00:ec2::254",
                              "ff02::1",
                              "::ffff:127.0.0.1",
                              "::ffff:169.254.169.254",
                              "::127.0.0.1",
                              "64:ff9b::7f00:1",
                              "64:ff9b::a9fe:a9fe",
                              "2002:7f00:1::",
                              "2002:a9fe:a9fe::1"}) {
    EXPECT_FALSE(Connects(guard, address)) << address;
  }
  sockaddr unix_socket{};
  unix_socket.sa_family = AF_UNIX;
  EXPECT_FALSE(guard.Admits(unix_socket));
}

TEST(NetGuardTest, NamesAreJudgedByWhereTheyLead) {
  EXPECT_TRUE(NetGuard().AdmitsHost("localhost"));
  EXPECT_FALSE(NetGuard().AdmitsHost("[::1]"));
}

TEST(NetGuardTest, AnOperatorOpensNetworks) {
  const auto guard = NetGuard::Make({"127.0.0.0/8", "10.1.2.0/23", "fd12::/16", "192.168.7.7"});
  ASSERT_TRUE(guard.ok()) << guard.status();
  for (const char* address :
       {"127.0.0.1", "10.1.2.9", "10.1.3.9", "fd12:1::1", "192.168.7.7", "::ffff:127.0.0.1"}) {
    EXPECT_TRUE(Connects(*guard, address)) << address;
  }
  for (const char* address :
       {"10.1.4.0", "10.1.1.255", "fd13::1", "192.168.7.8", "::1", "169.254.169.254"}) {
    EXPECT_FALSE(Connects(*guard, address)) << address;
  }
}

TEST(NetGuardTest, BadNetworksAreNamed) {
  for (const char* text : {"", "localhost", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/x", "fd00::/129",
                           "10.0.0.0/-1", "10.0.0/8"}) {
    const auto guard = NetGuard::Make({"10.0.0.0/8", text});
    ASSERT_FALSE(guard.ok()) << text;
    EXPECT_NE(guard.status().message().find(absl::string_view(text)), absl::string_view::npos);
  }
}

}  // namespace
}  // namespace stackyard

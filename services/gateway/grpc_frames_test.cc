#include "services/gateway/grpc_frames.h"

#include <gtest/gtest.h>

#include <random>

namespace stackyard::gateway {
namespace {

using Next = RequestBuffer::Next;

std::string Message(const std::string& bytes, char flag = 0) {
  std::string message(1, flag);
  for (int shift = 24; shift >= 0; shift -= 8) {
    message.push_back(static_cast<char>(bytes.size() >> shift));
  }
  return message + bytes;
}

std::string ReadAll(RequestBuffer& buffer, size_t at_once = 1000) {
  std::string all, part(at_once, '\0');
  while (true) {
    const size_t count = buffer.Read(reinterpret_cast<uint8_t*>(part.data()), at_once);
    if (count == 0) return all;
    all.append(part, 0, count);
  }
}

TEST(RequestBuffer, MessagesGoOnAsWholes) {
  RequestBuffer buffer(100, true);
  const std::string bytes = Message("abc") + Message("");
  buffer.Append(bytes.substr(0, 7));
  EXPECT_EQ(buffer.Look(), Next::kIncomplete);
  EXPECT_TRUE(buffer.in_message());
  EXPECT_EQ(ReadAll(buffer), "");
  buffer.Append(bytes.substr(7));
  ASSERT_EQ(buffer.Look(), Next::kMessage);
  EXPECT_EQ(buffer.message(), "abc");
  // Not before it is released.
  EXPECT_EQ(ReadAll(buffer), "");
  buffer.Release();
  EXPECT_EQ(ReadAll(buffer), Message("abc"));
  ASSERT_EQ(buffer.Look(), Next::kMessage);
  EXPECT_EQ(buffer.message(), "");
  buffer.Release();
  EXPECT_EQ(ReadAll(buffer, 2), Message(""));
  EXPECT_FALSE(buffer.in_message());
  EXPECT_EQ(buffer.held(), 0u);
}

TEST(RequestBuffer, PartsGoOnAsTheyCome) {
  RequestBuffer buffer(100, false);
  const std::string bytes = Message("0123456789");
  buffer.Append(bytes.substr(0, 8));
  ASSERT_EQ(buffer.Look(), Next::kMessage);
  buffer.Release();
  EXPECT_FALSE(buffer.released_whole());
  EXPECT_EQ(ReadAll(buffer), bytes.substr(0, 8));
  buffer.Append(bytes.substr(8) + "more");
  EXPECT_EQ(buffer.Look(), Next::kIncomplete);
  EXPECT_TRUE(buffer.released_whole());
  buffer.EndHere();
  EXPECT_EQ(ReadAll(buffer), bytes.substr(8));
}

TEST(RequestBuffer, LengthsAndFlagsAreCheckedOnTheFirstBytes) {
  RequestBuffer large(3, true);
  large.Append(Message("abcd").substr(0, 5));
  EXPECT_EQ(large.Look(), Next::kTooLarge);
  EXPECT_EQ(large.message_length(), 4u);
  RequestBuffer compressed(3, false);
  compressed.Append(Message("a", 1).substr(0, 5));
  EXPECT_EQ(compressed.Look(), Next::kCompressed);
}

TEST(RequestBuffer, ShortRequestsCanBeSentAgain) {
  RequestBuffer buffer(1 << 20, true);
  buffer.Append(Message("abc"));
  ASSERT_EQ(buffer.Look(), Next::kMessage);
  buffer.Release();
  EXPECT_EQ(ReadAll(buffer), Message("abc"));
  ASSERT_TRUE(buffer.Rewind());
  EXPECT_EQ(ReadAll(buffer), Message("abc"));

  RequestBuffer large(1 << 20, true);
  large.Append(Message(std::string(200'000, 'x')));
  ASSERT_EQ(large.Look(), Next::kMessage);
  large.Release();
  EXPECT_EQ(ReadAll(large), Message(std::string(200'000, 'x')));
  EXPECT_FALSE(large.Rewind());
}

TEST(RequestBuffer, NothingIsKeptOnceForgotten) {
  RequestBuffer buffer(100, false);
  buffer.ForgetSent();
  for (int i = 0; i < 10; ++i) {
    buffer.Append(Message("abc"));
    ASSERT_EQ(buffer.Look(), Next::kMessage);
    buffer.Release();
    EXPECT_EQ(ReadAll(buffer, 3), Message("abc"));
  }
  EXPECT_FALSE(buffer.Rewind());
}

// However the bytes are cut.
TEST(MessageEdges, FindTheEndOfTheMessage) {
  std::mt19937 random(7);
  for (int round = 0; round < 300; ++round) {
    std::vector<size_t> edges = {0};
    std::string bytes;
    for (int i = 0; i < 5; ++i) {
      bytes += Message(std::string(random() % 12, 'x'));
      edges.push_back(bytes.size());
    }
    const size_t cut = random() % (bytes.size() + 1);
    const size_t have = cut + random() % (bytes.size() - cut + 1);
    MessageEdges passed;
    for (size_t at = 0; at < cut;) {
      const size_t part = std::min<size_t>(1 + random() % 7, cut - at);
      passed.Pass(std::string_view(bytes).substr(at, part));
      at += part;
    }
    const size_t edge = *std::lower_bound(edges.begin(), edges.end(), cut);
    const auto rest = passed.Rest(std::string_view(bytes).substr(cut, have - cut));
    if (edge > have) {
      EXPECT_FALSE(rest.has_value());
    } else {
      ASSERT_TRUE(rest.has_value());
      EXPECT_EQ(*rest, edge - cut);
    }
    EXPECT_EQ(passed.inside(), edge != cut);
  }
}

}  // namespace
}  // namespace stackyard::gateway

#include "services/stacks/answer_cache.h"

#include <gtest/gtest.h>

namespace stackyard::stacks {
namespace {

AnswerBytes Bytes(size_t size) { return std::make_shared<const std::string>(size, 'x'); }

TEST(AnswerCacheTest, KeepsWhatWasPutLast) {
  AnswerCache cache(10'000);
  EXPECT_EQ(cache.Find("a"), nullptr);
  cache.Put("a", Bytes(1));
  cache.Put("a", Bytes(2));
  ASSERT_NE(cache.Find("a"), nullptr);
  EXPECT_EQ(cache.Find("a")->size(), 2u);
  cache.Drop("a");
  cache.Drop("b");
  EXPECT_EQ(cache.Find("a"), nullptr);
  EXPECT_EQ(cache.bytes(), 0);
}

TEST(AnswerCacheTest, WhatWasAskedForLongestAgoGoesFirst) {
  AnswerCache cache(4000);
  for (const char* name : {"a", "b", "c"}) cache.Put(name, Bytes(1000));
  EXPECT_NE(cache.Find("a"), nullptr);
  cache.Put("d", Bytes(1000));
  EXPECT_NE(cache.Find("a"), nullptr);
  EXPECT_EQ(cache.Find("b"), nullptr);
  EXPECT_NE(cache.Find("c"), nullptr);
  EXPECT_NE(cache.Find("d"), nullptr);
}

TEST(AnswerCacheTest, HoldsNoMoreThanItMay) {
  AnswerCache cache(100'000);
  for (int i = 0; i < 10'000; ++i) {
    cache.Put(std::to_string(i % 3000), Bytes(i % 700));
    ASSERT_LE(cache.bytes(), 100'000);
  }
  EXPECT_GT(cache.bytes(), 90'000);
  cache.Put("large", Bytes(100'000));
  EXPECT_EQ(cache.Find("large"), nullptr);
  EXPECT_GT(cache.bytes(), 90'000) << "the others need not go for it";
  cache.Put("a", Bytes(1));
  cache.Clear();
  EXPECT_EQ(cache.Find("a"), nullptr);
  EXPECT_EQ(cache.bytes(), 0);
}

TEST(AnswerCacheTest, AnAnswerOutlivesItsPlace) {
  AnswerCache cache(10'000);
  cache.Put("a", Bytes(3));
  const AnswerBytes kept = cache.Find("a");
  cache.Clear();
  EXPECT_EQ(*kept, "xxx");
}

}  // namespace
}  // namespace stackyard::stacks

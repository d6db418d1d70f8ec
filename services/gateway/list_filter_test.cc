#include "services/gateway/list_filter.h"

#include <gtest/gtest.h>

#include "common/status.h"

namespace stackyard::gateway {
namespace {

const std::vector<std::string> kFields = {"name", "email"};

bool Matches(const std::string& filter) {
  const auto parsed = ListFilter::Parse(filter, kFields);
  EXPECT_TRUE(parsed.ok()) << parsed.status();
  return parsed->Matches({{"name", "users/ann"}, {"email", "Ann@x.org"}});
}

TEST(ListFilter, Matches) {
  EXPECT_TRUE(Matches(""));
  EXPECT_TRUE(Matches("name = users/ann"));
  EXPECT_TRUE(Matches("name=\"users/ann\" AND email:ann"));
  EXPECT_TRUE(Matches("name != 'users/bob'"));
  EXPECT_FALSE(Matches("name = users/bob"));
  EXPECT_FALSE(Matches("email = ann@x.org"));
  EXPECT_FALSE(Matches("email : x.org AND name : bob"));
}

TEST(ListFilter, RefusesTheRest) {
  for (const char* filter : {"nope = 1", "name", "name =", "name = \"x", "name = a name = b",
                             "name = a OR name = b", "name > a", "(name = a)"}) {
    const auto parsed = ListFilter::Parse(filter, kFields);
    EXPECT_EQ(ReasonOf(parsed.status()), v1::INVALID_FIELD) << filter;
  }
}

TEST(ListFilter, Order) {
  EXPECT_FALSE(*ReadOrder(""));
  EXPECT_FALSE(*ReadOrder("name"));
  EXPECT_TRUE(*ReadOrder("name desc"));
  EXPECT_EQ(ReasonOf(ReadOrder("email").status()), v1::INVALID_FIELD);
}

}  // namespace
}  // namespace stackyard::gateway

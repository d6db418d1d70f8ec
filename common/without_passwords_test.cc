#include "common/without_passwords.h"

#include <gtest/gtest.h>

namespace stackyard {
namespace {

TEST(WithoutPasswordsTest, HidesThem) {
  const std::pair<const char*, const char*> cases[] = {
      {"postgresql://app:hunter2@db.local:5432/quota", "postgresql://app:***@db.local:5432/quota"},
      {"postgresql://app:p@ss/w@rd@db/quota", "postgresql://app:***@db/quota"},
      {"postgresql://:hunter2@db/quota", "postgresql://:***@db/quota"},
      {"postgresql://db/quota?user=app&password=hunter2&sslmode=require",
       "postgresql://db/quota?user=app&password=***&sslmode=require"},
      {"postgresql:host=db password=hunter2 user=app", "postgresql:host=db password=*** user=app"},
      {"postgresql:host=db PASSWORD = 'hunter 2\\' x' user=app",
       "postgresql:host=db PASSWORD = *** user=app"},
      {"postgresql:sslpassword='hunter2", "postgresql:sslpassword=***"},
      {"https://a:hunter2@one,https://b:hunter3@two", "https://a:***@two"},
      {"s3://bucket?secret_key=hunter2", "s3://bucket?secret_key=***"},
  };
  for (const auto& [text, shown] : cases) EXPECT_EQ(WithoutPasswords(text), shown);
}

TEST(WithoutPasswordsTest, LeavesAllElse) {
  for (const char* text : {"", "unix:data/quota.sock", "127.0.0.1:7301", "dns:///stacks.prod:7301",
                           "postgresql://app@db/quota", "sqlite:/var/lib/stackyard/quota.db",
                           "smtps://mail.local:465", "/etc/stackyard/password.txt", "30s"}) {
    EXPECT_EQ(WithoutPasswords(text), text);
  }
}

}  // namespace
}  // namespace stackyard

// What is secret is sealed wherever it is kept, and opens only with the key file.
#include <filesystem>
#include <fstream>
#include <sstream>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "services/stacks/channel_store.h"
#include "services/stacks/notices_env.h"
#include "services/stacks/row_secrets.h"
#include "services/stacks/seal_keys.h"

namespace stackyard::stacks {
namespace {

using internal::v1::Assignment;
using testing::HasSubstr;
using testing::IsEmpty;

// In every stack of these tests: a parameter, an output and an attribute of its state.
const std::vector<std::string>& Secrets() {
  static const auto& secrets =
      *new std::vector<std::string>{"hunter2", "s3cret", "another-password", kKey};
  return secrets;
}

class SecretsTest : public NoticesTest {
 protected:
  // All that is stored, readable: every text of every table, also as it is without its base64, and
  // every file but the key.
  std::string Everything() {
    std::string all;
    const absl::Status read = store_->Read([&](soci::session& sql) {
      const soci::rowset<std::string> columns =
          (sql.prepare << (db_->is_sqlite()
                               ? "SELECT m.name || '.' || c.name FROM sqlite_master m, "
                                 "pragma_table_info(m.name) c WHERE m.type = 'table' AND "
                                 "c.type = 'TEXT'"
                               : "SELECT table_name || '.' || column_name FROM "
                                 "information_schema.columns WHERE table_schema = 'public' AND "
                                 "data_type = 'text'"));
      const std::vector<std::string> names(columns.begin(), columns.end());
      for (const std::string& name : names) {
        const size_t dot = name.find('.');
        const soci::rowset<std::string> texts =
            (sql.prepare << absl::StrCat("SELECT ", name.substr(dot + 1), " FROM ",
                                         name.substr(0, dot)));
        for (const std::string& text : texts) {
          std::string plain;
          absl::Base64Unescape(text, &plain);
          absl::StrAppend(&all, text, "\n", plain, "\n");
        }
      }
      return absl::OkStatus();
    });
    EXPECT_TRUE(read.ok()) << read;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder())) {
      if (!entry.is_regular_file() || entry.path().filename() == "seal.key") continue;
      std::ostringstream text;
      text << std::ifstream(entry.path(), std::ios::binary).rdbuf();
      all += text.str();
    }
    return all;
  }
  std::vector<std::string> Found() {
    const std::string all = Everything();
    std::vector<std::string> found;
    for (const std::string& secret : Secrets()) {
      if (absl::StrContains(all, secret)) found.push_back(secret);
    }
    // What is no secret is there, so the search would find them.
    EXPECT_THAT(all, HasSubstr("we need one"));
    return found;
  }
};

STACKS_TEST_ON_BOTH(SecretsTest);

TEST_P(SecretsTest, NothingThatIsKeptShowsThem) {
  MakeReady();
  MakeChannel("hook");
  v1::UpdateStackRequest update = UpdateRequest("shop", 4);
  (*update.mutable_stack()->mutable_parameters()->mutable_fields())["password"].set_string_value(
      "another-password");
  update.mutable_update_mask()->add_paths("parameters.password");
  ASSERT_TRUE(stacks_->Update(Ann(), update).ok());
  v1::PreviewStackRequest preview;
  preview.set_parent(kProject);
  *preview.mutable_stack() = CreateRequest("x").stack();
  ASSERT_TRUE(previews_->Start(Ann(), preview).ok());
  EXPECT_THAT(Found(), IsEmpty());

  // Those who need them get them.
  const Assignment plan = Acquire(Assignment::PLAN);
  EXPECT_EQ(plan.parameters().fields().at("password").string_value(), "another-password");
  EXPECT_THAT(plan.state(), HasSubstr("s3cret"));
  EXPECT_EQ(Acquire(Assignment::PREVIEW).parameters().fields().at("password").string_value(),
            "hunter2");
  AnnounceAndDeliver();
  ASSERT_FALSE(carrier_.keys.empty());
  EXPECT_EQ(carrier_.keys.front(), kKey);
}

TEST_P(SecretsTest, ARevisionTakesOverWhatItIsNotSentAnew) {
  MakeReady();
  ASSERT_TRUE(stacks_->Update(Ann(), UpdateRequest("shop", 4)).ok());
  const Assignment plan = Acquire(Assignment::PLAN);
  EXPECT_EQ(plan.parameters().fields().at("password").string_value(), "hunter2");
  EXPECT_EQ(plan.parameters().fields().at("size").number_value(), 4);
  EXPECT_THAT(Found(), IsEmpty());
}

TEST_P(SecretsTest, AChannelKeepsItsKeyWhenOtherPartsChange) {
  MakeChannel("hook");
  v1::UpdateNotificationChannelRequest request;
  request.mutable_notification_channel()->set_name(absl::StrCat(kProject, "/channels/hook"));
  request.mutable_notification_channel()->mutable_webhook()->set_url("https://example.com/other");
  request.mutable_update_mask()->add_paths("webhook.url");
  ASSERT_TRUE(channels_->Update(Dan(), request).ok());
  v1::TestNotificationChannelRequest test;
  test.set_name(request.notification_channel().name());
  ASSERT_TRUE(channels_->Test(Dan(), test)->delivered());
  EXPECT_EQ(carrier_.keys.back(), kKey);
}

TEST_P(SecretsTest, RowsOfOldAreStillRead) {
  Create("shop");
  const absl::Status written = store_->Write(Actor(), [&](Change& change) -> absl::Status {
    ASSIGN_OR_RETURN(RevisionRecord record, FindRevision(change.sql, {"web", "shop"}, 1));
    RETURN_IF_ERROR(OpenSecrets(change.sealer, record));
    return SaveRevision(change, {"web", "shop"}, record);
  });
  ASSERT_TRUE(written.ok()) << written;
  EXPECT_THAT(Found(), testing::ElementsAre("hunter2"));
  EXPECT_EQ(Acquire(Assignment::PLAN).parameters().fields().at("password").string_value(),
            "hunter2");
}

TEST_P(SecretsTest, WhatOnlyLooksSealedIsLeftAsItIs) {
  RevisionRecord record;
  record.set_stack_uid("uid");
  record.add_sensitive_parameters("password");
  auto& fields = *record.mutable_parameters()->mutable_fields();
  fields["password"].set_string_value("hunter2");
  SealSecrets(store_->sealer(), record);
  ASSERT_EQ(fields["password"].struct_value().fields_size(), 1);
  const std::string marker = fields["password"].struct_value().fields().begin()->first;
  (*fields["tags"].mutable_struct_value()->mutable_fields())[marker].set_string_value("mine");
  const absl::Status opened = OpenSecrets(store_->sealer(), record);
  ASSERT_TRUE(opened.ok()) << opened;
  EXPECT_EQ(fields["password"].string_value(), "hunter2");
  EXPECT_EQ(fields["tags"].struct_value().fields().at(marker).string_value(), "mine");
}

TEST_P(SecretsTest, ASecretOpensInNoOtherPlace) {
  Create("one");
  Create("two");
  const absl::Status read = store_->Write(Actor(), [&](Change& change) -> absl::Status {
    ASSIGN_OR_RETURN(RevisionRecord one, FindRevision(change.sql, {"web", "one"}, 1));
    ASSIGN_OR_RETURN(const RevisionRecord two, FindRevision(change.sql, {"web", "two"}, 1));
    *one.mutable_parameters() = two.parameters();
    return OpenSecrets(change.sealer, one);
  });
  EXPECT_TRUE(absl::IsDataLoss(read)) << read;
}

TEST_P(SecretsTest, NoKeyIsMadeOverOldData) {
  const std::string path = folder() + "/seal.key";
  std::filesystem::rename(path, path + ".away");
  auto sealer = OpenSealer(*db_, path);
  EXPECT_TRUE(absl::IsInvalidArgument(sealer.status())) << sealer.status();
  EXPECT_THAT(std::string(sealer.status().message()), HasSubstr("--seal-key-file"));
  EXPECT_FALSE(std::filesystem::exists(path));

  // Another key is none.
  ASSERT_TRUE(Sealer::ReadOrMake(path).ok());
  sealer = OpenSealer(*db_, path);
  EXPECT_TRUE(absl::IsInvalidArgument(sealer.status())) << sealer.status();

  // A new key in front of the old one is.
  std::ostringstream text;
  text << std::ifstream(path).rdbuf() << std::ifstream(path + ".away").rdbuf();
  std::ofstream(path) << text.str();
  sealer = OpenSealer(*db_, path);
  ASSERT_TRUE(sealer.ok()) << sealer.status();
  EXPECT_EQ(Count("SELECT COUNT(*) FROM seal_keys"), 2);
  // From now on both are needed.
  std::filesystem::rename(path + ".away", path);
  EXPECT_FALSE(OpenSealer(*db_, path).ok());
}

}  // namespace
}  // namespace stackyard::stacks

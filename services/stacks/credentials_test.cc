// Credentials of projects, and who gets them.
#include "services/stacks/credentials.h"

#include <thread>

#include "absl/strings/str_cat.h"
#include "services/stacks/test_env.h"

namespace stackyard::stacks {
namespace {

using internal::v1::Assignment;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using v1::Credential;

constexpr char kSecret[] = "wJalrXUtnFEMI/K7MDENG";

class CredentialsTest : public StacksTest {
 protected:
  void SetUp() override {
    StacksTest::SetUp();
    if (store_ != nullptr) credentials_ = std::make_unique<Credentials>(*store_);
  }

  static std::string NameOf(const std::string& id, const std::string& project = "web") {
    return absl::StrCat("projects/", project, "/credentials/", id);
  }
  static v1::CreateCredentialRequest Keys(const std::string& id,
                                          const std::string& secret = kSecret) {
    v1::CreateCredentialRequest request;
    request.set_parent(kProject);
    request.set_credential_id(id);
    v1::StaticCredential& keys = *request.mutable_credential()->mutable_static_();
    (*keys.mutable_variables())["AWS_ACCESS_KEY_ID"] = "AKIA1";
    (*keys.mutable_secret_variables())["AWS_SECRET_ACCESS_KEY"] = secret;
    return request;
  }
  static v1::CreateCredentialRequest Token(const std::string& id, const std::string& variable) {
    v1::CreateCredentialRequest request;
    request.set_parent(kProject);
    request.set_credential_id(id);
    (*request.mutable_credential()->mutable_static_()->mutable_secret_variables())[variable] =
        kSecret;
    return request;
  }
  Credential Make(const v1::CreateCredentialRequest& request) {
    const auto made = credentials_->Create(Dan(), request);
    EXPECT_TRUE(made.ok()) << made.status();
    return made.value_or(Credential());
  }
  absl::StatusOr<Credential> Get(const std::string& id) {
    v1::GetCredentialRequest request;
    request.set_name(NameOf(id));
    return credentials_->Get(request);
  }
  absl::StatusOr<v1::ListCredentialsResponse> List(const std::string& filter = "",
                                                   const std::string& parent = kProject,
                                                   const Principal& caller = Dan()) {
    v1::ListCredentialsRequest request;
    request.set_parent(parent);
    request.set_filter(filter);
    return credentials_->List(caller, request);
  }
  absl::Status Delete(const std::string& id, const std::string& etag = "",
                      const std::string& request_id = "") {
    v1::DeleteCredentialRequest request;
    request.set_name(NameOf(id));
    request.set_etag(etag);
    request.set_request_id(request_id);
    return credentials_->Delete(Dan(), request);
  }
  // The secrets as a runner is told them.
  std::map<std::string, std::string> Told(const Assignment& assignment) {
    std::map<std::string, std::string> secrets;
    for (const Credential& credential : assignment.credentials()) {
      const auto& told = credential.static_().secret_variables();
      secrets.insert(told.begin(), told.end());
    }
    return secrets;
  }
  // The secrets that the next plan of a new stack would get.
  std::map<std::string, std::string> ToldToPlan(const std::string& id) {
    Create(id);
    return Told(Acquire(Assignment::PLAN));
  }

  std::unique_ptr<Credentials> credentials_;
};

STACKS_TEST_ON_BOTH(CredentialsTest);

TEST_P(CredentialsTest, SecretsGoInAndAreNeverShown) {
  v1::CreateCredentialRequest request = Keys("main");
  request.set_request_id("once");
  const auto made = credentials_->Create(Dan(), request);
  ASSERT_TRUE(made.ok()) << made.status();
  const auto again = credentials_->Create(Dan(), request);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->etag(), made->etag());
  for (const Credential& shown : {*made, *again, *Get("main"), List()->credentials(0)}) {
    EXPECT_EQ(shown.name(), NameOf("main"));
    EXPECT_EQ(shown.static_().variables().at("AWS_ACCESS_KEY_ID"), "AKIA1");
    EXPECT_THAT(shown.static_().secret_variables(), IsEmpty());
    EXPECT_THAT(shown.static_().secret_variable_names(), ElementsAre("AWS_SECRET_ACCESS_KEY"));
    EXPECT_THAT(shown.DebugString(), Not(HasSubstr(kSecret)));
  }
  request.mutable_credential()->set_display_name("Other");
  EXPECT_EQ(ReasonOf(credentials_->Create(Dan(), request).status()), v1::REQUEST_ID_REUSED);
  EXPECT_EQ(ReasonOf(credentials_->Create(Dan(), Keys("main")).status()), v1::RESOURCE_EXISTS);
  // A filter is no way to guess.
  EXPECT_THAT(List(absl::StrCat("\"", kSecret, "\""))->credentials(), IsEmpty());
  EXPECT_EQ(ReasonOf(List("static.secret_variables.AWS_SECRET_ACCESS_KEY = \"x\"").status()),
            v1::INVALID_FIELD);
  EXPECT_THAT(EventsOf("credential.created"), SizeIs(1));
  EXPECT_THAT(EventsOf("credential.created")[0].DebugString(), Not(HasSubstr(kSecret)));
}

TEST_P(CredentialsTest, RowsHoldThemSealed) {
  Make(Keys("main"));
  std::string body;
  ASSERT_TRUE(store_
                  ->Read([&](soci::session& sql) {
                    sql << "SELECT body FROM credentials", soci::into(body);
                    return absl::OkStatus();
                  })
                  .ok());
  internal::v1::CredentialRecord record;
  ASSERT_TRUE(Unpack(body, record).ok());
  EXPECT_TRUE(Sealer::IsSealed(record.sealed_secrets()));
  EXPECT_THAT(record.SerializeAsString(), Not(HasSubstr(kSecret)));
  // Of another credential they are worth nothing.
  record.mutable_credential()->set_name(NameOf("other"));
  const std::string moved = Pack(record);
  ASSERT_TRUE(store_
                  ->Write(Actor(),
                          [&](Change& change) {
                            change.sql << "UPDATE credentials SET body = :body, id = 'other'",
                                soci::use(moved);
                            return absl::OkStatus();
                          })
                  .ok());
  Create("shop");
  EXPECT_FALSE(TryAcquire().has_value()) << "a run goes without what it should have";
}

TEST_P(CredentialsTest, OnlyRunsOfTheProjectGetThem) {
  Make(Keys("main"));
  Make(Token("github", "GITHUB_TOKEN"));
  v1::CreateProjectRequest project;
  project.set_project_id("other");
  ASSERT_TRUE(catalog_->CreateProject(Person("root", {"admin"}), project).ok());
  v1::CreateStackRequest elsewhere = CreateRequest("shop");
  elsewhere.set_parent("projects/other");
  ASSERT_TRUE(stacks_->Create(Ann(), elsewhere).ok());
  const Assignment other = Acquire(Assignment::PLAN);
  EXPECT_EQ(other.stack(), "projects/other/stacks/shop");
  EXPECT_THAT(other.credentials(), IsEmpty());

  Create("shop");
  const Assignment plan = Acquire(Assignment::PLAN);
  ASSERT_THAT(plan.credentials(), SizeIs(2));
  EXPECT_EQ(plan.credentials(0).name(), NameOf("github"));
  EXPECT_EQ(plan.credentials(1).static_().variables().at("AWS_ACCESS_KEY_ID"), "AKIA1");
  EXPECT_THAT(Told(plan),
              testing::UnorderedElementsAre(testing::Pair("GITHUB_TOKEN", kSecret),
                                            testing::Pair("AWS_SECRET_ACCESS_KEY", kSecret)));
  ASSERT_TRUE(CompletePlan(plan, PlanOf("digest", 1, 1)).ok());
  RunTasks();
  ApproveAll();
  EXPECT_THAT(Told(Acquire(Assignment::APPLY)), SizeIs(2));
  // What reads a module is nobody's run.
  ASSERT_TRUE(TryPublish("shop", "2.0", ShopYaml()).ok());
  EXPECT_THAT(Acquire(Assignment::INSPECT).credentials(), IsEmpty());
}

TEST_P(CredentialsTest, ChangesAreMadeByMaskAndEtag) {
  const Credential made = Make(Keys("main"));
  v1::UpdateCredentialRequest update;
  Credential& sent = *update.mutable_credential();
  sent.set_name(made.name());
  sent.set_etag("stale");
  sent.set_display_name("Main");
  EXPECT_EQ(ReasonOf(credentials_->Update(Dan(), update).status()), v1::ETAG_MISMATCH);
  sent.set_etag(made.etag());
  update.set_validate_only(true);
  EXPECT_EQ(credentials_->Update(Dan(), update)->display_name(), "Main");
  EXPECT_EQ(Get("main")->display_name(), "");
  update.set_validate_only(false);
  clock_.Advance(absl::Minutes(1));
  const auto updated = credentials_->Update(Dan(), update);
  ASSERT_TRUE(updated.ok()) << updated.status();
  EXPECT_NE(updated->etag(), made.etag());
  EXPECT_GT(FromProto(updated->update_time()), FromProto(made.update_time()));
  EXPECT_EQ(FromProto(updated->create_time()), FromProto(made.create_time()));
  EXPECT_THAT(EventsOf("credential.updated"), SizeIs(1));
  // Who writes back what they read keeps the secrets.
  *update.mutable_credential() = *updated;
  (*sent.mutable_static_()->mutable_variables())["AWS_REGION"] = "eu-west-1";
  ASSERT_TRUE(credentials_->Update(Dan(), update).ok());
  EXPECT_THAT(ToldToPlan("kept"), ElementsAre(testing::Pair("AWS_SECRET_ACCESS_KEY", kSecret)));
  // A mask that names nothing that can be changed.
  update.mutable_update_mask()->add_paths("etag");
  sent.clear_etag();
  EXPECT_EQ(ReasonOf(credentials_->Update(Dan(), update).status()), v1::INVALID_FIELD);
  sent.set_name(NameOf("none"));
  EXPECT_EQ(ReasonOf(credentials_->Update(Dan(), update).status()), v1::RESOURCE_NOT_FOUND);
}

TEST_P(CredentialsTest, SecretsAreExchangedOneByOne) {
  v1::CreateCredentialRequest request = Keys("main");
  (*request.mutable_credential()->mutable_static_()->mutable_secret_variables())["EXTRA"] = "more";
  Make(request);
  v1::UpdateCredentialRequest update;
  update.mutable_credential()->set_name(NameOf("main"));
  auto& secrets = *update.mutable_credential()->mutable_static_()->mutable_secret_variables();
  secrets["AWS_SECRET_ACCESS_KEY"] = "fresh-and-long-enough";
  secrets["EXTRA"] = "";
  update.mutable_update_mask()->add_paths("static.secret_variables");
  auto updated = credentials_->Update(Dan(), update);
  ASSERT_TRUE(updated.ok()) << updated.status();
  EXPECT_EQ(updated->static_().variables().at("AWS_ACCESS_KEY_ID"), "AKIA1");
  EXPECT_THAT(
      ToldToPlan("one"),
      testing::UnorderedElementsAre(testing::Pair("AWS_SECRET_ACCESS_KEY", "fresh-and-long-enough"),
                                    testing::Pair("EXTRA", "more")));
  // What is not named goes away; what was never there cannot be kept.
  secrets.erase("EXTRA");
  secrets["OTHER"] = "";
  EXPECT_THAT(std::string(credentials_->Update(Dan(), update).status().message()),
              HasSubstr("OTHER: must not be empty"));
  secrets.erase("OTHER");
  updated = credentials_->Update(Dan(), update);
  ASSERT_TRUE(updated.ok()) << updated.status();
  EXPECT_THAT(updated->static_().secret_variable_names(), ElementsAre("AWS_SECRET_ACCESS_KEY"));
  // Another kind takes the place of the keys, secrets and all.
  update.Clear();
  update.mutable_credential()->set_name(NameOf("main"));
  update.mutable_credential()->mutable_web_identity()->set_role_arn(
      "arn:aws:iam::123456789012:role/web");
  updated = credentials_->Update(Dan(), update);
  ASSERT_TRUE(updated.ok()) << updated.status();
  EXPECT_FALSE(updated->has_static_());
  EXPECT_THAT(ToldToPlan("two"), IsEmpty());
  update.mutable_credential()->mutable_web_identity()->set_region("eu-west-1");
  update.mutable_credential()->mutable_web_identity()->clear_role_arn();
  update.mutable_update_mask()->add_paths("web_identity.region");
  updated = credentials_->Update(Dan(), update);
  ASSERT_TRUE(updated.ok()) << updated.status();
  EXPECT_EQ(updated->web_identity().role_arn(), "arn:aws:iam::123456789012:role/web");
}

TEST_P(CredentialsTest, NoTwoSetTheSame) {
  Make(Token("one", "GITHUB_TOKEN"));
  const absl::Status refused = credentials_->Create(Dan(), Token("two", "GITHUB_TOKEN")).status();
  EXPECT_EQ(ReasonOf(refused), v1::INVALID_FIELD);
  EXPECT_THAT(std::string(refused.message()),
              HasSubstr("projects/web/credentials/one sets GITHUB_TOKEN"));
  // The name that a client puts into what it creates says nothing.
  v1::CreateCredentialRequest sly = Token("two", "GITHUB_TOKEN");
  sly.mutable_credential()->set_name(NameOf("one"));
  EXPECT_EQ(ReasonOf(credentials_->Create(Dan(), sly).status()), v1::INVALID_FIELD);
  Make(Token("two", "GITLAB_TOKEN"));
  v1::UpdateCredentialRequest update;
  update.mutable_credential()->set_name(NameOf("two"));
  (*update.mutable_credential()->mutable_static_()->mutable_secret_variables())["GITHUB_TOKEN"] =
      "x-and-more";
  EXPECT_EQ(ReasonOf(credentials_->Update(Dan(), update).status()), v1::INVALID_FIELD);
  EXPECT_THAT(Get("two")->static_().secret_variable_names(), ElementsAre("GITLAB_TOKEN"));
  EXPECT_THAT(EventsOf("credential.updated"), IsEmpty());
}

TEST_P(CredentialsTest, OfTwoAtOnceThatSetTheSameOneIsMade) {
  int made = 0, refused = 0;
  absl::Mutex mutex;
  std::vector<std::thread> callers;
  for (int i = 0; i < 4; ++i) {
    callers.emplace_back([&, i] {
      const auto result = credentials_->Create(Dan(), Token(absl::StrCat("c", i), "GITHUB_TOKEN"));
      absl::MutexLock lock(&mutex);
      if (result.ok()) ++made;
      if (ReasonOf(result.status()) == v1::INVALID_FIELD) ++refused;
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(made, 1);
  EXPECT_EQ(refused, 3);
}

TEST_P(CredentialsTest, AllFaultsAreToldAtOnceAndNothingIsMade) {
  v1::CreateCredentialRequest request;
  request.set_parent("web");
  request.set_credential_id("No");
  (*request.mutable_credential()->mutable_static_()->mutable_secret_variables())["PATH"] = kSecret;
  const std::string text(credentials_->Create(Dan(), request).status().message());
  for (const char* part : {"parent", "credential_id", "secret_variables.PATH"}) {
    EXPECT_THAT(text, HasSubstr(part));
  }
  EXPECT_THAT(text, Not(HasSubstr(kSecret)));
  request = Keys("main");
  request.set_parent("projects/none");
  EXPECT_EQ(ReasonOf(credentials_->Create(Dan(), request).status()), v1::RESOURCE_NOT_FOUND);
  request = Keys("main");
  request.set_validate_only(true);
  const auto shown = credentials_->Create(Dan(), request);
  ASSERT_TRUE(shown.ok()) << shown.status();
  EXPECT_THAT(shown->DebugString(), Not(HasSubstr(kSecret)));
  EXPECT_EQ(ReasonOf(Get("main").status()), v1::RESOURCE_NOT_FOUND);
  EXPECT_THAT(List()->credentials(), IsEmpty());
}

TEST_P(CredentialsTest, ListsArePagedFilteredAndNarrowed) {
  for (const char* id : {"cc", "aa", "bb"}) Make(Token(id, absl::StrCat("TOKEN_OF_", id)));
  v1::CreateProjectRequest project;
  project.set_project_id("other");
  ASSERT_TRUE(catalog_->CreateProject(Person("root", {"admin"}), project).ok());
  v1::CreateCredentialRequest elsewhere = Token("dd", "GITHUB_TOKEN");
  elsewhere.set_parent("projects/other");
  Make(elsewhere);
  v1::ListCredentialsRequest request;
  request.set_parent(kProject);
  request.set_page_size(2);
  const auto first = credentials_->List(Dan(), request);
  ASSERT_TRUE(first.ok()) << first.status();
  ASSERT_THAT(first->credentials(), SizeIs(2));
  EXPECT_EQ(first->credentials(0).name(), NameOf("aa"));
  request.set_page_token(first->next_page_token());
  const auto second = credentials_->List(Dan(), request);
  ASSERT_THAT(second->credentials(), SizeIs(1));
  EXPECT_EQ(second->credentials(0).name(), NameOf("cc"));
  EXPECT_EQ(second->next_page_token(), "");
  EXPECT_THAT(List("name:bb")->credentials(), SizeIs(1));
  Principal everywhere = Dan();
  everywhere.set_everywhere(true);
  EXPECT_THAT(List("", "projects/-", everywhere)->credentials(), SizeIs(4));
  Principal narrow = Dan();
  narrow.clear_projects();
  narrow.add_projects("other");
  narrow.set_everywhere(false);
  EXPECT_THAT(List("", "projects/-", narrow)->credentials(), SizeIs(1));
  EXPECT_EQ(ReasonOf(List("nothing = 1").status()), v1::INVALID_FIELD);
}

TEST_P(CredentialsTest, WhatIsDeletedIsGoneForRunsThatBeginLater) {
  const Credential made = Make(Keys("main"));
  MakeReady();
  EXPECT_EQ(ReasonOf(Delete("main", "stale")), v1::ETAG_MISMATCH);
  EXPECT_TRUE(Delete("main", made.etag(), "once").ok());
  EXPECT_TRUE(Delete("main", made.etag(), "once").ok()) << "replayed";
  EXPECT_EQ(ReasonOf(Delete("main")), v1::RESOURCE_NOT_FOUND);
  ASSERT_THAT(EventsOf("credential.deleted"), SizeIs(1));
  EXPECT_THAT(EventsOf("credential.deleted")[0].message(), HasSubstr("has 1 stack"));
  EXPECT_THAT(ToldToPlan("later"), IsEmpty());
  // A later one of the name has nothing of it.
  Make(Keys("main", "another-secret-of-it"));
  EXPECT_THAT(ToldToPlan("last"),
              ElementsAre(testing::Pair("AWS_SECRET_ACCESS_KEY", "another-secret-of-it")));
}

TEST_P(CredentialsTest, TheyGoWithTheirProject) {
  Make(Keys("main"));
  v1::DeleteProjectRequest request;
  request.set_name(kProject);
  const absl::Status deleted = catalog_->DeleteProject(Person("root", {"admin"}), request);
  ASSERT_TRUE(deleted.ok()) << deleted;
  EXPECT_EQ(Count("SELECT COUNT(*) FROM credentials"), 0);
}

TEST_P(CredentialsTest, AProjectHasRoomForFifty) {
  for (int i = 0; i < 50; ++i) Make(Token(absl::StrCat("c", i), absl::StrCat("V", i)));
  EXPECT_THAT(std::string(credentials_->Create(Dan(), Token("more", "MORE")).status().message()),
              HasSubstr("which is most"));
}

}  // namespace
}  // namespace stackyard::stacks

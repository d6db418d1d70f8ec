#include "services/stacks/stack_files.h"

#include "absl/strings/str_cat.h"
#include "services/stacks/test_env.h"

namespace stackyard::stacks {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class StackFilesTest : public StacksTest {
 protected:
  void SetUp() override {
    StacksTest::SetUp();
    if (store_ == nullptr) return;
    // The module's outputs are told by the runner; only `url` is known to it.
    Publish("2.0", ShopYaml() + "files: [{filename: site.txt, output: url}]\n");
    files_ = std::make_unique<StackFiles>(*store_, *blobs_);
  }
  absl::StatusOr<google::api::HttpBody> Download(const std::string& file,
                                                 const std::string& id = "shop") {
    v1::DownloadFileRequest request;
    request.set_name(absl::StrCat(StackOf(id), "/files/", file));
    return files_->Download(Ann(), request);
  }
  void Begin() {
    v1::CreateStackRequest request = CreateRequest("shop");
    request.mutable_stack()->set_template_version("templates/shop/versions/2.0");
    const auto created = stacks_->Create(Ann(), request);
    ASSERT_TRUE(created.ok()) << created.status();
  }

  std::unique_ptr<StackFiles> files_;
};
STACKS_TEST_ON_BOTH(StackFilesTest);

TEST_P(StackFilesTest, AreThereWhenTheOutputsAre) {
  Begin();
  EXPECT_EQ(ReasonOf(Download("site.txt").status()), v1::WRONG_STATE);
  EXPECT_THAT(GetStack().files(), IsEmpty());
  EXPECT_THAT(EventsOf("stack.fileDownloaded"), IsEmpty());
  Plan(PlanOf("digest", 1, 1));
  ApproveAll();
  Apply(StateOf(1, 1));
  EXPECT_THAT(GetStack().files(), ElementsAre("site.txt"));
  const auto file = Download("site.txt");
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(file->data(), "http://shop");
  EXPECT_EQ(file->content_type(), "text/plain; charset=utf-8");
  ASSERT_THAT(EventsOf("stack.fileDownloaded"), SizeIs(1));
  EXPECT_EQ(EventsOf("stack.fileDownloaded")[0].actor(), "users/ann");
  EXPECT_THAT(EventsOf("stack.fileDownloaded")[0].message(), HasSubstr("site.txt"));

  EXPECT_EQ(ReasonOf(Download("other.txt").status()), v1::RESOURCE_NOT_FOUND);
  EXPECT_EQ(ReasonOf(Download("site.txt", "none").status()), v1::RESOURCE_NOT_FOUND);
  EXPECT_EQ(ReasonOf(Download("a/b").status()), v1::INVALID_FIELD);

  // While a change is on its way they are those of what is applied, by its version.
  v1::UpdateStackRequest update = UpdateRequest("shop", 4);
  update.mutable_stack()->set_template_version(kVersion);
  update.mutable_update_mask()->add_paths("template_version");
  const auto asked = stacks_->Update(Ann(), update);
  ASSERT_TRUE(asked.ok()) << asked.status();
  EXPECT_EQ(Download("site.txt")->data(), "http://shop");
  Plan(PlanOf("second", 1, 1));
  ApproveAll();
  Apply(StateOf(2, 1));
  EXPECT_THAT(GetStack().files(), IsEmpty());
  EXPECT_EQ(ReasonOf(Download("site.txt").status()), v1::RESOURCE_NOT_FOUND);
}

TEST_P(StackFilesTest, AreGoneWithTheStack) {
  MakeReadyFrom("templates/shop/versions/2.0");
  ASSERT_TRUE(Delete("shop", true).ok());
  ASSERT_EQ(GetStack().state(), v1::Stack::DESTROYED);
  EXPECT_THAT(GetStack().files(), IsEmpty());
  EXPECT_EQ(ReasonOf(Download("site.txt").status()), v1::WRONG_STATE);
}

TEST(ContentTypeTest, IsByNameAndNothingThatRuns) {
  EXPECT_EQ(ContentTypeOf("kubeconfig"), "application/yaml");
  EXPECT_EQ(ContentTypeOf("a.json"), "application/json");
  EXPECT_EQ(ContentTypeOf("README"), "text/plain; charset=utf-8");
  for (const char* name : {"index.html", "a.svg", "a.js", "a.xml", "a.tar.gz"}) {
    EXPECT_EQ(ContentTypeOf(name), "application/octet-stream") << name;
  }
}

}  // namespace
}  // namespace stackyard::stacks

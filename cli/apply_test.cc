// `apply`, `diff` and `export`: whole command lines against a fake service that keeps stacks.
#include <fstream>

#include "cli/context.h"
#include "cli/fake_server.h"

namespace stackyard::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::UnorderedElementsAre;

constexpr char kStack[] = R"(apiVersion: stackyard.dev/v1
kind: Stack
name: web
templateVersion: hello@1
displayName: The web
parameters:
  name: Ada
  repeat: 3
labels: {team: web}
lease: {duration: 72h}
reason: a demo
)";

class ApplyTest : public CommandsTest {
 protected:
  void SetUp() override {
    CommandsTest::SetUp();
    stacks_.kept.emplace();
    path_ = directory_ + "/stack.yaml";
  }
  void Write(const std::string& text) { std::ofstream(path_) << text; }
  std::string Replaced(const std::string& what, const std::string& with) {
    std::string text = kStack;
    const size_t at = text.find(what);
    EXPECT_NE(at, std::string::npos) << what;
    return text.replace(at, what.size(), with);
  }
  Result Apply() { return Run({"apply", "-f", path_, "--yes"}); }

  std::string path_;
};

TEST_F(ApplyTest, MakesChangesAndIsDone) {
  Write(kStack);
  const Result made = Apply();
  EXPECT_EQ(made.code, 0) << made.err;
  EXPECT_THAT(made.out, HasSubstr("+ Stack projects/p/stacks/web create\n"));
  EXPECT_THAT(made.out, HasSubstr("    + parameters.name: \"Ada\"\n"));
  EXPECT_EQ(stacks_.created.stack().template_version(), "templates/hello/versions/1");
  EXPECT_EQ(stacks_.created.stack().lease().duration().seconds(), 72 * 3600);
  EXPECT_EQ(stacks_.created.stack().parameters().fields().at("repeat").number_value(), 3);
  EXPECT_EQ(stacks_.created.reason(), "a demo");
  EXPECT_FALSE(stacks_.created.validate_only());

  const Result again = Apply();
  EXPECT_EQ(again.code, 0);
  EXPECT_THAT(again.out, HasSubstr("Stack projects/p/stacks/web unchanged\n"));
  EXPECT_EQ(Run({"diff", "-f", path_}).code, 0);

  Write(Replaced("repeat: 3", "repeat: 4"));
  const Result diff = Run({"diff", "-f", path_});
  EXPECT_EQ(diff.code, 1) << "as diff says it";
  EXPECT_THAT(diff.out, HasSubstr("    ~ parameters.repeat: 3 -> 4\n"));
  EXPECT_EQ(diff.err, "");
  EXPECT_EQ(Run({"apply", "-f", path_, "--dry-run"}).code, 1);
  EXPECT_EQ(
      stacks_.kept->at("projects/p/stacks/web").parameters().fields().at("repeat").number_value(),
      3)
      << "to look changes nothing";
  EXPECT_EQ(Apply().code, 0);
  EXPECT_THAT(stacks_.updated.update_mask().paths(), ElementsAre("parameters"));
  EXPECT_THAT(Apply().out, HasSubstr("unchanged"));
}

TEST_F(ApplyTest, WhatIsNotNamedStays) {
  Write(kStack);
  ASSERT_EQ(Apply().code, 0);
  Write("kind: Stack\nname: web\nlabels: {}\n");
  const Result result = Apply();
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("    - labels.team: \"web\"\n"));
  EXPECT_THAT(stacks_.updated.update_mask().paths(), ElementsAre("labels"));
  // A parameter that is no longer in the file goes back to its default.
  Write("kind: Stack\nname: web\nparameters: {name: Ada}\n");
  EXPECT_THAT(Apply().out, HasSubstr("    - parameters.repeat: 3\n"));
  EXPECT_EQ(stacks_.updated.stack().parameters().fields_size(), 1);
}

TEST_F(ApplyTest, EverythingIsCheckedFirst) {
  stacks_.refusal = InvalidField("stack.parameters.repeat", "must be at most 100");
  Write(kStack);
  const Result result = Apply();
  EXPECT_EQ(result.code, 2);
  EXPECT_THAT(result.err, HasSubstr("projects/p/stacks/web"));
  EXPECT_THAT(result.err, HasSubstr("must be at most 100"));
  EXPECT_EQ(stacks_.validated, 1);
  EXPECT_TRUE(stacks_.kept->empty());
}

TEST_F(ApplyTest, AFileIsNamedWithLineAndGuess) {
  Write(Replaced("displayName: The web", "displayNmae: The web") +
        "---\nkind: Stak\nname: b\n---\nkind: Stack\nname: c\nlease: {duration: soon}\nlabels: "
        "[a]\n");
  const Result result = Apply();
  EXPECT_EQ(result.code, 2);
  for (const char* fault :
       {"stack.yaml:5: Stack has no field \"displayNmae\"; did you mean \"displayName\"?",
        "stack.yaml:13: there is no kind \"Stak\"; did you mean \"Stack\"?",
        "stack.yaml:18: duration: must be a duration", "stack.yaml:19: labels must be a map"}) {
    EXPECT_THAT(result.err, HasSubstr(fault));
  }
  EXPECT_TRUE(stacks_.kept->empty());
  Write("kind: Stack\nname: [\n");
  EXPECT_EQ(Apply().code, 2);
  Write("kind: Stack\nname: a\nname: b\n");
  EXPECT_THAT(Apply().err, HasSubstr("stack.yaml:3: name is given twice"));
  Write("# nothing\n");
  EXPECT_EQ(Apply().code, 2);
  Write(std::string(kStack) + "---\n" + kStack);
  EXPECT_THAT(Apply().err, HasSubstr("projects/p/stacks/web is given twice"));
}

TEST_F(ApplyTest, AsksOnATerminal) {
  Write(kStack);
  const Result nobody = Run({"apply", "-f", path_});
  EXPECT_EQ(nobody.code, 2);
  EXPECT_THAT(nobody.err, HasSubstr("--yes"));
  answers_questions_ = true;
  for (const char* no : {"n\n", "\n", ""}) {
    input_ = no;
    EXPECT_EQ(Run({"apply", "-f", path_}).code, 130);
    EXPECT_TRUE(stacks_.kept->empty());
  }
  input_ = "y\n";
  const Result yes = Run({"apply", "-f", path_});
  EXPECT_EQ(yes.code, 0) << yes.err;
  EXPECT_THAT(yes.err, HasSubstr("Apply 1 change? [y/N] "));
  EXPECT_EQ(stacks_.kept->size(), 1u);
}

TEST_F(ApplyTest, SecretsStayUnlessTheyAreToBeSent) {
  Write(Replaced("  repeat: 3", "  password: s3cr3t"));
  const Result made = Apply();
  EXPECT_EQ(made.code, 0) << made.err;
  EXPECT_EQ(stacks_.created.stack().parameters().fields().at("password").string_value(), "s3cr3t");
  EXPECT_THAT(made.out + made.err, Not(HasSubstr("s3cr3t")));
  const Result again = Apply();
  EXPECT_THAT(again.out, HasSubstr("unchanged"));
  EXPECT_THAT(again.out, HasSubstr("--send-secrets"));
  const Result sent = Run({"apply", "-f", path_, "--yes", "--send-secrets"});
  EXPECT_EQ(sent.code, 0);
  EXPECT_EQ(stacks_.updated.stack().parameters().fields().at("password").string_value(), "s3cr3t");
  EXPECT_THAT(sent.out + sent.err, Not(HasSubstr("s3cr3t")));
  // Another change leaves the secret as it is.
  Write(Replaced("  repeat: 3", "  password: other")
            .replace(std::string(kStack).find("Ada"), 3, "Eve"));
  EXPECT_EQ(Apply().code, 0);
  EXPECT_EQ(stacks_.updated.stack().parameters().fields().at("password").string_value(),
            "(sensitive)");
  // Nobody makes a stack with a mask for a password.
  stacks_.kept->clear();
  Write(Replaced("  repeat: 3", "  password: (sensitive)"));
  const Result masked = Apply();
  EXPECT_EQ(masked.code, 2);
  EXPECT_THAT(masked.err, HasSubstr("parameters.password is masked"));
}

TEST_F(ApplyTest, WhatWasWrittenCanBeAppliedBack) {
  Write(kStack);
  ASSERT_EQ(Apply().code, 0);
  for (const std::vector<std::string>& write :
       {std::vector<std::string>{"stacks", "get", "web", "-o", "yaml"}, {"export", "web"}}) {
    const Result written = Run(write);
    EXPECT_EQ(written.code, 0) << written.err;
    EXPECT_THAT(written.out, HasSubstr("kind: Stack\n"));
    Write(written.out);
    const Result applied = Apply();
    EXPECT_EQ(applied.code, 0) << applied.err;
    EXPECT_THAT(applied.out, HasSubstr("unchanged")) << written.out;
    // And it makes the same anew.
    const v1::Stack before = stacks_.kept->at("projects/p/stacks/web");
    stacks_.kept->clear();
    EXPECT_EQ(Apply().code, 0);
    EXPECT_EQ(stacks_.kept->at("projects/p/stacks/web").DebugString(), before.DebugString());
  }
}

TEST_F(ApplyTest, ThroughAPipeAndFromFolders) {
  input_ = kStack;
  EXPECT_EQ(Run({"apply", "-f", "-"}).code, 2) << "nobody can answer";
  EXPECT_EQ(Run({"apply", "-f", "-", "--yes"}).code, 0);
  EXPECT_EQ(stacks_.kept->size(), 1u);
  std::filesystem::create_directories(directory_ + "/all/below");
  std::ofstream(directory_ + "/all/a.yaml") << Replaced("name: web", "name: a");
  std::ofstream(directory_ + "/all/below/b.yml") << Replaced("name: web", "name: b");
  std::ofstream(directory_ + "/all/README.md") << "no document";
  const Result result = Run({"apply", "-f", directory_ + "/all", "--yes", "-o", "name"});
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(result.out, "projects/p/stacks/a\nprojects/p/stacks/b\n");
  EXPECT_EQ(Run({"apply", "-f", directory_ + "/none.yaml", "--yes"}).code, 2);
}

}  // namespace
}  // namespace stackyard::cli

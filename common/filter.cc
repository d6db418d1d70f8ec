#include "common/filter.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "common/field_path.h"
#include "common/filter_comparison.h"
#include "common/filter_syntax.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace stackyard {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

// Faults told at once; each may list all fields of a message.
constexpr int kMaxFaults = 5;

// Whether a string of the message, or of one in it, contains the text.
bool Mentions(const Message& message, std::string_view text) {
  const Reflection* reflection = message.GetReflection();
  std::vector<const FieldDescriptor*> fields;
  reflection->ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    const bool is_string = field->type() == FieldDescriptor::TYPE_STRING;
    if (IsSecret(field) || (!is_string && field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE)) {
      continue;
    }
    const bool repeated = field->is_repeated();
    const int size = repeated ? reflection->FieldSize(message, field) : 1;
    for (int i = 0; i < size; ++i) {
      std::string scratch;
      const bool found =
          is_string
              ? ContainsIgnoringCase(
                    repeated ? reflection->GetRepeatedStringReference(message, field, i, &scratch)
                             : reflection->GetStringReference(message, field, &scratch),
                    text)
              : Mentions(repeated ? reflection->GetRepeatedMessage(message, field, i)
                                  : reflection->GetMessage(message, field),
                         text);
      if (found) return true;
    }
  }
  return false;
}

// A literal is looked for anywhere, so stars at its ends say nothing.
std::string LiteralOf(const filter_syntax::Word& word) {
  std::string text = word.text;
  if (word.star_last) text.pop_back();
  if (word.star_first && !text.empty()) text.erase(0, 1);
  return text;
}

}  // namespace

struct Filter::Node {
  filter_syntax::Node::Kind kind = filter_syntax::Node::Kind::kTest;
  std::vector<Node> children;
  // Of kTest: a comparison, else a literal.
  std::optional<Comparison> comparison;
  std::string literal;
};

class Filter::Builder {
 public:
  Builder(std::string_view text, const Descriptor* type) : text_(text), type_(type) {}

  Node Build(const filter_syntax::Node& parsed) {
    Node node;
    node.kind = parsed.kind;
    if (parsed.kind != filter_syntax::Node::Kind::kTest) {
      for (const auto& child : parsed.children) node.children.push_back(Build(child));
    } else if (parsed.comparator == filter_syntax::Comparator::kNone) {
      node.literal = LiteralOf(parsed.value);
    } else if (faults_found_ < kMaxFaults) {
      node.comparison = Comparison::Make(text_, parsed, type_, faults_);
      if (!node.comparison) ++faults_found_;
    }
    return node;
  }

  absl::Status status() const { return faults_.ToStatus(); }

 private:
  const std::string_view text_;
  const Descriptor* type_;
  Violations faults_;
  int faults_found_ = 0;
};

absl::StatusOr<Filter> Filter::Parse(std::string_view text, const Descriptor* type) {
  Filter filter;
  RETURN_IF_ERROR(CheckFieldText("filter", text));
  if (std::all_of(text.begin(), text.end(),
                  [](unsigned char c) { return absl::ascii_isspace(c); })) {
    return filter;
  }
  ASSIGN_OR_RETURN(const filter_syntax::Node parsed, filter_syntax::Parse(text));
  Builder builder(text, type);
  Node root = builder.Build(parsed);
  RETURN_IF_ERROR(builder.status());
  filter.type_ = type;
  filter.root_ = std::make_shared<const Node>(std::move(root));
  return filter;
}

bool Filter::Matches(const Message& message) const {
  if (root_ == nullptr) return true;
  return message.GetDescriptor() == type_ && Matches(*root_, message);
}

bool Filter::Matches(const Node& node, const Message& message) {
  const auto matches = [&](const Node& child) { return Matches(child, message); };
  switch (node.kind) {
    case filter_syntax::Node::Kind::kAnd:
      return std::all_of(node.children.begin(), node.children.end(), matches);
    case filter_syntax::Node::Kind::kOr:
      return std::any_of(node.children.begin(), node.children.end(), matches);
    case filter_syntax::Node::Kind::kNot:
      return !matches(node.children[0]);
    case filter_syntax::Node::Kind::kTest:
      break;
  }
  if (node.comparison) return node.comparison->Matches(message);
  return node.literal.empty() || Mentions(message, node.literal);
}

std::optional<int> Filter::PinnedEnum(std::string_view field) const {
  return root_ == nullptr ? std::nullopt : PinnedEnum(*root_, field);
}

std::optional<int> Filter::PinnedEnum(const Node& node, std::string_view field) {
  if (node.kind == filter_syntax::Node::Kind::kTest) {
    return node.comparison ? node.comparison->EnumValueOf(field) : std::nullopt;
  }
  if (node.kind != filter_syntax::Node::Kind::kAnd) return std::nullopt;
  for (const Node& child : node.children) {
    if (const auto pinned = PinnedEnum(child, field)) return pinned;
  }
  return std::nullopt;
}

FilterHints Filter::Hints() const {
  FilterHints hints;
  if (root_ != nullptr) AddHints(*root_, hints);
  return hints;
}

void Filter::AddHints(const Node& node, FilterHints& hints) {
  switch (node.kind) {
    case filter_syntax::Node::Kind::kAnd:
      for (const Node& child : node.children) AddHints(child, hints);
      break;
    case filter_syntax::Node::Kind::kOr: {
      std::vector<FilterHint> group;
      for (const Node& child : node.children) {
        // One that says nothing, or more than one thing, leaves nothing to say of all.
        std::vector<FilterHint> one;
        if (child.comparison) one = child.comparison->Hints();
        if (one.size() != 1) return;
        group.push_back(std::move(one[0]));
      }
      hints.push_back(std::move(group));
      break;
    }
    case filter_syntax::Node::Kind::kTest:
      if (!node.comparison) break;
      for (FilterHint& hint : node.comparison->Hints()) hints.push_back({std::move(hint)});
      break;
    case filter_syntax::Node::Kind::kNot:
      break;
  }
}

}  // namespace stackyard

#include "common/yaml_reader.h"

#include <yaml-cpp/eventhandler.h>

#include <cmath>
#include <set>
#include <sstream>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace stackyard {
namespace {

// Protobuf writes a message of any depth and reads none of more than 100, and a level is three
// deep.
constexpr int kMostLevels = 20;

class AliasFinder final : public YAML::EventHandler {
 public:
  AliasFinder(const std::string& file, Violations& violations)
      : file_(file), violations_(violations) {}

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    // More than this tell nobody more.
    if (++count_ > 20) return;
    violations_.Add(absl::StrCat(file_, ":", mark.line + 1), "aliases (`*name`) are not allowed");
  }
  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t,
                const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {}
  void OnMapEnd() override {}

 private:
  const std::string& file_;
  Violations& violations_;
  int count_ = 0;
};

}  // namespace

void RefuseAliases(const std::string& file, const std::string& yaml, Violations& violations) {
  std::istringstream stream(yaml);
  YAML::Parser parser(stream);
  AliasFinder finder(file, violations);
  parser.HandleNextDocument(finder);
}

void YamlReader::Fault(const YAML::Node& node, std::string_view what) {
  violations_.Add(absl::StrCat(file_, ":", LineOf(node)), what);
}

void YamlReader::ReadMap(const YAML::Node& node, const std::string& where,
                         const std::map<std::string, FieldReader>& fields) {
  if (!node.IsMap()) return Fault(node, absl::StrCat(where, " must be a map"));
  std::set<std::string> seen;
  for (const auto& entry : node) {
    const std::string key = entry.first.IsScalar() ? entry.first.Scalar() : "";
    const auto found = fields.find(key);
    if (found == fields.end()) {
      std::string known;
      for (const auto& [name, reader] : fields)
        absl::StrAppend(&known, known.empty() ? "" : ", ", name);
      Fault(entry.first, absl::StrCat(where, " has no key `", key, "`; it has ", known));
    } else if (!seen.insert(key).second) {
      Fault(entry.first, absl::StrCat(where, " has `", key, "` twice"));
    } else {
      found->second(entry.second);
    }
  }
}

void YamlReader::ReadList(
    const YAML::Node& node, const std::string& where,
    const std::function<void(const YAML::Node&, const std::string& where)>& item) {
  if (!node.IsSequence()) return Fault(node, absl::StrCat(where, " must be a list"));
  for (size_t i = 0; i < node.size(); ++i) item(node[i], absl::StrCat(where, "[", i, "]"));
}

std::string YamlReader::ReadString(const YAML::Node& node, const std::string& where, size_t most) {
  if (!node.IsScalar()) {
    Fault(node, absl::StrCat(where, " must be a string"));
    return "";
  }
  if (node.Scalar().size() > most) {
    Fault(node, absl::StrCat(where, " must have at most ", most, " characters"));
    return "";
  }
  return node.Scalar();
}

int64_t YamlReader::ReadInteger(const YAML::Node& node, const std::string& where, int64_t least,
                                int64_t most) {
  int64_t value = 0;
  if (!node.IsScalar() || !absl::SimpleAtoi(node.Scalar(), &value) || value < least ||
      value > most) {
    Fault(node, absl::StrCat(where, " must be a whole number from ", least, " to ", most));
    return least;
  }
  return value;
}

double YamlReader::ReadNumber(const YAML::Node& node, const std::string& where) {
  double value = 0;
  if (!node.IsScalar() || !absl::SimpleAtod(node.Scalar(), &value) || !std::isfinite(value)) {
    Fault(node, absl::StrCat(where, " must be a number"));
    return 0;
  }
  return value;
}

bool YamlReader::ReadBool(const YAML::Node& node, const std::string& where) {
  if (node.IsScalar() && (node.Scalar() == "true" || node.Scalar() == "false")) {
    return node.Scalar() == "true";
  }
  Fault(node, absl::StrCat(where, " must be true or false"));
  return false;
}

absl::Duration YamlReader::ReadDuration(const YAML::Node& node, const std::string& where) {
  absl::Duration duration;
  std::string text = node.IsScalar() ? node.Scalar() : "";
  int64_t days = 0;
  const bool in_days = !text.empty() && text.back() == 'd' &&
                       absl::SimpleAtoi(text.substr(0, text.size() - 1), &days) && days < 10'000;
  if (in_days) {
    duration = absl::Hours(24 * days);
  } else if (!absl::ParseDuration(text, &duration)) {
    Fault(node, absl::StrCat(where, " must be a duration like 90s, 30m, 72h or 7d"));
    return absl::Hours(1);
  }
  if (duration <= absl::ZeroDuration() || duration > absl::Hours(24 * 3650)) {
    Fault(node, absl::StrCat(where, " must be more than nothing and at most 3650d"));
    return absl::Hours(1);
  }
  return duration;
}

google::protobuf::Value YamlReader::ReadValue(const YAML::Node& node) {
  return ReadValue(node, kMostLevels);
}

google::protobuf::Value YamlReader::ReadValue(const YAML::Node& node, int levels) {
  google::protobuf::Value value;
  if (levels == 0) {
    Fault(node, absl::StrCat("a value is nested more than ", kMostLevels, " levels deep"));
  } else if (node.IsSequence()) {
    auto& list = *value.mutable_list_value();
    for (const auto& item : node) *list.add_values() = ReadValue(item, levels - 1);
  } else if (node.IsMap()) {
    auto& fields = *value.mutable_struct_value()->mutable_fields();
    for (const auto& entry : node)
      fields[entry.first.Scalar()] = ReadValue(entry.second, levels - 1);
  } else if (node.IsNull()) {
    value.set_null_value(google::protobuf::NULL_VALUE);
  } else {
    const std::string& text = node.Scalar();
    double number = 0;
    // A tag of `!` marks a quoted scalar, which is a string whatever it looks like.
    const bool quoted = node.Tag() == "!";
    if (!quoted && (text == "true" || text == "false")) {
      value.set_bool_value(text == "true");
    } else if (!quoted && absl::SimpleAtod(text, &number) && std::isfinite(number)) {
      value.set_number_value(number);
    } else {
      value.set_string_value(text);
    }
  }
  return value;
}

}  // namespace stackyard

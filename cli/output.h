// The four ways in which answers are written: tables for people, JSON, YAML and bare names.
#pragma once

#include <functional>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "google/protobuf/message.h"

namespace stackyard::cli {

enum class Format { kTable, kJson, kYaml, kName };

// `table`, `json`, `yaml` or `name`. INVALID_FIELD for anything else.
absl::StatusOr<Format> ReadFormat(const std::string& text);

enum class Color { kNone, kGreen, kYellow, kRed, kDim, kBold };

// Wraps text in the color's escape codes, where `on`.
std::string Paint(const std::string& text, Color color, bool on);

// Color of a state's name: green when all is well, red when something failed, yellow while work
// goes on, none for what is over.
Color StateColor(const std::string& state);

// Aligned columns; those without any value are left out. Cells below a heading `STATE` are colored.
class Table {
 public:
  explicit Table(std::vector<std::string> headings) : headings_(std::move(headings)) {}
  // One cell per heading; an empty one is shown as `-`.
  void Add(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  bool empty() const { return rows_.empty(); }
  std::string Text(bool color) const;

 private:
  std::vector<std::string> headings_;
  std::vector<std::vector<std::string>> rows_;
};

// Labels and values, one pair per line; pairs with an empty value are left out.
class Fields {
 public:
  void Add(std::string label, std::string value);
  std::string Text(bool color) const;

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

class Output {
 public:
  Output(Format format, bool color, std::ostream& out)
      : format_(format), color_(color), out_(out) {}

  Format format() const { return format_; }
  bool color() const { return color_; }
  std::ostream& out() const { return out_; }

  // Writes a message in the format asked for; `people` writes it as a table. For names, those of
  // the message, or of each message in its list.
  absl::Status Write(const google::protobuf::Message& message,
                     const std::function<void()>& people) const;
  void Show(const Table& table) const { out_ << table.Text(color_); }
  void Show(const Fields& fields) const { out_ << fields.Text(color_); }

 private:
  const Format format_;
  const bool color_;
  std::ostream& out_;
};

// Proto JSON, indented; zeros and empty lists are written.
absl::StatusOr<std::string> ToJson(const google::protobuf::Message& message);
// The same as YAML.
absl::StatusOr<std::string> ToYaml(const google::protobuf::Message& message);
// The resource names in a message, one per line.
std::string NamesIn(const google::protobuf::Message& message);

}  // namespace stackyard::cli

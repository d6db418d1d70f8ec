// The ways in which answers are written: tables for people, JSON, YAML and bare names.
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

// `table`, `wide` (a table with more columns), `json`, `yaml` or `name`. INVALID_FIELD for anything
// else.
absl::StatusOr<Format> ReadFormat(const std::string& text);

enum class Color { kNone, kGreen, kYellow, kRed, kDim, kBold };

// Wraps text in the color's escape codes, where `on`.
std::string Paint(const std::string& text, Color color, bool on);

// Color of a state's name: green when all is well, red when something failed, yellow while work
// goes on, none for what is over.
Color StateColor(const std::string& state);

// How tables are written.
struct TableStyle {
  bool color = false;
  // The line of headings.
  bool headers = true;
  // Columns for `-o wide` and those without any value too.
  bool wide = false;
  // Headings of the columns to show, in this order; empty: all.
  std::vector<std::string> columns;
};

// Aligned columns; those without any value are left out. Cells below a heading `STATE` are colored.
// A heading that begins with `+` is for `-o wide`, or for whoever names it.
class Table {
 public:
  explicit Table(std::vector<std::string> headings) : headings_(std::move(headings)) {}
  // One cell per heading; an empty one is shown as `-`.
  void Add(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  bool empty() const { return rows_.empty(); }
  // A list of objects, `{"headings": "cells"}`.
  std::string Json() const;
  // All columns that have a value and are for everybody.
  std::string Text(bool color) const;
  // INVALID_FIELD on `columns` when there is no such column.
  absl::StatusOr<std::string> Text(const TableStyle& style) const;

 private:
  // Indexes of the columns to show.
  absl::StatusOr<std::vector<size_t>> Shown(const TableStyle& style) const;

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
  Output(Format format, TableStyle style, std::ostream& out)
      : format_(format), style_(std::move(style)), out_(out) {}

  Format format() const { return format_; }
  bool color() const { return style_.color; }
  std::ostream& out() const { return out_; }

  // Writes a message in the format asked for; `people` writes it as a table. For names, those of
  // the message, or of each message in its list.
  absl::Status Write(const google::protobuf::Message& message,
                     const std::function<void()>& people) const;
  // Writes what is no message of the service: a table, its rows as JSON or YAML, or `names`.
  absl::Status WriteTable(const Table& table, const std::string& names) const;
  // What is wrong with --columns is what the next Write answers.
  void Show(const Table& table) const;
  void Show(const Fields& fields) const { out_ << fields.Text(style_.color); }

 private:
  const Format format_;
  const TableStyle style_;
  std::ostream& out_;
  mutable absl::Status fault_;
};

// Proto JSON, indented; zeros and empty lists are written.
absl::StatusOr<std::string> ToJson(const google::protobuf::Message& message);
// The same as YAML. A resource that `stackyard apply` reads begins with its apiVersion and kind.
absl::StatusOr<std::string> ToYaml(const google::protobuf::Message& message);
// A document for `stackyard apply`: apiVersion, kind, and the fields that are set.
absl::StatusOr<std::string> ToManifest(const google::protobuf::Message& message);
// The resource names in a message, one per line.
std::string NamesIn(const google::protobuf::Message& message);

}  // namespace stackyard::cli

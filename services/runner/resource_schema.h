// What a provider's schema says of one type of resource.
#pragma once

#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace stackyard::runner {

// Immutable once made.
class ResourceSchema {
 public:
  // Reads a `Schema` message of Terraform's plugin protocol, version 5 or 6. DATA_LOSS when it is
  // none.
  static absl::StatusOr<ResourceSchema> Parse(std::string_view schema);
  // Of a type that holds no secrets: the attributes with their types.
  static ResourceSchema Plain(nlohmann::json attributes);

  // Type of the values as Terraform writes types in JSON: `["object", {"id": "string"}]`.
  const nlohmann::json& type() const { return type_; }

  // Which parts of a value the schema calls sensitive, as a tree of marks: true, false, objects and
  // arrays of them. A set is marked as a whole, as Terraform does it. What may only be written
  // counts as sensitive.
  nlohmann::json SensitiveMarks(const nlohmann::json& value) const;

 private:
  // The values of the plugin protocol.
  enum class Nesting { kSingle = 1, kList = 2, kSet = 3, kMap = 4, kGroup = 5 };
  struct Child;
  // A block, or an object whose attributes have a schema of their own.
  struct Body {
    std::set<std::string> secrets;
    // Those that have secrets somewhere below.
    std::vector<Child> children;
  };
  struct Child {
    std::string name;
    Nesting nesting = Nesting::kSingle;
    Body body;
  };
  class Parser;

  ResourceSchema() = default;
  static nlohmann::json Marks(const Body& body, const nlohmann::json& value);
  static nlohmann::json Marks(const Child& child, const nlohmann::json& value);

  nlohmann::json type_;
  Body body_;
};

}  // namespace stackyard::runner

// Orders of List methods, https://google.aip.dev/132: `create_time desc, lease.end_time`.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"

namespace stackyard {

class OrderBy {
 public:
  // Every message is equal.
  OrderBy() = default;

  // Comma-separated paths in snake_case or lowerCamelCase, each may end in ` desc`. They lead to
  // numbers, booleans, strings, enums (by number), times and durations, and through no list or
  // map; at most 8 of them. A blank text is empty. Errors: INVALID_FIELD on `order_by` for
  // anything else, more than 4096 bytes, a field named twice, and fields that hold secrets; each
  // fault tells where and what was expected.
  static absl::StatusOr<OrderBy> Parse(std::string_view text,
                                       const google::protobuf::Descriptor* type);

  bool empty() const { return keys_.empty(); }

  // Whether the first message comes before the second. A strict weak order: messages that are
  // equal in all fields are so here. An unset field comes before all values, NaN before all
  // numbers. False for messages that are not of the type.
  bool Less(const google::protobuf::Message& left, const google::protobuf::Message& right) const;

  // Paths in snake_case, and whether each is descending.
  std::vector<std::pair<std::string, bool>> fields() const;

 private:
  struct Key {
    std::vector<const google::protobuf::FieldDescriptor*> path;
    std::string name;
    bool descending = false;
  };

  const google::protobuf::Descriptor* type_ = nullptr;
  std::vector<Key> keys_;
};

}  // namespace stackyard

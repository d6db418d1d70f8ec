// Reads YAML into typed values and collects every fault with its line.
#pragma once

#include <yaml-cpp/yaml.h>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "common/status.h"
#include "google/protobuf/struct.pb.h"

namespace stackyard {

// Adds a fault under `file` for each alias in the first document. Aliases are not for us: what is
// reached through them can be without end, or too much to walk. Throws YAML::Exception.
void RefuseAliases(const std::string& file, const std::string& yaml, Violations& violations);

class YamlReader {
 public:
  // `file` is the name that faults are told under.
  YamlReader(std::string file, Violations& violations)
      : file_(std::move(file)), violations_(violations) {}

  // Adds a fault at a node.
  void Fault(const YAML::Node& node, std::string_view what);

  using FieldReader = std::function<void(const YAML::Node&)>;
  // Walks a map: each known key's reader is called, unknown and repeated keys are faults.
  // `where` names the map in faults, for example `meters[0]`.
  void ReadMap(const YAML::Node& node, const std::string& where,
               const std::map<std::string, FieldReader>& fields);
  // Walks a list.
  void ReadList(const YAML::Node& node, const std::string& where,
                const std::function<void(const YAML::Node&, const std::string& where)>& item);

  // Each answers a default after adding a fault.
  std::string ReadString(const YAML::Node& node, const std::string& where, size_t most = 10'000);
  int64_t ReadInteger(const YAML::Node& node, const std::string& where, int64_t least,
                      int64_t most);
  double ReadNumber(const YAML::Node& node, const std::string& where);
  bool ReadBool(const YAML::Node& node, const std::string& where);
  // `90s`, `30m`, `72h` or `7d`, more than nothing and at most ten years.
  absl::Duration ReadDuration(const YAML::Node& node, const std::string& where);
  // Any value, of at most 20 levels; plain scalars that read as bool, number or null become those.
  google::protobuf::Value ReadValue(const YAML::Node& node);

  static int LineOf(const YAML::Node& node) { return node.Mark().line + 1; }

 private:
  google::protobuf::Value ReadValue(const YAML::Node& node, int levels);

  const std::string file_;
  Violations& violations_;
};

}  // namespace stackyard

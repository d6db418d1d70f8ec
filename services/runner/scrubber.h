// Keeps secrets out of what people read.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "stackyard/internal/v1/run_queue.pb.h"

namespace stackyard::runner {

// What stands in place of a secret.
inline constexpr std::string_view kMasked = "(sensitive)";

// Knows the secrets of one run.
class Scrubber {
 public:
  // Shorter secrets are left alone: they turn up everywhere by chance.
  static constexpr size_t kMinSecret = 4;

  // Knows nothing.
  Scrubber() = default;
  // Knows each string and number in the sensitive parameters, each line of those of several lines,
  // their form inside JSON, and environment variables whose names tell that they are secret.
  // `passed` are variables that every run gets besides those of the assignment.
  explicit Scrubber(const internal::v1::Assignment& assignment,
                    const std::map<std::string, std::string>& passed = {});

  // Learns more: each string and number in the parts of a value that a tree of marks (true, false,
  // objects and arrays of them, as Terraform's JSON has it) calls secret.
  void LearnMarked(const nlohmann::json& value, const nlohmann::json& marks);

  // The text with every secret replaced.
  std::string Scrub(std::string_view text) const;
  // Whether a secret is in the text.
  bool Holds(std::string_view text) const;

 private:
  void Learn(std::string_view secret);
  // An environment variable, when its name tells that it is secret.
  void LearnVariable(const std::string& name, const std::string& value);
  void LearnAll(const nlohmann::json& value);
  void LearnBelow(const nlohmann::json& value, const nlohmann::json& marks);
  void Sort();

  // Longest first, so that a secret that is part of another does not leave the rest of it.
  std::vector<std::string> secrets_;
};

}  // namespace stackyard::runner

// How far an operation is: a bar on a terminal, else one line per change.
#pragma once

#include <ostream>
#include <string>

#include "absl/time/time.h"
#include "stackyard/v1/operations.pb.h"

namespace stackyard::cli {

// What is going on, on one line: the stage, how many resources are done, which are being worked on.
std::string ProgressText(const v1::OperationMetadata& metadata);

// `[=====>    ] 3/7`, `width` characters between the brackets; empty when there is no total.
std::string ProgressBar(const v1::Progress& progress, int width);

class Progress {
 public:
  // `width` is the number of columns; colors and the bar are for a terminal.
  Progress(std::ostream& out, bool terminal, int width)
      : out_(out), terminal_(terminal), width_(width) {}
  ~Progress() { Clear(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // Tells what changed.
  void Update(const v1::OperationMetadata& metadata, absl::Time now);
  // Redraws the bar, so that people see that time goes on.
  void Tick(absl::Time now);
  // Tells something besides, once until something else is told.
  void Note(const std::string& text, absl::Time now);
  // Takes the bar away, so that other lines can be written.
  void Clear();

 private:
  void Draw(absl::Time now);
  // Leaves a line behind for a stage that is over.
  void FinishStage(absl::Time now);

  std::ostream& out_;
  const bool terminal_;
  const int width_;
  v1::OperationMetadata current_;
  absl::Time stage_since_;
  std::string last_line_;
  int spin_ = 0;
  bool drawn_ = false;
};

}  // namespace stackyard::cli

#include "cli/progress.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cli/output.h"
#include "cli/text.h"

namespace stackyard::cli {
namespace {

using Stage = v1::OperationMetadata::Stage;

constexpr char kSpinner[] = "|/-\\";
constexpr int kBarWidth = 20;

std::string StageText(const v1::OperationMetadata& metadata) {
  return v1::OperationMetadata_Stage_Name(metadata.stage());
}

std::string CountsText(const v1::Progress& progress) {
  if (progress.total() == 0) return "";
  return absl::StrCat(
      progress.done(), "/", progress.total(),
      progress.failed() > 0 ? absl::StrCat(", ", progress.failed(), " failed") : "");
}

// While it plans, the total is only what a later stage will touch.
bool Counts(Stage stage) {
  return stage == v1::OperationMetadata::APPLYING || stage == v1::OperationMetadata::DESTROYING;
}

// What the operation waits for, or works on.
std::string Detail(const v1::OperationMetadata& metadata) {
  if (metadata.stage() == v1::OperationMetadata::AWAITING_APPROVAL) {
    return metadata.change_request();
  }
  if (!metadata.progress().active().empty())
    return absl::StrJoin(metadata.progress().active(), ", ");
  return metadata.message();
}

}  // namespace

std::string ProgressText(const v1::OperationMetadata& metadata) {
  std::string text = StageText(metadata);
  const std::string counts = Counts(metadata.stage()) ? CountsText(metadata.progress()) : "";
  for (const std::string& part : {counts, Detail(metadata)}) {
    if (!part.empty()) absl::StrAppend(&text, "  ", part);
  }
  return text;
}

std::string ProgressBar(const v1::Progress& progress, int width) {
  if (progress.total() <= 0) return "";
  const int done = std::clamp(progress.done(), 0, progress.total());
  const int filled = static_cast<int>(int64_t{width} * done / progress.total());
  std::string bar(filled, '=');
  if (filled < width) bar += '>';
  bar.resize(width, ' ');
  return absl::StrCat("[", bar, "] ", CountsText(progress));
}

void Progress::Update(const v1::OperationMetadata& metadata, absl::Time now) {
  const bool first = current_.stage() == v1::OperationMetadata::STAGE_UNSPECIFIED;
  if (metadata.stage() != current_.stage()) {
    if (!first) FinishStage(now);
    stage_since_ = now;
  }
  current_ = metadata;
  if (terminal_) {
    Draw(now);
    return;
  }
  Note(ProgressText(metadata), now);
}

void Progress::Note(const std::string& text, absl::Time now) {
  if (text == last_line_) return;
  last_line_ = text;
  Clear();
  out_ << absl::FormatTime("%H:%M:%S", now, absl::UTCTimeZone()) << "  " << text << std::endl;
}

void Progress::Tick(absl::Time now) {
  if (terminal_ && current_.stage() != v1::OperationMetadata::STAGE_UNSPECIFIED) Draw(now);
}

void Progress::Clear() {
  if (drawn_) out_ << "\r\033[K" << std::flush;
  drawn_ = false;
}

void Progress::FinishStage(absl::Time now) {
  if (!terminal_) return;
  Clear();
  out_ << Paint("  " + StageText(current_), Color::kDim, true) << "  "
       << ShortDuration(now - stage_since_) << std::endl;
}

void Progress::Draw(absl::Time now) {
  if (current_.stage() == v1::OperationMetadata::FINISHED) {
    Clear();
    return;
  }
  std::string line = absl::StrCat(std::string(1, kSpinner[spin_++ % 4]), " ", StageText(current_));
  const std::string bar =
      Counts(current_.stage()) ? ProgressBar(current_.progress(), kBarWidth) : "";
  for (const std::string& part : {bar, ShortDuration(now - stage_since_), Detail(current_)}) {
    if (!part.empty()) absl::StrAppend(&line, "  ", part);
  }
  // A line that wraps could not be taken away again.
  out_ << "\r\033[K" << Cut(line, std::max(width_ - 1, 10)) << std::flush;
  drawn_ = true;
}

}  // namespace stackyard::cli

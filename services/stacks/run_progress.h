// Applies what a runner reports to a run.
#pragma once

#include "stackyard/v1/runs.pb.h"

namespace stackyard::stacks {

// Takes an event into the run's steps, progress and diagnostics.
void TakeEvent(const v1::RunEvent& event, v1::Run& run);

}  // namespace stackyard::stacks

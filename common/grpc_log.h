// What gRPC itself logs.
#pragma once

namespace stackyard {

// From now on gRPC's own lines are log lines of this process. Any number of calls.
void LogWhatGrpcSays();

}  // namespace stackyard

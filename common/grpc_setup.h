// What gRPC is told once in a process, before its first server.
#pragma once

namespace stackyard {

// Health and reflection for the servers that follow, and where gRPC's own words go. As often as one
// likes, from any thread.
void SetUpGrpc();

}  // namespace stackyard

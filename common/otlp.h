// Spans as OTLP spells them.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "common/span_queue.h"

namespace stackyard {

// What is told of the process: names of OpenTelemetry's conventions with their values.
using TraceResource = std::vector<std::pair<std::string, std::string>>;

// An ExportTraceServiceRequest, in protobuf.
std::string EncodeSpans(const TraceResource& resource, const std::vector<SpanRecord>& spans);

}  // namespace stackyard

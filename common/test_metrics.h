// What metrics say, for tests.
#pragma once

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

#include <map>
#include <string>
#include <vector>

namespace stackyard {

// Labels and their values, in any order.
using MetricLabels = std::map<std::string, std::string>;

// The metric of a name with exactly these labels; nullptr: there is none. Points into `families`.
inline const prometheus::ClientMetric* FindMetric(
    const std::vector<prometheus::MetricFamily>& families, const std::string& name,
    const MetricLabels& labels) {
  for (const prometheus::MetricFamily& family : families) {
    if (family.name != name) continue;
    for (const prometheus::ClientMetric& metric : family.metric) {
      MetricLabels own;
      for (const auto& label : metric.label) own[label.name] = label.value;
      if (own == labels) return &metric;
    }
  }
  return nullptr;
}

// Value of a counter or gauge, or how many observations a histogram has; -1: there is none.
inline double MetricValue(const prometheus::Collectable& source, const std::string& name,
                          const MetricLabels& labels = {}) {
  const auto families = source.Collect();
  const prometheus::ClientMetric* metric = FindMetric(families, name, labels);
  if (metric == nullptr) return -1;
  return metric->counter.value + metric->gauge.value +
         static_cast<double>(metric->histogram.sample_count);
}

// Sum of what a histogram observed; -1: there is none.
inline double MetricSum(const prometheus::Collectable& source, const std::string& name,
                        const MetricLabels& labels = {}) {
  const auto families = source.Collect();
  const prometheus::ClientMetric* metric = FindMetric(families, name, labels);
  return metric == nullptr ? -1 : metric->histogram.sample_sum;
}

}  // namespace stackyard

# Of govulncheck's JSON: the faults that a module's own code reaches and that exist on Linux, one a line.
(map(.osv // empty) | INDEX(.id)) as $reports
| map(.finding // empty | select(.trace[0].function != null)) | unique_by(.osv)[]
| . as $finding | $reports[.osv]
| ([.affected[].ecosystem_specific.imports[]?.goos // ["linux"]] | flatten) as $systems
| select($systems | index("linux"))
| $finding.trace[0] as $where
| "\(.id) \($where.module)@\($where.version), mended in \($finding.fixed_version // "none"): \(.summary)"

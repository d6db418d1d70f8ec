module stackyard.dev/release

go 1.26

package accept

import (
	"net/http"
	"testing"
)

func TestGzip(t *testing.T) {
	for given, want := range map[string]bool{
		"gzip": true, "GZip": true, "deflate, gzip": true, "gzip;q=0.1": true, "*": true, "*;q=0, gzip": true,
		"": false, "gzip;q=0": false, "gzip; q=0.0": false, "br": false, "*;q=0": false, "gzip;q=0, *": false,
	} {
		if got := Coding(http.Header{"Accept-Encoding": {given}}, "gzip"); got != want {
			t.Errorf("%q: %v", given, got)
		}
	}
	if !Coding(http.Header{"Accept-Encoding": {"gzip, deflate, br"}}, "br") {
		t.Error("br is taken")
	}
	if !Coding(http.Header{"Accept-Encoding": {"br", "gzip"}}, "gzip") {
		t.Error("several headers are one")
	}
}

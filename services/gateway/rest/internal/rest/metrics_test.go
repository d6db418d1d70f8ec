package rest

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
)

// startMeasured is start with metrics, and tells what they say.
func startMeasured(t *testing.T) (*fakeGateway, string, func() map[string]float64) {
	t.Helper()
	fake, server, url := start(t, func(o *Options) { o.MetricsListen = "127.0.0.1:0" })
	t.Cleanup(func() { _ = server.metrics.Close() })
	address := "http://" + server.metricsListener.Addr().String() + "/metrics"
	return fake, url, func() map[string]float64 {
		t.Helper()
		response, text := call(t, "GET", address, "")
		if response.StatusCode != 200 {
			t.Fatal(response.StatusCode, text)
		}
		values := map[string]float64{}
		for _, line := range strings.Split(text, "\n") {
			space := strings.LastIndex(line, " ")
			if space < 0 || strings.HasPrefix(line, "#") {
				continue
			}
			value, err := strconv.ParseFloat(line[space+1:], 64)
			if err != nil {
				t.Fatal(line)
			}
			values[line[:space]] = value
		}
		return values
	}
}

func requests(method, route string, code int) string {
	return fmt.Sprintf(`stackyard_rest_requests_total{code="%d",method="%s",route="%s"}`, code, method, route)
}

func TestRequestsAreCountedByRoute(t *testing.T) {
	_, url, metrics := startMeasured(t)
	for _, name := range []string{"web", "shop", "full"} {
		call(t, "GET", url+"/v1/projects/p/stacks/"+name, "")
	}
	call(t, "GET", url+"/v1/projects/p/stacks/short", "")
	call(t, "PATCH", url+"/v1/projects/p/stacks/web", "{")
	call(t, "PUT", url+"/v1/projects/p/stacks/web", "")
	call(t, "GET", url+"/docs", "")
	call(t, "GET", url+"/healthz", "")
	call(t, "GET", url+"/v1/projects/p/stacks/web/state", "")
	got := metrics()
	const stack = "/v1/projects/{project}/stacks/{stack}"
	for name, want := range map[string]float64{
		requests("GET", stack, 200):                                   3,
		requests("GET", stack, 429):                                   1,
		requests("PATCH", stack, 400):                                 1,
		requests("PUT", stack, 405):                                   1,
		requests("GET", "page", 200):                                  1,
		requests("GET", "/healthz", 200):                              1,
		requests("GET", stack+"/state", 501):                          1,
		`stackyard_rest_request_seconds_count{route="` + stack + `"}`: 6,
		"stackyard_rest_open_requests":                                0,
	} {
		if got[name] != want {
			t.Errorf("%s is %v, not %v", name, got[name], want)
		}
	}
}

func TestWhatClientsMakeUpIsNoLabel(t *testing.T) {
	_, url, metrics := startMeasured(t)
	for i := range 50 {
		call(t, "GET", fmt.Sprintf("%s/made/up/%d", url, i), "")
		call(t, "GET", fmt.Sprintf("%s/v1/made-up/%d", url, i), "")
		call(t, fmt.Sprintf("MADEUP%d", i), url+"/v1/projects/made-up", "")
	}
	got := metrics()
	if got[requests("GET", "unknown", 404)] != 100 {
		t.Errorf("%v unknown", got[requests("GET", "unknown", 404)])
	}
	if got[requests("other", "/v1/projects/{project}", 405)] != 50 {
		t.Errorf("%v by other methods", got[requests("other", "/v1/projects/{project}", 405)])
	}
	for name := range got {
		if strings.Contains(name, "made") || strings.Contains(name, "MADE") {
			t.Error(name)
		}
	}
}

func TestRequestsThatGoOnAreSeen(t *testing.T) {
	fake, url, metrics := startMeasured(t)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if response, err := http.Get(url + "/v1/projects/p/stacks/slow"); err == nil {
			_ = response.Body.Close()
		}
	}()
	<-fake.entered
	if got := metrics()["stackyard_rest_open_requests"]; got != 1 {
		t.Errorf("%v open", got)
	}
	close(fake.release)
	<-done
}

func TestAPanicCountsAsAFault(t *testing.T) {
	m := newMetrics(DefaultOptions())
	handler := withLog(NewLogger(&strings.Builder{}, 0), 0, withMetrics(m,
		func(*http.Request) string { return "page" },
		http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("a fault") })))
	recorder := httptest.NewRecorder()
	request, _ := http.NewRequest("GET", "/docs", nil)
	handler.ServeHTTP(recorder, request)
	families, err := m.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() != "stackyard_rest_requests_total" {
			continue
		}
		for _, label := range family.Metric[0].Label {
			if label.GetName() == "code" && label.GetValue() != "500" {
				t.Errorf("it counts as %s", label.GetValue())
			}
		}
		return
	}
	t.Error("it is not counted")
}

func TestTheProcessAndItsBuildAreTold(t *testing.T) {
	_, _, metrics := startMeasured(t)
	got := metrics()
	if got[`stackyard_build_info{commit="unknown",service="rest",version="dev"}`] != 1 {
		t.Error("no build")
	}
	for _, name := range []string{"process_resident_memory_bytes", "process_open_fds", "go_goroutines"} {
		if got[name] <= 0 {
			t.Errorf("%s is %v", name, got[name])
		}
	}
}

func TestWithoutAnAddressNothingIsMeasured(t *testing.T) {
	_, server, url := start(t, nil)
	if server.metrics != nil {
		t.Error("metrics are served")
	}
	if response, _ := call(t, "GET", url+"/metrics", ""); response.StatusCode != 404 {
		t.Error("and on the public port")
	}
}

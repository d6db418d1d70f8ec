package main

import (
	"bytes"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// store is the part of an API server that Secrets are in; tests/k8s has the real one.
type store struct {
	mutex   sync.Mutex
	secrets map[string]*Secret
	writes  int
}

func (s *store) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	name := path.Base(r.URL.Path)
	var sent Secret
	if r.Method != http.MethodGet {
		_ = json.NewDecoder(r.Body).Decode(&sent)
		name = sent.Metadata.Name
		s.writes++
	}
	there := s.secrets[name]
	switch {
	case r.Header.Get("Authorization") != "Bearer a-token":
		w.WriteHeader(http.StatusUnauthorized)
	case r.Method == http.MethodPost && there != nil,
		r.Method == http.MethodPut && there.Metadata.ResourceVersion != sent.Metadata.ResourceVersion:
		w.WriteHeader(http.StatusConflict)
	case r.Method == http.MethodGet && there == nil:
		w.WriteHeader(http.StatusNotFound)
	case r.Method == http.MethodGet:
		_ = json.NewEncoder(w).Encode(there)
	default:
		sent.Metadata.ResourceVersion = strconv.Itoa(s.writes)
		s.secrets[name] = &sent
	}
}

func openStore(t *testing.T) (*store, *Cluster) {
	t.Helper()
	s := &store{secrets: map[string]*Secret{}}
	server := httptest.NewTLSServer(s)
	t.Cleanup(server.Close)
	folder := t.TempDir()
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	for name, text := range map[string]string{"token": "a-token\n", "namespace": "a", "ca.crt": string(authority)} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cluster, err := openCluster(folder, server.URL)
	if err != nil {
		t.Fatal(err)
	}
	return s, cluster
}

func plan() *Plan {
	return &Plan{
		Labels: map[string]string{"app.kubernetes.io/name": "stackyard"},
		Secrets: []SecretPlan{
			{Name: "seal", Data: map[string]ValuePlan{"seal.key": {Make: "seal-key"}}},
			{Name: "sessions", Data: map[string]ValuePlan{"session.keys": {Make: "session-key"}}},
			{Name: "admin", Data: map[string]ValuePlan{"token": {Make: "token"}}},
			{Name: "db", Data: map[string]ValuePlan{"p": {Make: "password"}, "url": {Text: "postgresql://q:${p}@h/q"}}},
		},
		Certificates: &CertificatePlan{Authority: "ca", Days: 30, Leaves: []LeafPlan{stack}},
	}
}

func (s *store) text(name, key string) string { return string(s.secrets[name].Data[key]) }

func TestMakesWhatIsMissing(t *testing.T) {
	s, cluster := openStore(t)
	var out bytes.Buffer
	if err := fulfil(t.Context(), plan(), cluster, start, &out); err != nil {
		t.Fatal(err)
	}
	for what, form := range map[string]string{
		s.text("seal", "seal.key"):         `^[0-9a-f]{64}\n$`,
		s.text("sessions", "session.keys"): `^[A-Za-z0-9+/]{43}=\n$`,
		s.text("admin", "token"):           `^syt_[a-z0-9]{12}_[A-Za-z0-9_-]{43}$`,
		s.text("db", "url"):                `^postgresql://q:[A-Za-z0-9_-]{32}@h/q$`,
	} {
		if !regexp.MustCompile(form).MatchString(what) {
			t.Errorf("%q is not %s", what, form)
		}
	}
	if !strings.Contains(s.text("db", "url"), s.text("db", "p")) {
		t.Error("the URL has another password")
	}
	if got := s.secrets["seal"].Metadata.Labels["app.kubernetes.io/name"]; got != "stackyard" {
		t.Errorf("the label is %q", got)
	}
	if strings.Contains(out.String(), s.text("admin", "token")) || !strings.Contains(out.String(), "made Secret admin") {
		t.Errorf("what it says: %s", out.String())
	}
}

func TestASecondTimeTouchesNothing(t *testing.T) {
	s, cluster := openStore(t)
	for range 2 {
		if err := fulfil(t.Context(), plan(), cluster, start, &bytes.Buffer{}); err != nil {
			t.Fatal(err)
		}
	}
	if s.writes != 6 {
		t.Errorf("%d writes for 6 Secrets", s.writes)
	}
}

func TestRenewsCertificatesAlone(t *testing.T) {
	s, cluster := openStore(t)
	var out bytes.Buffer
	if err := fulfil(t.Context(), plan(), cluster, start, &out); err != nil {
		t.Fatal(err)
	}
	before := fmt.Sprint(s.secrets["seal"].Data, s.secrets["ca"].Data)
	old := s.text(stack.Secret, certificateKey)
	// Somebody is changing authorities.
	bundle := append(authority(t).pem, s.secrets["ca"].Data[certificateKey]...)
	s.secrets[stack.Secret].Data[authorityKey] = bundle
	out.Reset()
	if err := fulfil(t.Context(), plan(), cluster, start.Add(25*24*time.Hour), &out); err != nil {
		t.Fatal(err)
	}
	if s.text(stack.Secret, certificateKey) == old || !strings.Contains(out.String(), "renewed Secret shop-stacks-tls") {
		t.Errorf("not renewed: %s", out.String())
	}
	if !bytes.Equal(s.secrets[stack.Secret].Data[authorityKey], bundle) {
		t.Error("the authority that was added is gone")
	}
	if after := fmt.Sprint(s.secrets["seal"].Data, s.secrets["ca"].Data); after != before {
		t.Error("more than the certificate changed")
	}
}

func TestAnIncompleteSecretIsNotTouched(t *testing.T) {
	s, cluster := openStore(t)
	s.secrets["seal"] = &Secret{Metadata: Metadata{Name: "seal"}, Data: map[string][]byte{"other": []byte("x")}}
	err := fulfil(t.Context(), plan(), cluster, start, &bytes.Buffer{})
	if err == nil || !strings.Contains(err.Error(), "Secret seal: is there, but lacks seal.key; it is not touched") {
		t.Errorf("error is %v", err)
	}
	if s.writes != 0 {
		t.Errorf("%d writes", s.writes)
	}
}

func TestPlansThatAreRefused(t *testing.T) {
	for text, want := range map[string]string{
		`{"secrets":[{"name":"a","data":{"k":{"make":"gold"}}}]}`: `a: k: nobody knows how to make "gold"`,
		`{"secrets":[{"name":"a","data":{"k":{}}}]}`:              "a: k says neither make nor text",
		`{"secretz":[]}`: "secretz",
		`{"certificates":{"authority":"c","days":0}}`:                                              "certificates for 0 days",
		`{"certificates":{"authority":"c","days":1,"leaves":[{"secret":"s","uri":"http://x/y"}]}}`: "is no SPIFFE id",
	} {
		file := filepath.Join(t.TempDir(), "plan.json")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		var out, errors bytes.Buffer
		if code := run(t.Context(), []string{"secrets", "--plan", file}, &out, &errors); code != 2 ||
			!strings.Contains(errors.String(), want) {
			t.Errorf("%s: %d %s", text, code, errors.String())
		}
	}
}

func TestRandomIDsDiffer(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		id := randomID(12)
		if len(id) != 12 || seen[id] {
			t.Fatalf("%q again, or too short", id)
		}
		seen[id] = true
	}
}

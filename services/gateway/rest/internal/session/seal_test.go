package session

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func key(fill byte) string {
	return base64.StdEncoding.EncodeToString([]byte(strings.Repeat(string(fill), keyBytes)))
}

func seals(t *testing.T, text string) (*Seal, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return ReadSeal(path)
}

func sealOf(t *testing.T, text string) *Seal {
	t.Helper()
	seal, err := seals(t, text)
	if err != nil {
		t.Fatal(err)
	}
	return seal
}

func TestWhatIsSealedOpensForItsPurposeAlone(t *testing.T) {
	seal := RandomSeal()
	text := seal.Close("session", []byte("secret"))
	if strings.Contains(text, "secret") || text == seal.Close("session", []byte("secret")) {
		t.Errorf("%s is not sealed, or always the same", text)
	}
	if plain, err := seal.Open("session", text); err != nil || string(plain) != "secret" {
		t.Errorf("%s %v", plain, err)
	}
	if _, err := seal.Open("sign-in", text); err == nil {
		t.Error("it opens for another purpose")
	}
	if _, err := RandomSeal().Open("session", text); err == nil {
		t.Error("it opens by another key")
	}
	for i := range len(text) {
		changed := []byte(text)
		changed[i] = 'A' + (changed[i]-'A'+1)%26
		if string(changed) == text {
			continue
		}
		// The last character of base64 has bits that say nothing.
		if plain, err := seal.Open("session", string(changed)); err == nil && i < len(text)-1 {
			t.Fatalf("changed at %d it opens as %s", i, plain)
		}
	}
	for _, short := range []string{"", "A", "%%%", text[:10]} {
		if _, err := seal.Open("session", short); err == nil {
			t.Errorf("%q opens", short)
		}
	}
}

func TestANewKeyIsPutInFrontOfTheOldOnes(t *testing.T) {
	old := sealOf(t, key('a')+"\n")
	both := sealOf(t, "# the new one\n\n"+key('b')+"\n"+key('a')+"\n")
	alone := sealOf(t, key('b'))
	if plain, err := both.Open("session", old.Close("session", []byte("x"))); err != nil || string(plain) != "x" {
		t.Error("what the old key sealed is lost", err)
	}
	text := both.Close("session", []byte("y"))
	if _, err := alone.Open("session", text); err != nil {
		t.Error("the first key does not seal", err)
	}
	if _, err := old.Open("session", text); err == nil {
		t.Error("the old key still seals")
	}
}

func TestFilesOfKeysAreChecked(t *testing.T) {
	for _, text := range []string{"", "# none\n", "short\n", key('a') + "\nnot base64!\n",
		base64.StdEncoding.EncodeToString([]byte("sixteen bytes...")), strings.Repeat("x", 100_000)} {
		if _, err := seals(t, text); err == nil || strings.Contains(err.Error(), key('a')) {
			t.Errorf("%.20q: %v", text, err)
		}
	}
	if _, err := ReadSeal(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("a file that is not there is taken")
	}
}

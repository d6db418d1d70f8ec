package session

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"
)

// issuer is a small provider that does what it is told to, wrongly as well.
type issuer struct {
	*httptest.Server
	key *rsa.PrivateKey

	mutex sync.Mutex
	// codes that were given out, with what they were asked with.
	codes map[string]url.Values
	// refreshTokens that are still taken; each is taken once.
	refreshTokens map[string]bool
	refreshed     int
	// claims are put over those of every ID token.
	claims map[string]any
	// noIDToken leaves it out.
	noIDToken bool
	// padding makes refresh tokens long.
	padding string
	// life of ID tokens.
	life time.Duration
	// entered is told of refreshes, which then wait for release; both may be nil.
	entered, release chan struct{}
	// secret that the client must send; empty: none.
	secret string
	// methods by which clients say who they are, as discovery tells them; nil: it does not.
	methods []string
	// basic is whether the last client did so by a header.
	basic bool
	// discovered counts how often the document was asked for; away refuses it.
	discovered int
	away       bool
}

// signingKey is one for all: to make one takes time.
var signingKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

const clientID = "console"

func newIssuer(t *testing.T) *issuer {
	t.Helper()
	i := &issuer{key: signingKey(), codes: map[string]url.Values{}, refreshTokens: map[string]bool{}, life: time.Hour}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", i.discovery)
	mux.HandleFunc("GET /keys", i.keys)
	mux.HandleFunc("POST /token", i.token)
	i.Server = httptest.NewServer(mux)
	t.Cleanup(i.Close)
	return i
}

func (i *issuer) discovery(w http.ResponseWriter, _ *http.Request) {
	i.mutex.Lock()
	defer i.mutex.Unlock()
	if i.discovered++; i.away {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	told := map[string]any{
		"issuer": i.URL, "authorization_endpoint": i.URL + "/auth", "token_endpoint": i.URL + "/token",
		"jwks_uri": i.URL + "/keys", "id_token_signing_alg_values_supported": []string{"RS256"},
	}
	if i.methods != nil {
		told["token_endpoint_auth_methods_supported"] = i.methods
	}
	writeJSON(w, told)
}

func (i *issuer) keys(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, map[string]any{"keys": []any{map[string]any{
		"kty": "RSA", "kid": "1", "use": "sig", "alg": "RS256", "n": base64.RawURLEncoding.EncodeToString(i.key.N.Bytes()),
		"e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(i.key.E)).Bytes()),
	}}})
}

// authorize is what a person does who is led to the provider: it answers the code.
func (i *issuer) authorize(asked url.Values) string {
	i.mutex.Lock()
	defer i.mutex.Unlock()
	code := fmt.Sprintf("code-%d", len(i.codes)+1)
	i.codes[code] = asked
	return code
}

func (i *issuer) token(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	id, secret, _ := r.BasicAuth()
	if id == "" {
		id, secret = r.PostForm.Get("client_id"), r.PostForm.Get("client_secret")
	}
	i.mutex.Lock()
	defer i.mutex.Unlock()
	_, _, i.basic = r.BasicAuth()
	refuse := func(why string) {
		w.WriteHeader(http.StatusBadRequest)
		writeJSON(w, map[string]any{"error": "invalid_grant", "error_description": why})
	}
	nonce := ""
	switch r.PostForm.Get("grant_type") {
	case "authorization_code":
		asked, known := i.codes[r.PostForm.Get("code")]
		delete(i.codes, r.PostForm.Get("code"))
		sum := sha256.Sum256([]byte(r.PostForm.Get("code_verifier")))
		switch {
		case !known:
			refuse("no such code")
			return
		case asked.Get("code_challenge_method") != "S256" ||
			base64.RawURLEncoding.EncodeToString(sum[:]) != asked.Get("code_challenge"):
			refuse("not who asked for the code")
			return
		case r.PostForm.Get("redirect_uri") != asked.Get("redirect_uri"):
			refuse("another place to lead to")
			return
		}
		nonce = asked.Get("nonce")
	case "refresh_token":
		token := r.PostForm.Get("refresh_token")
		taken := i.refreshTokens[token]
		delete(i.refreshTokens, token)
		i.refreshed++
		if i.entered != nil {
			i.mutex.Unlock()
			i.entered <- struct{}{}
			<-i.release
			i.mutex.Lock()
		}
		if !taken {
			refuse("the refresh token is used up")
			return
		}
	}
	if id != clientID || secret != i.secret {
		refuse("no such client")
		return
	}
	next := fmt.Sprintf("refresh-%d", i.refreshed+1) + i.padding
	i.refreshTokens[next] = true
	answer := map[string]any{"access_token": "access", "token_type": "Bearer", "refresh_token": next}
	if !i.noIDToken {
		answer["id_token"] = i.sign(nonce)
	}
	writeJSON(w, answer)
}

func (i *issuer) sign(nonce string) string {
	claims := map[string]any{
		"iss": i.URL, "aud": clientID, "sub": "ada", "nonce": nonce, "iat": time.Now().Unix(),
		"exp": time.Now().Add(i.life).Unix(), "jti": random(),
	}
	for name, value := range i.claims {
		claims[name] = value
	}
	part := func(value any) string {
		text, _ := json.Marshal(value)
		return base64.RawURLEncoding.EncodeToString(text)
	}
	signed := part(map[string]any{"alg": "RS256", "kid": "1"}) + "." + part(claims)
	sum := sha256.Sum256([]byte(signed))
	signature, _ := rsa.SignPKCS1v15(rand.Reader, i.key, crypto.SHA256, sum[:])
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func writeJSON(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(value)
}

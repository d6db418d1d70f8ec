package session

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// provider is one that was discovered.
type provider struct {
	oauth2   oauth2.Config
	verifier *oidc.IDTokenVerifier
	found    time.Time
}

// rediscover is how long a provider's discovery document is trusted.
const rediscover = time.Hour

var errProvider = errors.New("nobody can sign in with this identity provider")

// find is a provider that the gateway knows. The gateway is asked each time, also because it counts
// what an address may try: what comes after this has us call others.
func (m *Manager) find(ctx context.Context, issuer string) (*provider, error) {
	all, err := m.config.Gateway.Providers(ctx)
	if err != nil {
		return nil, because("who can sign in is not known now; try again in a moment", err)
	}
	i := slices.IndexFunc(all, func(p Provider) bool { return p.Issuer == issuer && p.ClientID != "" })
	if i < 0 {
		return nil, errProvider
	}
	m.mutex.Lock()
	known := m.providers[issuer]
	m.mutex.Unlock()
	if known != nil && known.oauth2.ClientID != all[i].ClientID {
		known = nil
	}
	if known != nil && m.config.Now().Sub(known.found) < rediscover {
		return known, nil
	}
	found, err := m.discoveries.do(ctx, issuer, func() (*provider, error) {
		return m.discover(context.WithoutCancel(ctx), all[i])
	})
	if err != nil && known != nil {
		// These documents hardly ever change.
		return known, nil
	}
	return found, err
}

func (m *Manager) discover(ctx context.Context, p Provider) (*provider, error) {
	found, err := oidc.NewProvider(oidc.ClientContext(ctx, m.config.Client), p.Issuer)
	if err != nil {
		return nil, because("the identity provider does not answer", err)
	}
	secret, endpoint := m.config.ClientSecrets[p.Issuer], found.Endpoint()
	endpoint.AuthStyle = authStyle(found, secret)
	own := &provider{
		oauth2: oauth2.Config{
			ClientID: p.ClientID, ClientSecret: secret, Endpoint: endpoint, Scopes: scopes(p.Scopes),
		},
		verifier: found.Verifier(&oidc.Config{ClientID: p.ClientID, Now: m.config.Now}),
		found:    m.config.Now(),
	}
	m.mutex.Lock()
	m.providers[p.Issuer] = own
	m.mutex.Unlock()
	return own, nil
}

// authStyle is how the client says who it is. It is never found out by trying, which uses up a code.
func authStyle(found *oidc.Provider, secret string) oauth2.AuthStyle {
	var told struct {
		Methods []string `json:"token_endpoint_auth_methods_supported"`
	}
	// Who says nothing takes basic.
	_ = found.Claims(&told)
	basic := len(told.Methods) == 0 || slices.Contains(told.Methods, "client_secret_basic")
	if secret == "" || !basic && slices.Contains(told.Methods, "client_secret_post") {
		return oauth2.AuthStyleInParams
	}
	return oauth2.AuthStyleInHeader
}

// at is the same, that leads back to one origin.
func (p *provider) at(origin string) *provider {
	own := *p
	own.oauth2.RedirectURL = origin + "/session/callback"
	return &own
}

func scopes(asked []string) []string {
	for _, scope := range asked {
		if scope == oidc.ScopeOpenID {
			return asked
		}
	}
	return append([]string{oidc.ScopeOpenID}, asked...)
}

// begin is where the browser is sent, and what its return is held against.
func (m *Manager) begin(p *provider, issuer, returnTo string) (string, attempt) {
	a := attempt{
		State: random(), Nonce: random(), Verifier: oauth2.GenerateVerifier(), Issuer: issuer,
		ReturnTo: localPath(returnTo), Expires: m.config.Now().Add(attemptLife),
	}
	return p.oauth2.AuthCodeURL(a.State, oidc.Nonce(a.Nonce), oauth2.S256ChallengeOption(a.Verifier)), a
}

// finish exchanges the code of a return.
func (m *Manager) finish(ctx context.Context, p *provider, a attempt, code string) (content, error) {
	ctx = oidc.ClientContext(ctx, m.config.Client)
	got, err := p.oauth2.Exchange(ctx, code, oauth2.VerifierOption(a.Verifier))
	if err != nil {
		return content{}, because("the identity provider did not take the code back", err)
	}
	held, nonce, err := p.read(ctx, got, a.Issuer)
	if err != nil {
		return content{}, err
	}
	if nonce != a.Nonce {
		return content{}, errors.New("the identity provider answered another sign-in")
	}
	return held, nil
}

func (m *Manager) refresh(ctx context.Context, held content) (content, error) {
	p, err := m.find(ctx, held.Issuer)
	if err != nil {
		return content{}, err
	}
	p = p.at("") // What x/oauth2 writes into its configuration is nobody else's.
	ctx = oidc.ClientContext(ctx, m.config.Client)
	got, err := p.oauth2.TokenSource(ctx, &oauth2.Token{RefreshToken: held.Refresh}).Token()
	if err != nil {
		return content{}, err
	}
	renewed, _, err := p.read(ctx, got, held.Issuer)
	if err != nil {
		return content{}, err
	}
	if renewed.Subject != held.Subject {
		return content{}, errors.New("the identity provider answered for somebody else")
	}
	renewed.ID = held.ID
	if renewed.Refresh == "" {
		renewed.Refresh = held.Refresh
	}
	return renewed, nil
}

func (p *provider) read(ctx context.Context, got *oauth2.Token, issuer string) (content, string, error) {
	raw, _ := got.Extra("id_token").(string)
	if raw == "" {
		return content{}, "", errors.New("the identity provider sent no ID token")
	}
	token, err := p.verifier.Verify(ctx, raw)
	if err != nil {
		return content{}, "", because("the ID token is not valid", err)
	}
	return content{Token: raw, Refresh: got.RefreshToken, Issuer: issuer,
		Subject: token.Subject, Expires: token.Expiry}, token.Nonce, nil
}

func random() string {
	var bytes [16]byte
	_, _ = rand.Read(bytes[:])
	return base64.RawURLEncoding.EncodeToString(bytes[:])
}

// maxPathBytes of a page that is gone back to.
const maxPathBytes = 2_000

// localPath is where a sign-in ends: a path of ours, never an address elsewhere.
func localPath(path string) string {
	parsed, err := url.Parse(path)
	if err != nil || len(path) > maxPathBytes || parsed.IsAbs() || parsed.Host != "" || !strings.HasPrefix(path, "/") ||
		strings.HasPrefix(path, "//") || strings.ContainsAny(path, "\\\r\n") {
		return "/"
	}
	return path
}

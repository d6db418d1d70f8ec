package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

const (
	smokeProject  = "smoke-test"
	smokeTemplate = "smoke-test-hello"
)

func smokeCommand(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("smoke", flag.ContinueOnError)
	base := flags.String("url", "", "`URL` of the REST API")
	tokenFile := flags.String("token-file", "", "`file` with the token of an administrator")
	folder := flags.String("template", "", "`folder` with the template that is provisioned; it must need no review")
	timeout := flags.Duration("timeout", 5*time.Minute, "longest `time` for all of it")
	caFile := flags.String("ca-file", "", "PEM `file` of the authorities of the server; empty: the system's")
	serverName := flags.String("server-name", "", "`name` that the server's certificate must have; empty: the URL's")
	if err := parse(flags, args, out); err != nil {
		return err
	}
	for name, value := range map[string]string{"url": *base, "token-file": *tokenFile, "template": *folder} {
		if value == "" {
			return badArguments{fmt.Errorf("--%s is missing", name)}
		}
	}
	token, err := os.ReadFile(*tokenFile)
	if err != nil {
		return badArguments{err}
	}
	bundle, err := packTemplate(*folder)
	if err != nil {
		return badArguments{err}
	}
	settings := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: *serverName}
	if *caFile != "" {
		text, err := os.ReadFile(*caFile)
		if err != nil {
			return badArguments{err}
		}
		settings.RootCAs = x509.NewCertPool()
		if !settings.RootCAs.AppendCertsFromPEM(text) {
			return badArguments{fmt.Errorf("%s holds no certificate", *caFile)}
		}
	}
	ctx, cancel := context.WithTimeout(ctx, *timeout)
	defer cancel()
	s := &smoke{
		base: strings.TrimSuffix(*base, "/"), token: strings.TrimSpace(string(token)), out: out,
		client: &http.Client{Transport: &http.Transport{TLSClientConfig: settings}},
	}
	return s.run(ctx, bundle)
}

// smoke plays a short life against a running mesh.
type smoke struct {
	base, token string
	client      *http.Client
	out         io.Writer
}

// problem is an error of the API.
type problem struct {
	Code   int
	Reason string `json:"reason"`
	Detail string `json:"detail"`
}

func (p *problem) Error() string { return fmt.Sprintf("%d %s: %s", p.Code, p.Reason, p.Detail) }

type operation struct {
	Name  string
	Done  bool
	Error *struct{ Message string }
}

func (s *smoke) say(format string, args ...any) { fmt.Fprintf(s.out, format+"\n", args...) }

func (s *smoke) run(ctx context.Context, bundle []byte) error {
	if err := s.testme(ctx); err != nil {
		return fmt.Errorf("/testme: %w", err)
	}
	if err := s.prepare(ctx, bundle); err != nil {
		return err
	}
	name := "smoke-" + randomID(8)
	path := "/v1/projects/" + smokeProject + "/stacks/" + name
	var change operation
	err := s.live(ctx, name, path, &change)
	if err != nil {
		s.takeBack(ctx, path, change.Name)
	}
	return err
}

// takeBack destroys what a failed test leaves behind, which would use quota until its lease ends in an
// hour. Without a runner it cannot; the time of the test may be over by then.
func (s *smoke) takeBack(ctx context.Context, path, operation string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if operation != "" {
		_ = s.call(ctx, http.MethodPost, "/v1/"+operation+":cancel", map[string]string{}, nil)
	}
	for {
		err := s.call(ctx, http.MethodDelete, path, nil, nil)
		var p *problem
		if err == nil || errors.As(err, &p) && p.Code == http.StatusNotFound {
			return
		}
		select {
		case <-ctx.Done():
			s.say("%s is left behind: %v", path, err)
			return
		case <-time.After(time.Second / 2):
		}
	}
}

// testme asks until all parts work: some may have only just begun.
func (s *smoke) testme(ctx context.Context) error {
	for {
		var status struct {
			OK           bool
			Version      string
			Dependencies []struct {
				Name, Error string
				OK          bool
			}
		}
		err := s.call(ctx, http.MethodGet, "/testme", nil, &status)
		if err == nil && status.OK {
			s.say("/testme: all parts work, version %s", status.Version)
			return nil
		}
		if err == nil {
			var ill []string
			for _, part := range status.Dependencies {
				if !part.OK {
					ill = append(ill, part.Name+" ("+part.Error+")")
				}
			}
			err = errors.New("do not work: " + strings.Join(ill, ", "))
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(time.Second):
		}
	}
}

// prepare makes project and template, unless an earlier test did.
func (s *smoke) prepare(ctx context.Context, bundle []byte) error {
	err := s.call(ctx, http.MethodPost, "/v1/projects?projectId="+smokeProject,
		map[string]string{"displayName": "Smoke test of the chart"}, nil)
	if err != nil && !isThere(err) {
		return fmt.Errorf("making project %s: %w", smokeProject, err)
	}
	version := digest(bundle)
	path := "/v1/templates/" + smokeTemplate + "/versions"
	if s.call(ctx, http.MethodGet, path+"/"+version, nil, nil) == nil {
		return nil
	}
	var publishing operation
	err = s.call(ctx, http.MethodPost, path+":publish", map[string]string{
		"versionId": version, "bundle": base64.StdEncoding.EncodeToString(bundle)}, &publishing)
	if isThere(err) {
		return nil
	}
	if err == nil {
		err = s.wait(ctx, &publishing)
	}
	if err != nil {
		return fmt.Errorf("publishing template %s: %w", smokeTemplate, err)
	}
	s.say("template %s is published", smokeTemplate)
	return nil
}

// live provisions a stack and destroys it.
func (s *smoke) live(ctx context.Context, name, path string, change *operation) error {
	err := s.call(ctx, http.MethodPost, "/v1/projects/"+smokeProject+"/stacks?stackId="+name,
		map[string]any{"templateVersion": "templates/" + smokeTemplate + "/versions/latest",
			"parameters": map[string]string{"name": "Helm"}}, change)
	if err == nil {
		err = s.wait(ctx, change)
	}
	if err != nil {
		return fmt.Errorf("provisioning %s: %w", name, err)
	}
	if err := s.expect(ctx, path, "READY"); err != nil {
		return err
	}
	s.say("stack %s is READY", name)
	*change = operation{}
	if err = s.call(ctx, http.MethodDelete, path, nil, change); err == nil {
		err = s.wait(ctx, change)
	}
	if err != nil {
		return fmt.Errorf("destroying %s: %w", name, err)
	}
	s.say("stack %s is destroyed", name)
	return nil
}

func (s *smoke) expect(ctx context.Context, path, state string) error {
	var stack struct{ State string }
	if err := s.call(ctx, http.MethodGet, path, nil, &stack); err != nil {
		return err
	}
	if stack.State != state {
		return fmt.Errorf("%s is %s, not %s", path, stack.State, state)
	}
	return nil
}

// wait waits for an operation; the server answers early when a wait takes long.
func (s *smoke) wait(ctx context.Context, o *operation) error {
	for !o.Done {
		if err := s.call(ctx, http.MethodPost, "/v1/"+o.Name+":wait", map[string]string{"timeout": "20s"}, o); err != nil {
			return err
		}
	}
	if o.Error != nil {
		return errors.New(o.Error.Message)
	}
	return nil
}

func isThere(err error) bool {
	var p *problem
	return errors.As(err, &p) && p.Code == http.StatusConflict
}

func (s *smoke) call(ctx context.Context, method, path string, body, answer any) error {
	var text []byte
	if body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			return err
		}
	}
	request, err := http.NewRequestWithContext(ctx, method, s.base+path, bytes.NewReader(text))
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+s.token)
	request.Header.Set("Content-Type", "application/json")
	response, err := s.client.Do(request)
	var failed *url.Error
	if errors.As(err, &failed) {
		return failed.Err
	} else if err != nil {
		return err
	}
	defer response.Body.Close()
	got, err := io.ReadAll(io.LimitReader(response.Body, 16<<20))
	if err != nil {
		return err
	}
	if response.StatusCode >= 400 {
		p := &problem{Code: response.StatusCode}
		_ = json.Unmarshal(got, p)
		return p
	}
	if answer == nil {
		return nil
	}
	return json.Unmarshal(got, answer)
}

package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Where Kubernetes puts what a pod needs to ask the API server.
const accountFolder = "/var/run/secrets/kubernetes.io/serviceaccount"

var errConflict = errors.New("somebody else was faster")

// Secret is what is read and written of one.
type Secret struct {
	APIVersion string            `json:"apiVersion"`
	Kind       string            `json:"kind"`
	Metadata   Metadata          `json:"metadata"`
	Type       string            `json:"type,omitempty"`
	Data       map[string][]byte `json:"data"`
}

// Metadata of a Secret. What else there is of it is kept by the server where an update leaves it out
// but for labels and annotations.
type Metadata struct {
	Name            string            `json:"name"`
	ResourceVersion string            `json:"resourceVersion,omitempty"`
	Labels          map[string]string `json:"labels,omitempty"`
	Annotations     map[string]string `json:"annotations,omitempty"`
	OwnerReferences []json.RawMessage `json:"ownerReferences,omitempty"`
	Finalizers      []string          `json:"finalizers,omitempty"`
}

// Cluster reads and writes the Secrets of one namespace.
type Cluster struct {
	url, token string
	client     *http.Client
}

// openCluster connects as the service account that the folder is of. An empty server is the one that
// Kubernetes names in the environment.
func openCluster(folder, server string) (*Cluster, error) {
	read := func(name string) (string, error) {
		text, err := os.ReadFile(filepath.Join(folder, name))
		return strings.TrimSpace(string(text)), err
	}
	token, err := read("token")
	if err != nil {
		return nil, fmt.Errorf("no service account: %w", err)
	}
	namespace, err := read("namespace")
	if err != nil {
		return nil, fmt.Errorf("no service account: %w", err)
	}
	authorities, err := read("ca.crt")
	if err != nil {
		return nil, fmt.Errorf("no service account: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM([]byte(authorities)) {
		return nil, fmt.Errorf("%s holds no certificate", filepath.Join(folder, "ca.crt"))
	}
	if server == "" {
		host, port := os.Getenv("KUBERNETES_SERVICE_HOST"), os.Getenv("KUBERNETES_SERVICE_PORT")
		if host == "" || port == "" {
			return nil, errors.New("no API server: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set")
		}
		server = "https://" + net.JoinHostPort(host, port)
	}
	return &Cluster{
		url:   server + "/api/v1/namespaces/" + namespace + "/secrets",
		token: token,
		client: &http.Client{
			Timeout:   20 * time.Second,
			Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}},
		},
	}, nil
}

// Get answers nil for a Secret that is not there.
func (c *Cluster) Get(ctx context.Context, name string) (*Secret, error) {
	secret := &Secret{}
	code, err := c.call(ctx, http.MethodGet, "/"+name, nil, secret)
	if code == http.StatusNotFound {
		return nil, nil
	}
	return secret, err
}

// Create fails with errConflict where there is one of that name.
func (c *Cluster) Create(ctx context.Context, secret *Secret) error {
	_, err := c.call(ctx, http.MethodPost, "", secret, nil)
	return err
}

// Update fails with errConflict where the Secret changed since it was read.
func (c *Cluster) Update(ctx context.Context, secret *Secret) error {
	_, err := c.call(ctx, http.MethodPut, "/"+secret.Metadata.Name, secret, nil)
	return err
}

func (c *Cluster) call(ctx context.Context, method, path string, body, answer any) (int, error) {
	var text []byte
	if body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			return 0, err
		}
	}
	request, err := http.NewRequestWithContext(ctx, method, c.url+path, bytes.NewReader(text))
	if err != nil {
		return 0, err
	}
	request.Header.Set("Authorization", "Bearer "+c.token)
	request.Header.Set("Content-Type", "application/json")
	response, err := c.client.Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	got, err := io.ReadAll(io.LimitReader(response.Body, 4<<20))
	if err != nil {
		return response.StatusCode, err
	}
	switch {
	case response.StatusCode == http.StatusConflict:
		return response.StatusCode, errConflict
	case response.StatusCode >= 400:
		var status struct{ Message string }
		_ = json.Unmarshal(got, &status)
		return response.StatusCode, fmt.Errorf("the API server answers %s: %s", response.Status, status.Message)
	case answer != nil:
		return response.StatusCode, json.Unmarshal(got, answer)
	}
	return response.StatusCode, nil
}

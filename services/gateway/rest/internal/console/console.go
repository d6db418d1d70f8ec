// Package console serves the web console: its files from memory, and its page for every path that
// the console itself leads to.
package console

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"

	"stackyard.dev/rest/internal/accept"
)

// policy lets the console load from here alone. Styles that scripts make carry the page's nonce;
// nothing inline runs.
const policy = "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-%s'; img-src 'self' data:; " +
	"font-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; " +
	"frame-ancestors 'none'"

// nonceMark stands in index.html where the nonce of an answer goes.
const nonceMark = "__NONCE__"

// assetsFolder holds files whose names change with their content.
const assetsFolder = "assets/"

// Console is what a build of web/ made.
type Console struct {
	page  [][]byte // Parted at the nonces.
	files map[string]file
}

type file struct {
	plain []byte
	// packed is by content coding.
	packed     map[string][]byte
	mime, etag string
	lasting    bool
}

// codings are how files may be packed, the best first, with the endings of their names.
var codings = []struct{ name, ending string }{{"br", ".br"}, {"gzip", ".gz"}}

// New reads the built files: index.html, and others, each with NAME.br and NAME.gz beside it where
// those are smaller.
func New(built fs.FS) (*Console, error) {
	index, err := fs.ReadFile(built, "index.html")
	if err != nil {
		return nil, fmt.Errorf("the console was not built: %w", err)
	}
	c := &Console{page: bytes.Split(index, []byte(nonceMark)), files: map[string]file{}}
	if len(c.page) < 2 {
		return nil, errors.New("index.html of the console has no place for a nonce")
	}
	err = fs.WalkDir(built, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || name == "index.html" || isPacked(name) {
			return err
		}
		plain, err := fs.ReadFile(built, name)
		if err != nil {
			return err
		}
		packed := map[string][]byte{}
		for _, coding := range codings {
			switch bytes, err := fs.ReadFile(built, name+coding.ending); {
			case err == nil:
				packed[coding.name] = bytes
			case !errors.Is(err, fs.ErrNotExist):
				return err
			}
		}
		sum := sha256.Sum256(plain)
		c.files["/"+name] = file{plain: plain, packed: packed, mime: mimeOf(name),
			etag: hex.EncodeToString(sum[:12]), lasting: strings.HasPrefix(name, assetsFolder)}
		return nil
	})
	// What browsers ask for beside answers that are no page.
	if icon, ok := c.files["/icon.svg"]; ok {
		c.files["/favicon.ico"] = icon
	}
	return c, err
}

func isPacked(name string) bool {
	return slices.ContainsFunc(codings, func(c struct{ name, ending string }) bool { return path.Ext(name) == c.ending })
}

// mimeOf does not ask the machine, whose tables differ.
func mimeOf(name string) string {
	switch path.Ext(name) {
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	case ".woff2":
		return "font/woff2"
	case ".png":
		return "image/png"
	case ".json", ".webmanifest":
		return "application/json"
	}
	return "application/octet-stream"
}

// Serves tells whether a request is the console's: one of its files, or a browser that goes to a
// page. What other programs ask for gets the API's own answers.
func (c *Console) Serves(r *http.Request) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return false
	}
	if _, ok := c.files[r.URL.Path]; ok {
		return true
	}
	return !strings.HasPrefix(r.URL.Path, "/"+assetsFolder) && wantsPage(r.Header.Get("Accept"))
}

// wantsPage is true for browsers that open an address.
func wantsPage(accept string) bool {
	for _, part := range strings.Split(accept, ",") {
		if kind, _, err := mime.ParseMediaType(part); err == nil && kind == "text/html" {
			return true
		}
	}
	return false
}

func (c *Console) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	found, ok := c.files[r.URL.Path]
	if !ok {
		c.servePage(w)
		return
	}
	h := w.Header()
	h.Set("Content-Type", found.mime)
	h.Set("Content-Security-Policy", "default-src 'none'")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-cache")
	if found.lasting {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	content, etag := found.plain, found.etag
	if r.Header.Get("Range") == "" {
		for _, coding := range codings {
			if packed := found.packed[coding.name]; packed != nil && accept.Coding(r.Header, coding.name) {
				content, etag = packed, etag+"-"+coding.name
				h.Set("Content-Encoding", coding.name)
				break
			}
		}
	}
	h.Set("ETag", `"`+etag+`"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
}

func (c *Console) servePage(w http.ResponseWriter) {
	var random [18]byte
	_, _ = rand.Read(random[:])
	nonce := base64.StdEncoding.EncodeToString(random[:])
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", fmt.Sprintf(policy, nonce))
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()")
	h.Set("Cache-Control", "no-store")
	_, _ = w.Write(bytes.Join(c.page, []byte(nonce)))
}

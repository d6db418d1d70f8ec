package rest

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"net/http"
	"path"
	"time"

	"stackyard.dev/gen/docsui"
)

//go:embed page
var page embed.FS

// docsPolicy lets the documentation load from here alone. Swagger UI sets styles on elements and
// has its icons as data: URLs.
const docsPolicy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; " +
	"img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; " +
	"frame-ancestors 'none'"

// static is a file that is served from memory.
type static struct {
	content []byte
	mime    string
	etag    string
}

func newStatic(mime string, content []byte) static {
	sum := sha256.Sum256(content)
	return static{content, mime, `"` + hex.EncodeToString(sum[:12]) + `"`}
}

// mimeOf does not ask the machine, whose tables differ.
func mimeOf(name string) string {
	switch path.Ext(name) {
	case ".html":
		return "text/html; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".png":
		return "image/png"
	}
	return "text/plain; charset=utf-8"
}

func (s static) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", s.mime)
	w.Header().Set("ETag", s.etag)
	w.Header().Set("Cache-Control", "no-cache")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(s.content))
}

// docsFiles are the documentation page and everything that it loads, by URL path.
func docsFiles() (map[string]static, error) {
	files := map[string]static{}
	add := func(source fs.FS, under string) error {
		return fs.WalkDir(source, under, func(name string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			content, err := fs.ReadFile(source, name)
			files["/docs/"+path.Base(name)] = newStatic(mimeOf(name), content)
			return err
		})
	}
	if err := add(docsui.Files, "."); err != nil {
		return nil, err
	}
	if err := add(page, "page"); err != nil {
		return nil, err
	}
	files["/docs"] = files["/docs/index.html"]
	delete(files, "/docs/index.html")
	delete(files, "/docs/errors.html.tmpl")
	return files, nil
}

func withPolicy(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", docsPolicy)
		next.ServeHTTP(w, r)
	})
}

package rest

import (
	"bytes"
	"html/template"
	"net/http"
	"regexp"
	"strings"
	"sync"
)

// newPages are what people read, by path: the description of the API and its documentation.
func newPages(version string, api *api) (map[string]http.Handler, error) {
	described, err := describeAPI(version, api)
	if err != nil {
		return nil, err
	}
	files, err := docsFiles()
	if err != nil {
		return nil, err
	}
	errors, err := errorsPage()
	if err != nil {
		return nil, err
	}
	pages := map[string]http.Handler{
		"/api-docs":      newStatic(jsonType, described),
		"/api-docs.yaml": yamlPage(described),
		"/docs/errors":   withPolicy(newStatic("text/html; charset=utf-8", errors)),
	}
	for path, file := range files {
		pages[path] = withPolicy(file)
	}
	return pages, nil
}

// yamlPage is made when it is first asked for: it takes longer than all else at the start.
func yamlPage(asJSON []byte) http.Handler {
	made := sync.OnceValues(func() (static, error) {
		text, err := asYAML(asJSON)
		return newStatic("application/yaml", text), err
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		page, err := made()
		if err != nil {
			panic(err) // The log has it; see withLog.
		}
		page.ServeHTTP(w, r)
	})
}

// errorsPage explains every reason, under its name as an anchor: where `type` of a problem leads.
func errorsPage() ([]byte, error) {
	source, err := page.ReadFile("page/errors.html.tmpl")
	if err != nil {
		return nil, err
	}
	shown, err := template.New("errors").Funcs(template.FuncMap{"code": codeSpans}).Parse(string(source))
	if err != nil {
		return nil, err
	}
	type row struct {
		Name, Code, Text string
		Status           int
		StatusText       string
	}
	var rows []row
	for _, r := range reasons() {
		rows = append(rows, row{r.name, newProblem(r.status, newError(r.code, 0, ""), nil, "").Code, r.text,
			r.status, http.StatusText(r.status)})
	}
	var out bytes.Buffer
	err = shown.Execute(&out, rows)
	return out.Bytes(), err
}

var codeSpan = regexp.MustCompile("`([^`]*)`")

// codeSpans shows what a comment has between backticks as code.
func codeSpans(text string) template.HTML {
	escaped := template.HTMLEscapeString(text)
	return template.HTML(codeSpan.ReplaceAllStringFunc(escaped, func(span string) string {
		return "<code>" + strings.Trim(span, "`") + "</code>"
	}))
}

package rest

import (
	"regexp"
	"slices"
	"strings"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	// Its descriptors are what is looked through.
	_ "stackyard.dev/gen/stackyard/v1"
)

const apiPackage = "stackyard.v1"

// route is one HTTP binding of an RPC.
type route struct {
	method  string
	path    string
	pattern *regexp.Regexp
	rpc     protoreflect.MethodDescriptor
}

// apiMethods lists the RPCs of the API.
func apiMethods() (methods []protoreflect.MethodDescriptor) {
	protoregistry.GlobalFiles.RangeFilesByPackage(apiPackage, func(f protoreflect.FileDescriptor) bool {
		for i := range f.Services().Len() {
			service := f.Services().Get(i)
			for j := range service.Methods().Len() {
				methods = append(methods, service.Methods().Get(j))
			}
		}
		return true
	})
	slices.SortFunc(methods, func(a, b protoreflect.MethodDescriptor) int {
		return strings.Compare(string(a.FullName()), string(b.FullName()))
	})
	return methods
}

// apiRoutes lists the HTTP bindings of all RPCs.
func apiRoutes() (routes []route) {
	for _, method := range apiMethods() {
		rule, _ := proto.GetExtension(method.Options(), annotations.E_Http).(*annotations.HttpRule)
		for _, r := range append([]*annotations.HttpRule{rule}, rule.GetAdditionalBindings()...) {
			if verb, path := ruleOf(r); path != "" {
				routes = append(routes, route{verb, path, pathPattern(path), method})
			}
		}
	}
	return routes
}

func ruleOf(rule *annotations.HttpRule) (verb, path string) {
	switch p := rule.GetPattern().(type) {
	case *annotations.HttpRule_Get:
		return "GET", p.Get
	case *annotations.HttpRule_Post:
		return "POST", p.Post
	case *annotations.HttpRule_Put:
		return "PUT", p.Put
	case *annotations.HttpRule_Patch:
		return "PATCH", p.Patch
	case *annotations.HttpRule_Delete:
		return "DELETE", p.Delete
	}
	return "", ""
}

var (
	templateVariable = regexp.MustCompile(`\{[^}=]+(?:=([^}]*))?\}`)
	templateStar     = regexp.MustCompile(`\\\*\\\*|\\\*`)
)

// pathPattern turns `/v1/{name=projects/*}:verb` into an expression.
func pathPattern(path string) *regexp.Regexp {
	plain := templateVariable.ReplaceAllStringFunc(path, func(variable string) string {
		if inner := templateVariable.FindStringSubmatch(variable)[1]; inner != "" {
			return inner
		}
		return "*"
	})
	expression := templateStar.ReplaceAllStringFunc(regexp.QuoteMeta(plain), func(star string) string {
		if star == `\*` {
			return `[^/:]+`
		}
		return `.+`
	})
	return regexp.MustCompile("^" + expression + "$")
}

func allowedMethods(routes []route, path string) (methods []string) {
	for _, r := range routes {
		if r.pattern.MatchString(path) && !slices.Contains(methods, r.method) {
			methods = append(methods, r.method)
		}
	}
	slices.Sort(methods)
	return methods
}

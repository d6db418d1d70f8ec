package rest

import (
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
	// method and path are as in the proto: `GET`, `/v1/{name=projects/*}:verb`.
	method string
	path   string
	// body is the request's field that the HTTP body becomes; `*` is all of it, empty is none.
	body string
	rpc  protoreflect.MethodDescriptor
}

const httpBody = "google.api.HttpBody"

func (r *route) streams() bool { return r.rpc.IsStreamingServer() }

// answersRaw tells that the answer is bytes as they are, not JSON of a message.
func (r *route) answersRaw() bool { return r.rpc.Output().FullName() == httpBody }

// bodyMessage is what the body is read as; nil where there is no body.
func (r *route) bodyMessage() protoreflect.MessageDescriptor {
	switch r.body {
	case "":
		return nil
	case "*":
		return r.rpc.Input()
	}
	return r.rpc.Input().Fields().ByName(protoreflect.Name(r.body)).Message()
}

// takesRaw tells that the body is bytes as they are.
func (r *route) takesRaw() bool {
	message := r.bodyMessage()
	return message != nil && message.FullName() == httpBody
}

// pattern is the path with `*` and `**` in place of variables, and the verb behind its colon.
func (r *route) pattern() (path, verb string) { return splitPattern(r.path) }

func splitPattern(path string) (plain, verb string) {
	var out strings.Builder
	for {
		before, rest, found := strings.Cut(path, "{")
		out.WriteString(before)
		if !found {
			break
		}
		var variable string
		variable, path, _ = strings.Cut(rest, "}")
		if _, inner, found := strings.Cut(variable, "="); found {
			out.WriteString(inner)
		} else {
			out.WriteString("*")
		}
	}
	plain = out.String()
	if colon := strings.LastIndex(plain, ":"); colon > strings.LastIndex(plain, "/") {
		return plain[:colon], plain[colon+1:]
	}
	return plain, ""
}

// apiMethods lists the RPCs of the API by name.
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
func apiRoutes() (routes []*route) {
	for _, method := range apiMethods() {
		rule, _ := proto.GetExtension(method.Options(), annotations.E_Http).(*annotations.HttpRule)
		for _, r := range append([]*annotations.HttpRule{rule}, rule.GetAdditionalBindings()...) {
			if verb, path := ruleOf(r); path != "" {
				routes = append(routes, &route{verb, path, r.GetBody(), method})
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

// routeTable finds the route of a path in time that grows with the path alone.
type routeTable struct {
	all  []*route
	root *routeNode
}

// routeNode is a place in the tree of path segments.
type routeNode struct {
	literal map[string]*routeNode
	// star takes any one segment, rest takes all that are left.
	star, rest *routeNode
	// ends are the routes that end here: by verb, by HTTP method.
	ends map[string]map[string]*route
}

func newRouteTable(routes []*route) *routeTable {
	table := &routeTable{all: routes, root: &routeNode{}}
	for _, r := range routes {
		path, verb := r.pattern()
		at := table.root
		for _, segment := range strings.Split(path[1:], "/") {
			at = at.child(segment)
		}
		if at.ends == nil {
			at.ends = map[string]map[string]*route{}
		}
		if at.ends[verb] == nil {
			at.ends[verb] = map[string]*route{}
		}
		at.ends[verb][r.method] = r
	}
	return table
}

func (n *routeNode) child(segment string) *routeNode {
	switch segment {
	case "*":
		if n.star == nil {
			n.star = &routeNode{}
		}
		return n.star
	case "**":
		if n.rest == nil {
			n.rest = &routeNode{}
		}
		return n.rest
	}
	if n.literal == nil {
		n.literal = map[string]*routeNode{}
	}
	if n.literal[segment] == nil {
		n.literal[segment] = &routeNode{}
	}
	return n.literal[segment]
}

// find answers the routes of an escaped path by HTTP method; nil when there are none.
func (t *routeTable) find(path string) map[string]*route {
	if !strings.HasPrefix(path, "/") {
		return nil
	}
	// An escaped slash separates as well: names come escaped as a whole.
	segments := strings.Split(strings.ReplaceAll(path[1:], "%2F", "/"), "/")
	last := len(segments) - 1
	if colon := strings.LastIndex(segments[last], ":"); colon > 0 {
		whole := segments[last]
		segments[last] = whole[:colon]
		if found := t.root.find(segments, whole[colon+1:]); found != nil {
			return found
		}
		segments[last] = whole
	}
	return t.root.find(segments, "")
}

func (n *routeNode) find(segments []string, verb string) map[string]*route {
	if len(segments) == 0 {
		return n.ends[verb]
	}
	if next := n.literal[segments[0]]; next != nil {
		if found := next.find(segments[1:], verb); found != nil {
			return found
		}
	}
	if segments[0] == "" {
		return nil
	}
	if n.star != nil {
		if found := n.star.find(segments[1:], verb); found != nil {
			return found
		}
	}
	if n.rest != nil {
		return n.rest.ends[verb]
	}
	return nil
}

// methodsOf lists the HTTP methods of some routes, for Allow.
func methodsOf(routes map[string]*route) (methods []string) {
	for method := range routes {
		methods = append(methods, method)
		if method == "GET" {
			methods = append(methods, "HEAD")
		}
	}
	slices.Sort(methods)
	return methods
}

package rest

import (
	"net/url"
	"slices"
	"strings"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

const operationMessage = "google.longrunning.Operation"

// resourceType is what the protos say of one kind of resource.
type resourceType struct {
	message protoreflect.MessageDescriptor
	// patterns of its name, `projects/*/stacks/*`.
	patterns []string
	// references are fields that hold names of other resources.
	references []protoreflect.FieldDescriptor
	// children are what is read below its name.
	children []child
}

// child is a collection, or a single thing, below a resource.
type child struct {
	// key is its name in `links` and `expand`.
	key string
	// pattern of the parent's name, and what follows it in the path.
	pattern, suffix string
	// list is the RPC that reads it; its `parent`, or `name` with the suffix, says whose.
	list *route
}

// resources knows all kinds, by full name of their message.
type resources struct {
	types map[protoreflect.FullName]*resourceType
	// holders are messages with resources somewhere in them.
	holders map[protoreflect.FullName]bool
	table   *routeTable
}

func newResources(table *routeTable) *resources {
	r := &resources{map[protoreflect.FullName]*resourceType{}, map[protoreflect.FullName]bool{}, table}
	children := childrenOf(table.all)
	for _, route := range table.all {
		r.add(route.rpc.Output(), children)
	}
	return r
}

// add looks through a message and all that it holds, and tells whether there are resources in it.
func (r *resources) add(message protoreflect.MessageDescriptor, children []child) bool {
	name := message.FullName()
	if holds, known := r.holders[name]; known {
		return holds || r.types[name] != nil
	}
	r.holders[name] = false // Ends recursion.
	for i := range message.Fields().Len() {
		field := message.Fields().Get(i)
		if field.Message() != nil && !field.IsMap() && r.add(field.Message(), children) {
			r.holders[name] = true
		}
	}
	if kind := typeOf(message, children); kind != nil {
		r.types[name] = kind
	}
	return r.holders[name] || r.types[name] != nil
}

func typeOf(message protoreflect.MessageDescriptor, children []child) *resourceType {
	kind := &resourceType{message: message}
	if message.FullName() == operationMessage {
		kind.patterns = []string{"operations/*"}
		return kind
	}
	option, _ := proto.GetExtension(message.Options(), annotations.E_Resource).(*annotations.ResourceDescriptor)
	if option.GetType() == "" {
		return nil
	}
	for _, pattern := range option.GetPattern() {
		plain, _ := splitPattern(pattern)
		kind.patterns = append(kind.patterns, plain)
	}
	kind.references = referencesOf(message)
	for _, c := range children {
		if slices.Contains(kind.patterns, c.pattern) {
			kind.children = append(kind.children, c)
		}
	}
	return kind
}

// people and things are fields that hold a resource's name though they are not called after its
// kind.
var people = []string{"creator", "requester", "publisher", "actor", "member", "user"}
var things = []string{"resource", "target", "holder", "latest_version", "supersedes"}
var kinds = []string{"template_version", "change_request", "operation", "run", "stack", "document",
	"role", "event", "revision"}

// referencesOf lists the fields of a message that hold names of resources. Whether a value is one
// is seen by the value; `metric` and the like hold bare ids.
func referencesOf(message protoreflect.MessageDescriptor) (fields []protoreflect.FieldDescriptor) {
	for i := range message.Fields().Len() {
		field := message.Fields().Get(i)
		name := string(field.Name())
		if field.Kind() != protoreflect.StringKind || field.IsList() || field.IsMap() {
			continue
		}
		endsInKind := slices.ContainsFunc(kinds, func(kind string) bool {
			return name == kind || strings.HasSuffix(name, "_"+kind)
		})
		annotated := proto.HasExtension(field.Options(), annotations.E_ResourceReference)
		if annotated || endsInKind || slices.Contains(people, name) || slices.Contains(things, name) {
			fields = append(fields, field)
		}
	}
	return fields
}

// childrenOf finds what is read below the name of a resource: lists by `parent`, and single things
// such as `stateLock`.
func childrenOf(routes []*route) (children []child) {
	for _, r := range routes {
		path, verb := r.pattern()
		if r.method != "GET" || verb != "" || r.streams() || r.answersRaw() {
			continue
		}
		path, inV1 := strings.CutPrefix(path, "/v1/")
		star := strings.LastIndex(path, "*")
		if !inV1 || star < 0 || star == len(path)-1 {
			continue
		}
		key := path[star+2:]
		if field := elements(r.rpc.Output()); field != nil {
			key = field.JSONName()
		}
		children = append(children, child{key, path[:star+1], path[star+1:], r})
	}
	return children
}

// elements is the field of a list's answer that holds what is listed; nil where it is no list.
func elements(message protoreflect.MessageDescriptor) protoreflect.FieldDescriptor {
	if !strings.HasSuffix(string(message.Name()), "Response") {
		return nil
	}
	for i := range message.Fields().Len() {
		if field := message.Fields().Get(i); field.IsList() && field.Message() != nil {
			return field
		}
	}
	return nil
}

// getter is the route that reads the resource of a name; nil where there is none.
func (r *resources) getter(name string) *route {
	for _, segment := range strings.Split(name, "/") {
		if segment == "." || segment == ".." {
			return nil
		}
	}
	if name == "" {
		return nil
	}
	route := r.table.find(linkTo(name))["GET"]
	if route == nil || r.types[route.rpc.Output().FullName()] == nil {
		return nil
	}
	return route
}

// parentOf is the name of the nearest resource above a name, of those that can be read.
func (r *resources) parentOf(name string) string {
	for {
		slash := strings.LastIndex(name, "/")
		if slash < 0 {
			return ""
		}
		if name = name[:slash]; r.getter(name) != nil {
			return name
		}
	}
}

// linkTo is the path of a resource. Addresses of Terraform's resources hold what must be escaped.
func linkTo(name string) string {
	if strings.IndexFunc(name, needsEscape) < 0 {
		return "/v1/" + name
	}
	segments := strings.Split(name, "/")
	for i, segment := range segments {
		segments[i] = url.PathEscape(segment)
	}
	return "/v1/" + strings.Join(segments, "/")
}

func needsEscape(c rune) bool {
	return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '-' || c > '9') && c != '_'
}

// matches tells whether a name is of the pattern.
func matches(pattern, name string) bool {
	for {
		if pattern == "**" {
			return name != ""
		}
		wanted, restOfPattern, more := strings.Cut(pattern, "/")
		got, restOfName, moreOfName := strings.Cut(name, "/")
		if got == "" || wanted != "*" && wanted != got {
			return false
		}
		if !more || !moreOfName {
			return more == moreOfName
		}
		pattern, name = restOfPattern, restOfName
	}
}

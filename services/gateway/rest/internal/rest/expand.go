package rest

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// What one request may embed.
const (
	maxExpandFields  = 20
	maxExpandLookups = 100
	maxExpandBytes   = 16 << 20
	expandTogether   = 16
	expandTime       = 10 * time.Second
)

// The keys under which a resource has what was embedded, and what was not.
const (
	expandedKey    = "expanded"
	notExpandedKey = "notExpanded"
)

// readExpand takes `expand=creator,runs`, in the spelling of JSON or of the proto.
func (c *httpCall) readExpand(values []string, possible []string) *status.Status {
	names := strings.Split(strings.Join(values, ","), ",")
	if len(names) > maxExpandFields {
		return invalidField("expand", fmt.Sprintf("at most %d names", maxExpandFields))
	}
	for _, name := range names {
		name = strings.TrimSpace(name)
		at := slices.IndexFunc(possible, func(p string) bool { return p == name || snake(p) == name })
		switch {
		case at >= 0 && !slices.Contains(c.expand, possible[at]):
			c.expand = append(c.expand, possible[at])
		case at < 0 && len(possible) == 0:
			return invalidField("expand", "nothing can be embedded here")
		case at < 0:
			return invalidField("expand", fmt.Sprintf("%q cannot be embedded here; possible: %s",
				name, strings.Join(possible, ", ")))
		}
	}
	return nil
}

func snake(camel string) string {
	var out strings.Builder
	for _, c := range camel {
		if c >= 'A' && c <= 'Z' {
			out.WriteByte('_')
			c += 'a' - 'A'
		}
		out.WriteRune(c)
	}
	return out.String()
}

// expandable names what a route's answer can embed; empty where it is no resource and no list.
func (r *resources) expandable(found *route) (names []string) {
	if found.method != "GET" || found.streams() {
		return nil
	}
	message := found.rpc.Output()
	if field := elements(message); field != nil {
		message = field.Message()
	}
	kind := r.types[message.FullName()]
	if kind == nil {
		return nil
	}
	fields := kind.references
	if message.FullName() == operationMessage {
		fields = referencesOf(r.operationMetadata())
	}
	for _, field := range fields {
		names = append(names, field.JSONName())
	}
	for _, c := range kind.children {
		names = append(names, c.key)
	}
	if slices.ContainsFunc(kind.patterns, func(p string) bool { return strings.Count(p, "/") > 1 }) {
		names = append(names, "parent")
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// operationMetadata is the message that every Operation of ours carries.
func (r *resources) operationMetadata() protoreflect.MessageDescriptor {
	found, err := protoregistry.GlobalFiles.FindDescriptorByName(apiPackage + ".OperationMetadata")
	if err != nil {
		return nil
	}
	return found.(protoreflect.MessageDescriptor)
}

// lookup is a read that an expansion needs; several resources may need the same.
type lookup struct {
	rpc  protoreflect.MethodDescriptor
	name string
	text json.RawMessage
	err  *status.Status
}

// expansion is what one resource embeds.
type expansion struct {
	found  map[string]json.RawMessage
	absent map[string]absence
}

// absence tells why something is not embedded.
type absence struct {
	Name   string `json:"name"`
	Code   string `json:"code"`
	Reason string `json:"reason,omitempty"`
	Detail string `json:"detail"`
}

func (x *expansion) append(out []byte, start int) []byte {
	out = appendMember(out, start, expandedKey, x.found)
	if len(x.absent) > 0 {
		out = appendMember(out, start, notExpandedKey, x.absent)
	}
	return out
}

// expander reads what is to be embedded, as the caller: what the caller may not see is left out.
type expander struct {
	resources *resources
	conn      grpc.ClientConnInterface
}

// expand reads what `names` say for every resource of an answer.
func (e expander) expand(ctx context.Context, answer protoreflect.Message, names []string) map[protoreflect.ProtoMessage]*expansion {
	ctx, cancel := context.WithTimeout(withCall(ctx, nil), expandTime)
	defer cancel()
	lookups := map[string]*lookup{}
	wanted := map[protoreflect.ProtoMessage]map[string]*lookup{}
	for _, m := range e.listed(answer) {
		wanted[m.Interface()] = map[string]*lookup{}
		for _, name := range names {
			if l := e.lookupOf(m, name); l != nil {
				key := string(l.rpc.FullName()) + " " + l.name
				if lookups[key] == nil {
					lookups[key] = l
				}
				wanted[m.Interface()][name] = lookups[key]
			}
		}
	}
	e.read(ctx, lookups)
	return embedded(wanted)
}

// listed are the resources of an answer: itself, or what it lists.
func (e expander) listed(answer protoreflect.Message) (all []protoreflect.Message) {
	field := elements(answer.Descriptor())
	if field == nil {
		return []protoreflect.Message{answer}
	}
	list := answer.Get(field).List()
	for i := range list.Len() {
		all = append(all, list.Get(i).Message())
	}
	return all
}

func (e expander) lookupOf(m protoreflect.Message, key string) *lookup {
	name, kind := e.resources.nameOf(m)
	if name == "" {
		return nil
	}
	for _, c := range kind.children {
		if c.key != key || !matches(c.pattern, name) {
			continue
		}
		if c.list.rpc.Input().Fields().ByName("parent") == nil {
			name += c.suffix
		}
		return &lookup{rpc: c.list.rpc, name: name}
	}
	target := e.resources.referred(m, kind)[key]
	if key == "parent" {
		target = e.resources.parentOf(name)
	}
	if found := e.resources.getter(target); found != nil {
		return &lookup{rpc: found.rpc, name: target}
	}
	return nil
}

func (e expander) read(ctx context.Context, lookups map[string]*lookup) {
	var running sync.WaitGroup
	free := make(chan struct{}, expandTogether)
	begun := 0
	for _, l := range lookups {
		if begun++; begun > maxExpandLookups {
			l.err = status.New(codes.ResourceExhausted, fmt.Sprintf(
				"at most %d resources are embedded in one answer; ask for a smaller page", maxExpandLookups))
			continue
		}
		free <- struct{}{}
		running.Go(func() {
			l.text, l.err = e.one(ctx, l)
			<-free
		})
	}
	running.Wait()
}

func (e expander) one(ctx context.Context, l *lookup) (json.RawMessage, *status.Status) {
	request, err := newMessage(l.rpc.Input())
	if err != nil {
		return nil, status.New(codes.Internal, err.Error())
	}
	answer, err := newMessage(l.rpc.Output())
	if err != nil {
		return nil, status.New(codes.Internal, err.Error())
	}
	field := l.rpc.Input().Fields().ByName("parent")
	if field == nil {
		field = l.rpc.Input().Fields().ByName("name")
	}
	request.ProtoReflect().Set(field, protoreflect.ValueOfString(l.name))
	method := "/" + string(l.rpc.Parent().FullName()) + "/" + string(l.rpc.Name())
	if err := e.conn.Invoke(ctx, method, request, answer); err != nil {
		return nil, status.Convert(err)
	}
	text, err := encoder{resources: e.resources}.message(nil, answer.ProtoReflect())
	if err != nil {
		return nil, status.New(codes.Internal, err.Error())
	}
	return text, nil
}

func newMessage(descriptor protoreflect.MessageDescriptor) (proto.Message, error) {
	kind, err := protoregistry.GlobalTypes.FindMessageByName(descriptor.FullName())
	if err != nil {
		return nil, err
	}
	return kind.New().Interface(), nil
}

func embedded(wanted map[protoreflect.ProtoMessage]map[string]*lookup) map[protoreflect.ProtoMessage]*expansion {
	bytes := 0
	all := map[protoreflect.ProtoMessage]*expansion{}
	for m, lookups := range wanted {
		x := &expansion{map[string]json.RawMessage{}, map[string]absence{}}
		for key, l := range lookups {
			err := l.err
			if bytes += len(l.text); err == nil && bytes > maxExpandBytes {
				err = status.New(codes.ResourceExhausted, "the answer would be too large; ask for a smaller page")
			}
			if err != nil {
				x.absent[key] = absence{l.name, err.Code().String(), reasonIn(err), err.Message()}
				continue
			}
			x.found[key] = l.text
		}
		all[m] = x
	}
	return all
}

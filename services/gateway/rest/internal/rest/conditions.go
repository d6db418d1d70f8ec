package rest

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// errNotModified ends a call whose answer the client has already.
var errNotModified = errors.New("not modified")

const maxIdempotencyKey = 64

func (c *httpCall) readConditions(r *http.Request) *status.Status {
	reads := c.route.method == "GET"
	if values := filled(r.Header.Values("If-Match")); len(values) > 0 {
		tags := entityTags(values)
		switch {
		case len(tags) != 1:
			return invalidField("If-Match", "expected one etag in double quotes, or *")
		case reads:
			return invalidField("If-Match", "guards changes; a read takes If-None-Match")
		}
		c.ifMatch = tags[0]
	}
	if values := filled(r.Header.Values("If-None-Match")); len(values) > 0 {
		if !reads {
			return invalidField("If-None-Match", "is for reads; a change takes If-Match")
		}
		if c.ifNoneMatch = entityTags(values); c.ifNoneMatch == nil {
			return invalidField("If-None-Match", "expected etags in double quotes, or *")
		}
	}
	if values := filled(r.Header.Values("Idempotency-Key")); len(values) > 0 && !reads {
		// The draft standard puts it in double quotes; most clients do not.
		key := strings.Trim(values[0], `"`)
		if len(values) > 1 || key == "" || len(key) > maxIdempotencyKey || !readable(key) {
			return invalidField("Idempotency-Key", "expected 1 to 64 printable ASCII characters")
		}
		c.idempotencyKey = key
	}
	return nil
}

// filled leaves out what was sent without a value, which says as much as nothing.
func filled(values []string) []string {
	return slices.DeleteFunc(slices.Clone(values), func(v string) bool { return v == "" })
}

// entityTags are the etags of a header without their quotes; weak ones count as the same.
func entityTags(values []string) (tags []string) {
	rest := strings.TrimSpace(strings.Join(values, ","))
	for rest != "" {
		if rest[0] == '*' {
			tags = append(tags, "*")
			rest = rest[1:]
		} else {
			rest = strings.TrimPrefix(rest, "W/")
			tag, after, ok := strings.Cut(strings.TrimPrefix(rest, `"`), `"`)
			if rest == "" || rest[0] != '"' || !ok {
				return nil
			}
			tags = append(tags, tag)
			rest = after
		}
		rest = strings.TrimLeft(rest, ", \t")
	}
	return tags
}

// apply writes into the request of the RPC what headers said.
func (c *httpCall) apply(request protoreflect.Message) *status.Status {
	if c.ifMatch != "" {
		holder, field := c.etagField(request)
		if field == nil {
			return invalidField("If-Match", "this call has no etag to compare with")
		}
		if sent := holder.Get(field).String(); sent != "" && sent != c.ifMatch {
			return invalidField("If-Match", "differs from the etag of the request")
		}
		holder.Set(field, protoreflect.ValueOfString(c.ifMatch))
	}
	field := request.Descriptor().Fields().ByName("request_id")
	if c.idempotencyKey != "" && field != nil {
		if sent := request.Get(field).String(); sent != "" && sent != c.idempotencyKey {
			return invalidField("Idempotency-Key", "differs from requestId of the request")
		}
		request.Set(field, protoreflect.ValueOfString(c.idempotencyKey))
	}
	return c.applyMask(request)
}

// etagField finds where a request takes an etag: beside the name, or in the resource.
func (c *httpCall) etagField(request protoreflect.Message) (protoreflect.Message, protoreflect.FieldDescriptor) {
	if field := request.Descriptor().Fields().ByName("etag"); field != nil {
		return request, field
	}
	body := request.Descriptor().Fields().ByName(protoreflect.Name(c.route.body))
	if body == nil || body.Message() == nil || body.IsList() {
		return nil, nil
	}
	field := body.Message().Fields().ByName("etag")
	if field == nil {
		return nil, nil
	}
	return request.Mutable(body).Message(), field
}

// answerHeaders sets what the answer's headers say of its content, and ends the call where the
// client has it already.
func answerHeaders(ctx context.Context, w http.ResponseWriter, answer proto.Message) error {
	asked := callOf(ctx)
	h := w.Header()
	if sent := h.Values("Cache-Control"); len(sent) == 0 {
		h.Set("Cache-Control", "no-store")
	}
	if asked == nil || answer == nil || asked.route.streams() {
		return nil
	}
	if asked.route.answersRaw() {
		h.Set("Content-Security-Policy", "sandbox; default-src 'none'")
	}
	m := answer.ProtoReflect()
	field := m.Descriptor().Fields().ByName("etag")
	if field != nil && h.Get("ETag") == "" && len(asked.expand) == 0 {
		if etag := m.Get(field).String(); etag != "" {
			h.Set("ETag", `"`+etag+`"`)
		}
	}
	if place := location(asked.route, m); place != "" {
		h.Set("Location", place)
	}
	if tag := entityTags(h.Values("ETag")); len(tag) == 1 && asked.route.method == "GET" &&
		(slices.Contains(asked.ifNoneMatch, tag[0]) || slices.Contains(asked.ifNoneMatch, "*")) {
		return errNotModified
	}
	return nil
}

// location is where a new resource, or the operation that makes it, is read; empty for other calls.
func location(r *route, answer protoreflect.Message) string {
	name := answer.Descriptor().Fields().ByName("name")
	if name == nil || r.method == "GET" || answer.Get(name).String() == "" {
		return ""
	}
	_, verb := r.pattern()
	if answer.Descriptor().FullName() == operationMessage || r.method == "POST" && verb == "" {
		return linkTo(answer.Get(name).String())
	}
	return ""
}

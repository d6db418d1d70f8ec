package rest

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/protobuf/proto"

	stackyardv1 "stackyard.dev/gen/stackyard/v1"
)

func (d *describer) responses(r *route, variables []pathVariable) object {
	all := object{"200": d.answer(r, variables)}
	for status, names := range d.refusals(r) {
		all[strconv.Itoa(status)] = d.shared(strconv.Itoa(status)+"."+strings.Join(names, "."), describedRefusal(status, names))
	}
	if r.method == "GET" && hasETag(r) {
		all["304"] = object{"description": "The client has the current version already."}
	}
	all["default"] = d.shared("Other", object{
		"description": "Any other error.",
		"content":     object{problemType: object{"schema": object{"$ref": "#/components/schemas/Problem"}}},
	})
	return all
}

// shared keeps an answer under a name, and refers to it.
func (d *describer) shared(name string, answer object) object {
	d.answers[name] = answer
	return object{"$ref": "#/components/responses/" + name}
}

// refusals are the reasons that a call may be refused for, by HTTP status: what its comment says,
// and what any call of its kind meets.
func (d *describer) refusals(r *route) map[int][]string {
	names := statedReasons(r.rpc)
	slices.Sort(names)
	access := accessOf(r.rpc)
	names = append(names, "INVALID_FIELD", "RATE_LIMITED", "DEPENDENCY_UNAVAILABLE", "OVERLOADED")
	if access.GetAudience() != stackyardv1.Access_PUBLIC {
		names = append(names, "TOKEN_INVALID")
	}
	if access.GetPermission() != "" {
		names = append(names, "PERMISSION_MISSING")
	}
	if access.GetResource() != "" {
		names = append(names, "RESOURCE_NOT_FOUND")
	}
	if r.method != "GET" && r.rpc.Input().Fields().ByName("request_id") != nil {
		names = append(names, "REQUEST_ID_REUSED")
	}
	byStatus := map[int][]string{}
	add := func(status int, name string) {
		if !slices.Contains(byStatus[status], name) {
			byStatus[status] = append(byStatus[status], name)
		}
	}
	for _, name := range names {
		if found, ok := reasonNamed(name); ok {
			add(found.status, name)
		}
		if name == "ETAG_MISMATCH" && takesETag(r) {
			add(http.StatusPreconditionFailed, name)
		}
	}
	add(http.StatusNotAcceptable, "INVALID_FIELD")
	if r.body != "" {
		add(http.StatusRequestEntityTooLarge, "INVALID_FIELD")
		add(http.StatusUnsupportedMediaType, "INVALID_FIELD")
	}
	return byStatus
}

func describedRefusal(status int, names []string) object {
	lines := make([]string, len(names))
	for i, name := range names {
		found, _ := reasonNamed(name)
		lines[i] = "- `" + name + "`: " + found.text
	}
	text := http.StatusText(status)
	if status == http.StatusPreconditionFailed {
		text += ": the etag of `If-Match` is not the current one"
	}
	told := object{
		"description": text + "\n\n" + strings.Join(lines, "\n"),
		"content": object{problemType: object{
			"schema":  object{"$ref": "#/components/schemas/Problem"},
			"example": exampleProblem(status, names[0]),
		}},
	}
	if status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable {
		told["headers"] = object{"Retry-After": object{
			"description": "Seconds to wait, where they are known.", "schema": object{"type": "integer", "minimum": 0}}}
	}
	return told
}

// answer describes what a call answers when all goes well.
func (d *describer) answer(r *route, variables []pathVariable) object {
	key := schemaKey{message: r.rpc.Output()}
	headers := object{"X-Request-Id": object{"description": "Id of the request, in every log line about it.",
		"schema": stringSchema}}
	if r.method == "GET" && hasETag(r) || r.rpc.Output().Fields().ByName("etag") != nil {
		headers["ETag"] = object{"description": "Version of the answer.", "schema": stringSchema}
	}
	if r.answersRaw() {
		headers["Cache-Control"] = object{"description": "How long it may be kept.", "schema": stringSchema}
		headers["Last-Modified"] = object{"description": "When it was written.", "schema": stringSchema}
	}
	if _, verb := r.pattern(); r.method != "GET" && key.message.FullName() == operationMessage ||
		r.method == "POST" && verb == "" && d.api.resources.types[key.message.FullName()] != nil {
		headers["Location"] = object{"description": "Where the new resource, or the operation, is read.", "schema": linkSchema}
	}
	told := object{"description": "OK", "headers": headers}
	switch {
	case r.answersRaw():
		told["description"] = "The bytes that were stored"
		told["content"] = object{"*/*": object{"schema": object{}}}
		if string(r.rpc.Name()) != "DownloadFile" {
			told["content"] = object{jsonType: object{"schema": object{"type": "object"}}}
		}
	case r.streams():
		told["description"] = "One JSON object per line, or one event each, for as long as the stream lasts"
		told["content"] = object{
			linesType: object{"schema": object{"type": "object", "properties": object{
				"result": d.reference(key), "error": object{"$ref": "#/components/schemas/Problem"}}}},
			eventsType: object{"schema": object{"type": "string", "description": "Server-sent events: `data` is the " +
				"result, `id` goes into Last-Event-ID; `event: problem` has an error, `event: end` is the last."}},
		}
	default:
		if response := responseOf(r); response != "" {
			told["description"] = "The operation that began. When it is done well, its `response` is a `" + response + "`."
		}
		told["content"] = object{jsonType: object{"schema": d.reference(key), "example": d.exampleAnswer(r)}}
	}
	if links := d.links(r, variables); len(links) > 0 {
		told["links"] = links
	}
	return told
}

// links tell which calls follow on one: the same path parameters fit, and the id of what was made.
func (d *describer) links(r *route, variables []pathVariable) object {
	known := object{}
	for _, v := range variables {
		known[v.name] = "$request.path." + v.name
	}
	plain, verb := r.pattern()
	made := ""
	if r.method == "POST" && (verb == "" || verb == "import") {
		made = singular(plain[strings.LastIndex(plain, "/")+1:])
		fields := r.rpc.Input().Fields()
		for i := range fields.Len() {
			name := string(fields.Get(i).Name())
			if strings.HasSuffix(name, "_id") && name != "request_id" && r.body != "*" && r.body+"_id" == name {
				known[made] = "$request.query." + fields.Get(i).JSONName()
			}
		}
		if known[made] == nil {
			return nil
		}
	} else if r.method != "PUT" && (r.method != "GET" || elements(r.rpc.Output()) != nil) || len(variables) == 0 {
		return nil
	}
	links := object{}
	for _, other := range d.api.table.all {
		path, needs := openPath(other)
		if other == r || len(needs) != len(known) || other.rpc == r.rpc || strings.HasPrefix(path, "/api/") != strings.HasPrefix(plain, "/api/") {
			continue
		}
		parameters := object{}
		for _, v := range needs {
			if known[v.name] != nil {
				parameters[v.name] = known[v.name]
			}
		}
		id := string(other.rpc.Parent().Name()) + "_" + string(other.rpc.Name())
		if len(parameters) == len(needs) && links[string(other.rpc.Name())] == nil && !d.isSecondBinding(other) {
			links[string(other.rpc.Name())] = object{"operationId": id, "parameters": parameters}
		}
	}
	return links
}

func (d *describer) isSecondBinding(r *route) bool {
	for _, other := range d.api.table.all {
		if other.rpc == r.rpc {
			return other != r
		}
	}
	return false
}

// responseOf is what the operation of a call ends with; empty where it answers none.
func responseOf(r *route) string {
	info, _ := proto.GetExtension(r.rpc.Options(), longrunningpb.E_OperationInfo).(*longrunningpb.OperationInfo)
	return info.GetResponseType()
}

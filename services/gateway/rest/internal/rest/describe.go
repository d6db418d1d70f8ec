package rest

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"

	stackyardv1 "stackyard.dev/gen/stackyard/v1"
)

const apiAbout = `Self-service Terraform with quota, approval and leases built in.

**Tokens.** Send one as ` + "`Authorization: Bearer …`" + `: an API token, or an ID token of one of the
identity providers that ` + "`GET /v1/identityProviders`" + ` lists.

**Errors** are ` + "`application/problem+json`" + ` (RFC 9457). ` + "`reason`" + ` says what went wrong (see
[/docs/errors](/docs/errors)), ` + "`errors`" + ` names every field at fault, ` + "`quota`" + ` every metric that
is short. The same reasons come over gRPC.

**Long work** answers an Operation at once; wait for it with ` + "`POST /v1/operations/…:wait`" + ` or watch it.

**Streams** are one JSON object per line, ` + "`{\"result\": …}`" + `, and ` + "`{\"error\": …}`" + ` where they
end by an error. With ` + "`Accept: text/event-stream`" + ` they are server-sent events; ` + "`Last-Event-ID`" + ` goes on
where a stream ended.

**Related resources.** Every resource has ` + "`links`" + `; ` + "`expand`" + ` embeds what they lead to.

**Concurrent changes.** Reads answer ` + "`ETag`" + `; changes take it back as ` + "`If-Match`" + `.
` + "`Idempotency-Key`" + ` makes a change safe to repeat for 24 hours.`

type object = map[string]any

// describer makes the OpenAPI description from the descriptors and comments of the protos.
type describer struct {
	api     *api
	schemas object
	// answers are those that many operations share.
	answers object
	// pending are messages whose schema is referred to and not made yet.
	pending []schemaKey
}

// Describe answers the OpenAPI description as JSON, as /api-docs does.
func Describe(version string) ([]byte, error) {
	o := DefaultOptions()
	conn, err := grpc.NewClient(o.Gateway, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }()
	api, err := newAPI(o, conn, context.Background())
	if err != nil {
		return nil, err
	}
	return describeAPI(version, api)
}

// describeAPI answers the description of all routes as JSON.
func describeAPI(version string, api *api) ([]byte, error) {
	d := &describer{api: api, schemas: object{"Problem": problemSchema()}, answers: object{}}
	doc := object{
		"openapi": "3.1.0",
		"info": object{
			"title": "Stackyard", "version": version, "description": apiAbout,
			"license": object{"name": "Apache-2.0", "identifier": "Apache-2.0"},
		},
		"servers":  []any{object{"url": "/", "description": "This server"}},
		"security": []any{object{"bearer": []any{}}},
		"tags":     tags(),
		"paths":    d.paths(),
	}
	d.finish()
	doc["components"] = object{
		"schemas":   d.schemas,
		"responses": d.answers,
		"securitySchemes": object{"bearer": object{
			"type": "http", "scheme": "bearer",
			"description": "An API token (`POST /v1/users/{user}/tokens`), or an OpenID Connect ID token " +
				"of a provider that `GET /v1/identityProviders` lists.",
		}},
	}
	return json.Marshal(doc)
}

// asYAML says the same as a JSON text, in the same words.
func asYAML(asJSON []byte) ([]byte, error) {
	var plain any
	if err := json.Unmarshal(asJSON, &plain); err != nil {
		return nil, err
	}
	return yaml.Marshal(plain)
}

func tags() (all []any) {
	seen := map[string]bool{}
	for _, method := range apiMethods() {
		if tag := tagOf(method); !seen[tag] {
			seen[tag] = true
			all = append(all, object{"name": tag, "description": wordsOf(method.Parent())})
		}
	}
	return all
}

func tagOf(method protoreflect.MethodDescriptor) string {
	return strings.TrimSuffix(string(method.Parent().Name()), "Service")
}

// paths describes every route. A second binding of an RPC has a number behind its id.
func (d *describer) paths() object {
	paths := object{}
	times := map[protoreflect.FullName]string{}
	for _, r := range d.api.table.all {
		path, variables := openPath(r)
		if paths[path] == nil {
			paths[path] = object{}
		}
		id := string(r.rpc.Parent().Name()) + "_" + string(r.rpc.Name()) + times[r.rpc.FullName()]
		times[r.rpc.FullName()] = "2"
		paths[path].(object)[strings.ToLower(r.method)] = d.operation(r, id, variables)
	}
	return paths
}

// pathVariable is a part of a path: `{stack}` of `projects/{project}/stacks/{stack}`.
type pathVariable struct {
	name string
	// many takes slashes as well.
	many bool
}

// openPath spells `/v1/{name=projects/*/stacks/*}:watch` as `/v1/projects/{project}/stacks/{stack}:watch`.
func openPath(r *route) (path string, variables []pathVariable) {
	plain, verb := r.pattern()
	segments := strings.Split(plain, "/")
	for i, segment := range segments {
		if segment != "*" && segment != "**" {
			continue
		}
		name := singular(segments[i-1])
		if i == 2 && segments[1] == "api" {
			name = "document"
		}
		variables = append(variables, pathVariable{name, segment == "**"})
		segments[i] = "{" + name + "}"
	}
	path = strings.Join(segments, "/")
	if verb != "" {
		path += ":" + verb
	}
	return path, variables
}

// singular is the name of one of a collection, `changeRequest` of `changeRequests`.
func singular(collection string) string {
	return strings.TrimSuffix(collection, "s")
}

func (d *describer) operation(r *route, id string, variables []pathVariable) object {
	text := wordsOf(r.rpc)
	about, _, _ := strings.Cut(text, "Errors: ")
	operation := object{
		"operationId": id,
		"summary":     firstSentence(text),
		"description": strings.TrimSpace(about) + d.permissionText(r),
		"tags":        []any{tagOf(r.rpc)},
		"parameters":  d.parameters(r, variables),
		"responses":   d.responses(r, variables),
	}
	if isPublic(r) {
		operation["security"] = []any{}
	}
	if body := d.requestBody(r); body != nil {
		operation["requestBody"] = body
	}
	return operation
}

func (d *describer) permissionText(r *route) string {
	access := accessOf(r.rpc)
	switch {
	case access.GetAudience() == stackyardv1.Access_PUBLIC:
		return "\n\nOpen to everybody, without a token."
	case access.GetAudience() == stackyardv1.Access_AUTHENTICATED:
		return "\n\nOpen to everybody with a token."
	}
	return "\n\nPermission: `" + access.GetPermission() + "`."
}

func isPublic(r *route) bool {
	return accessOf(r.rpc).GetAudience() == stackyardv1.Access_PUBLIC
}

func accessOf(method protoreflect.MethodDescriptor) *stackyardv1.Access {
	options, _ := method.Options().(*descriptorpb.MethodOptions)
	access, _ := proto.GetExtension(options, stackyardv1.E_Access).(*stackyardv1.Access)
	return access
}

// boundFields are the top-level fields of a request that the path gives; for `stack.name` it is the
// name within the body.
func boundFields(r *route) (fields []string) {
	for _, part := range strings.Split(r.path, "{")[1:] {
		variable, _, _ := strings.Cut(part, "}")
		field, _, _ := strings.Cut(variable, "=")
		fields = append(fields, field)
	}
	return fields
}

func (d *describer) requestBody(r *route) object {
	message := r.bodyMessage()
	if message == nil {
		return nil
	}
	schema, example := any(nil), any(nil)
	required := true
	if r.takesRaw() {
		schema = object{"type": "object", "description": wordsOf(r.rpc.Input().Fields().ByName("content"))}
		example = object{"greeting": "hello"}
	} else {
		mode := forInput
		if r.method == "PATCH" {
			mode = forPatch
		}
		key := schemaKey{message, mode, ""}
		if r.body == "*" {
			key.bound = strings.Join(boundFields(r), ",")
		}
		schema, example = d.reference(key), exampleOf(key, 0)
		required = slices.ContainsFunc(fieldsOf(key), func(f protoreflect.FieldDescriptor) bool { return isRequired(f) })
	}
	return object{"required": required, "content": object{jsonType: object{"schema": schema, "example": example}}}
}

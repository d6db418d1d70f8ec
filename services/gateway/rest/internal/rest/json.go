package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/genproto/googleapis/api/httpbody"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// bodyErrorPrefix marks decoding errors, which reach the error handler as text only.
const bodyErrorPrefix = "request body: "

const (
	jsonType   = "application/json"
	linesType  = "application/x-ndjson"
	eventsType = "text/event-stream"
)

// jsonCodec is proto JSON: camelCase names, enums as strings, 64-bit numbers as strings. Lists
// that are empty and numbers that are 0 are written, so that clients need no defaults; messages
// that are absent are left out. Fields that do not exist are refused.
type jsonCodec struct {
	resources *resources
}

// answer is a message with what its caller wants to be embedded in it.
type answer struct {
	proto.Message
	expansions map[protoreflect.ProtoMessage]*expansion
}

// embedding makes the answer of a call that asked for `expand`.
func embedding(e expander) runtime.ForwardResponseRewriter {
	return func(ctx context.Context, message proto.Message) (any, error) {
		if asked := callOf(ctx); asked != nil && len(asked.expand) > 0 {
			return answer{message, e.expand(ctx, message.ProtoReflect(), asked.expand)}, nil
		}
		return message, nil
	}
}

func (c *jsonCodec) ContentType(v any) string {
	if body, ok := v.(*httpbody.HttpBody); ok {
		return body.GetContentType()
	}
	return jsonType
}

// StreamContentType is that of one JSON object per line.
func (*jsonCodec) StreamContentType(any) string { return linesType }

// Delimiter is what ends an element of a stream.
func (*jsonCodec) Delimiter() []byte { return []byte("\n") }

func (c *jsonCodec) Marshal(v any) ([]byte, error) {
	switch v := v.(type) {
	case *httpbody.HttpBody:
		return v.GetData(), nil
	case answer:
		return encoder{c.resources, v.expansions}.message(nil, v.ProtoReflect())
	case proto.Message:
		return encoder{resources: c.resources}.message(nil, v.ProtoReflect())
	case map[string]any: // An element of a stream.
		text, err := c.Marshal(v["result"])
		return append(append([]byte(`{"result":`), text...), '}'), err
	case map[string]proto.Message: // The error that ends a stream.
		return append(append([]byte(errorOpens), streamProblem(v["error"])...), '}'), nil
	}
	return nil, fmt.Errorf("cannot write %T as JSON", v)
}

const errorOpens = `{"error":`

func streamProblem(message proto.Message) []byte {
	told, _ := message.(*spb.Status)
	st := status.FromProto(told)
	return bytes.TrimSpace(newProblem(runtime.HTTPStatusFromCode(st.Code()), st, nil, "").json())
}

func (c *jsonCodec) NewEncoder(w io.Writer) runtime.Encoder {
	return runtime.EncoderFunc(func(v any) error {
		text, err := c.Marshal(v)
		if err == nil {
			_, err = w.Write(text)
		}
		return err
	})
}

func (c *jsonCodec) Unmarshal(data []byte, v any) error {
	if raw, ok := v.(**httpbody.HttpBody); ok {
		*raw = &httpbody.HttpBody{ContentType: jsonType, Data: data}
		return nil
	}
	return (&runtime.JSONPb{UnmarshalOptions: protojson.UnmarshalOptions{DiscardUnknown: false}}).Unmarshal(data, v)
}

func (c *jsonCodec) NewDecoder(r io.Reader) runtime.Decoder {
	return runtime.DecoderFunc(func(v any) error {
		data, err := io.ReadAll(r)
		if err != nil {
			return err
		}
		if len(data) == 0 {
			return io.EOF // No body is an empty message.
		}
		if _, raw := v.(**httpbody.HttpBody); !raw {
			if err := checkSyntax(data); err != nil {
				return err
			}
		}
		if err := c.Unmarshal(data, v); err != nil {
			return errors.New(bodyErrorPrefix + tidy(err.Error()))
		}
		return nil
	})
}

// checkSyntax refuses what is no JSON object as a whole; the decoder would stop after the first
// value.
func checkSyntax(data []byte) error {
	var any json.RawMessage
	if err := json.Unmarshal(data, &any); err != nil {
		return errors.New(bodyErrorPrefix + "not valid JSON: " + err.Error())
	}
	if any = bytes.TrimSpace(any); any[0] != '{' {
		return errors.New(bodyErrorPrefix + "expected a JSON object")
	}
	return nil
}

var protoPrefix = regexp.MustCompile(`^proto:[\s\x{00a0}]*`)

// tidy removes what the protobuf library puts in front of its errors, on purpose not always the
// same.
func tidy(text string) string {
	text = strings.ReplaceAll(protoPrefix.ReplaceAllString(text, ""), "\u00a0", " ")
	return strings.TrimPrefix(text, "syntax error ")
}

// withoutDerived takes `links` and what was embedded out of a body that was read from here and is
// sent back changed: they are no fields.
func withoutDerived(message protoreflect.MessageDescriptor, body []byte) []byte {
	var members map[string]json.RawMessage
	if message == nil || json.Unmarshal(body, &members) != nil {
		return body
	}
	derived := false
	for _, key := range []string{linksField, expandedKey, notExpandedKey} {
		if _, there := members[key]; there && message.Fields().ByName(protoreflect.Name(key)) == nil {
			delete(members, key)
			derived = true
		}
	}
	if !derived {
		return body
	}
	text, err := json.Marshal(members)
	if err != nil {
		return body
	}
	return text
}

// streamAnswer is the writer of a stream. An error before the first element is a plain problem.
type streamAnswer struct {
	http.ResponseWriter
	failed bool
}

func (s *streamAnswer) WriteHeader(code int) {
	if events, ok := s.ResponseWriter.(*eventStream); ok && events.hasBegun() {
		return // The problem is an event like others.
	}
	if code >= http.StatusBadRequest {
		s.failed = true
		s.Header().Set("Content-Type", problemType)
	}
	s.ResponseWriter.WriteHeader(code)
}

func (s *streamAnswer) Write(data []byte) (int, error) {
	text := data
	if s.failed {
		for _, opens := range []string{errorOpens, problemOpens} {
			if inner, found := bytes.CutPrefix(text, []byte(opens)); found {
				text = bytes.TrimSpace(inner)
				if opens == errorOpens {
					text = bytes.TrimSuffix(text, []byte("}"))
				}
				break
			}
		}
	}
	if _, err := s.ResponseWriter.Write(text); err != nil {
		return 0, err
	}
	return len(data), nil
}

// Unwrap lets http.ResponseController reach the connection.
func (s *streamAnswer) Unwrap() http.ResponseWriter { return s.ResponseWriter }
